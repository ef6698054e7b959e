package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/kernel/wait"
)

// PageBytes is the size of a page.
const PageBytes = hw.PageSize

const (
	pageSize   = hw.PageSize
	minAddress = 0x10000        // nothing is mapped below: nil pointers fault
	mmapTop    = 0x7fff00000000 // mmap goes downwards from here; stacks lie above
)

// Space is an address space: regions and the page table that caches them.
type Space struct {
	root    hw.PFN // PML4; its upper half is empty
	slots   hw.Slots
	regions []Region
	users   int // threads groups that run in it: 2 between vfork and exec

	Brk, BrkStart uint64 // the heap of brk(2)

	resident int // pages mapped
	private  int // of these, not from a Store
	tables   int // page-table frames, the root included
	visited  visited

	sending  *sending            // while its pages are sent and it runs, else nil
	away     int                 // pages whose content is elsewhere
	partials map[uint64]*partial // of these, what was written since, by address
	wanted   uint64              // the page that an access of the kernel has failed for, 0: none
	waiters  wait.Queue          // for pages, whose addresses are the tags

	swept uint64 // without users: below, all pages are freed
}

// New returns an empty Space with one user, or nil when memory is short.
func New() *Space {
	root := alloc(true)
	if root == 0 {
		return nil
	}
	return &Space{root: root, users: 1, tables: 1}
}

// Retain adds a user: a child of vfork.
func (s *Space) Retain() { s.users++ }

// Release drops a user; with the last one all memory is given back, much of it by Sweep.
func (s *Space) Release() {
	if s.users--; s.users > 0 {
		return
	}
	s.deselect()
	s.remove(0, abi.UserTop)
	if !s.sweep() {
		dying = append(dying, s)
	}
}

// Shared reports whether more than one process runs in the Space.
func (s *Space) Shared() bool { return s.users > 1 }

// Users is how many processes run in the Space.
func (s *Space) Users() int { return s.users }

// Resident is the number of pages present, and how many of these are the
// process's own.
func (s *Space) Resident() (pages, private int) { return s.resident, s.private }

// Tables is the number of frames the page tables take.
func (s *Space) Tables() int { return s.tables }

// Virtual is the number of pages in all regions.
func (s *Space) Virtual() (n int) {
	for i := range s.regions {
		n += s.regions[i].Pages()
	}
	return n
}

// Map makes a region of n bytes. With fixed it replaces what is at addr; else
// addr is a hint. st may be nil: zero pages.  It takes over one use of st.
// It returns the address, or an error number.
func (s *Space) Map(addr, n uint64, r Region, fixed bool) (uint64, int) {
	n = (n + pageSize - 1) &^ (pageSize - 1)
	switch {
	case n == 0:
		return 0, abi.EINVAL
	case n > abi.UserTop:
		return 0, abi.ENOMEM
	case fixed && addr%pageSize != 0:
		return 0, abi.EINVAL
	case fixed && (addr < minAddress || addr > abi.UserTop-n):
		return 0, abi.ENOMEM
	}
	if fixed {
		s.Unmap(addr, n)
	} else {
		addr &^= pageSize - 1
		if addr < minAddress || addr > abi.UserTop-n || !s.free(addr, addr+n) {
			if addr = s.gap(n); addr == 0 {
				return 0, abi.ENOMEM
			}
		}
	}
	r.Start, r.End = addr, addr+n
	s.add(r)
	return addr, 0
}

// Place adds a region at a place that must be free. It takes over one use of the
// region's Store if it succeeds.
func (s *Space) Place(start, end uint64, r Region) bool {
	if start < minAddress || end > abi.UserTop || start >= end || !s.free(start, end) {
		return false
	}
	r.Start, r.End = start, end
	s.add(r)
	return true
}

// Unmap removes [addr, addr+n), which need not be mapped.
func (s *Space) Unmap(addr, n uint64) int {
	n = (n + pageSize - 1) &^ (pageSize - 1)
	if addr%pageSize != 0 || n == 0 || addr > abi.UserTop || n > abi.UserTop-addr {
		return abi.EINVAL
	}
	s.split(addr)
	s.split(addr + n)
	s.unmapPages(addr, addr+n)
	s.remove(addr, addr+n)
	return 0
}

// Protect changes the rights of [addr, addr+n), all of which must be mapped.
func (s *Space) Protect(addr, n uint64, prot uint8) int {
	if addr%pageSize != 0 {
		return abi.EINVAL
	}
	if addr > abi.UserTop || n > abi.UserTop-addr {
		return abi.ENOMEM
	}
	n = (n + pageSize - 1) &^ (pageSize - 1)
	end := addr + n
	for at := addr; at < end; {
		r, ok := s.Region(at)
		if !ok {
			return abi.ENOMEM
		}
		at = r.End
	}
	s.split(addr)
	s.split(end)
	for i := s.find(addr); i < len(s.regions) && s.regions[i].Start < end; i++ {
		s.regions[i].Prot = prot
	}
	s.protectPages(addr, end, prot)
	for i := s.find(end); i >= max(s.find(addr), 1)-1; i-- { // downwards: a joined one may join again
		s.join(i)
	}
	return 0
}

// Discard makes the pages of [addr, addr+n) fresh again: madvise(MADV_DONTNEED).
func (s *Space) Discard(addr, n uint64) int {
	n = (n + pageSize - 1) &^ (pageSize - 1)
	if addr%pageSize != 0 || addr > abi.UserTop || n > abi.UserTop-addr {
		return abi.EINVAL
	}
	s.unmapPages(addr, addr+n)
	for at := addr; at < addr+n; {
		r, ok := s.Region(at)
		if !ok {
			return abi.ENOMEM // the rest is done all the same
		}
		at = r.End
	}
	return 0
}

// SetFork says what a child gets of [addr, addr+n): madvise(MADV_WIPEONFORK) and the
// like. Only private memory without a file can be wiped.
func (s *Space) SetFork(addr, n uint64, mode ForkMode) (errno int) {
	n = pageUp(n)
	if addr%pageSize != 0 || addr > abi.UserTop || n > abi.UserTop-addr {
		return abi.EINVAL
	}
	end := addr + n
	for at := addr; at < end; {
		i := s.find(at)
		if i == len(s.regions) || s.regions[i].Start >= end {
			return abi.ENOMEM
		}
		if s.regions[i].Start > at {
			errno = abi.ENOMEM // the rest is done all the same
			at = s.regions[i].Start
		}
		if r := &s.regions[i]; mode == ForkWipe && (r.Store != nil || r.Shared) {
			return abi.EINVAL
		}
		s.split(at)
		s.split(min(end, s.regions[s.find(at)].End))
		i = s.find(at)
		s.regions[i].Fork = mode
		at = s.regions[i].End
	}
	for i := s.find(end); i >= max(s.find(addr), 1)-1; i-- {
		s.join(i)
	}
	return errno
}

// Remap is mremap(2): shrink, grow in place, or (mayMove, or fixed to a place) move.
func (s *Space) Remap(addr, oldLen, newLen, to uint64, mayMove, fixed bool) (uint64, int) {
	oldLen = (oldLen + pageSize - 1) &^ (pageSize - 1)
	newLen = (newLen + pageSize - 1) &^ (pageSize - 1)
	r, ok := s.Region(addr)
	switch {
	case addr%pageSize != 0 || newLen == 0 || oldLen == 0 || fixed && (!mayMove || to%pageSize != 0):
		return 0, abi.EINVAL
	case !ok || addr+oldLen < addr:
		return 0, abi.EFAULT
	case newLen > abi.UserTop || fixed && to > abi.UserTop-newLen:
		return 0, abi.ENOMEM
	case fixed && to < addr+oldLen && addr < to+newLen:
		return 0, abi.EINVAL
	case newLen <= oldLen && !fixed:
		if newLen < oldLen {
			s.Unmap(addr+newLen, oldLen-newLen)
		}
		return addr, 0
	case addr+oldLen > r.End:
		return 0, abi.EFAULT
	}
	end := addr + oldLen
	if !fixed && end == r.End && newLen <= abi.UserTop-addr && s.free(end, addr+newLen) {
		grown := *r
		grown.Start, grown.End = end, addr+newLen
		grown.Off += int64(end - r.Start)
		if grown.Store != nil {
			grown.Store.Retain()
		}
		s.add(grown)
		return addr, 0
	}
	if !mayMove {
		return 0, abi.ENOMEM
	}
	moved := *r
	moved.Off += int64(addr - r.Start)
	if moved.Store != nil {
		moved.Store.Retain()
	}
	at, errno := s.Map(to, newLen, moved, fixed)
	if errno != 0 {
		moved.drop()
		return 0, errno
	}
	if errno := s.movePages(addr, at, min(oldLen, newLen)); errno != 0 {
		s.movePages(at, addr, min(oldLen, newLen)) // what has gone comes back: there the tables are
		s.Unmap(at, newLen)
		return 0, errno
	}
	s.Unmap(addr, oldLen)
	return at, 0
}

// SetBrk is brk(2): it returns the new end of the heap, the old one if it
// cannot be as asked.
func (s *Space) SetBrk(to, limit uint64) uint64 {
	if to < s.BrkStart || to > abi.UserTop || to-s.BrkStart > limit {
		return s.Brk
	}
	old, end := pageUp(s.Brk), pageUp(to)
	switch {
	case end > old:
		if !s.free(old, end) {
			return s.Brk
		}
		s.add(Region{Start: old, End: end, Prot: ProtRead | ProtWrite})
	case end < old:
		s.Unmap(end, old-end)
	}
	s.Brk = to
	return to
}

func pageUp(a uint64) uint64 { return (a + pageSize - 1) &^ (pageSize - 1) }

// Unused reports whether nothing is mapped in [addr, addr+n).
func (s *Space) Unused(addr, n uint64) bool { return s.free(addr, addr+pageUp(n)) }
