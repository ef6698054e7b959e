package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

// counter prints a line with its clocks every 100 ms.
var counter = Register(func(u *User) {
	switch u.PC() {
	case 0: // sleep
		u.Call(1, abi.SysNanosleep, u.Put(0, timespec(100e6)), 0)
	case 1: // print
		u.SetA(u.A() + 1)
		line := fmt.Sprintf("%d %d %d\n", u.A(), u.Mono(), u.Wall())
		u.Print(2, 1, line)
	case 2:
		if u.Ret <= 0 {
			panic(fmt.Sprintf("write: %d", u.Ret))
		}
		u.Goto(0)
	}
})

func timespec(ns int64) []byte {
	b := make([]byte, 16)
	for i := range 8 {
		b[i], b[8+i] = byte(uint64(ns/1e9)>>(8*i)), byte(uint64(ns%1e9)>>(8*i))
	}
	return b
}

// checkLines checks that a counter's lines are whole, in order and once each.
func checkLines(t *testing.T, out []byte) {
	t.Helper()
	for i, l := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		if n, _, _ := strings.Cut(l, " "); n != fmt.Sprint(i+1) {
			t.Fatalf("line %d is %q", i+1, l)
		}
	}
}

// checkCounter checks that lines are whole, in order, once each, and that no clock
// stepped back or stood still for long.
func checkCounter(t *testing.T, out []byte, least int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) < least {
		t.Fatalf("%d lines, want at least %d:\n%s", len(lines), least, out)
	}
	var mono, wall int64
	for i, l := range lines {
		var n int
		var m, w int64
		if k, _ := fmt.Sscanf(l, "%d %d %d", &n, &m, &w); k != 3 || n != i+1 {
			t.Fatalf("line %d is %q", i+1, l)
		}
		if i > 0 && (m < mono || w < wall || m-mono > 400e6) {
			t.Errorf("line %d: clocks went from %d, %d to %d, %d", i+1, mono, wall, m, w)
		}
		mono, wall = m, w
	}
}

func TestMove_CounterGoesOn(t *testing.T) {
	w := New(t, 3, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))
	pid := p.PID
	w.Run(500e6)
	for i := range 10 {
		r := w.Move(pid, (i+1)%3+1)
		if r.Node != (i+1)%3+1 || w.On(pid) != r.Node {
			t.Fatalf("move %d: is on node %d, report says %d", i, w.On(pid), r.Node)
		}
		w.Run(300e6)
	}
	checkCounter(t, out.Out, 30)
	if q := w.Nodes[w.On(pid)].Tab.Process(pid); len(q.Trail) != 11 || q.Moves != 10 {
		t.Errorf("trail %v, %d moves", q.Trail, q.Moves)
	}
	_ = object.In
}

// A process that a signal has stopped moves like any other: that none of its threads
// will run does not keep the move from ending. It goes on where it is by then.
func TestMove_Stopped(t *testing.T) {
	w := New(t, 2, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))
	pid := p.PID
	w.Run(500e6)
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGSTOP})
	w.Run(500e6)
	stopped := len(out.Out)
	began := w.Now
	if r := w.Move(pid, 2); r.Node != 2 || w.Now-began > 1e9 {
		t.Fatalf("on node %d after %d ms", r.Node, (w.Now-began)/1e6)
	}
	w.Run(500e6)
	q := w.Nodes[2].Tab.Process(pid)
	if q == nil || !q.Stopped() || len(out.Out) != stopped {
		t.Fatalf("it did not stay stopped:\n%s", out.Out[stopped:])
	}
	w.Nodes[2].Tab.Signal(q, proc.Info{Signo: abi.SIGCONT})
	w.Run(500e6)
	if len(out.Out) == stopped {
		t.Fatal("it does not go on")
	}
	checkLines(t, out.Out)
}
