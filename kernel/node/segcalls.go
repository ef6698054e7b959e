package node

import (
	"encoding/binary"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
)

// Amoeba's calls on segments. A segment that is mapped is known by its address and
// length; its pages are the process's own, and whoever else has the segment does not see
// what is written to them.
//
//	seg_create(bytes, cap)                a new segment of this node, of zeros
//	seg_map(cap, address, bytes, prot)    the contents of a segment of any node, at an
//	                                      address, 0: anywhere; 0 bytes: all of it;
//	                                      prot as in mmap(2)                → address
//	seg_grow(address, bytes, bytes)       to another length, zeros behind what was there
//	seg_unmap(address, bytes, cap)        unless cap is null, what is there, the process's
//	                                      own memory, becomes a segment of this node
//	getinfo(cap, regions, max)            the process's own capability, and its segments,
//	                                      24 bytes each: start, end, prot and flags (bit 0
//	                                      shared, 1 a stack, 2 a file's) → how many there
//	                                      are, of which it writes the first max
//
// Capabilities are 44 bytes in the caller's memory. The result is a number, or a negative
// std.Status.
//
// seg_map reads the segment piece by piece, as Bullet READ, and the process can move
// between any two steps of that: how far it has come is in the record, what has come is
// memory of the process, and the READ is a transaction of its own. In Amoeba the kernel
// does so too, but a thread that waits for it is on a kernel stack.

// What is in the record of a seg_map: Aux[0] is the address, Aux[1] the length, Done what
// has come.
const (
	segStart   = iota
	segSizing  // its size is asked for
	segReading // its pages are
)

// segPiece is what one READ asks for.
const segPiece = 128 << 10

func (n *Node) segCall(t *proc.Thread, c *proc.Call) int64 {
	switch c.Nr {
	case abi.SysSegCreate:
		return n.segCreate(t, c)
	case abi.SysSegMap:
		return n.segMap(t, c)
	case abi.SysSegGrow:
		return n.segGrow(t, c)
	case abi.SysSegUnmap:
		return n.segUnmap(t, c)
	}
	return n.getinfo(t, c)
}

func getCapability(t *proc.Thread, addr uint64) (capability.Capability, bool) {
	var b [capability.EncodedLen]byte
	_, f := t.Process().Space.CopyIn(b[:], addr)
	c, _ := capability.Decode(b[:])
	return c, f == vm.OK
}

func putCapability(t *proc.Thread, addr uint64, c capability.Capability) std.Status {
	if _, f := t.Process().Space.CopyOut(addr, c.Append(nil)); f != vm.OK {
		return std.RPCBadAddress
	}
	return std.OK
}

// segFault is what a failed mapping comes to.
func segFault(errno int) int64 {
	switch errno {
	case 0:
		return 0
	case abi.ENOMEM:
		return int64(std.NoMem)
	case abi.EEXIST:
		return int64(std.Exists)
	}
	return int64(std.ArgBad)
}

func (n *Node) segMap(t *proc.Thread, c *proc.Call) int64 {
	segment, ok := getCapability(t, c.Args[0])
	switch {
	case !ok:
		if _, wanted := t.Process().Space.Wanted(); wanted {
			return int64(std.RPCBadAddress) // it goes on
		}
		return n.segFailed(t, c, std.RPCBadAddress)
	case c.Phase == segStart && (c.Args[3] == 0 || c.Args[3] > 7):
		return int64(std.ArgBad)
	case c.Phase == segStart && c.Args[2] != 0:
		if r := n.segReserve(t, c, c.Args[2]); r < 0 {
			return r
		}
	case c.Phase == segStart:
		c.Phase = segSizing
	}
	for {
		if a := takeAnswer(c); a != nil {
			s := a.Status
			if s == std.OK {
				s = a.Header.Status()
			}
			switch {
			case s != std.OK:
				return n.segFailed(t, c, s)
			case c.Phase == segSizing:
				if r := n.segReserve(t, c, a.Header.Offset); r < 0 {
					return r
				}
			default:
				if done, s := n.segTake(t, c, a.Data); done || s != std.OK {
					return n.segMapped(t, c, s)
				}
			}
		}
		if c.Slot != 0 {
			return -abi.EBLOCKED
		}
		h := &std.Header{Command: std.BulletSize}
		if c.Phase == segReading {
			h.Command, h.Offset, h.Size = std.BulletRead, c.Done, uint32(min(c.Aux[1]-c.Done, segPiece))
		}
		h.SetCapability(segment)
		n.linkOf(t).Ask(flip.Address{}, h, nil)
	}
}

// segReserve gives the process the memory.
func (n *Node) segReserve(t *proc.Thread, c *proc.Call, bytes uint64) int64 {
	if bytes == 0 {
		return int64(std.ArgBad)
	}
	at, errno := n.K.MapMemory(t.Process(), c.Args[1], bytes)
	if errno != 0 {
		return segFault(errno)
	}
	c.Phase, c.Aux[0], c.Aux[1], c.Done = segReading, at, bytes, 0
	return 0
}

// segTake takes what has come, and reports whether that was all.
func (n *Node) segTake(t *proc.Thread, c *proc.Call, data []byte) (done bool, s std.Status) {
	asked := min(c.Aux[1]-min(c.Done, c.Aux[1]), segPiece)
	if uint64(len(data)) > asked {
		return false, std.Overflow
	}
	switch _, f := t.Process().Space.CopyOut(c.Aux[0]+c.Done, data); f {
	case vm.OK:
	case vm.NoMemory:
		return false, std.NoMem
	default:
		return false, std.RPCBadAddress // another thread has unmapped it
	}
	c.Done += uint64(len(data))
	return uint64(len(data)) < asked || c.Done == c.Aux[1], std.OK
}

// segMapped ends a seg_map: all has come, or something went wrong.
func (n *Node) segMapped(t *proc.Thread, c *proc.Call, s std.Status) int64 {
	if s != std.OK {
		return n.segFailed(t, c, s)
	}
	if errno := t.Process().Space.Protect(c.Aux[0], c.Aux[1], uint8(c.Args[3])); errno != 0 {
		return segFault(errno)
	}
	return int64(c.Aux[0])
}

// segFailed ends it, and there is nothing at that address.
func (n *Node) segFailed(t *proc.Thread, c *proc.Call, s std.Status) int64 {
	if c.Phase == segReading {
		t.Process().Space.Unmap(c.Aux[0], c.Aux[1])
	}
	return int64(s)
}

func (n *Node) segCreate(t *proc.Thread, c *proc.Call) int64 {
	if c.Args[0] == 0 || c.Args[0] > maxSegment {
		return int64(std.ArgBad)
	}
	return int64(n.segGive(t, c.Args[1], vm.NewStore(), c.Args[0]))
}

// segGive makes a segment of the node that the caller has the capability of.
func (n *Node) segGive(t *proc.Thread, addr uint64, store *vm.Store, size uint64) std.Status {
	s := &segment{size: size, store: store}
	store.SetSize(int64(size))
	if !n.addSegment(s) {
		store.Release()
		return std.NoSpace
	}
	st := putCapability(t, addr, n.segmentCap(s))
	if st != std.OK {
		n.dropSegment(s)
	}
	return st
}

func (n *Node) segUnmap(t *proc.Thread, c *proc.Call) int64 {
	s, at, size := t.Process().Space, c.Args[0], c.Args[1]
	switch {
	case at%vm.PageBytes != 0 || size == 0 || at > abi.UserTop || size > abi.UserTop-at:
		return int64(std.ArgBad)
	case n.K.Roomy(t.Process(), 0) != 0 && s.Splits(at, size):
		return int64(std.NoMem)
	}
	if c.Args[2] != 0 {
		store, st := n.segCopy(s, at, size)
		if st == std.OK {
			st = n.segGive(t, c.Args[2], store, size)
		}
		if st != std.OK {
			return int64(st)
		}
	}
	return segFault(s.Unmap(at, size))
}

// segCopy makes memory of a process the contents of a segment. The part of the node's
// memory that SEG_WRITE leaves free is left free here too.
func (n *Node) segCopy(s *vm.Space, at, size uint64) (*vm.Store, std.Status) {
	if r, ok := s.Region(at); !ok || r.Store != nil || r.End-at < size {
		return nil, std.NotFound // no such segment
	}
	if s.Missing(at, size) {
		return nil, std.RPCBadAddress
	}
	store := vm.NewStore()
	store.SetSize(int64(size+vm.PageBytes-1) &^ (vm.PageBytes - 1))
	var refs [64]vm.PageRef
	for from := at; ; {
		got, next := s.PagesFrom(from, refs[:])
		for _, ref := range refs[:got] {
			if ref.Addr >= at+size {
				return store, std.OK
			}
			var page *[vm.PageBytes]byte
			if n.K.FreePages() >= n.K.TotalPages()/segmentReserve {
				page = store.Install(int((ref.Addr - at) / vm.PageBytes))
			}
			if page == nil {
				store.Release()
				return nil, std.NoMem
			}
			s.Peek(page[:], ref.Addr)
		}
		if from = next; next == 0 || next >= at+size {
			return store, std.OK
		}
	}
}

func (n *Node) segGrow(t *proc.Thread, c *proc.Call) int64 {
	at, was, is := c.Args[0], c.Args[1], c.Args[2]
	s := t.Process().Space
	r, ok := s.Region(at)
	switch {
	case was == 0 || is == 0 || at%vm.PageBytes != 0:
		return int64(std.ArgBad)
	case !ok || r.Store != nil || r.End-at < was:
		return int64(std.NotFound) // no such segment
	}
	if is > was {
		if errno := n.K.Roomy(t.Process(), is-was); errno != 0 {
			return segFault(errno)
		}
	}
	_, errno := s.Remap(at, was, is, 0, false, false)
	if errno == abi.ENOMEM {
		return int64(std.NoSpace) // something else is there
	}
	return segFault(errno)
}

// getinfo tells a process what it is.
func (n *Node) getinfo(t *proc.Thread, c *proc.Call) int64 {
	x, regions := of(t.Process()), t.Process().Space.Regions()
	if c.Args[0] != 0 {
		if s := putCapability(t, c.Args[0], x.capability()); s != std.OK {
			return int64(s)
		}
	}
	var b []byte
	for i := range regions[:min(uint64(len(regions)), c.Args[2])] {
		r, flags := &regions[i], uint32(0)
		for k, on := range []bool{r.Shared, r.Stack, r.Store != nil && r.Store.Immutable()} {
			if on {
				flags |= 1 << k
			}
		}
		b = binary.LittleEndian.AppendUint64(b, r.Start)
		b = binary.LittleEndian.AppendUint64(b, r.End)
		b = binary.LittleEndian.AppendUint32(b, uint32(r.Prot))
		b = binary.LittleEndian.AppendUint32(b, flags)
	}
	if _, f := t.Process().Space.CopyOut(c.Args[1], b); f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	return int64(len(regions))
}
