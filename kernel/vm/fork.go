package vm

import "motile/kernel/hw"

// Fork returns a copy of the Space: private pages are shared until one side
// writes, shared regions stay shared. nil when memory is short.
func (s *Space) Fork() *Space {
	c := New()
	if c == nil {
		return nil
	}
	c.Brk, c.BrkStart = s.Brk, s.BrkStart
	c.regions = make([]Region, len(s.regions), len(s.regions)+4)
	copy(c.regions, s.regions)
	for i := range c.regions {
		if st := c.regions[i].Store; st != nil {
			st.Retain()
		}
	}
	for i := range s.regions {
		if !s.forkRegion(c, &s.regions[i]) {
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
		*d = *e
		c.resident++
		if *e&pteStore == 0 {
			c.private++
		}
	})
	return ok
}
