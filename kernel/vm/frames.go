package vm

import "motile/kernel/hw"

// refs counts the users of each frame; frames outside it (the boot archive at
// the very top of memory) live for ever.
var refs []uint32

// Init prepares the counts. It runs before the first Space of a machine.
func Init() { refs, dying = make([]uint32, hw.MaxPFN()), nil }

// Reclaim gives back some memory that holds nothing which could not be had again, when
// there is no other. It reports false if it has none. Nil: nobody has.
var Reclaim func() bool

// alloc returns a frame with one user, or 0.
func alloc(zero bool) hw.PFN {
	p := hw.AllocUser(zero)
	for p == 0 && (Sweep() || Reclaim != nil && Reclaim()) {
		p = hw.AllocUser(zero)
	}
	if p != 0 {
		refs[p] = 1
	}
	return p
}

func retain(p hw.PFN) {
	if int(p) < len(refs) && refs[p] != 0 {
		refs[p]++
	}
}

func release(p hw.PFN) {
	if int(p) >= len(refs) || refs[p] == 0 {
		return // the boot archive's
	}
	if refs[p]--; refs[p] == 0 {
		hw.FreeFrame(p)
	}
}

// exclusive reports whether the caller's use of p is the only one.
func exclusive(p hw.PFN) bool { return int(p) < len(refs) && refs[p] == 1 }
