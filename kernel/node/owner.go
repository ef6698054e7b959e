package node

import (
	"bytes"
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// The owner of a process is who decides about it: he is told when it was stunned, or got
// a signal that nobody caught, and the process stands still until he answers
// (api.CheckpointMessage). He is also told of its end. The owner is a capability: he may
// be anywhere, and move while he thinks.
//
// The question is a transaction of the process's own endpoint. So it moves with the
// process like any other, and the answer finds it where it is by then.
//
// In Amoeba an owner who is not found in 10 s, or answers with an error, kills the
// process, and so does there being none. Here only an answer kills: who has no owner, or
// one that is silent, stays stunned, and ps says so.

// ownerPatience is how long an owner is looked for: as long as in Amoeba.
const ownerPatience = 10e9

// ownership answers GETOWNER and SETOWNER. Who may not kill the process learns who its
// owner is, but gets no right to deal with him.
func (x *process) ownership(r *rpc.Incoming) {
	n := x.node
	if r.Header.Command == api.GetOwner {
		owner, ok := capability.Decode(x.p.Owner)
		if !ok || r.Header.Rights&capability.PSRKill != 0 {
			n.reply(r, std.OK, x.p.Owner)
			return
		}
		weak, ok := capability.Restrict(owner, 0)
		if !ok { // only its server could make one that it takes
			weak = capability.Capability{Port: owner.Port, Object: owner.Object}
		}
		n.reply(r, std.OK, weak.Append(nil))
		return
	}
	if _, ok := capability.Decode(r.Data); len(r.Data) > 0 && (!ok || len(r.Data) != capability.EncodedLen) {
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

// uncaught is asked about a signal that would end a process and dump its core: if
// somebody owns it, it is he who decides.
func (n *Node) uncaught(p *proc.Process, in proc.Info) bool {
	x := of(p)
	if _, ok := capability.Decode(p.Owner); !ok {
		return false
	}
	x.stop(&stun{signal: in.Signo}, true)
	return true
}

// askOwner sends CHECKPOINT to the owner of a process that has just been stunned.
func (x *process) askOwner() {
	n, s := x.node, x.stun
	owner, ok := capability.Decode(x.p.Owner)
	if !ok {
		return
	}
	h := &std.Header{Command: api.Checkpoint, Offset: uint64(x.p.PID), Size: uint32(s.code), Extra: api.TermStunned}
	if s.signal != 0 {
		h.Size, h.Extra = uint32(s.signal), api.TermException
	}
	h.SetCapability(owner)
	data, err := image.Marshal(x.checkpointMessage())
	if err != nil {
		n.Log("motile: process %d: its owner was not asked: %v", x.p.PID, err)
		return
	}
	s.slot = x.slots.take()
	st := n.ipc.m.Trans(n.Tab.Now, x.endpoint(), s.slot, flip.Address{}, h, data, ownerPatience)
	if st != rpc.Wait {
		x.slots.free(s.slot)
		s.slot, s.silence = 0, st
	}
	n.perform()
}

// capability is the process's own, with all rights.
func (x *process) capability() capability.Capability {
	return capability.Owner(x.node.ipc.key.ProcessPort(x.p.PID).Put(), uint64(x.p.PID), x.secret)
}

// checkpointMessage says all of a stunned process that its owner may need, a snapshot
// among it. Its segments are the owner's to destroy; if he does not, they age away.
func (x *process) checkpointMessage() api.CheckpointMessage {
	n, self := x.node, x.capability()
	m := api.CheckpointMessage{PID: x.p.PID, Cap: self.Append(nil), Code: x.stun.code, Signal: x.stun.signal, Info: n.info(x.p)}
	reply, s := n.takeSnapshot(x, true)
	if s == nil {
		m.Without = reply.Refused
		return m
	}
	c := n.segmentCap(s.self)
	m.Snapshot = c.Append(nil)
	if m.Image = reply.Image; len(m.Image) > maxMessage/2 || len(m.Image) == 0 {
		m.Image, m.Without = nil, "the image is too long for this message; read it from the snapshot"
	}
	return m
}

// dropQuestion gives up asking the owner: whatever he answers comes too late.
func (x *process) dropQuestion() {
	if s := x.stun; s != nil && s.slot != 0 {
		x.node.ipc.m.ForgetTrans(x.node.Tab.Now, x.own, s.slot)
		x.slots.free(s.slot)
		s.slot = 0
		x.node.perform()
	}
}

// ownerAnswered does what the owner wants.
func (x *process) ownerAnswered(c *rpc.Complete) {
	n, s := x.node, x.stun
	x.slots.free(s.slot)
	s.slot = 0
	answer := c.Header.Status()
	switch {
	case answer == std.Overflow: // he has no room for the message
		s.silence = answer
	case c.Status != std.OK:
		s.silence = c.Status
		n.Log("motile: process %d stays stunned: its owner does not answer: %v", x.p.PID, c.Status)
	case answer == std.OK && x.lease.out:
		n.Log("motile: process %d stays stunned: its lease ran out before its owner answered", x.p.PID)
	case answer == std.OK && len(c.Data) == 0:
		x.resume()
	case answer == std.OK:
		x.replace(c.Data)
	default:
		status := abi.SIGKILL
		if s.signal != 0 {
			status = int(s.signal) | 0x80
		}
		n.Tab.Exit(x.p, status)
	}
}

// replace makes another process of a descriptor, by an EXEC on this node, and when it runs
// ends the stunned one. Its owner owns the new one too, and is told of it with SWAPPROC
// in place of the old one's end. Until then anything may happen to the old one;
// if it was resumed or has left, there is nothing to be replaced any more.
func (x *process) replace(descriptor []byte) {
	n, s := x.node, x.stun
	data, err := image.Marshal(api.ExecRequest{Args: x.p.Args, Image: bytes.Clone(descriptor), Detached: x.kept, Comment: x.p.Comment})
	if err != nil {
		return
	}
	n.call(n.nodeAt(n.Number).address, n.nodeHeader(n.Number, api.Exec), data, patience, func(c *rpc.Complete) {
		var r api.ExecReply
		switch {
		case c.Status != std.OK || c.Header.Status() != std.OK || image.Unmarshal(c.Data, &r) != nil:
			r.Refused = fmt.Sprint(c.Status, c.Header.Status())
		case len(r.Missing) > 0:
			r.Refused = "it names files that this node lacks"
		}
		now := n.Tab.Process(r.PID)
		gone := x.stun != s || n.Tab.Process(x.p.PID) != x.p || x.p.Moving()
		switch {
		case now == nil && !gone:
			s.silence = std.ArgBad
			n.Log("motile: process %d stays stunned: its owner's image was refused: %s", x.p.PID, r.Refused)
		case now != nil && gone:
			n.Log("motile: process %d is not replaced: it has gone on", x.p.PID)
			n.Tab.Exit(now, abi.SIGKILL)
		case now != nil:
			now.Owner = x.p.Owner
			x.tellSwapped(of(now))
			x.p.Owner = nil
			n.Tab.Exit(x.p, abi.SIGKILL)
		}
	})
}

// tellSwapped tells the owner which process is in the place of another: Offset is the pid of
// the old one, the data are the capabilities of both.
func (x *process) tellSwapped(now *process) {
	owner, _ := capability.Decode(x.p.Owner)
	h := &std.Header{Command: api.SwapProc, Offset: uint64(x.p.PID)}
	h.SetCapability(owner)
	was, is := x.capability(), now.capability()
	x.node.call(flip.Address{}, h, is.Append(was.Append(nil)), patience, func(*rpc.Complete) {})
}
