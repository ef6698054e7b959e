package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// Leave is what Use does to the Space that was selected before.
func (s *Space) Leave() bool { return s.leave() }

// Visit sets the accessed bit of the page at addr, as the CPU does; false: it is not there.
func (s *Space) Visit(addr uint64) bool {
	e := s.entry(addr, false)
	if e == nil || *e&hw.PTEPresent == 0 {
		return false
	}
	*e |= hw.PTEAccessed
	return true
}

// Visited counts the pages whose accessed bit is set.
func (s *Space) Visited() (n int) {
	s.each(0, abi.UserTop, func(_ uint64, e *uint64) {
		if *e&hw.PTEAccessed != 0 {
			n++
		}
	})
	return n
}

// Stale reports whether what is listed lies in tables that the Space does not have.
func (s *Space) Stale() bool {
	for _, r := range s.visited.runs {
		if t := s.leaf(r.addr, false); t == nil || &t[r.addr>>12&511] != &r.of[0] {
			return true
		}
	}
	return false
}
