package sim

import (
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/move"
)

// kernel is what a node does about moves: a process server that takes the orders
// of other nodes' kernels, and an address to give orders from. It does with the
// machines of package move what kernel/node does with them, to processes that have
// no memory and no descriptors.
//
//	request  Object   number of the move, at its source
//	         Offset   boot of the source
//	         Extra    node that is the source
//	reply    status   of the move; see answers below
//	         Offset   boot of who answers
type kernel struct {
	n     *Node
	asker *rpc.Endpoint
	self  *rpc.Endpoint
	calls []func(*rpc.Complete) // of the asker, by slot

	moves      uint64 // begun here
	departures []*departure
	arrivals   []*arrival
	finished   map[moveID]move.SourceState
	arrived    map[moveID]bool
}

// moveID names a move.
type moveID struct {
	source int
	boot   uint64
	nr     uint64
}

// Commands of a kernel.
const (
	moveOffer = 200 + iota
	movePages
	movePrepare
	moveCommit
	moveAbort
	moveStatus
)

// Answers, beside OK: with that a target says accepted, ready and committed, and a
// source that it has committed.
const (
	answerRefused std.Status = 1 + iota // the target does not take the process
	answerDropped                       // or not any more
	answerUnknown                       // the target knows nothing of such a move
	answerAborted                       // the source has not committed and will not
	answerMoving                        // it has not decided
)

// patience is how long a kernel looks for another one.
const patience = 2 * Second

// kernelAddress is where the kernel of a node can be reached, in all its lives.
func kernelAddress(node int) flip.Address {
	return flip.Address{'k', 'e', 'r', 'n', 'e', 'l', 15: byte(node)}
}

// Kernels gives every node a process server, from now on and for good. Clusters
// without moves do without.
func (c *Cluster) Kernels() {
	if c.kernels {
		return
	}
	c.kernels = true
	for _, n := range c.Nodes {
		if n.Up {
			n.openKernel()
		}
	}
}

func (n *Node) openKernel() {
	k := &kernel{n: n, finished: make(map[moveID]move.SourceState), arrived: make(map[moveID]bool)}
	n.kernel = k
	m, now := n.machine, n.cluster.Now
	k.self = m.Open(now, rpc.Options{Owner: k, Public: kernelAddress(n.ID), Upcall: true, Reborn: n.boot > 1})
	k.asker = m.Open(now, rpc.Options{Owner: k})
	n.cluster.addresses[k.self.Address()] = "kernel" + string(rune('0'+n.ID))
	n.cluster.addresses[k.asker.Address()] = "kernel" + string(rune('0'+n.ID))
	n.cluster.perform(n)
}

// Moving reports whether any node knows of a move that has not ended.
func (c *Cluster) Moving() bool {
	for _, n := range c.Nodes {
		if n.Up && n.kernel != nil && len(n.kernel.departures)+len(n.kernel.arrivals) > 0 {
			return true
		}
	}
	return false
}

// runs reports whether the kernel's node still lives the same life.
func (k *kernel) runs() bool { return k.n.Up && k.n.kernel == k }

// after calls f when d has passed, unless the node has died.
func (k *kernel) after(d int64, f func()) {
	k.n.cluster.After(d, func() {
		if k.runs() {
			f()
			k.n.cluster.perform(k.n)
		}
	})
}

// call is one transaction with another kernel.
func (k *kernel) call(to int, h std.Header, data []byte, done func(*rpc.Complete)) (slot int) {
	for slot < len(k.calls) && k.calls[slot] != nil {
		slot++
	}
	if slot == len(k.calls) {
		k.calls = append(k.calls, nil)
	}
	k.calls[slot] = done
	now := k.n.cluster.Now
	if s := k.n.machine.Trans(now, k.asker, uint32(slot), kernelAddress(to), &h, data, patience); s != rpc.Wait {
		k.calls[slot] = nil
		done(&rpc.Complete{Status: s})
		return slot
	}
	k.n.cluster.perform(k.n)
	return slot
}

// forget ends a call whose outcome does not matter any more.
func (k *kernel) forget(slot int) {
	if slot >= 0 && k.calls[slot] != nil {
		k.calls[slot] = nil
		k.n.machine.ForgetTrans(k.n.cluster.Now, k.asker, uint32(slot))
	}
}

func (k *kernel) reply(h rpc.Handle, s std.Status) {
	a := std.Header{Offset: uint64(k.n.boot)}
	a.SetStatus(s)
	k.n.machine.Reply(k.n.cluster.Now, h, &a, nil)
	k.n.cluster.perform(k.n)
}

// Effects of the machine.

func (k *kernel) completed(e *rpc.Complete) {
	done := k.calls[e.Slot]
	k.calls[e.Slot] = nil
	if done != nil {
		done(e)
	}
}

func (k *kernel) signalled(*rpc.Signal) {}

// incoming takes an order, or a question.
func (k *kernel) incoming(e *rpc.Incoming) {
	id := moveID{int(e.Header.Extra), e.Header.Offset, e.Header.Object}
	if e.Header.Command == moveStatus {
		k.reply(e.Handle, k.status(id))
		return
	}
	var t *arrival
	for _, x := range k.arrivals {
		if x.id == id {
			t = x
		}
	}
	switch command := e.Header.Command; {
	case command == moveOffer && t == nil:
		k.gotOffer(id, e)
	case command == moveOffer:
		k.reply(e.Handle, std.OK)
	case t == nil && k.arrived[id]: // it has come, and perhaps gone on
		k.reply(e.Handle, std.OK)
	case t == nil:
		k.reply(e.Handle, answerUnknown)
	default:
		t.got(command, e)
	}
}

// status tells a target what its source has decided. A move this kernel knows
// nothing of, although it has not been restarted, was not committed.
func (k *kernel) status(id moveID) std.Status {
	for _, d := range k.departures {
		if d.id == id {
			if d.m.InDoubt() {
				return std.OK
			}
			return answerMoving
		}
	}
	if s, ok := k.finished[id]; ok && (s == move.Done || s == move.Lost) {
		return std.OK
	}
	return answerAborted
}
