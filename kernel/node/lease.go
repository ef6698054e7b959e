package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/proc"
)

// lease is the time a process may run without hearing from whoever keeps it: whoever
// takes checkpoints of it, and restarts one elsewhere when the process seems to be lost.
// The keeper renews the lease by asking for it again, and waits until it has certainly
// run out before it restarts: then a network that is cut in two does not leave two copies
// running. When the lease runs out the process is stunned, and nobody is told, for it
// is not known what became of the keeper. It can be resumed when the lease was renewed, or
// by somebody who says that it does not matter.
//
// It moves with the process, which a move stuns if its lease runs out under way.
type lease struct {
	x     *process
	timer proc.Timer
	until int64 // 0: there is none
	out   bool  // it has run out, and was not renewed
}

// maxLease is longer than anybody waits, and no time overflows by it.
const maxLease = 1 << 60

func (l *lease) init(x *process) {
	l.x = x
	l.timer.Init(l)
}

// left is the time that remains, 0 if there is no lease.
func (l *lease) left() int64 {
	if l.until == 0 {
		return 0
	}
	return max(l.until-l.x.node.Tab.Now, 1)
}

func (x *process) serveLease(r *rpc.Incoming) {
	if r.Header.Offset > maxLease {
		x.node.reply(r, std.ArgBad, nil)
		return
	}
	x.lease.out = false
	x.lease.grant(int64(r.Header.Offset))
	x.node.reply(r, std.OK, nil)
}

func (l *lease) grant(ns int64) {
	tb := l.x.node.Tab
	tb.StopTimer(&l.timer)
	if l.until = 0; ns > 0 {
		l.until = tb.Now + ns
		tb.StartTimer(&l.timer, l.until)
	}
}

// Expire implements proc.Expirer. The process may be frozen by a move: if that comes to
// nothing, it stays where it is, and stunned.
func (l *lease) Expire(int64) {
	x := l.x
	l.until, l.out = 0, true
	if x.stun != nil { // by somebody else: he cannot simply resume it now
		x.stun.lease = true
		return
	}
	x.node.Log("motile: process %d: its lease ran out: stunned", x.p.PID)
	x.settled()
	x.stun = &stun{lease: true}
	x.node.Tab.Stun(x.p)
}

// activateLease goes on with what is left of a lease after a move that took so long.
func (x *process) activateLease(left, frozen int64) {
	switch {
	case left == 0:
	case left > frozen:
		x.lease.grant(left - frozen)
	default:
		x.lease.out = true
		if x.stun == nil {
			x.stun = new(stun)
			x.node.Tab.Stun(x.p)
		}
		x.stun.lease = true
	}
}
