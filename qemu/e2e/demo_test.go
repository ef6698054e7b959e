package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"motile/qemu/harness"
	"motile/qemu/harness/pty"
	"motile/qemu/machine"
)

// script is one of scripts that boots a cluster of its own.
type script struct {
	*exec.Cmd
	t   *testing.T
	ctx context.Context
	dir string // where it may put things: nothing may be left
}

const scriptDeadline = 3 * time.Minute

func newScript(t *testing.T, name string) *script {
	t.Helper()
	if _, err := machine.Find(""); errors.Is(err, machine.ErrNoQEMU) {
		t.Skip(err)
	}
	harness.Built(t)
	harness.Claim(t, 3)
	dir, err := os.MkdirTemp("", "mo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(t.Context(), scriptDeadline)
	t.Cleanup(cancel)
	s := &script{exec.CommandContext(ctx, filepath.Join(harness.Top(t), "scripts", name)), t, ctx, dir}
	s.Env = append(os.Environ(), "TMPDIR="+dir)
	s.WaitDelay = 10 * time.Second
	s.Cancel = func() error { return s.Process.Signal(syscall.SIGTERM) }
	return s
}

// leavesNothing waits until the script has cleaned up behind itself, which it does
// last of all.
func (s *script) leavesNothing() {
	s.t.Helper()
	if left := processesThatName(s.dir + "/"); len(left) > 0 {
		s.t.Errorf("left behind: %q", left)
	}
	if left, _ := os.ReadDir(s.dir); len(left) > 0 {
		s.t.Errorf("left behind: %v", left)
	}
}

// told checks that a text contains some words in their order.
func told(t *testing.T, text string, words ...string) {
	t.Helper()
	for rest := text; len(words) > 0; words = words[1:] {
		_, behind, ok := strings.Cut(rest, words[0])
		if !ok {
			t.Fatalf("%q is missing in\n%s", words[0], text)
		}
		rest = behind
	}
}

// The demonstration runs where nobody looks at it, and where somebody does.
func TestDemo(t *testing.T) {
	s := newScript(t, "demo")
	out, err := s.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	told(t, string(out), "# Three machines", "3     running", "tick 3", "on node 2: ", "# A pipeline", "on node 2: ", "on node 3: ", "WORD",
		"node1#", "is on node 3", "off (power cut)", "node3#", "I am still cheerful, in /tmp", "tick", "WORD", "The end.")
	if strings.Contains(string(out), "\x1b") {
		t.Error("it speaks to a terminal that is not there")
	}
	s.leavesNothing()
}

func TestDemo_Interrupted(t *testing.T) {
	s := newScript(t, "demo")
	s.Env = append(s.Env, "DEMO_PAUSE=0.1")
	p := pty.New(t)
	if err := p.Start(s.Cmd); err != nil {
		t.Fatal(err)
	}
	p.See(`tick \d`)
	p.Type("\x03")
	if err := s.Wait(); err == nil {
		t.Error("it should not succeed")
	}
	s.leavesNothing()
}

// README.md shows such a session.
func TestSession(t *testing.T) {
	s := newScript(t, "session")
	var out, problems bytes.Buffer
	s.Stdout, s.Stderr = &out, &problems
	if err := s.Run(); err != nil || problems.Len() > 0 {
		t.Fatalf("%v\n%s\n%s", err, &out, &problems)
	}
	told(t, out.String(), "$ make qemu-cluster\nNODE", "node1# sh -c", "tick 2", "migrate %1 2", "on node 2: ", "tick", "migrate $$ 3",
		"node3# ", "tick", "1→3", "1→2", "bin/motile node kill 1", "off (power cut)", "tick", "kill %1; exit", "exit status 0", "stopping the cluster")
	for i := range 5 { // no tick is lost, and none comes twice
		line := fmt.Sprintf("tick %d\n", i+1)
		if strings.Count(out.String(), line) != 1 {
			t.Errorf("%q in\n%s", line, &out)
		}
	}
	s.leavesNothing()
}
