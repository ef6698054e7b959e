package node

import (
	"motile/ipc/flip"
	"motile/ipc/raw"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
)

// FLIP itself, for user programs (ipc/raw/PROTOCOL.md). A packet is 48 bytes in the
// caller's memory (raw.Packet), an address 16. The result is a number or the size of
// a message, or a negative std.Status.
//
//	flip_init()                                → interface
//	flip_end(ifno)
//	flip_register(ifno, private, flags)        → endpoint
//	flip_unregister(ifno, ep)
//	flip_unicast(ifno, packet, buf, size, ms)  ms: to find the destination in, 0: five seconds
//	flip_multicast(ifno, packet, buf, size, n)
//	flip_broadcast(ifno, packet, buf, size, hops)
//	flip_receive(ifno, packet, buf, room, ms)  → size; ms < 0: for as long as it takes
//
// A signal with a handler ends a flip_receive, unless the handler has SA_RESTART.

// longestMs bounds the times a program may name.
const longestMs = 1 << 40

func (n *Node) rawFlip(t *proc.Thread, c *proc.Call) int64 {
	x := of(t.Process())
	if x.raw == nil {
		if c.Nr != abi.SysFlipInit {
			return int64(std.FlipFail)
		}
		x.raw = n.ipc.raw.Open(x)
	}
	var number uint32
	var s std.Status
	switch ifno := ifnoOf(c); c.Nr {
	case abi.SysFlipInit:
		var i int
		i, s = n.ipc.raw.Init(x.raw)
		number = uint32(i)
	case abi.SysFlipEnd:
		s = n.ipc.raw.End(n.Tab.Now, x.raw, ifno)
	case abi.SysFlipRegister:
		number, s = n.flipRegister(x, t, c, ifno)
	case abi.SysFlipUnregister:
		s = n.ipc.raw.Unregister(n.Tab.Now, x.raw, ifno, uint32(min(c.Args[1], 1<<32-1)))
	case abi.SysFlipReceive:
		return n.flipReceive(x, t, c, ifno)
	default:
		s = n.flipSend(x, t, c, ifno)
	}
	n.perform()
	if s != std.OK {
		return int64(s)
	}
	return int64(number)
}

// ifnoOf is the interface a call names; -1 stands for all that cannot be one.
func ifnoOf(c *proc.Call) int {
	if c.Args[0] >= raw.MaxInterfaces {
		return -1
	}
	return int(c.Args[0])
}

func (n *Node) flipRegister(x *process, t *proc.Thread, c *proc.Call, ifno int) (uint32, std.Status) {
	var private flip.Address
	if _, f := t.Process().Space.CopyIn(private[:], c.Args[1]); f != vm.OK {
		return 0, std.RPCBadAddress
	}
	if c.Args[2] > uint64(raw.AsGroup) {
		return 0, std.ArgBad
	}
	return n.ipc.raw.Register(n.Tab.Now, x.raw, ifno, private, uint32(c.Args[2]))
}

// flipSend is the three ways to send. A short message is copied once, into the frame.
func (n *Node) flipSend(x *process, t *proc.Thread, c *proc.Call, ifno int) std.Status {
	var b [raw.PacketLen]byte
	if _, f := t.Process().Space.CopyIn(b[:], c.Args[1]); f != vm.OK {
		return std.RPCBadAddress
	}
	var pk raw.Packet
	pk.Get(&b)
	var short [flip.MaxHeader]byte
	var head, body []byte
	switch size := c.Args[3]; {
	case size > raw.MaxMessage:
		return std.Overflow
	case size <= uint64(len(short)):
		head = short[:size]
		if _, f := t.Process().Space.CopyIn(head, c.Args[2]); f != vm.OK {
			return std.RPCBadAddress
		}
	default:
		var s std.Status
		if body, s = n.message(t, c.Args[2], size); s != std.OK {
			return s
		}
	}
	switch last := c.Args[4]; c.Nr {
	case abi.SysFlipUnicast:
		if last > longestMs {
			return std.ArgBad
		}
		return n.ipc.raw.Unicast(n.Tab.Now, x.raw, ifno, &pk, head, body, int64(last)*1e6)
	case abi.SysFlipMulticast:
		if last > raw.MaxListeners {
			return std.ArgBad
		}
		return n.ipc.raw.Multicast(n.Tab.Now, x.raw, ifno, &pk, head, body, int(last))
	default:
		if last == 0 || last > raw.MaxHops {
			return std.ArgBad
		}
		return n.ipc.raw.Broadcast(n.Tab.Now, x.raw, ifno, &pk, head, body, int(last))
	}
}

// flipReceive takes the oldest message of an interface, or waits for one. What does
// not fit, or cannot be written to the caller's memory, stays in the queue.
func (n *Node) flipReceive(x *process, t *proc.Thread, c *proc.Call, ifno int) int64 {
	if ms := int64(c.Args[4]); c.Phase == nativeStart && ms > 0 {
		c.Deadline = n.Tab.Now + min(ms, longestMs)*1e6
	}
	pk, head, body, s := x.raw.First(ifno)
	switch {
	case s != std.FlipTimeout:
	case c.Phase == nativeStart && c.Args[4] == 0, c.Expired(n.Tab.Now):
		return int64(s)
	case c.Interrupted && !n.Tab.HandlerRestarts(t):
		return int64(std.RPCAborted)
	default:
		c.Phase = nativeWaiting
		t.WaitOn(&x.rawWaits[ifno])
		return -abi.EBLOCKED
	}
	if s != std.OK {
		return int64(s)
	}
	var b [raw.PacketLen]byte
	pk.Put(&b)
	space := t.Process().Space
	if _, f := space.CopyOut(c.Args[1], b[:]); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	size := uint64(len(head) + len(body))
	if size > c.Args[3] {
		return int64(std.Overflow)
	}
	if _, f := space.CopyOut(c.Args[2], head); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	if _, f := space.CopyOut(c.Args[2]+uint64(len(head)), body); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	x.raw.Next(ifno)
	return int64(size)
}

// delivered takes a message that is not RPC's.
func (n *Node) delivered(d *flip.Deliver) {
	if d.Proto == flip.ProtoGroup {
		n.ipc.grp.Deliver(n.Tab.Now, d)
		return
	}
	if d.Proto != flip.ProtoRaw || d.Multicast && d.Dst.IsNull() && n.gotHello(d) {
		return
	}
	n.ipc.raw.Delivered(d)
}

// notDelivered takes the news that a message that is not RPC's was given up.
func (n *Node) notDelivered(d *flip.NotDelivered) {
	switch d.Proto {
	case flip.ProtoRaw:
		n.ipc.raw.NotDelivered(d)
	case flip.ProtoGroup:
		n.ipc.grp.NotDelivered(n.Tab.Now, d)
	}
}

// wakeRaw wakes those who wait for what has come.
func (n *Node) wakeRaw() {
	m := n.ipc.raw
	for i := range m.Out {
		a := &m.Out[i]
		if x, ok := a.Process.Owner.(*process); ok {
			x.rawWaits[a.Interface].Wake(0)
		}
	}
	m.Reset()
}
