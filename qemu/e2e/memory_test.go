package e2e

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/harness"
	"motile/tools/flipnode/hostio"
)

// hogs are what a program can try to take all of, and the memory it may be in the
// way of. It gets an error or dies; the node goes on, and gets everything back.
var hogs = []string{
	"memory", "regions", "tables", "shared", "sparse", "threads", "crowd of threads", "files", "crowd of files",
	"pipes", "crowd of pipes", "eventfds", "crowd of eventfds", "epolls", "crowd of epolls", "memfds",
	"bigfile", "smallfiles", "links", "deep", "deeper", "forks", "bomb", "arguments", "signals", "crowd of signals",
	"polls", "requests", "services", "crowd of services", "stack", "vectors",
}

func TestMemory_HogsGetErrors(t *testing.T) {
	t.Parallel()
	l := newRobustLab(t, harness.Options{MemMB: 96, Deadline: 8 * time.Minute})
	sh := l.shell(1)
	for _, what := range hogs {
		start := time.Now()
		said := l.hog(sh, 1, what)
		t.Logf("%-20s %6.2f s  %s", what, time.Since(start).Seconds(), said)
	}
	l.answers(1)
}

// hog runs a hog until it is full or dead, checks that a shell still answers, ends
// it, and waits until new programs can be started.
func (l *robustLab) hog(sh *robustShell, node int, what string) string {
	l.t.Helper()
	in, release := io.Pipe()
	stdin, err := hostio.NewInput(l.flip, in)
	if err != nil {
		l.t.Fatal(err)
	}
	defer stdin.Close()
	// What it says comes here: at the node, there is no room for it.
	outRead, out := io.Pipe()
	stdout, err := hostio.NewOutput(l.flip, out)
	if err != nil {
		l.t.Fatal(err)
	}
	defer stdout.Close()
	at, to := stdin.Address(), stdout.Address()
	w := api.FileRef{Address: to[:], Path: "output", Flags: 1}
	p := l.exec(node, []api.FileRef{{Address: at[:], Path: "input"}, w, w}, "/test/hog", what)
	said, ended, printed := "", make(chan int, 1), make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(outRead).ReadString('\n')
		if err == nil {
			printed <- strings.TrimSpace(line)
		}
		io.Copy(io.Discard, outRead)
	}()
	go func() {
		status, err := p.Wait(l.Context())
		if err == nil {
			ended <- status
		}
	}()
	patience := 60 * time.Second
	if what == "bomb" { // it has no end of its own
		patience = 3 * time.Second
	}
	select {
	case status := <-ended:
		said = client.Ending(status)
	case said = <-printed:
	case <-time.After(patience):
		if what != "bomb" {
			l.t.Fatalf("%s: is neither full nor dead after %v", what, patience)
		}
		said = "goes on"
	}
	sh.answers()
	release.Close()
	sh.kill(p.PID)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		out, status, err := l.try(node, "/bin/sh", "-c", "rm -rf /tmp/hog; echo clean")
		if err == nil && out == "clean\n" && status == 0 {
			return said
		}
		if time.Now().After(end) {
			l.t.Fatalf("%s: afterwards no program runs: %q, status %#x, %v", what, out, status, err)
		}
	}
}

// try is run for programs that may not start.
func (l *robustLab) try(node int, args ...string) (out string, status int, err error) {
	pid, err := l.client.Node(node).Exec(l.within(10*time.Second), &api.ExecRequest{
		Path: args[0], Args: args, Cwd: "/", Env: []string{"PATH=/bin"}, Files: client.LogFiles(), Detached: true,
	})
	if err != nil {
		return "", 0, err
	}
	p := l.client.Process(pid)
	if status, err = p.Wait(l.within(20 * time.Second)); err != nil {
		return "", 0, err
	}
	text, _, err := p.Log(l.within(5*time.Second), 0, 32<<10, false)
	return string(text), status, err
}

// robustShell is a shell on a node, and the host's ends of its streams.
type robustShell struct {
	l     *robustLab
	in    *io.PipeWriter
	lines chan string
	asked int
}

func (l *robustLab) shell(node int) *robustShell {
	l.t.Helper()
	inRead, in := io.Pipe()
	outRead, out := io.Pipe()
	stdin, err := hostio.NewInput(l.flip, inRead)
	if err != nil {
		l.t.Fatal(err)
	}
	stdout, err := hostio.NewOutput(l.flip, out)
	if err != nil {
		l.t.Fatal(err)
	}
	a, b := stdin.Address(), stdout.Address()
	w := api.FileRef{Address: b[:], Path: "output", Flags: 1}
	l.exec(node, []api.FileRef{{Address: a[:], Path: "input"}, w, w}, "/bin/sh")
	s := &robustShell{l: l, in: in, lines: make(chan string, 1000)}
	go func() {
		for r := bufio.NewScanner(outRead); r.Scan(); {
			s.lines <- r.Text()
		}
	}()
	s.answers()
	return s
}

// kill kills a process group, all of it at once: who signals one member after the
// other does not catch up with a bomb.
func (s *robustShell) kill(pgid int32) {
	s.l.t.Helper()
	fmt.Fprintf(s.in, "kill -9 -%d 2>/dev/null\n", pgid)
	s.answers()
}

// answers checks that the shell does.
func (s *robustShell) answers() {
	s.l.t.Helper()
	s.asked++
	fmt.Fprintf(s.in, "echo $((%d * 7))\n", s.asked)
	want := fmt.Sprint(s.asked * 7)
	const patience = time.Minute // the host may be busy with other clusters
	for end := time.After(patience); ; {
		select {
		case line := <-s.lines:
			if line == want {
				return
			}
		case <-end:
			s.l.t.Fatalf("a shell has not answered for %v", patience)
		}
	}
}
