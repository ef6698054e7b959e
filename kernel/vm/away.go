package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/kernel/wait"
)

// Pages that are away: the process has them, but was moved without their content, which
// comes later: when it is touched (Accent's copy-on-reference, Zayas 1987; MOSIX and
// Sprite, from the home node or the file server) or in the background. The entry of such
// a page is not present. It has the mark pteAway and the origin: the address the page had
// when the process was moved, which whoever has the content knows it by, however mremap
// moves the mark since. The address is stored inverted: CPUs that speculate through
// entries that are not present (L1TF, CVE-2018-3620) must find no memory there.
//
// Only private pages are ever away. A process that touches one waits (Touch says Away); so
// does the kernel where it reads for a process. Where it writes it does not wait, because
// a system call writes when it has had its effects: the bytes go to a partial page, a
// frame beside the page table, and what arrives later fills in the rest. That takes no
// more memory than the page's arrival would have; if there is none, the write fails as it
// does at any page that is touched for the first time.

// partial is what was written to a page that is away.
type partial struct {
	frame hw.PFN
	valid [pageSize / 64]uint64 // bit i%64 of word i/64: byte i was written
	bytes int                   // how many were
}

func away(e uint64) bool { return e&(hw.PTEPresent|pteAway) == pteAway }

func originOf(e uint64) uint64 { return ^e & hw.PTEAddr }

// SetAway makes the page at addr one that is away, with its origin. It reports false when
// there cannot be a private page, when something is there, or when memory is short.
func (s *Space) SetAway(addr, origin uint64) bool { return s.SetAwayRun(Run{addr, 1}, origin) }

// SetAwayRun is SetAway of consecutive pages with consecutive origins.
func (s *Space) SetAwayRun(r Run, origin uint64) bool {
	n := uint64(r.Pages)
	if n == 0 || n > abi.UserTop/pageSize || !installable(r.Addr) || !installable(origin) ||
		!installable(r.Addr+(n-1)*pageSize) || !installable(origin+(n-1)*pageSize) {
		return n == 0
	}
	for addr, end := r.Addr, r.Addr+n*pageSize; addr < end; {
		t := s.leaf(addr, true)
		if t == nil {
			return false
		}
		for i := addr >> 12 & 511; i < 512 && addr < end; i++ {
			if t[i] != 0 {
				return false
			}
			t[i] = ^origin&hw.PTEAddr | pteAway
			s.away++
			addr, origin = addr+pageSize, origin+pageSize
		}
	}
	return true
}

// Away is how many pages are away.
func (s *Space) Away() int { return s.away }

// IsAway reports whether the page of addr is away, and its origin.
func (s *Space) IsAway(addr uint64) (origin uint64, ok bool) {
	if s.away == 0 || addr >= abi.UserTop {
		return 0, false
	}
	e := s.entry(addr, false)
	if e == nil || !away(*e) {
		return 0, false
	}
	return originOf(*e), true
}

// AwayFrom is the first page from addr on that is away.
func (s *Space) AwayFrom(addr uint64) (at, origin uint64, ok bool) {
	return s.firstAway(addr, abi.UserTop)
}

func (s *Space) firstAway(start, end uint64) (at, origin uint64, ok bool) {
	if s.away == 0 {
		return 0, 0, false
	}
	s.walk(start&^(pageSize-1), end, func(addr uint64, e *uint64) bool {
		if ok = away(*e); ok {
			at, origin = addr, originOf(*e)
		}
		return !ok
	})
	return at, origin, ok
}

// Missing reports whether a page of [addr, addr+n) is away; then it is wanted.
func (s *Space) Missing(addr, n uint64) bool {
	if s.away == 0 || n == 0 || addr >= abi.UserTop {
		return false
	}
	at, _, ok := s.firstAway(addr, addr+min(n, abi.UserTop-addr))
	if ok {
		s.wanted = at
	}
	return ok
}

// Wanted is the page that the kernel would have read, were it not away, since WantNone.
func (s *Space) Wanted() (addr uint64, ok bool) { return s.wanted, s.wanted != 0 }

// WantNone forgets which page is wanted.
func (s *Space) WantNone() { s.wanted = 0 }

// Await puts w among those who are woken when the page of addr is not away any more,
// whatever has become of it.
func (s *Space) Await(w *wait.Waiter, addr uint64) {
	w.Tag = addr &^ (pageSize - 1)
	s.waiters.Add(w)
}

// Arrive gives the page at addr its content. ok is false if it is not, or no longer, away
// with that origin; mem is false if memory is short: it is still away then.
func (s *Space) Arrive(addr, origin uint64, data *[pageSize]byte) (ok, mem bool) {
	if at, is := s.IsAway(addr); !is || at != origin || addr%pageSize != 0 || s.users == 0 {
		return false, true // of a Space that has gone the tables go, too, while we look for a frame
	}
	e := s.entry(addr, false)
	if t := s.partials[addr]; t != nil {
		t.complete(data)
		s.put(e, addr, t)
		return true, true
	}
	p := alloc(false)
	if p == 0 {
		return true, false
	}
	*hw.Page(p) = *data
	s.install(e, addr, p, 0)
	return true, true
}

// complete fills in what was not written.
func (t *partial) complete(data *[pageSize]byte) {
	page := hw.Page(t.frame)
	for i, word := range t.valid {
		if word == 0 {
			copy(page[64*i:64*i+64], data[64*i:])
			continue
		}
		for b := range 64 {
			if word>>b&1 == 0 {
				page[64*i+b] = data[64*i+b]
			}
		}
	}
}

// put makes a partial page, which is whole now, that of its entry. It was written, so it
// differs from what is at its origin.
func (s *Space) put(e *uint64, addr uint64, t *partial) {
	delete(s.partials, addr)
	s.install(e, addr, t.frame, hw.PTEAccessed|hw.PTEDirty)
}

// install puts a frame where a page was away.
func (s *Space) install(e *uint64, addr uint64, p hw.PFN, flags uint64) {
	r, ok := s.Region(addr)
	s.set(e, addr, p, hw.PTENX) // as Install leaves it, if the regions are not known yet
	if ok {
		*e = p.Address() | r.grant(p)
	}
	*e |= flags
}

// overwrite returns at most n bytes of the page that is away at addr, to be written. When
// every byte of it has been, it is there.
func (s *Space) overwrite(addr, n uint64) ([]byte, Fault) {
	page, off := addr&^(pageSize-1), addr%pageSize
	t := s.partials[page]
	if t == nil {
		p := alloc(false)
		if p == 0 {
			return nil, NoMemory
		}
		if s.partials == nil {
			s.partials = make(map[uint64]*partial)
		}
		t = &partial{frame: p}
		s.partials[page] = t
	}
	end := min(off+n, pageSize)
	for i := off; i < end; i++ {
		if word := &t.valid[i/64]; *word>>(i%64)&1 == 0 {
			*word |= 1 << (i % 64)
			t.bytes++
		}
	}
	if t.bytes == pageSize {
		s.put(s.entry(page, false), page, t)
	}
	return hw.Page(t.frame)[off:end], OK
}

// written returns the bytes from addr on, up to the first that was not written, of a page
// that is away.
func (s *Space) written(addr uint64) []byte {
	t := s.partials[addr&^(pageSize-1)]
	if t == nil {
		return nil
	}
	off := addr % pageSize
	end := off
	for end < pageSize && t.valid[end/64]>>(end%64)&1 != 0 {
		end++
	}
	return hw.Page(t.frame)[off:end]
}

// Partial is what was written to the page at addr, which is away: its memory, and a bit
// for each byte that counts. Nil: nothing was.
func (s *Space) Partial(addr uint64) (page *[pageSize]byte, valid *[pageSize / 64]uint64) {
	t := s.partials[addr]
	if t == nil {
		return nil, nil
	}
	return hw.Page(t.frame), &t.valid
}

// unmark makes the page at addr, which is away, one that never was.
func (s *Space) unmark(e *uint64, addr uint64) {
	*e = 0
	s.away--
	if t := s.partials[addr]; t != nil {
		delete(s.partials, addr)
		release(t.frame)
	}
	s.wake(addr)
}

// moved: mremap takes the page that is away at from to another place, and what was
// written to it.
func (s *Space) moved(from, to uint64) {
	if t := s.partials[from]; t != nil {
		delete(s.partials, from)
		s.partials[to] = t
	}
	s.wake(from)
}

// wake wakes those who wait for the page at addr. They look again.
func (s *Space) wake(addr uint64) {
	for w := s.waiters.First(); w != nil; {
		next := w.Next()
		if w.Tag == addr {
			w.Owner.Wake(w, 0)
		}
		w = next
	}
}
