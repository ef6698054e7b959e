package node

import (
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/proc/api"
)

// What every object of a node answers: Amoeba's standard commands, as far as they
// make sense for nodes and processes, which are not stored and cannot be copied.

// standard answers a standard command to an object whose secret is given; the
// capability has been checked. It reports false if it is not one of those.
func (n *Node) standard(r *rpc.Incoming, secret capability.Secret, info, status func() string) bool {
	switch r.Header.Command {
	case std.Info:
		n.reply(r, std.OK, []byte(info()))
	case std.Stat:
		n.reply(r, std.OK, []byte(status()))
	case std.Restrict: // Offset: the mask
		c := capability.Derive(r.Header.Capability(), secret, capability.Rights(r.Header.Offset))
		n.reply(r, std.OK, c.Append(nil))
	case std.Touch, std.NTouch, std.Age: // they live as long as they live
		n.reply(r, std.OK, nil)
	default:
		return false
	}
	return true
}

// ownership answers GETOWNER and SETOWNER. A process's owner is whoever is told of
// its end; in Amoeba it also gets the checkpoints of stuns and exceptions.
func (x *process) ownership(r *rpc.Incoming) {
	n := x.node
	if r.Header.Command == api.GetOwner {
		n.reply(r, std.OK, x.p.Owner)
		return
	}
	if _, ok := capability.Decode(r.Data); !ok && len(r.Data) > 0 {
		n.reply(r, std.ArgBad, nil)
		return
	}
	x.p.Owner = append([]byte(nil), r.Data...)
	n.reply(r, std.OK, nil)
}

// tellOwner sends CHECKPOINT to the owner of a process that has ended: the pid in
// Offset, the wait status in Extra.
func (x *process) tellOwner(status int) {
	owner, ok := capability.Decode(x.p.Owner)
	if !ok {
		return
	}
	h := &std.Header{Command: api.Checkpoint, Offset: uint64(x.p.PID), Extra: uint32(status)}
	pid := x.p.PID
	h.SetCapability(owner)
	x.node.call(flip.Address{}, h, nil, patience, func(c *rpc.Complete) {
		if c.Status != std.OK {
			x.node.Log("motile: process %d: its owner was not told of its end: %v", pid, c.Status)
		}
	})
}

// status is what STD_STATUS says of a process.
func (x *process) status() string {
	in := x.node.info(x.p)
	return fmt.Sprintf("pid %d\nparent %d\ngroup %d\nstate %s\nthreads %d\nresident %d KB\ncpu %d ms\nmoves %d\ntrail %v\n",
		in.PID, in.Parent, in.PGID, in.State, in.Threads, in.SizeKB, in.CPUms, in.Moves, in.Trail)
}
