package node

import (
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// The message-passing calls of user programs: Amoeba's trans, getreq and putrep.
// A header is 64 bytes in the caller's memory (std.Header, little-endian). The
// result is the number of bytes of data, or a negative std.Status.
//
//	trans(hdr, request, size, reply, room)  hdr is the request's, then the reply's
//	getreq(hdr, buf, room)                  hdr.Port is the get-port
//	putrep(hdr, buf, size)
//
// A signal that has a handler ends a trans that found no server yet, and a getreq;
// once a server has the request, the signal is passed on to it, and the handler
// runs on top of the call, which goes on when the handler returns. A handler with
// SA_RESTART, of which Amoeba had no notion, always runs on top, and nobody else
// hears of the signal: so a Go program's own signals do not disturb its calls.

var noAddress flip.Address

// maxMessage bounds the data of a request or reply.
const maxMessage = 1<<20 - 4096

// Phases of a call's record.
const (
	nativeStart = iota
	nativeWaiting
)

func (n *Node) native(t *proc.Thread, c *proc.Call) int64 {
	switch c.Nr {
	case abi.SysTrans:
		return n.sysTrans(t, c)
	case abi.SysGetreq:
		return n.sysGetreq(t, c)
	case abi.SysPutrep:
		return n.sysPutrep(t, c)
	case abi.SysNodeInfo:
		return int64(n.Number)
	}
	if c.Nr >= abi.SysFlipInit && c.Nr <= abi.SysFlipReceive {
		return n.rawFlip(t, c)
	}
	return -abi.ENOSYS
}

// header reads a header from the caller's memory.
func header(t *proc.Thread, addr uint64) (h std.Header, ok bool) {
	var b [std.HeaderLen]byte
	_, f := t.Process().Space.CopyIn(b[:], addr)
	h.GetUser(&b)
	return h, f == vm.OK
}

// message reads the data of a request or reply from the caller's memory.
func (n *Node) message(t *proc.Thread, addr, size uint64) ([]byte, std.Status) {
	switch {
	case size > maxMessage:
		return nil, std.Overflow
	case n.K.Pressure != nil && n.K.Pressure():
		return nil, std.NoMem
	}
	b := make([]byte, size)
	if _, f := t.Process().Space.CopyIn(b, addr); f != vm.OK {
		return nil, std.RPCBadAddress
	}
	return b, std.OK
}

// deliver ends a call with what came: header and data go to the caller's memory.
func deliver(t *proc.Thread, a *object.Answer, hdr, buf, room uint64) int64 {
	if a.Status != std.OK {
		return int64(a.Status)
	}
	var b [std.HeaderLen]byte
	a.Header.PutUser(&b)
	s := t.Process().Space
	if _, f := s.CopyOut(hdr, b[:]); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	if uint64(len(a.Data)) > room {
		return int64(std.Overflow) // nothing is cut off
	}
	if _, f := s.CopyOut(buf, a.Data); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	return int64(len(a.Data))
}

// takeAnswer returns the outcome of the call's transaction once it is there.
func takeAnswer(c *proc.Call) *object.Answer {
	a := c.Answer
	if a != nil {
		c.Slot, c.Answer = 0, nil
	}
	return a
}

func (n *Node) sysTrans(t *proc.Thread, c *proc.Call) int64 {
	x := of(t.Process())
	if c.Phase == nativeStart {
		h, ok := header(t, c.Args[0])
		if !ok {
			return int64(std.RPCBadAddress)
		}
		data, s := n.message(t, c.Args[1], c.Args[2])
		if s != std.OK {
			return int64(s)
		}
		c.Phase = nativeWaiting
		c.Slot = x.slots.take()
		if s := n.ipc.m.Trans(n.Tab.Now, x.endpoint(), c.Slot, noAddress, &h, data, 0); s != rpc.Wait {
			x.slots.free(c.Slot)
			c.Slot = 0
			return int64(s)
		}
		n.perform()
	} else if c.Interrupted && c.Answer == nil && !n.Tab.HandlerRestarts(t) {
		n.interruptTrans(x, c)
	}
	if a := takeAnswer(c); a != nil {
		return deliver(t, a, c.Args[0], c.Args[3], c.Args[4])
	}
	return -abi.EBLOCKED
}

// interruptTrans: a signal came. Either the call ends at once, or the server is told.
func (n *Node) interruptTrans(x *process, c *proc.Call) {
	if !n.ipc.m.AbortTrans(n.Tab.Now, x.endpoint(), c.Slot) {
		n.ipc.m.Signal(n.Tab.Now, x.endpoint(), c.Slot)
	}
	n.perform()
}

func (n *Node) sysGetreq(t *proc.Thread, c *proc.Call) int64 {
	x := of(t.Process())
	if c.Phase == nativeStart {
		h, ok := header(t, c.Args[0])
		if !ok {
			return int64(std.RPCBadAddress)
		}
		if t.Server == 0 {
			t.Server = x.servers.take()
		}
		c.Phase, c.Slot = nativeWaiting, t.Server|proc.ServerSlot
		if s := n.ipc.m.GetReq(n.Tab.Now, x.endpoint(), t.Server, h.Port); s != rpc.Wait {
			c.Slot = 0
			return int64(s)
		}
		n.perform()
	} else if c.Interrupted && c.Answer == nil && !n.Tab.HandlerRestarts(t) {
		n.ipc.m.AbortGetReq(n.Tab.Now, x.endpoint(), t.Server)
		n.perform()
	}
	if a := takeAnswer(c); a != nil {
		return deliver(t, a, c.Args[0], c.Args[1], c.Args[2])
	}
	return -abi.EBLOCKED
}

func (n *Node) sysPutrep(t *proc.Thread, c *proc.Call) int64 {
	x := of(t.Process())
	if c.Phase == nativeStart {
		h, ok := header(t, c.Args[0])
		if !ok {
			return int64(std.RPCBadAddress)
		}
		data, s := n.message(t, c.Args[1], c.Args[2])
		if s != std.OK {
			return int64(s)
		}
		if t.Server == 0 {
			return int64(std.RPCBadPort)
		}
		c.Phase, c.Slot = nativeWaiting, t.Server|proc.ServerSlot
		s = n.ipc.m.PutRep(n.Tab.Now, x.endpoint(), t.Server, &h, data)
		n.perform()
		if s != rpc.Wait {
			c.Slot = 0
			return int64(s)
		}
	}
	if a := takeAnswer(c); a != nil {
		return int64(a.Status)
	}
	return -abi.EBLOCKED
}

// served ends a getreq or a putrep.
func (n *Node) served(x *process, c *rpc.Complete) {
	a := &object.Answer{Status: c.Status, Header: c.Header, Data: c.Data}
	n.Tab.Answered(x.p, c.Slot|proc.ServerSlot, a)
}
