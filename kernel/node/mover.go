package node

import (
	"fmt"
	"slices"

	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/proc"
	"motile/proc/api"
)

// User-level migration servers: programs of this node that carry the messages of moves to the
// target, for who wants to see what a move costs that way (Steketee et al. 1996, sections 6 and
// 7). A server asks for a message (MoveNext), makes it a transaction of its own with the target's
// process server, and brings the answer when it asks for the next. What decides about the
// process, commit and abort, stays between the kernels: so a server that dies leaves no doubt.

// movers are those of this node, as threads that wait for a message, and the messages.
type movers struct {
	idle    []idleMover // who has waited longest first
	errands []*errand   // those of a move in the order of sending
	nr      uint64      // of the last one
	pace    pace        // of the last moves by them
}

// idleMover is a thread of a server.
type idleMover struct {
	x     *process
	asked rpc.Handle
}

// errand is a message of a move until its answer is there.
type errand struct {
	s       *source
	nr      uint64
	command uint32
	data    []byte
	done    func(*rpc.Complete)
	carrier *process // the server that has it, nil: it waits for one
	why     string   // it will come to nothing
	timer   proc.Timer
}

// errandPatience is how long a server may take for a message: longer than its transaction
// needs to find out that the target is silent, shorter than a target waits for the next.
const errandPatience = 12e9

// byUser finds out who is to carry a move: the kernel, or a user-level server.
func byUser(server string) (bool, error) {
	switch server {
	case "", "kernel":
		return false, nil
	case "user":
		return true, nil
	}
	return false, fmt.Errorf("there is no migration server %q; there are kernel and user", server)
}

// transact is one transaction with the target's process server, on the way that the order
// says. Only what the kernel sends itself has a slot.
func (s *source) transact(command uint32, data []byte, done func(*rpc.Complete)) (slot int) {
	if s.user && command != api.MoveCommit && command != api.MoveAbort {
		s.n.carry(s, command, data, done)
		return 0
	}
	return s.n.call(s.n.nodeAt(s.target).address, s.n.nodeHeader(s.target, command), data, movePatience, done)
}

// pace is how fast moves are on that way.
func (s *source) pace() *pace {
	if s.user {
		return &s.n.movers.pace
	}
	return &s.n.pace
}

// server is its name in reports.
func (s *source) server() string {
	if s.user {
		return "user"
	}
	return "kernel"
}

// present reports whether there is any server.
func (v *movers) present() bool {
	return len(v.idle) > 0 || slices.ContainsFunc(v.errands, func(e *errand) bool { return e.carrier != nil })
}

// has reports whether a process is one.
func (v *movers) has(x *process) bool {
	return slices.ContainsFunc(v.idle, func(m idleMover) bool { return m.x == x }) ||
		slices.ContainsFunc(v.errands, func(e *errand) bool { return e.carrier == x })
}

// noMover is why a move by a server does not begin, or "".
func (n *Node) noMover() string {
	if n.movers.present() {
		return ""
	}
	return fmt.Sprintf("node %d has no user-level migration server; start one: motiled mover &", n.Number)
}

// carry has a server carry a message.
func (n *Node) carry(s *source, command uint32, data []byte, done func(*rpc.Complete)) {
	v := &n.movers
	v.nr++
	e := &errand{s: s, nr: v.nr, command: command, data: data, done: done}
	e.timer.Init(e)
	n.Tab.StartTimer(&e.timer, n.Tab.Now+errandPatience)
	v.errands = append(v.errands, e)
	if !v.present() {
		n.moverEnded(e)
	}
	n.handErrands()
}

// handErrands gives messages to threads of servers, as long as there are both.
func (n *Node) handErrands() {
	v := &n.movers
	for len(v.idle) > 0 {
		i := slices.IndexFunc(v.errands, func(e *errand) bool { return e.carrier == nil && e.why == "" })
		if i < 0 {
			break
		}
		e, m := v.errands[i], v.idle[0]
		v.idle = v.idle[1:]
		h := &std.Header{Object: uint64(e.s.target), Offset: e.nr, Size: uint32(len(e.data)), Extra: e.command}
		if n.ipc.m.Reply(n.Tab.Now, m.asked, h, e.data) == std.OK { // else its thread has ended
			e.carrier = m.x
		}
	}
	n.perform()
}

// serveMoveNext takes the answer that a server brings, and remembers that it waits.
func (n *Node) serveMoveNext(r *rpc.Incoming) {
	x := n.clientOf(r.Client)
	if x == nil { // it has left before its request was here
		n.reply(r, std.NotNow, nil)
		return
	}
	v, h := &n.movers, &r.Header
	i := slices.IndexFunc(v.errands, func(e *errand) bool { return e.nr == h.Offset && e.carrier == x })
	v.idle = append(v.idle, idleMover{x, r.Handle})
	if i >= 0 {
		e := v.errands[i]
		v.errands = slices.Delete(v.errands, i, i+1)
		n.Tab.StopTimer(&e.timer)
		e.done(&rpc.Complete{Status: std.Status(int32(h.Extra)), Header: std.Header{Command: h.Size}, Data: r.Data})
	}
	n.handErrands()
}

// clientOf finds the process here that asks under an address, nil if none does.
func (n *Node) clientOf(client flip.Address) *process {
	for _, p := range n.Tab.Processes() {
		if x := of(p); x.own != nil && x.own.Address() == client {
			return x
		}
	}
	return nil
}

// moverGone is called when a process has ended or left: if it was a server, what it carried
// has failed.
func (n *Node) moverGone(x *process) {
	v := &n.movers
	v.idle = slices.DeleteFunc(v.idle, func(m idleMover) bool {
		if m.x == x {
			h := new(std.Header)
			h.SetStatus(std.NotNow)
			n.ipc.m.Reply(n.Tab.Now, m.asked, h, nil)
		}
		return m.x == x
	})
	for _, e := range v.errands {
		if e.carrier == x {
			e.carrier = nil
			n.moverEnded(e)
		}
	}
	if !v.present() {
		for _, e := range v.errands {
			n.moverEnded(e)
		}
	}
}

// moverEnded: nobody carries a message any more. Its move hears of it when whoever ends is
// gone.
func (n *Node) moverEnded(e *errand) {
	e.why = "has ended"
	n.Tab.StartTimer(&e.timer, n.Tab.Now)
}

// Expire implements proc.Expirer: the message has not been answered.
func (e *errand) Expire(int64) {
	if e.why == "" {
		e.why = fmt.Sprintf("does not answer (for %d s)", int64(errandPatience/1e9))
	}
	e.s.fail("the user-level migration server of node %d %s", e.s.n.Number, e.why)
}

// withdraw forgets the messages of a move that is over; an answer that comes yet is to nothing.
func (v *movers) withdraw(s *source) {
	v.errands = slices.DeleteFunc(v.errands, func(e *errand) bool {
		if e.s == s {
			s.n.Tab.StopTimer(&e.timer)
		}
		return e.s == s
	})
}
