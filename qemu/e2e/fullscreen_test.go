package e2e

import (
	"strconv"
	"strings"
	"testing"

	"motile/proc/api/client"
	"motile/qemu/harness"
	"motile/qemu/harness/screen"
)

// Programs that have a terminal to themselves go on with it when they move, and when it
// does.

// onPTY runs a command on a pseudo-terminal of the cluster, and returns its number too.
func (w *world) onPTY(node int, args ...string) (p *program, pid int32) {
	w.t.Helper()
	p = w.run(node, append([]string{"/test/onpty"}, args...)...)
	return p, parsePID(w.t.(*testing.T), p.await(`^\[process (\d+)\]`)[1])
}

// sees waits until the terminal shows a text.
func (p *program) sees(text string) {
	p.w.t.Helper()
	if err := p.out.awaitScreen(p.w.ctx, text); err != nil {
		p.w.t.Fatalf("waiting for %q: %v\nprocesses:\n%s", text, err, p.w.ps())
	}
}

func TestFullScreen_ViOnAPseudoTerminal(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 3})
	p, vi := w.onPTY(1, "/bin/busybox", "vi", "/tmp/note")
	p.sees("/tmp/note")
	p.send("ione\r")
	p.sees("one")
	var want strings.Builder
	want.WriteString("one\n")
	at := map[int32]int{vi: 1, p.PID: 1}
	for i, pid := range []int32{vi, p.PID, p.PID, vi} { // the program, its terminal, and back in another order
		at[pid] = next(at[pid])
		w.must(w.relocate(pid, client.Move{Target: at[pid]}))
		line := "after move " + strconv.Itoa(i)
		p.send(line + "x\x7f\r") // vi itself takes back the x
		p.sees(line)
		want.WriteString(line + "\n")
	}
	p.send("last\x1b")
	p.sees("- /tmp/note")
	w.must(w.relocate(vi, client.Move{Target: next(at[vi])}))
	at[vi] = next(at[vi])
	p.send(":wq\r")
	if s := p.end(); s != 0 {
		t.Errorf("vi ended with status %d", s)
	}
	want.WriteString("last\n")
	cat := w.run(at[vi], "/bin/busybox", "cat", "/tmp/note")
	cat.end()
	var got strings.Builder
	for _, l := range cat.out.all() {
		got.WriteString(l.text + "\n")
	}
	if got.String() != want.String() {
		t.Errorf("the file has %q, want %q", got.String(), want.String())
	}
}

func TestFullScreen_LessOnAPseudoTerminal(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2})
	p, sh := w.onPTY(1, "/bin/busybox", "sh", "-c", "seq 1001 2000 | less; echo ended with $?")
	p.sees("1023")
	less := func() int32 {
		list, err := w.client.Processes(w.ctx, []int{1, 2})
		w.must(err)
		for _, i := range list {
			if i.Parent == sh && strings.HasPrefix(i.Command, "less") {
				return i.PID
			}
		}
		t.Fatalf("there is no less:\n%s", w.ps())
		return 0
	}()
	p.send(" ")
	p.sees("1046")
	for i, move := range []client.Move{{Target: 2}, {Target: 1}} {
		w.must(w.relocate(less, move))
		p.send(" ")
		p.sees(strconv.Itoa(1069 + 23*i))
	}
	w.must(w.relocate(p.PID, client.Move{Target: 2, Tree: true})) // all of it: onpty, sh, less
	p.send(" ")
	p.sees("1115")
	p.send("G")
	p.sees("2000")
	p.send("q")
	p.sees("ended with 0")
	p.end()
}

// sees waits until the window, of 30 lines, shows a text.
func (p *person) sees(text string) {
	p.c.t.Helper()
	p.c.await("the window shows "+strconv.Quote(text), func() bool {
		return strings.Contains(strings.Join(screen.Show(30, 100, p.Shown()), "\n"), text)
	})
}

// Likewise at a console, whose terminal is the host's.
func TestFullScreen_AtAConsole(t *testing.T) {
	c := newMotile(t, 2)
	c.ok("up", "-n", "2")
	p := c.at("console", "1")
	p.toPrompt()
	p.Resize(30, 100)
	c.await("the window has another size", func() bool { return strings.Contains(p.line("stty size"), "30 100") })
	if out := p.line("tty; test -c $(tty) && ls -l $(tty) | cut -c1-10"); out != "/dev/pts/1\ncrw--w----\n" {
		t.Error(out)
	}

	p.Type("vi /tmp/note\r")
	p.See(`- /tmp/note`)
	p.Type("ibefore\r")
	p.sees("before")
	p.Type("\x1d2")
	p.See(`process \d+ is on node 2`)
	p.Type("after\x1b")
	p.sees("- /tmp/note")
	p.Resize(40, 100)
	p.See(`\x1b\[40;1H`) // it draws its last line there
	p.Type(":wq\r")
	p.toPrompt()
	if out := c.ok("sh", "2", "cat /tmp/note"); out != "before\nafter\n" {
		t.Errorf("the file has %q", out)
	}

	p.Type("seq 1001 2000 | less\r")
	p.See(`1039`)
	p.Type("\x1d2")
	p.See(`is on node 2|are on node 2`)
	p.Type(" ")
	p.See(`1078`)
	p.Type("q")
	p.toPrompt()
	if out := p.line("stty size"); out != "40 100\n" {
		t.Error(out)
	}
}
