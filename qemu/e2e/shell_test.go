package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The shell somebody types in moves to another node, the one it was on is switched
// off, and typing goes on: the terminal is the host's.
func TestShell_MovesAsItIsTypedIn(t *testing.T) {
	c := newMotile(t, 3)
	p := c.at("up", "-n", "3", "--attach")
	p.toPrompt()
	pid := parsePID(t, p.line("echo $$"))
	p.line("kept='what it knew'; cd /tmp; mkfifo pipe") // in the shell's own memory
	if out := p.line("migrate $$ 2"); !strings.Contains(out, "is on node 2") {
		t.Fatal(out)
	}
	if out := p.line(`echo "$kept, $PWD"`); out != "what it knew, /tmp\n" {
		t.Fatal(out)
	}
	c.ok("node", "kill", "1")
	if out := p.line(`echo "$kept, $$"`); out != "what it knew, "+strconv.Itoa(int(pid))+"\n" {
		t.Fatal(out)
	}
	// It is a whole shell still: it starts programs, and has jobs and keys.
	if out := p.line("echo a line | cat | tr a-z A-Z"); out != "A LINE\n" {
		t.Fatal(out)
	}
	p.running("sleep 1000")
	p.Type("\x1a")
	p.See(`Stopped`)
	p.toPrompt()
	if out := p.line("jobs"); !strings.Contains(out, "Stopped") {
		t.Fatal(out)
	}
	p.line("kill %%1; fg")
	if out := p.line("nodes"); !strings.Contains(out, "\n2 ") || !strings.Contains(out, "\n3 ") {
		t.Fatal(out)
	}
	if i := c.process(pid); i.Node != 2 || i.Moves != 1 || len(i.Trail) != 2 {
		t.Fatalf("%+v", i)
	}

	// Somebody else finds it where it was begun, and goes on with it.
	q := c.at("console", "1")
	q.See(`leaves`)
	q.Type("echo it is the same: $$\r")
	q.See(`it is the same: ` + strconv.Itoa(int(pid)))
	p.See(`it is the same: ` + strconv.Itoa(int(pid)))
	q.Type("\x1dq")
	if s := q.exit(); s != 0 {
		t.Fatalf("leaving a console: exit status %d", s)
	}
	p.toPrompt()
	if out := p.line("migrate $$ 3"); !strings.Contains(out, "is on node 3") {
		t.Fatal(out)
	}
	p.Type("exit\r")
	if s := p.exit(); s != 0 {
		t.Fatalf("exit status %d", s)
	}
	c.leavesNothing()
}

// Jobs are a shell's wherever they are.
func TestShell_JobControl(t *testing.T) {
	c := newMotile(t, 3)
	c.ok("up", "-n", "3")
	p := c.at("console", "1")
	p.toPrompt()

	// ^C, ^Z, bg, fg, also at a job that is elsewhere.
	p.running("sleep 1000")
	p.Type("\x03")
	p.toPrompt()
	if out := p.line("echo $?"); out != "130\n" {
		t.Fatal(out)
	}
	p.running("cat")
	p.Type("one\r")
	p.See(`one\r\none\r\n`)
	p.Type("\x1a")
	p.See(`Stopped`)
	p.toPrompt()
	if out := p.line("migrate %%1 3"); !strings.Contains(out, "is on node 3") {
		t.Fatal(out)
	}
	if out := p.line("jobs"); !strings.Contains(out, "Stopped") {
		t.Fatal(out)
	}
	p.Type("fg\r")
	p.See(`fg\r\n.*cat\r\n`)
	p.Type("two\r")
	p.See(`two\r\ntwo\r\n`)

	// The foreground job is sent away while it is typed to.
	p.Type("\x1d2")
	p.See(`process \d+ is on node 2`)
	p.Type("three\r")
	p.See(`three\r\nthree\r\n`)
	p.Type("\x1ds")
	p.See(`in the foreground: process \d+ on node 2`)
	p.Type("\x04")
	p.toPrompt()

	// A job is all of its processes.
	p.line("sleep 1000 | cat | cat &")
	out := p.line("migrate %%1 2")
	if !regexp.MustCompile(`processes \d+, \d+, \d+ are on node 2:`).MatchString(out) {
		t.Fatal(out)
	}
	if out := p.line("migrate $! 3"); !strings.Contains(out, "is on node 3") {
		t.Fatal(out)
	}
	pgid := parsePID(t, p.line("jobs -p %%1"))
	members := func() (nodes []int) {
		for _, i := range facts[[]psFacts](c, "ps") {
			if i.PGID == pgid {
				nodes = append(nodes, i.Node)
			}
		}
		return nodes
	}
	if got := members(); len(got) != 3 || got[0] != 2 || got[1] != 2 || got[2] != 3 {
		t.Fatal(got)
	}
	p.line("kill %%1")
	p.line("wait %%1")
	if got := members(); len(got) != 0 {
		t.Fatal("after kill %1: ", got)
	}

	// What a shell waits for may end elsewhere.
	p.line("(sleep 1; exit 7) & migrate $! 3")
	if out := p.line("wait $!; echo $?"); !strings.Contains(out, "7\n") {
		t.Fatal(out)
	}
	p.line("sleep 1000 & migrate %%+ 2")
	pid := parsePID(t, p.line("echo $!"))
	if i := c.process(pid); i.Node != 2 {
		t.Fatalf("%+v", i)
	}
	p.line("kill -9 %%+; wait $!")
	if out := p.line("kill %%7"); !strings.Contains(out, "%7") {
		t.Fatal(out)
	}

	// Leave, while something is typed at, and find it again.
	p.running("cat")
	p.Type("before\r")
	p.See(`before\r\nbefore\r\n`)
	p.Type("\x1dq")
	if s := p.exit(); s != 0 {
		t.Fatalf("exit status %d", s)
	}
	p = c.at("console", "1")
	p.See(`before\r\nbefore\r\n`)
	p.Type("after\r")
	p.See(`after\r\nafter\r\n`)

	// A terminal that goes away is as good as leaving.
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.exit()
	p = c.at("console", "1")
	p.See(`after\r\nafter\r\n`)
	p.Type("\x04")
	p.toPrompt()
	p.Type("exit 3\r")
	p.See(`exit status 3`)
	p.exit()
	// The next who comes has a new shell.
	p = c.at("console", "1")
	p.See(`leaves`)
	p.Type("echo new: $((6*7))\r")
	p.See(`new: 42`)
}

// The shell remembers lines, completes names and helps.
func TestShell_HistoryCompletionHelp(t *testing.T) {
	c := newMotile(t, 1)
	c.ok("up", "-n", "1")
	p := c.at("console", "1")
	p.toPrompt()
	p.line("echo once $((6*7))")
	p.Type("\x1b[A\r")
	p.See(`\nonce 42\r\n`)
	p.toPrompt()
	p.Type("cat /etc/passw\t\r")
	p.See(`root:x:0:0`)
	p.toPrompt()
	p.Type("realp\t/proc/self/cw\t\r")
	p.See(`\n/root\r\n`)
	p.toPrompt()
	if out := p.line("help migrate"); !strings.Contains(out, "move a process") {
		t.Error(out)
	}
	if out := p.line("help vi 2>&1"); !strings.Contains(out, "Edit FILE") {
		t.Error(out)
	}
	if out := p.line("help"); !strings.Contains(out, "migrate") || !strings.Contains(out, "getopts") {
		t.Error(out)
	}
}
