package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// Page-table entries of user pages.
const (
	pteStore = hw.PTESoft0 // the frame is a Store's: the page equals its file
	pteAway  = hw.PTESoft1 // of an entry that is not present: see away.go
	pteSent  = hw.PTESoft2 // a move's target has it as it was when the dirty bit was cleared (dirty.go)

	tableFlags = hw.PTEPresent | hw.PTEWrite | hw.PTEUser
	leafFlags  = hw.PTEPresent | hw.PTEUser
)

func frameOf(e uint64) hw.PFN { return hw.PFN(e & hw.PTEAddr >> 12) }

// entry returns the page-table entry of addr, or nil. With create it makes the
// tables on the way; nil then means that memory is short.
func (s *Space) entry(addr uint64, create bool) *uint64 {
	t := s.leaf(addr, create)
	if t == nil {
		return nil
	}
	return &t[addr>>12&511]
}

// leaf returns the lowest table of addr, whose entries are of pages; likewise.
func (s *Space) leaf(addr uint64, create bool) *[512]uint64 {
	t := hw.Table(s.root)
	for shift := uint(39); shift > 12; shift -= 9 {
		e := &t[addr>>shift&511]
		if *e == 0 {
			if !create {
				return nil
			}
			p := alloc(true)
			if p == 0 {
				return nil
			}
			s.tables++
			if shift == 39 {
				i := int(addr >> 39)
				s.slots.Add(i)
				hw.SetSlot(s.root, i, p.Address()|tableFlags)
			} else {
				*e = p.Address() | tableFlags
			}
		}
		t = hw.Table(frameOf(*e))
	}
	return t
}

// each calls f for every present page of [start, end), in order.
func (s *Space) each(start, end uint64, f func(addr uint64, e *uint64)) {
	s.walk(start, end, func(addr uint64, e *uint64) bool {
		if *e&hw.PTEPresent != 0 {
			f(addr, e)
		}
		return true
	})
}

// walk calls f for every page of [start, end) that is present or away, in order, skipping
// what has no tables, until f returns false.
func (s *Space) walk(start, end uint64, f func(addr uint64, e *uint64) bool) {
	for t, addr := s.leafFrom(start, end); t != nil; t, addr = s.leafFrom(addr, end) {
		for i := addr >> 12 & 511; i < 512 && addr < end; i++ {
			if t[i] != 0 && !f(addr, &t[i]) {
				return
			}
			addr += pageSize
		}
	}
}

// leafFrom returns the first lowest table that has entries of [addr, end), and of which address
// the first of these is; nil if there is none.
func (s *Space) leafFrom(addr, end uint64) (leaf *[512]uint64, at uint64) {
	for addr < end {
		t := hw.Table(s.root)
		shift := uint(39)
		for ; shift > 12; shift -= 9 {
			e := t[addr>>shift&511]
			if e == 0 {
				break
			}
			t = hw.Table(frameOf(e))
		}
		if shift == 12 {
			return t, addr
		}
		addr = (addr>>shift + 1) << shift
	}
	return nil, end
}

// set installs a page. It takes over one use of p.
func (s *Space) set(e *uint64, addr uint64, p hw.PFN, flags uint64) {
	if away(*e) {
		s.unmark(e, addr)
	}
	if *e == 0 {
		s.resident++
		s.visited.stir()
	} else {
		if *e&pteStore == 0 {
			s.private--
		}
		s.forget(addr, *e)
		release(frameOf(*e))
		hw.FlushPage(s.root, addr)
	}
	if flags&pteStore == 0 {
		s.private++
	}
	*e = p.Address() | leafFlags | flags
}

// unmapPages drops the pages of [start, end), and the tables that held only them.
func (s *Space) unmapPages(start, end uint64) {
	n, marks := 0, 0
	s.walk(start, end, func(addr uint64, e *uint64) bool {
		if !s.drop(e, addr) {
			marks++
			return true
		}
		if n++; n <= flushLimit {
			hw.FlushPage(s.root, addr)
		}
		return true
	})
	if n > flushLimit {
		hw.FlushAll(s.root)
	}
	s.visited.stir()
	const span = 2 << 20
	if n+marks > 0 && end-start >= span {
		s.freeLeaves((start+span-1)&^(span-1), end&^(span-1))
	}
}

// drop takes the page of an entry from the Space. It reports false if it was away: the mark is gone
// then. The CPU may still know the page.
func (s *Space) drop(e *uint64, addr uint64) (present bool) {
	if away(*e) {
		s.unmark(e, addr)
		return false
	}
	if *e&pteStore == 0 {
		s.private--
	}
	s.forget(addr, *e)
	release(frameOf(*e))
	*e = 0
	s.resident--
	return true
}

// flushLimit is up to how many pages are flushed one by one.
const flushLimit = 32

// freeLeaves frees the lowest-level tables of [start, end), which map nothing now.
// Higher tables are few and stay until the Space goes.
func (s *Space) freeLeaves(start, end uint64) {
	for addr := start; addr < end; {
		t := hw.Table(s.root)
		shift := uint(39)
		for ; shift > 21; shift -= 9 {
			e := t[addr>>shift&511]
			if e == 0 {
				break
			}
			t = hw.Table(frameOf(e))
		}
		if e := &t[addr>>shift&511]; shift == 21 && *e != 0 {
			release(frameOf(*e))
			s.tables--
			*e = 0
		}
		addr = (addr>>shift + 1) << shift
	}
	hw.FlushAll(s.root)
}

// freeTables frees every table below t; the pages are gone already.
func (s *Space) freeTables(t *[512]uint64, shift uint, n int) {
	for i := range n {
		if t[i] == 0 {
			continue
		}
		p := frameOf(t[i])
		if shift > 21 {
			s.freeTables(hw.Table(p), shift-9, 512)
		}
		release(p)
		s.tables--
		t[i] = 0
	}
}

// protectPages takes rights away from the present pages of [start, end). Rights
// that were added are found by the next fault.
func (s *Space) protectPages(start, end uint64, prot uint8) {
	n := 0
	s.each(start, end, func(addr uint64, e *uint64) {
		was := *e
		if prot&ProtWrite == 0 {
			*e &^= hw.PTEWrite
		}
		if prot&(ProtRead|ProtWrite|ProtExec) == 0 {
			*e &^= hw.PTEUser
		} else {
			*e |= hw.PTEUser
		}
		if prot&ProtExec == 0 {
			*e |= hw.PTENX
		} else {
			*e &^= hw.PTENX
		}
		if *e != was {
			if n++; n <= flushLimit {
				hw.FlushPage(s.root, addr)
			}
		}
	})
	if n > flushLimit {
		hw.FlushAll(s.root)
	}
}

// movePages moves the page-table entries of [from, from+n) to another place.
func (s *Space) movePages(from, to, n uint64) int {
	errno := 0
	s.walk(from, from+n, func(addr uint64, e *uint64) bool {
		dst := s.entry(to+addr-from, true)
		if dst == nil {
			errno = abi.ENOMEM
			return true
		}
		if away(*e) {
			s.moved(addr, to+addr-from)
		}
		s.forget(addr, *e)
		*dst, *e = *e&^pteSent, 0
		return true
	})
	s.visited.stir()
	hw.FlushAll(s.root)
	return errno
}
