package node

import (
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
//	forward(port, address)                  instead of putrep; either may be null
//	timeout(ms)                             how long trans looks for a server; the
//	                                        result is what it was; 0: the default
//	secure(on)                              trans avoids untrusted networks, or ends
//	                                        with RPC_UNSAFE
//	trans_within(… trans's …, ms)           the deadline: NOTFOUND or FAILURE then
//
// Sizes have 32 bits. Up to maxMessage, data is copied into the kernel and out of
// it; beyond, it is pulled from one program's buffer into the other's (memory.go).
// What is too long for its receiver is not cut off: getreq and trans end with
// STD_OVERFLOW and the header, and so does whoever sent it: trans by the status in
// the reply, putrep by its result if it waited.
//
// A signal that has a handler ends a trans that found no server yet, and a getreq;
// once a server has the request, the signal is passed on to it, and the handler
// runs on top of the call, which goes on when the handler returns. A handler with
// SA_RESTART, of which Amoeba had no notion, always runs on top, and nobody else
// hears of the signal: so a Go program's own signals do not disturb its calls.

// maxMessage bounds the data of a request or reply that travels in one message, and
// maxData that of any.
const (
	maxMessage = 1<<20 - 4096
	maxData    = 1<<32 - 1
)

// Phases of a call's record.
const (
	nativeStart = iota
	nativeWaiting
)

func (n *Node) native(t *proc.Thread, c *proc.Call) int64 {
	switch c.Nr {
	case abi.SysTrans, abi.SysTransWithin:
		return n.sysTrans(t, c)
	case abi.SysForward:
		return n.sysForward(t, c)
	case abi.SysTimeout:
		return sysTimeout(t, c)
	case abi.SysSecure:
		t.Secure = c.Args[0] != 0
		return 0
	case abi.SysGetreq:
		return n.sysGetreq(t, c)
	case abi.SysPutrep:
		return n.sysPutrep(t, c)
	case abi.SysNodeInfo:
		return int64(n.Number)
	case abi.SysMuTrylock:
		return n.muTrylock(t, c)
	case abi.SysMuUnlock:
		return n.muUnlock(t, c)
	}
	if c.Nr >= abi.SysSegCreate && c.Nr <= abi.SysGetinfo {
		return n.segCall(t, c)
	}
	if c.Nr >= abi.SysGrpCreate && c.Nr <= abi.SysGrpForward {
		return n.groupCall(t, c)
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
	case size == 0:
		return nil, std.OK
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
	if a.Status != std.OK && a.Status != std.Overflow {
		return int64(a.Status)
	}
	var b [std.HeaderLen]byte
	a.Header.PutUser(&b)
	s := t.Process().Space
	if _, f := s.CopyOut(hdr, b[:]); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	if uint64(len(a.Data)) > room || a.Status == std.Overflow {
		return int64(std.Overflow) // nothing is cut off
	}
	if a.Size > 0 {
		return int64(a.Size)
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
		n.ipc.header = h
		tr := &n.ipc.asks
		*tr = rpc.Transaction{Header: &n.ipc.header, Patience: t.Patience, Secure: t.Secure, Room: uint32(min(c.Args[4], maxData))}
		switch size := c.Args[2]; {
		case size > maxData:
			return int64(std.Overflow)
		case size > maxMessage:
			if t.Process().Space.Missing(c.Args[1], size) {
				return int64(std.RPCBadAddress) // the machine reads it when nobody can wait
			}
			tr.Size = uint32(size)
		default:
			var s std.Status
			if tr.Data, s = n.message(t, c.Args[1], size); s != std.OK {
				return int64(s)
			}
		}
		if c.Nr == abi.SysTransWithin {
			tr.Deadline = int64(min(max(c.Args[5], 1), maxData)) * 1e6
		}
		c.Phase = nativeWaiting
		c.Slot = x.slots.take()
		if s := n.ipc.m.Transact(n.Tab.Now, x.endpoint(), c.Slot, tr); s != rpc.Wait {
			x.slots.free(c.Slot)
			c.Slot = 0
			return int64(s)
		}
		n.perform()
	} else if c.Interrupted && c.Answer == nil && !n.Tab.HandlerRestarts(t) && t.Deliverable() != sigTrans {
		n.interruptTrans(x, c.Slot)
	}
	if a := takeAnswer(c); a != nil {
		got := deliver(t, a, c.Args[0], c.Args[3], c.Args[4])
		n.giveBack(a)
		return got
	}
	return -abi.EBLOCKED
}

// interruptTrans: a signal came. Either the call ends at once, or the server is told.
func (n *Node) interruptTrans(x *process, slot uint32) {
	if !n.ipc.m.AbortTrans(n.Tab.Now, x.endpoint(), slot) {
		n.ipc.m.Signal(n.Tab.Now, x.endpoint(), slot)
	}
	n.perform()
}

// sigTrans is SIGTRANS as a set.
const sigTrans = 1 << (abi.SIGTRANS - 1)

// clientSignalled passes the signal of a client on to the thread that serves it, as
// Amoeba's SIG_TRANS: first to the servers of the thread's own transactions, and so
// on from node to node, and then to the thread itself, if its process catches it.
// That propagation is done here, so the handler of SIGTRANS does not cause another.
func (n *Node) clientSignalled(s *rpc.Signal) {
	x, ok := s.Endpoint.Owner.(*process)
	if !ok || s.Endpoint != x.own {
		return // the kernel serves it, and is about to answer
	}
	for _, t := range x.p.Threads {
		if t.Server == 0 || t.Server != s.Slot {
			continue
		}
		pass := func(c *proc.Call) {
			if c.Active && (c.Nr == abi.SysTrans || c.Nr == abi.SysTransWithin) && c.Slot != 0 && c.Answer == nil {
				n.interruptTrans(x, c.Slot)
			}
		}
		pass(&t.Call)
		for i := range t.Below {
			pass(&t.Below[i].Call)
		}
		if x.p.Actions[abi.SIGTRANS].Handler > proc.SigIgn {
			n.Tab.SignalThread(t, proc.Info{Signo: abi.SIGTRANS, Code: proc.SiKernel})
		}
		return
	}
}

// sysTimeout sets how long the thread's transactions look for a server.
func sysTimeout(t *proc.Thread, c *proc.Call) int64 {
	was := t.Patience
	if was == 0 {
		was = rpc.PatienceDefault
	}
	t.Patience = int64(min(c.Args[0], maxData)) * 1e6
	return was / 1e6
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
		room := uint32(min(c.Args[2], maxData))
		if s := n.ipc.m.GetReqInto(n.Tab.Now, x.endpoint(), t.Server, h.Port, room); s != rpc.Wait {
			c.Slot = 0
			return int64(s)
		}
		n.perform()
	} else if c.Interrupted && c.Answer == nil && !n.Tab.HandlerRestarts(t) {
		n.ipc.m.AbortGetReq(n.Tab.Now, x.endpoint(), t.Server)
		n.perform()
	}
	if a := takeAnswer(c); a != nil {
		got := deliver(t, a, c.Args[0], c.Args[1], c.Args[2])
		if got < 0 && a.Status == std.OK {
			n.decline(x, t, std.Status(got))
		}
		n.giveBack(a)
		return got
	}
	return -abi.EBLOCKED
}

// decline answers a request that its server cannot be given: it is too long, or
// there is no such buffer.
func (n *Node) decline(x *process, t *proc.Thread, why std.Status) {
	var h std.Header
	if h.SetStatus(why); why == std.Overflow {
		n.ipc.m.PutRep(n.Tab.Now, x.endpoint(), t.Server, &h, nil)
	} else {
		n.ipc.m.ForgetServer(n.Tab.Now, x.endpoint(), t.Server)
	}
	n.perform()
}

func (n *Node) sysPutrep(t *proc.Thread, c *proc.Call) int64 {
	if c.Phase == nativeStart {
		h, ok := header(t, c.Args[0])
		if !ok {
			return int64(std.RPCBadAddress)
		}
		if t.Server == 0 {
			return int64(std.RPCBadPort)
		}
		c.Phase, c.Slot = nativeWaiting, t.Server|proc.ServerSlot
		s := n.putrep(t, c, &h)
		n.perform()
		if s != rpc.Wait {
			c.Slot = 0
			return int64(s)
		}
	}
	if a := takeAnswer(c); a != nil {
		s := a.Status
		n.giveBack(a)
		return int64(s)
	}
	return -abi.EBLOCKED
}

// putrep hands a reply to the machine, with its data or with its size.
func (n *Node) putrep(t *proc.Thread, c *proc.Call, h *std.Header) std.Status {
	x, size := of(t.Process()), c.Args[2]
	switch {
	case size > maxData:
		return std.Overflow
	case size > maxMessage:
		if t.Process().Space.Missing(c.Args[1], size) {
			return std.RPCBadAddress
		}
		return n.ipc.m.PutRepFrom(n.Tab.Now, x.endpoint(), t.Server, h, uint32(size))
	}
	data, s := n.message(t, c.Args[1], size)
	if s != std.OK {
		return s
	}
	return n.ipc.m.PutRep(n.Tab.Now, x.endpoint(), t.Server, h, data)
}

// sysForward lets another server answer what the thread's last getreq returned: any
// server of a put-port, or the one at a FLIP address.
func (n *Node) sysForward(t *proc.Thread, c *proc.Call) int64 {
	var words [2][16]byte
	for i := range words {
		if c.Args[i] == 0 {
			continue
		}
		if _, f := t.Process().Space.CopyIn(words[i][:], c.Args[i]); f != vm.OK {
			return int64(std.RPCBadAddress)
		}
	}
	if t.Server == 0 {
		return int64(std.RPCBadPort)
	}
	s := n.ipc.m.Forward(n.Tab.Now, of(t.Process()).endpoint(), t.Server, words[0], words[1])
	n.perform()
	return int64(s)
}

// served ends a getreq or a putrep.
func (n *Node) served(x *process, c *rpc.Complete) {
	n.Tab.Answered(x.p, c.Slot|proc.ServerSlot, n.answer(c))
}

// answer is the outcome of a transaction, for the call that waits for it.
func (n *Node) answer(c *rpc.Complete) (a *object.Answer) {
	if last := len(n.ipc.answers) - 1; last >= 0 {
		a = n.ipc.answers[last]
		n.ipc.answers = n.ipc.answers[:last]
	} else {
		a = new(object.Answer)
	}
	*a = object.Answer{Status: c.Status, Header: c.Header, Data: c.Data, Size: c.Size, At: n.Tab.Now}
	return a
}

// giveBack is for a call that has used its answer up and ends: the next one need not be made.
func (n *Node) giveBack(a *object.Answer) {
	if a.Data = nil; len(n.ipc.answers) < 8 {
		n.ipc.answers = append(n.ipc.answers, a)
	}
}
