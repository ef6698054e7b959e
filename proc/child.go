package proc

import "motile/kernel/abi"

// ChildState is what a parent knows of a child.
type ChildState uint8

const (
	ChildRunning ChildState = iota
	ChildStopped
	ChildContinued
	ChildExited // a zombie: all that is left of it
)

// Child is a parent's entry for a child, wherever the child runs. A zombie is
// nothing but its entry, so it stays, and moves, with the parent.
type Child struct {
	PID   int32
	PGID  int32
	State ChildState
	// Status is the wait(2) status word of a zombie, or the signal that stopped
	// or continued the child.
	Status   int
	Reported bool // a stop or continuation that wait has returned already
	UserNs   int64
	SystemNs int64
	ExitSig  int // what the parent gets when the child ends
	// Seq numbers what becomes of the child, from 1; 0: nobody knows.
	Seq uint64
}

func (p *Process) child(pid int32) *Child {
	for _, c := range p.Children {
		if c.PID == pid {
			return c
		}
	}
	return nil
}

// Child returns p's entry for a child, or nil.
func (p *Process) Child(pid int32) *Child { return p.child(pid) }

// Reap removes a child's entry and adds its times to the parent's.
func (p *Process) Reap(c *Child) {
	p.ChildUser += c.UserNs
	p.ChildSys += c.SystemNs
	for i, x := range p.Children {
		if x == c {
			p.Children = append(p.Children[:i], p.Children[i+1:]...)
			return
		}
	}
}

// childChanged tells p's parent that p stopped, continued or ended.
func (tb *Table) childChanged(p *Process, s ChildState, status int) {
	user, system := p.CPU()
	p.events++
	ev := Child{PID: p.PID, Seq: p.events, PGID: p.PGID, State: s, Status: status,
		UserNs: user + p.ChildUser, SystemNs: system + p.ChildSys, ExitSig: p.ExitSig}
	if parent := tb.Process(p.Parent); parent != nil && !parent.frozen {
		tb.ChildChanged(parent, ev)
	} else if isInit(p.Parent) {
		if s == ChildExited {
			tb.orphans.Reaped++
		}
	} else if tb.Remote != nil {
		tb.Remote.ChildChanged(p.Parent, ev)
	}
}

// ChildChanged records what became of a child of parent, and tells it by signal.
// The event may come from another node, and more than once, and after a later one from
// a node to which the child has moved since.
func (tb *Table) ChildChanged(parent *Process, ev Child) {
	c := parent.child(ev.PID)
	if c == nil || c.State == ChildExited || ev.Seq != 0 && ev.Seq <= c.Seq {
		return
	}
	c.Seq = max(c.Seq, ev.Seq)
	c.State, c.Status, c.PGID, c.Reported = ev.State, ev.Status, ev.PGID, false
	c.UserNs, c.SystemNs, c.ExitSig = ev.UserNs, ev.SystemNs, ev.ExitSig

	act := parent.Actions[abi.SIGCHLD]
	if ev.State == ChildExited && ev.ExitSig == abi.SIGCHLD && (act.Handler == SigIgn || act.Flags&SaNoCldWait != 0) {
		parent.Reap(c)
	}
	sig := abi.SIGCHLD
	if ev.State == ChildExited {
		sig = ev.ExitSig
	}
	if sig != 0 && (ev.State == ChildExited || act.Flags&SaNoCldStop == 0) {
		tb.Signal(parent, ev.info(sig))
	}
	parent.childQ.Wake(0)
	if ev.State == ChildExited {
		tb.Ended(ev.PID)
	}
}

// info is the siginfo of a child event (sigaction(2), SIGCHLD).
func (c *Child) info(sig int) Info {
	in := Info{Signo: int32(sig), PID: c.PID, UTime: c.UserNs / tickNs, STime: c.SystemNs / tickNs}
	in.Code, in.Value = c.Code()
	return in
}

const tickNs = 10_000_000 // clock ticks of times(2) are 100 a second

// Code is the si_code and si_status of a child's state.
func (c *Child) Code() (code int32, status uint64) {
	switch {
	case c.State == ChildStopped:
		return CldStopped, uint64(c.Status)
	case c.State == ChildContinued:
		return CldContinued, uint64(c.Status)
	case c.Status&0x7f == 0:
		return CldExited, uint64(c.Status >> 8)
	case c.Status&0x80 != 0:
		return CldDumped, uint64(c.Status & 0x7f)
	}
	return CldKilled, uint64(c.Status & 0x7f)
}
