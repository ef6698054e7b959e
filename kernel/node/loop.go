package node

import (
	"motile/ipc/rpc"
	"motile/kernel/abi"
	"motile/kernel/trace"
	"motile/kernel/vm"
	"motile/proc"
)

// defaultSlice is how long a thread runs while others wait, in ns, unless somebody
// says otherwise. It sets the latency of a wake-up beside a process that computes.
const defaultSlice = 2_000_000

// Run is the dispatcher's loop. It returns when a program has asked the node to end.
func (n *Node) Run() {
	for !n.K.Halt {
		if !n.Step() {
			n.m.Wait(n.Deadline())
		}
	}
}

// Step does one round: it reports false when there was nothing to do.
func (n *Node) Step() bool {
	n.poll()
	n.K.Relieve()
	t := n.Tab.Next()
	if t != nil {
		n.runThread(t)
	}
	n.m.Flush()
	if len(n.unprinted) > 0 {
		n.printLog()
	}
	return vm.Sweep() || t != nil
}

// Deadline is when the node has something to do by itself, 0: never.
func (n *Node) Deadline() int64 {
	d, net := n.Tab.Deadline(), n.netDeadline()
	if net != rpc.Forever && (d == 0 || net < d) {
		d = net
	}
	return d
}

// poll takes what devices and time have brought.
func (n *Node) poll() {
	n.Tab.Now = n.m.Now()
	if n.m.Pending() {
		n.m.Poll()
	}
	n.Tab.Tick()
	n.tickIPC()
	if n.wantRehome {
		n.wantRehome = false
		n.rehomeObjects()
	}
}

// runThread gives a thread its slice.
func (n *Node) runThread(t *proc.Thread) {
	of(t.Process()).settled()
	if !n.K.Prepare(t) {
		return
	}
	end := n.Tab.Now + n.slice
	for {
		deadline := end
		if d := n.Deadline(); d != 0 && d < deadline {
			deadline = d
		}
		if s := of(t.Process()).shake; s != nil {
			deadline = min(deadline, n.Tab.Now+max(s.Left, 1))
		}
		n.m.Flush() // what the thread has sent leaves before it goes on
		t.Process().Space.Use(n.Tab.Now)
		start := n.Tab.Now
		n.m.RunUser(t, deadline)
		now := n.m.Now()
		n.Tab.Now = now
		t.UserNs += now - start
		called := t.Frame.Vector == abi.VecSyscall
		n.trapped(t)
		if n.shaken(t, called, now-start) {
			n.K.Yielded = false
			return
		}
		if n.m.Pending() {
			n.poll()
		}
		if t.State() == proc.Running && (t.Call.Active || t.Deliverable() != 0) && !n.K.Prepare(t) {
			return
		}
		if t.State() != proc.Running {
			return
		}
		n.Tab.CheckCPU(t.Process())
		switch {
		case n.K.Yielded || now >= end:
			n.K.Yielded = false
			n.Tab.Yield(t)
			return
		case n.Tab.Urgent() && !n.firm(t):
			n.Tab.Preempted(t)
			return
		}
	}
}

// trapped deals with why a thread left user mode.
func (n *Node) trapped(t *proc.Thread) {
	f := t.Frame
	switch v := f.Vector; {
	case v == abi.VecSyscall:
		n.calls++
		n.Ring.Add(n.Tab.Now, trace.Syscall, t.TID, f.AX, f.DI)
		n.syscall(t)
		n.charge(t)
	case v == abi.VecPage:
		n.faults++
		n.Ring.Add(n.Tab.Now, trace.Fault, t.TID, f.CR2, f.IP)
		n.K.Fault(t)
		n.charge(t)
	case v >= abi.VecTimer:
		// an interrupt, or nothing: poll sees to it
	case v == abi.VecGP && n.readTSC(t):
	default:
		n.Ring.Add(n.Tab.Now, trace.Exception, t.TID, v, f.IP)
		n.K.Exception(t)
	}
}

// charge adds the time since the trap to what the kernel has spent for a thread.
func (n *Node) charge(t *proc.Thread) {
	now := n.m.Now()
	t.SystemNs += now - n.Tab.Now
	n.Tab.Now = now
}

func (n *Node) syscall(t *proc.Thread) {
	if !n.Strace {
		n.K.Syscall(t)
		return
	}
	f := *t.Frame
	n.K.Syscall(t)
	n.Log("strace: %d: %d(%#x, %#x, %#x, %#x) = %d", t.TID, f.AX, f.DI, f.SI, f.DX, f.R10, int64(t.Frame.AX))
}

// readTSC carries out RDTSC and RDTSCP for a user. They trap, so that the
// counter can move with the process: it is its monotonic clock, in nanoseconds.
func (n *Node) readTSC(t *proc.Thread) bool {
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
