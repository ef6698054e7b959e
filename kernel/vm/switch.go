package vm

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// From one address space to the next. To write CR3 makes the CPU forget all translations,
// the kernel's too, for QEMU's emulation honours neither global pages nor PCIDs: it then
// walks the tables anew for each page of the kernel that it touches, and looks up each block
// of translated code, which takes several times as long as a system call. So CR3
// stays as it is. The slots of the PML4 are exchanged instead, and those pages of the Space
// that is left are invalidated one by one that the CPU has visited: it caches the translation of a
// page only after it has set the accessed bit in its entry (Intel SDM 3A, 4.10.2.2), and
// INVLPG forgets what it knows of higher tables, too (4.10.4.1). No access of the kernel's
// comes between: it never uses a user's address.
//
// Many pages, or ones that come and go between two switches, are forgotten by CR3.

// visited is which pages of a Space may have been visited since it was left the last time.
type visited struct {
	runs   []entries // of all pages that are present, if known
	known  bool      // runs is up to date
	steady bool      // no page has come or gone since the last switch
}

// entries are those of consecutive pages, a piece of a lowest table.
type entries struct {
	of   []uint64
	addr uint64 // the first page's
}

// maxListed is of how many pages a Space may be to be left page by page.
const maxListed = 1024

// stir notes that a page, or a table, has come or gone.
func (v *visited) stir() { v.known, v.steady = false, false }

// flushEvery is how often all is forgotten nevertheless, ns. The emulation makes the cache of
// translations larger and smaller, but only when it is emptied: without that, whoever
// touches much memory, as a move does, would have a small one for good.
const flushEvery = 1_000_000

// used is the Space whose user half is selected, and flushed when all was forgotten. There
// is none on the host.
var (
	used    *Space
	flushed int64
)

// Use selects the Space's page table.
func (s *Space) Use(now int64) {
	if hw.Selected(s.root) {
		return
	}
	last := used
	used = s
	hw.Select(s.root, &s.slots)
	if last == nil || now-flushed > flushEvery || !last.leave() {
		flushed = now
		hw.FlushAll(s.root)
	}
}

func (s *Space) deselect() {
	hw.Deselect(s.root)
	if used == s {
		used = nil
	}
}

// leave invalidates what the CPU knows of the Space. It reports false if everything has to be.
func (s *Space) leave() bool {
	v := &s.visited
	if !v.known {
		if !v.steady || s.resident > maxListed {
			v.steady = true
			return false
		}
		s.list()
	}
	// Whatever the CPU does ahead of time, it does not find these tables any more.
	hw.Invalidate(0)
	n := 0
	for _, r := range v.runs {
		for i := 0; i < len(r.of); {
			if rest := r.of[i:]; len(rest) >= 8 { // most have not been visited
				p := (*[8]uint64)(rest)
				if (p[0]|p[1]|p[2]|p[3]|p[4]|p[5]|p[6]|p[7])&hw.PTEAccessed == 0 {
					i += 8
					continue
				}
			}
			if r.of[i]&hw.PTEAccessed != 0 {
				if n++; n > flushLimit {
					return false
				}
				r.of[i] &^= hw.PTEAccessed
				hw.Invalidate(r.addr + uint64(i)*pageSize)
			}
			i++
		}
	}
	return true
}

// list finds the pages that are present.
func (s *Space) list() {
	v := &s.visited
	v.runs, v.known = v.runs[:0], true
	var table *[512]uint64
	s.each(0, abi.UserTop, func(addr uint64, e *uint64) {
		at := int(addr >> 12 & 511)
		if n := len(v.runs); n > 0 && at > 0 {
			if last := &v.runs[n-1]; last.addr+uint64(len(last.of))*pageSize == addr {
				last.of = table[at-len(last.of) : at+1]
				return
			}
		}
		table = s.leaf(addr, false)
		v.runs = append(v.runs, entries{table[at : at+1], addr})
	})
}
