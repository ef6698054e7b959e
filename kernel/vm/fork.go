package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// Fork returns a copy of the Space: private pages are shared until one side
// writes, shared regions stay shared, and what madvise said of regions is heeded. nil when
// memory is short, or away: a page has one origin, and comes to one Space.
func (s *Space) Fork() *Space {
	if s.away > 0 {
		return nil
	}
	c := New()
	if c == nil {
		return nil
	}
	c.Brk, c.BrkStart = s.Brk, s.BrkStart
	c.regions = make([]Region, 0, len(s.regions)+4)
	for _, r := range s.regions {
		if r.Fork == ForkNone {
			continue
		}
		if r.Store != nil {
			r.Store.Retain()
		}
		c.regions = append(c.regions, r)
	}
	for i := range s.regions {
		if s.regions[i].Fork == ForkCopy && !s.forkRegion(c, &s.regions[i]) {
			c.Release()
			hw.FlushAll(s.root)
			return nil
		}
	}
	hw.FlushAll(s.root)
	return c
}

func (s *Space) forkRegion(c *Space, r *Region) (ok bool) {
	ok = true
	s.each(r.Start, r.End, func(addr uint64, e *uint64) {
		if !ok {
			return
		}
		d := c.entry(addr, true)
		if d == nil {
			ok = false
			return
		}
		if !r.Shared {
			*e &^= hw.PTEWrite
		}
		retain(frameOf(*e))
		*d = *e &^ pteSent
		c.resident++
		c.visited.stir()
		if *e&pteStore == 0 {
			c.private++
		}
	})
	return ok
}

// Snapshot returns the private pages of the Space as they are now, shared until the
// Space writes. Nothing runs in it and it has no regions: pages that equal a file's, or
// are shared, are not in it. nil when memory is short, or away.
func (s *Space) Snapshot() *Space {
	if s.away > 0 {
		return nil
	}
	c := New()
	if c == nil {
		return nil
	}
	ok := true
	s.each(0, abi.UserTop, func(addr uint64, e *uint64) {
		if !ok || *e&pteStore != 0 {
			return
		}
		if ok = c.Share(addr, frameOf(*e)); ok {
			*e &^= hw.PTEWrite
		}
	})
	hw.FlushAll(s.root)
	if !ok {
		c.Release()
		return nil
	}
	return c
}

// Share makes the private page at addr one that somebody else has too: whoever writes
// first copies it. Its rights come with Settle. It reports false when memory is short
// or there cannot be a page.
func (s *Space) Share(addr uint64, p hw.PFN) bool {
	if !installable(addr) {
		return false
	}
	e := s.entry(addr, true)
	if e == nil {
		return false
	}
	retain(p)
	s.set(e, addr, p, hw.PTENX)
	return true
}
