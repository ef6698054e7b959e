package nodetest

import (
	"strings"
	"testing"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/proc/api"
)

// lease grants a lease, without waiting for an answer.
func (w *World) lease(pid int32, ns int64) {
	h := std.Header{Command: api.Lease, Offset: uint64(ns)}
	h.SetCapability(w.Key.ProcessCap(pid))
	w.Host.Ask(w.Key.ProcessAddress(pid), &h, nil, func(rpc.Complete) {})
}

// A process whose keeper is cut off is stunned when its lease has run out, and not
// before; whoever then restarts it elsewhere is alone.
func TestLease_Partition(t *testing.T) {
	w := New(t, 2, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))
	for range 20 { // renewed every second
		w.lease(p.PID, 3e9)
		w.Run(1e9)
	}
	if p.Stunned() || w.info(p.PID).LeaseMs < 1500 {
		t.Fatalf("%+v", w.info(p.PID))
	}
	w.lease(p.PID, 3e9)
	w.Run(1e6)
	granted := w.Now
	w.Wire.Cut = func(from, to int) bool { return from == 0 || to == 0 }
	for w.Now < granted+2900e6 {
		if p.Stunned() {
			t.Fatalf("stunned after %d ms of 3000", (w.Now-granted)/1e6)
		}
		w.lease(p.PID, 3e9) // it does not arrive
		w.Run(100e6)
	}
	w.RunUntil(200e6, "stunned", p.Stunned)
	w.Run(10e9)
	w.Wire.Cut = nil
	w.Run(100e6)
	lines := len(out.Out)
	w.Run(1e9)
	if in := w.info(p.PID); in.State != "stunned" || in.Stun != "its lease ran out" || len(out.Out) != lines {
		t.Errorf("%+v", in)
	}
}

func TestLease_Resume(t *testing.T) {
	w := New(t, 2, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))
	pid := p.PID
	goesOn := func() {
		t.Helper()
		lines := len(out.Out)
		w.Run(500e6)
		if len(out.Out) == lines || p.Stunned() {
			t.Fatalf("it does not go on\n%s", w.Describe())
		}
	}
	w.lease(pid, 300e6)
	w.Run(1e9)
	if s, why := w.resume(pid); s != std.NotNow || !strings.Contains(why, "lease ran out") {
		t.Errorf("%v, %q", s, why)
	}
	e := w.ask(w.Key.ProcessCap(pid), std.Header{Command: api.Resume, Extra: api.ResumeWithoutLease}, nil)
	if e.Header.Status() != std.OK {
		t.Errorf("resumed nevertheless: %v", e.Header.Status())
	}
	goesOn()
	// Its keeper is back in time.
	w.lease(pid, 300e6)
	w.Run(1e9)
	w.lease(pid, 60e9)
	w.Run(10e6)
	if !p.Stunned() {
		t.Error("a new lease alone made it go on")
	}
	if s, why := w.resume(pid); s != std.OK {
		t.Error(s, why)
	}
	goesOn()
	// Ended.
	w.lease(pid, 300e6)
	w.Run(100e6)
	w.lease(pid, 0)
	w.Run(1e9)
	goesOn()
	// It runs out while somebody else has stunned the process.
	w.lease(pid, 300e6)
	w.Run(10e6)
	w.mustStun(pid, 4, 0)
	w.Run(1e9)
	if s, _ := w.resume(pid); s != std.NotNow || !p.Stunned() {
		t.Errorf("resumed: %v", s)
	}
	if e := w.ask(w.Key.ProcessCap(pid), std.Header{Command: api.Lease, Offset: 1 << 63}, nil); e.Header.Status() != std.ArgBad {
		t.Errorf("a lease for ever: %v", e.Header.Status())
	}
}

// A lease moves along, and the time of the move counts.
func TestLease_Moves(t *testing.T) {
	w := New(t, 3, 1)
	out := w.Host.NewObject()
	pid := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out)).PID
	w.Run(300e6)
	w.lease(pid, 3e9)
	granted := w.Now
	for _, to := range []int{2, 3, 1, 2} {
		w.Run(500e6)
		w.migrate(pid, to)
	}
	stunned := func() bool {
		p := w.Nodes[2].Tab.Process(pid)
		return p != nil && p.Stunned()
	}
	w.RunUntil(3e9, "stunned", stunned)
	if after := w.Now - granted; after < 2990e6 || after > 3010e6 {
		t.Errorf("stunned after %d ms of 3000", after/1e6)
	}
	for _, to := range []int{3, 1} { // it stays out
		w.migrate(pid, to)
		if s, _ := w.resume(pid); s != std.NotNow {
			t.Errorf("resumed on node %d: %v", to, s)
		}
	}
}

// A lease runs out in the middle of a move, whenever that is: the process is stunned
// where it then is, once, and does not run there or anywhere else.
func TestLease_RunsOutInAMove(t *testing.T) {
	const step = 100e3
	began, took := int64(450e6), int64(0)
	for at := began; at < began+took+2*step || took == 0; at += step {
		w := New(t, 2, uint64(at))
		start := w.Now
		p := startCounter(w)
		w.watch(p.PID)
		w.lease(p.PID, at)
		w.Run(began)
		replied := false
		w.Host.Migrate(p.PID, 1, 2, func(r api.MigrateReply) {
			if r.Error != "" {
				t.Errorf("lease of %d us: %s", at/1e3, r.Error)
			}
			replied = true
			took = max(took, w.Now-start-began)
		})
		w.RunUntil(10e9, "moved", func() bool { return replied })
		w.Run(100e6)
		if in := w.info(p.PID); in.Node != 2 || in.State != "stunned" || in.Stun != "its lease ran out" || len(w.Where(p.PID)) != 0 {
			t.Errorf("lease of %d us: %+v", at/1e3, in)
		}
		if s, _ := w.resume(p.PID); s != std.NotNow {
			t.Errorf("lease of %d us: resumed: %v", at/1e3, s)
		}
	}
	if took < 5*step {
		t.Errorf("moves took %d us: the test looks at nothing", took/1e3)
	}
}
