package vm

import (
	"slices"

	"motile/kernel/abi"
	"motile/kernel/hw"
)

// dying are Spaces without users whose memory has not all been given back. To free a page
// takes half a microsecond, so that to free all of a large process's at once would keep the node
// from its messages for milliseconds.
var dying []*Space

// portion is how many pages are freed in one go.
const portion = 128

// Sweep gives back a portion of the memory of Spaces that have gone. It reports false if there
// is none.
func Sweep() bool {
	if len(dying) == 0 {
		return false
	}
	if dying[0].sweep() {
		dying = slices.Delete(dying, 0, 1)
	}
	return true
}

// Dying is the number of private pages that Sweep gives back sooner or later.
func Dying() (n uint64) {
	for _, s := range dying {
		n += uint64(s.private)
	}
	return n
}

// sweep frees a portion of the pages of a Space that nobody uses, and with the last of them its
// page tables: then it reports true.
func (s *Space) sweep() (gone bool) {
	gone = true
	n := 0
	s.walk(s.swept, abi.UserTop, func(addr uint64, e *uint64) bool {
		if n++; n > portion {
			s.swept, gone = addr, false
			return false
		}
		s.drop(e, addr)
		return true
	})
	if gone {
		s.freeTables(hw.Table(s.root), 39, hw.PML4Kernel)
		release(s.root)
		s.root = 0
	}
	return gone
}
