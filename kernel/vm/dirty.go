package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// Which pages have changed since they were sent: what precopying asks for. The CPU
// notes writes in the dirty bit of a page's entry (Intel SDM 3A, 4.8), and the kernel,
// which writes through its own mapping, sets it by hand (span). An entry also says that its
// page was sent; one that is made anew, or for another page, does not.

// sending is what a Space remembers while its pages are sent.
type sending struct {
	gone []Run // where a page was sent that is not there any more, or another one
}

// Run is consecutive pages.
type Run struct {
	Addr  uint64
	Pages int
}

// End is the address after them.
func (r Run) End() uint64 { return r.Addr + uint64(r.Pages)*pageSize }

// maxGone is how many runs are remembered. A program that leaves more behind writes
// its address space rather than its memory.
const maxGone = 1 << 14

// Track begins to note which pages change after they have been sent.
func (s *Space) Track() { s.sending = new(sending) }

// Untrack ends that.
func (s *Space) Untrack() { s.sending = nil }

// forget notes that the page of an entry is to be sent anew, or not at all.
func (s *Space) forget(addr uint64, e uint64) {
	t := s.sending
	if t == nil || e&pteSent == 0 || len(t.gone) > maxGone {
		return
	}
	if n := len(t.gone); n > 0 {
		last := &t.gone[n-1]
		if last.End() == addr {
			last.Pages++
			return
		}
	}
	t.gone = append(t.gone, Run{addr, 1})
}

// Forgetful reports whether more was given up than is remembered: what was sent is of no
// use then.
func (s *Space) Forgetful() bool { return s.sending != nil && len(s.sending.gone) > maxGone }

// ChangedFrom is PagesFrom for private pages that were not sent as they are now; with all
// it is for every page, those of Stores too. They count as sent from now on: the caller sends
// them, before the process runs again.
func (s *Space) ChangedFrom(addr uint64, buf []PageRef, all bool) (n int, next uint64) {
	cleaned := 0
	over := uint64(pteStore | pteSent | hw.PTEDirty)
	if all {
		over = 0
	}
	next = s.scan(addr, over, pteSent, func(addr uint64, e *uint64) bool {
		stored := *e&pteStore != 0
		if !all && stored {
			return true
		}
		if n == len(buf) {
			return false
		}
		buf[n] = PageRef{Addr: addr, Frame: frameOf(*e), Store: stored, Many: !exclusive(frameOf(*e)), Sent: *e&pteSent != 0 && !all}
		n++
		if stored {
			return true
		}
		if *e&hw.PTEDirty != 0 {
			*e &^= hw.PTEDirty
			if cleaned++; cleaned <= flushLimit {
				hw.FlushPage(s.root, addr)
			}
		}
		*e |= pteSent
		return true
	})
	if cleaned > flushLimit {
		hw.FlushAll(s.root)
	}
	return n, next
}

// Changed counts, from addr on, the private pages that ChangedFrom would return. It looks at
// up to limit pages and returns where to go on, 0 when there are no more.
func (s *Space) Changed(addr uint64, limit int) (n int, next uint64) {
	next = s.scan(addr, 0, pteSent, func(_ uint64, e *uint64) bool {
		if limit--; limit < 0 {
			return false
		}
		if *e&pteStore == 0 && *e&(pteSent|hw.PTEDirty) != pteSent {
			n++
		}
		return true
	})
	return n, next
}

// Sent is the frame of a page that was sent as it is now, 0 if there is none.
func (s *Space) Sent(addr uint64) hw.PFN {
	if e := s.entry(addr, false); e != nil && *e&(hw.PTEPresent|pteSent|hw.PTEDirty) == hw.PTEPresent|pteSent {
		return frameOf(*e)
	}
	return 0
}

// Gone calls f for the runs of pages that were sent and are not there any more. It is
// for the end, when all that is there has been sent.
func (s *Space) Gone(f func(Run)) {
	if s.sending == nil {
		return
	}
	for _, g := range s.sending.gone {
		run := Run{Addr: g.Addr}
		for range g.Pages {
			at := run.End()
			if e := s.entry(at, false); e == nil || *e&pteSent == 0 {
				run.Pages++
				continue
			}
			if run.Pages > 0 {
				f(run)
			}
			run = Run{Addr: at + pageSize}
		}
		if run.Pages > 0 {
			f(run)
		}
	}
}

// scan calls f for the present pages from addr on, in order, until it returns false, and
// returns the page at which it did; 0 when there are no more. Pages whose entries have just the
// bits are of the bits over are passed over, without a call: they are nearly all, as a rule.
func (s *Space) scan(addr, over, are uint64, f func(addr uint64, e *uint64) bool) (next uint64) {
	for t, at := s.leafFrom(addr, abi.UserTop); t != nil; t, at = s.leafFrom(at, abi.UserTop) {
		for i := at >> 12 & 511; i < 512; i, at = i+1, at+pageSize {
			if e := t[i]; e&hw.PTEPresent != 0 && e&over != are && !f(at, &t[i]) {
				return at
			}
		}
	}
	return 0
}
