package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// Memory as a debugger sees it: what a page's rights say is for the process itself.

// Peek reads memory at addr. Pages that are not there are zero, or those of their
// region's Store; nothing is made present. It reports false if some of it is away: what is
// in dst then means nothing.
func (s *Space) Peek(dst []byte, addr uint64) bool {
	for len(dst) > 0 {
		n := min(len(dst), int(pageSize-addr%pageSize))
		if _, away := s.IsAway(addr); away {
			return false
		}
		s.peek(dst[:n], addr)
		dst, addr = dst[n:], addr+uint64(n)
	}
	return true
}

// peek reads within a page that is not away.
func (s *Space) peek(dst []byte, addr uint64) {
	if addr < abi.UserTop {
		if e := s.entry(addr, false); e != nil && *e != 0 {
			copy(dst, hw.Page(frameOf(*e))[addr%pageSize:])
			return
		}
		if r, ok := s.Region(addr); ok && r.Store != nil {
			n := r.Store.ReadAt(dst, r.Off+int64(addr-r.Start))
			clear(dst[n:])
			return
		}
	}
	clear(dst)
}

// Poke writes memory at addr, whatever its rights. A page of a file is copied first. It
// reports how far it came and what stopped it.
func (s *Space) Poke(addr uint64, src []byte) (int, Fault) {
	done := 0
	for done < len(src) {
		a := addr + uint64(done)
		m, f := s.poke(a)
		if f != OK {
			return done, f
		}
		done += copy(m[a%pageSize:], src[done:])
	}
	return done, OK
}

// poke is the page at addr, made the process's own unless it is shared.
func (s *Space) poke(addr uint64) (*[pageSize]byte, Fault) {
	r, ok := s.Region(addr)
	if !ok {
		return nil, NoMap
	}
	if r.Shared && r.Store.Immutable() {
		return nil, NoAccess
	}
	page := addr &^ (pageSize - 1)
	e := s.entry(page, true)
	if e == nil {
		return nil, NoMemory
	}
	if away(*e) {
		return nil, Away
	}
	if *e == 0 {
		if f := s.fill(r, e, page, ProtWrite); f != OK {
			return nil, f
		}
	}
	if p := frameOf(*e); !r.Shared && (*e&pteStore != 0 || !exclusive(p)) {
		if f := s.copyPage(r, e, page, p); f != OK {
			return nil, f
		}
	}
	if r.Prot&ProtWrite == 0 {
		*e &^= hw.PTEWrite
	}
	if r.Prot == 0 {
		*e &^= hw.PTEUser
	}
	*e |= hw.PTEDirty
	hw.FlushPage(s.root, page)
	return hw.Page(frameOf(*e)), OK
}
