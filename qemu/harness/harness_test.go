package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"motile/qemu/machine"
	"motile/qemu/machine/machinetest"
)

func kernel(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "kernel.elf")
	if err := machinetest.WriteKernel(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStart_TalksToNodes(t *testing.T) {
	c := Start(t, Options{Nodes: 2, Machines: []machine.Type{machine.MicroVM, machine.Q35}, MemMB: 32, Kernel: kernel(t)})
	for i := range 2 {
		n := c.Node(i + 1)
		n.WaitFor(fmt.Sprintf(`node %d ready\n`, i+1))
		n.Send("word %d.", 7)
		if m := n.WaitFor(`word (\d)\.`); len(m) != 2 || m[1] != "7" {
			t.Fatalf("%q", m)
		}
	}
	if got := c.Node(2).Info().Spec.Machine; got != machine.Q35 {
		t.Fatal(got)
	}
	c.Node(1).Send("old")
	c.Node(1).Restart()
	c.Node(1).Send("new")
	if m := c.Node(1).Within(10*time.Second, `(old|new)`); m[1] != "new" {
		t.Fatalf("%q", m)
	}
	c.Node(1).Pause()
	c.Node(1).Send("later")
	var status struct{ Status string }
	if err := c.QMP(c.Context(), 1, "query-status", nil, &status); err != nil || status.Status != "paused" {
		t.Fatalf("%+v, %v", status, err)
	}
	c.Node(1).Resume()
	c.Node(1).WaitFor("later")
	c.Node(2).Kill()
	if how := c.Node(2).WaitEnd(); how != "power cut" {
		t.Fatal(how)
	}
	c.Node(1).Send("F")
	if how := c.Node(1).WaitEnd(); how != "kernel panic" {
		t.Fatal(how)
	}
}

// fakeTB is a test that may fail without failing ours.
type fakeTB struct {
	testing.TB
	mu       sync.Mutex
	said     []string
	failed   bool
	cleanups []func()
}

func (f *fakeTB) Helper()          {}
func (f *fakeTB) Cleanup(g func()) { f.cleanups = append(f.cleanups, g) }
func (f *fakeTB) Failed() bool     { return f.failed }
func (f *fakeTB) Logf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, fmt.Sprintf(format, args...))
}
func (f *fakeTB) Error(args ...any)                 { f.failed = true; f.Logf("%s", fmt.Sprint(args...)) }
func (f *fakeTB) Fatal(args ...any)                 { f.Error(args...); panic(f) }
func (f *fakeTB) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }

// failing runs a test that should fail and returns what it printed.
func failing(t *testing.T, test func(testing.TB)) string {
	t.Helper()
	f := &fakeTB{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(f) {
				panic(r)
			}
		}()
		test(f)
	}()
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	if !f.failed {
		t.Error("the test passed")
	}
	return strings.Join(f.said, "\n")
}

func TestWaitFor_FailsWhenTheNodeEnds(t *testing.T) {
	k := kernel(t)
	pid := 0
	said := failing(t, func(tb testing.TB) {
		c := Start(tb, Options{MemMB: 32, Kernel: k})
		pid = c.Node(1).Info().PID
		c.Node(1).Send("last wordsT")
		c.Node(1).WaitFor("never")
	})
	for _, want := range []string{`waiting for "never": the node ended: powered off`, "  motile: node 1 ready\n  last words", "port {Name:n1"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in:\n%s", want, said)
		}
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("QEMU %d still runs", pid)
	}
}

func TestStart_HasADeadline(t *testing.T) {
	k := kernel(t)
	start := time.Now()
	said := failing(t, func(tb testing.TB) {
		c := Start(tb, Options{MemMB: 32, Kernel: k, Deadline: 500 * time.Millisecond})
		c.Node(1).WaitFor("never")
	})
	if took := time.Since(start); took > 20*time.Second || !strings.Contains(said, "deadline, 500ms, has passed") {
		t.Fatalf("after %v:\n%s", took, said)
	}
}

func TestWithin(t *testing.T) {
	k := kernel(t)
	said := failing(t, func(tb testing.TB) {
		Start(tb, Options{MemMB: 32, Kernel: k}).Node(1).Within(50*time.Millisecond, "never")
	})
	if !strings.Contains(said, "did not come within 50ms") {
		t.Fatal(said)
	}
}

func TestSlots_TakeTurns(t *testing.T) {
	t.Setenv(SlotsEnv, "3")
	t.Setenv("TMPDIR", t.TempDir())
	two, err := acquire(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := acquire(short, 9); err == nil || !strings.Contains(err.Error(), "waited in vain") {
		t.Fatal(err)
	}
	one, err := acquire(t.Context(), 1) // what the vain attempt held is free again
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *claim)
	go func() {
		c, _ := acquire(t.Context(), 9)
		got <- c
	}()
	select {
	case <-got:
		t.Fatal("more QEMUs than slots")
	case <-time.After(50 * time.Millisecond):
	}
	two.release()
	one.release()
	if c := <-got; c == nil || len(c.files) != 3 {
		t.Fatalf("%+v", c)
	} else {
		c.release()
	}
}

func TestBuilt_NamesTheRemedy(t *testing.T) {
	t.Chdir(t.TempDir())
	os.WriteFile("go.mod", nil, 0o644)
	t.Setenv(KernelEnv, "")
	t.Setenv(InitrdEnv, "")
	said := failing(t, func(tb testing.TB) { Built(tb) })
	if !strings.Contains(said, "build/kernel.elf") || !strings.Contains(said, "run make") {
		t.Fatal(said)
	}
}
