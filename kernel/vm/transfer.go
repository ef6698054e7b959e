package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// What migration needs of memory: to read a frozen Space page by page, and to
// build one the same way.

// PageRef is a present page.
type PageRef struct {
	Addr  uint64
	Frame hw.PFN
	Store bool // the frame is a Store's: the page equals its file, or is shared
	Many  bool // somebody else has the frame too: relatives that share it until one writes
	Sent  bool // a page was sent from there before
	Dirty bool // it was written since it came to this node
}

// PagesFrom fills buf with the present pages from addr on, in order, and returns
// how many there were and where to go on; next is 0 when there are no more.
func (s *Space) PagesFrom(addr uint64, buf []PageRef) (n int, next uint64) {
	next = s.scan(addr, 0, 1, func(addr uint64, e *uint64) bool {
		if n == len(buf) {
			return false
		}
		buf[n] = PageRef{Addr: addr, Frame: frameOf(*e), Store: *e&pteStore != 0, Many: !exclusive(frameOf(*e)), Dirty: *e&hw.PTEDirty != 0}
		n++
		return true
	})
	return n, next
}

// RunFrom is the private pages from addr on, below end, up to the first that is not there; if
// clean is set, up to the first that was written since it came to this node.
func (s *Space) RunFrom(addr, end uint64, clean bool) Run {
	mask := uint64(hw.PTEPresent | pteStore)
	if clean {
		mask |= hw.PTEDirty
	}
	run := Run{Addr: addr}
	for left := (max(addr, end) - addr) / pageSize; left > 0; {
		t := s.leaf(run.End(), false)
		if t == nil {
			break
		}
		i := run.End() >> 12 & 511
		entries := t[i:min(512, i+left)]
		for n, e := range entries {
			if e&mask != hw.PTEPresent {
				run.Pages += n
				return run
			}
		}
		run.Pages += len(entries)
		left -= uint64(len(entries))
	}
	return run
}

// Install makes a private page at addr and returns its memory, to be filled; nil
// when memory is short. Its rights come with Settle, when the regions are known.
func (s *Space) Install(addr uint64) *[pageSize]byte {
	if !installable(addr) {
		return nil
	}
	e := s.entry(addr, true)
	if e == nil {
		return nil
	}
	if *e&hw.PTEPresent != 0 && *e&pteStore == 0 && exclusive(frameOf(*e)) {
		return hw.Page(frameOf(*e)) // it comes again
	}
	p := alloc(false)
	if p == 0 {
		return nil
	}
	s.set(e, addr, p, hw.PTENX)
	return hw.Page(p)
}

// Uninstall takes pages away that were installed and are no longer what the process has.
func (s *Space) Uninstall(r Run) {
	if installable(r.Addr) && r.Pages > 0 && uint64(r.Pages) <= (abi.UserTop-r.Addr)/pageSize {
		s.unmapPages(r.Addr, r.Addr+uint64(r.Pages)*pageSize)
	}
}

// installable reports whether a private page may be at addr.
func installable(addr uint64) bool {
	return addr%pageSize == 0 && addr >= minAddress && addr < abi.UserTop
}

// ShareFrom makes the private page at addr the one that another Space has at an address:
// whoever writes first copies it. It reports false when there is none, or when memory is
// short.
func (s *Space) ShareFrom(addr uint64, from *Space, at uint64) bool {
	if !installable(at) {
		return false
	}
	e := from.entry(at, false)
	if e == nil || *e&hw.PTEPresent == 0 || !s.Share(addr, frameOf(*e)) {
		return false
	}
	*from.entry(at, false) &^= hw.PTEWrite
	return true
}

// Distinct is how many private pages the Spaces have, those that several share counted
// once.
func Distinct(spaces []*Space) (n int) {
	seen := make([]uint64, len(refs)/64+1)
	for _, s := range spaces {
		s.each(0, abi.UserTop, func(_ uint64, e *uint64) {
			p := frameOf(*e)
			if *e&pteStore != 0 {
				return
			}
			if int(p) < len(refs) {
				if seen[p/64]&(1<<(p%64)) != 0 {
					return
				}
				seen[p/64] |= 1 << (p % 64)
			}
			n++
		})
	}
	return n
}

// Settle gives installed and shared pages the rights of their regions. It reports false when
// a page, here or away, lies in no region for it.
func (s *Space) Settle() bool {
	var r *Region
	var start, end uint64 // of it
	for t, addr := s.leafFrom(0, abi.UserTop); t != nil; t, addr = s.leafFrom(addr, abi.UserTop) {
		for i := addr >> 12 & 511; i < 512; i, addr = i+1, addr+pageSize {
			e := t[i]
			if e == 0 {
				continue
			}
			if addr < start || addr >= end {
				var ok bool
				if r, ok = s.Region(addr); !ok || r.Shared {
					return false
				}
				start, end = r.Start, r.End
			}
			if !away(e) {
				t[i] = e&hw.PTEAddr | r.grant(frameOf(e))
			}
		}
	}
	return true
}

// grant is the flags of a private page with frame p in r.
func (r *Region) grant(p hw.PFN) uint64 {
	flags := leafFlags | rights(r)
	if r.Prot&ProtWrite != 0 && exclusive(p) {
		flags |= hw.PTEWrite
	}
	if r.Prot == 0 {
		flags &^= hw.PTEUser
	}
	return flags
}

// NextPage returns the first page of a Store from i on that is in memory, and its
// frame; 0 if there is none.
func (s *Store) NextPage(i int) (page int, frame hw.PFN) { return s.frames.next(i) }

// Install makes page i of a writable Store and returns its memory; nil when memory
// is short or the page is beyond the end.
func (s *Store) Install(i int) *[pageSize]byte {
	if s.Immutable() || int64(i)*pageSize >= s.size {
		return nil
	}
	p := s.page(i, true)
	if p == 0 {
		return nil
	}
	return hw.Page(p)
}
