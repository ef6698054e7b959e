package vm

import "motile/kernel/hw"

// Fault is what a page fault comes to.
type Fault uint8

const (
	OK        Fault = iota
	NoMap           // nothing is mapped there: SIGSEGV, SEGV_MAPERR
	NoAccess        // the region forbids it: SIGSEGV, SEGV_ACCERR
	BeyondEnd       // a page wholly beyond the end of its file: SIGBUS
	NoMemory        // user memory is used up
	Away            // the page's content is elsewhere: see away.go
)

// stackMax is how far a stack region grows.
const stackMax = 8 << 20

// Touch makes the page of addr present for the given access (Prot bits), as the
// page fault handler does: zero or file pages on demand, copies on write.
func (s *Space) Touch(addr uint64, access uint8) Fault {
	i := s.find(addr)
	if i == len(s.regions) {
		return NoMap
	}
	r := &s.regions[i]
	if addr < r.Start {
		if !r.Stack || !s.growStack(i, addr) {
			return NoMap
		}
	}
	if !allows(r.Prot, access) {
		return NoAccess
	}
	page := addr &^ (pageSize - 1)
	e := s.entry(page, true)
	if e == nil {
		return NoMemory
	}
	switch {
	case *e == 0:
		return s.fill(r, e, page, access)
	case away(*e):
		return Away
	}
	return s.upgrade(r, e, page, access)
}

// allows: x86 has no write-only pages, so write implies read.
func allows(prot, access uint8) bool {
	if prot&ProtWrite != 0 {
		prot |= ProtRead
	}
	return prot&access == access
}

func (s *Space) growStack(i int, addr uint64) bool {
	r := &s.regions[i]
	start := addr &^ (pageSize - 1)
	const guard = 16 * pageSize
	if r.End-start > stackMax || i > 0 && s.regions[i-1].End+guard > start {
		return false
	}
	r.Start = start
	return true
}

func rights(r *Region) (flags uint64) {
	if r.Prot&ProtExec == 0 {
		flags = hw.PTENX
	}
	return flags
}

// fill maps an absent page.
func (s *Space) fill(r *Region, e *uint64, page uint64, access uint8) Fault {
	if r.Store == nil {
		return s.fillZero(r, e, page)
	}
	index := int((r.Off + int64(page-r.Start)) / pageSize)
	if index < 0 || int64(index)*pageSize >= r.Store.Size() {
		return BeyondEnd
	}
	write := access&ProtWrite != 0
	p := r.Store.page(index, write && r.Shared)
	if p == 0 {
		return NoMemory
	}
	switch {
	case r.Shared:
		retain(p)
		flags := rights(r) | pteStore
		if r.Prot&ProtWrite != 0 {
			flags |= hw.PTEWrite
		}
		s.set(e, page, p, flags)
	case write:
		return s.copyPage(r, e, page, p)
	default:
		retain(p)
		s.set(e, page, p, rights(r)|pteStore)
		s.faultAround(r, page, index)
	}
	return OK
}

// zeroAround is how many pages a fault maps ahead in memory that grows upwards:
// a fault costs several microseconds, a page a fraction of one.
const zeroAround = 4

func (s *Space) fillZero(r *Region, e *uint64, page uint64) Fault {
	flags := rights(r)
	if r.Prot&ProtWrite != 0 {
		flags |= hw.PTEWrite
	}
	p := alloc(true)
	if p == 0 {
		return NoMemory
	}
	s.set(e, page, p, flags)
	prev := s.entry(page-pageSize, false)
	if page == r.Start || prev == nil || *prev == 0 {
		return OK // not growing
	}
	for a := page + pageSize; a < min(r.End, page+zeroAround*pageSize); a += pageSize {
		n := s.entry(a, false)
		if n == nil || *n != 0 {
			break
		}
		if p = alloc(true); p == 0 {
			break
		}
		s.set(n, a, p, flags)
	}
	return OK
}

// fileAround is the aligned block of file pages mapped by one read fault.
const fileAround = 16

func (s *Space) faultAround(r *Region, page uint64, index int) {
	first := page - uint64(index%fileAround)*pageSize
	for a := first; a < first+fileAround*pageSize; a += pageSize {
		if a < r.Start || a >= r.End || a == page {
			continue
		}
		i := int((r.Off + int64(a-r.Start)) / pageSize)
		if i < 0 || int64(i)*pageSize >= r.Store.Size() {
			return
		}
		e := s.entry(a, false)
		if e == nil || *e != 0 {
			continue
		}
		p := r.Store.page(i, false)
		if p == 0 {
			return
		}
		retain(p)
		s.set(e, a, p, rights(r)|pteStore)
	}
}

// upgrade gives a present page the access the region allows and it lacks.
func (s *Space) upgrade(r *Region, e *uint64, page uint64, access uint8) Fault {
	if access&ProtWrite != 0 && *e&hw.PTEWrite == 0 {
		p := frameOf(*e)
		switch {
		case r.Shared:
			*e |= hw.PTEWrite
		case *e&pteStore == 0 && exclusive(p):
			*e |= hw.PTEWrite
		default:
			return s.copyPage(r, e, page, p)
		}
	}
	*e = *e&^hw.PTENX | hw.PTEUser | rights(r)
	hw.FlushPage(s.root, page)
	return OK
}

// copyPage gives a private region its own, writable copy of p.
func (s *Space) copyPage(r *Region, e *uint64, page uint64, p hw.PFN) Fault {
	q := alloc(false)
	if q == 0 {
		return NoMemory
	}
	*hw.Page(q) = *hw.Page(p)
	s.set(e, page, q, rights(r)|hw.PTEWrite)
	return OK
}
