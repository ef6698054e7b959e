//go:build metal

package main

import (
	"runtime"

	"motile/boot/rt"
	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/kernel/trace"
	"motile/proc"
)

// slice is how long a thread runs while others wait. It sets the latency of a
// wake-up beside a process that computes.
const slice = 2_000_000 // ns

// run is the dispatcher. It never returns.
func (n *node) run() {
	for !n.k.Halt {
		n.poll()
		if t := n.tab.Next(); t != nil {
			n.runThread(t)
		} else {
			n.idle()
		}
	}
	hw.PowerOff()
}

// poll takes what interrupts and time have brought.
func (n *node) poll() {
	n.tab.Now = hw.Now()
	if rt.Pending() {
		n.interrupts(rt.TakePending())
	}
	n.tab.Tick()
}

// idle waits for an interrupt. The Go runtime's own goroutines get their turn first.
func (n *node) idle() {
	runtime.Gosched()
	rt.SetDeadline(n.tab.Deadline())
	rt.Halt()
}

// runThread gives a thread its slice.
func (n *node) runThread(t *proc.Thread) {
	if !n.k.Prepare(t) {
		return
	}
	end := n.tab.Now + slice
	for {
		deadline := end
		if d := n.tab.Deadline(); d != 0 && d < deadline {
			deadline = d
		}
		rt.SetDeadline(deadline)
		t.Process().Space.Use()
		start := hw.Now()
		rt.RunUser(t.Frame)
		now := hw.Now()
		n.tab.Now = now
		t.UserNs += now - start
		n.trapped(t)
		if rt.Pending() {
			n.poll()
		}
		if t.State() == proc.Running && (t.Call.Active || t.Deliverable() != 0) && !n.k.Prepare(t) {
			return
		}
		if t.State() != proc.Running {
			return
		}
		n.tab.CheckCPU(t.Process())
		switch {
		case n.k.Yielded || now >= end:
			n.k.Yielded = false
			n.tab.Yield(t)
			return
		case n.tab.Urgent():
			n.tab.Preempted(t)
			return
		}
	}
}

// trapped deals with why a thread left user mode.
func (n *node) trapped(t *proc.Thread) {
	f := t.Frame
	switch v := f.Vector; {
	case v == abi.VecSyscall:
		n.ring.Add(n.tab.Now, trace.Syscall, t.TID, f.AX, f.DI)
		start := n.tab.Now
		nr, a, b, c := f.AX, f.DI, f.SI, f.DX
		n.k.Syscall(t)
		if n.params["strace"] != "" {
			n.log("strace: %d %d(%#x, %#x, %#x) = %d %v", t.TID, nr, a, b, c, int64(f.AX), t.State())
		}
		t.SystemNs += hw.Now() - start
	case v == abi.VecPage:
		n.ring.Add(n.tab.Now, trace.Fault, t.TID, f.CR2, f.IP)
		n.k.Fault(t)
	case v >= abi.VecTimer:
		// an interrupt, or nothing: poll sees to it
	case v == abi.VecGP && n.readTSC(t):
	default:
		n.ring.Add(n.tab.Now, trace.Exception, t.TID, v, f.IP)
		n.k.Exception(t)
	}
}

// readTSC carries out RDTSC and RDTSCP for a user. They trap, so that the
// counter can move with the process: it is its monotonic clock, in nanoseconds.
func (n *node) readTSC(t *proc.Thread) bool {
	f := t.Frame
	var op [3]byte
	p := t.Process()
	got, _ := p.Space.CopyIn(op[:], f.IP)
	now := uint64(p.Now())
	switch {
	case got >= 2 && op[0] == 0x0f && op[1] == 0x31:
		f.IP += 2
	case got == 3 && op[0] == 0x0f && op[1] == 0x01 && op[2] == 0xf9:
		f.IP += 3
		f.CX = 0
	default:
		return false
	}
	f.AX, f.DX = now&0xffffffff, now>>32
	return true
}
