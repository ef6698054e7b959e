package node

import (
	"motile/ipc/rpc"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
)

// A process is the rpc.Memory of its endpoint: data too long for one message is
// copied from and to the buffers of the calls that wait, part by part, when the
// machine asks. The call may be suspended below a signal handler.
//
// The machine cannot wait for memory that is away (kernel/vm, away.go). It writes there all
// the same. What it may have to read is all here when the call begins (native.go), and moves
// with the frozen process, whatever else of its memory comes later: inUse says what that is.

// Load implements rpc.Memory.
func (x *process) Load(slot uint32, kind rpc.Kind, offset uint32, b []byte) bool {
	var addr, size uint64
	switch c := x.callOf(slot, kind); {
	case c == nil || kind == rpc.KindGetReq:
		return false
	default: // trans's and putrep's have the same place
		addr, size = c.Args[1], c.Args[2]
	}
	if uint64(offset)+uint64(len(b)) > size {
		return false
	}
	_, f := x.p.Space.CopyIn(b, addr+uint64(offset))
	return f == vm.OK
}

// Store implements rpc.Memory.
func (x *process) Store(slot uint32, kind rpc.Kind, offset uint32, b []byte) bool {
	var addr, room uint64
	switch c := x.callOf(slot, kind); {
	case c == nil || kind == rpc.KindPutRep:
		return false
	case kind == rpc.KindTrans:
		addr, room = c.Args[3], c.Args[4]
	default:
		addr, room = c.Args[1], c.Args[2]
	}
	if uint64(offset)+uint64(len(b)) > room {
		return false
	}
	_, f := x.p.Space.CopyOut(addr+uint64(offset), b)
	return f == vm.OK
}

// callOf finds the call that waits in a slot, if it is one of ours.
func (x *process) callOf(slot uint32, kind rpc.Kind) *proc.Call {
	if kind != rpc.KindTrans {
		slot |= proc.ServerSlot
	}
	_, c := x.p.BySlot(slot)
	if c == nil || x.p.Space == nil {
		return nil
	}
	switch {
	case kind == rpc.KindTrans && (c.Nr == abi.SysTrans || c.Nr == abi.SysTransWithin),
		kind == rpc.KindGetReq && c.Nr == abi.SysGetreq,
		kind == rpc.KindPutRep && c.Nr == abi.SysPutrep:
		return c
	}
	return nil
}

// inUse is what transactions that are under way may still read of the process's memory: the
// requests of trans and the replies of putrep that are too long for one message, as long as
// the calls wait. Each range is an address and the one behind it.
func (x *process) inUse() (ranges [][2]uint64) {
	add := func(c *proc.Call) {
		long := c.Args[2] > maxMessage && c.Args[2] <= maxData && c.Args[1] <= abi.UserTop
		if c.Active && c.Slot != 0 && c.Answer == nil && long &&
			(c.Nr == abi.SysTrans || c.Nr == abi.SysTransWithin || c.Nr == abi.SysPutrep) {
			ranges = append(ranges, [2]uint64{c.Args[1], min(c.Args[1]+c.Args[2], abi.UserTop)})
		}
	}
	for _, t := range x.p.Threads {
		add(&t.Call)
		for i := range t.Below {
			add(&t.Below[i].Call)
		}
	}
	return ranges
}

// InUse is inUse of a process of this node.
func (n *Node) InUse(p *proc.Process) [][2]uint64 { return of(p).inUse() }
