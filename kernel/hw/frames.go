package hw

// Page frames. The allocator is a stack of freed frames, threaded through the
// frames themselves, over ranges of memory never used since power-on. Fresh
// memory is known to be zero, so it is handed out without clearing, and memory
// nobody needs is never touched (the host behind QEMU need not provide it).
//
// Frames are taken by the dispatcher and, in trap context, by the Go runtime's
// demand paging; interrupts are off while the lists change, because a timer
// interrupt may switch to another runtime thread that faults.
//
// The kernel's own heap has a ceiling, and as many frames as it has not yet
// taken are set aside: AllocUser fails before they are touched. Go's own
// out-of-memory is fatal, so it must be unreachable.

// Frames are counted in FrameStats, all in pages.
type FrameStats struct {
	Total   uint64 // all RAM that was handed to the allocator
	Free    uint64 // not in use now
	Heap    uint64 // in use by the Go runtime
	Ceiling uint64 // what the Go runtime may take
	Tables  uint64 // in use as page tables of the kernel half
}

type frameRange struct{ next, end PFN }

// MaxRanges is how many pieces of RAM the allocator can hold.
const MaxRanges = 16

var frames struct {
	head    PFN // top of the stack of freed frames, 0 if empty
	stacked uint64
	ranges  [MaxRanges]frameRange
	nranges int
	stats   FrameStats
	max     PFN // one above the highest frame number
}

// addRange gives the frames [start, end) to the allocator.
//
//go:nosplit
func addRange(start, end PFN) {
	if start >= end || frames.nranges == MaxRanges {
		return
	}
	frames.ranges[frames.nranges] = frameRange{start, end}
	frames.nranges++
	frames.stats.Total += uint64(end - start)
	frames.stats.Free += uint64(end - start)
	if end > frames.max {
		frames.max = end
	}
}

// take returns a frame and whether it is fresh (zero), or 0 when none is left.
//
//go:nosplit
func take() (p PFN, fresh bool) {
	s := interruptsOff()
	if p = frames.head; p != 0 {
		frames.head = PFN(Table(p)[0])
		frames.stacked--
		frames.stats.Free--
	} else {
		for i := range frames.nranges {
			r := &frames.ranges[i]
			if r.next < r.end {
				p, fresh = r.next, true
				r.next++
				frames.stats.Free--
				break
			}
		}
	}
	interruptsRestore(s)
	return p, fresh
}

// allocZeroed is for the kernel's own needs: it may use the reserve.
//
//go:nosplit
func allocZeroed() PFN {
	p, fresh := take()
	if p != 0 && !fresh {
		clearPage(Table(p))
	}
	return p
}

//go:nosplit
func clearPage(t *[512]uint64) {
	for i := range t {
		t[i] = 0
	}
}

// AllocUser returns a frame for a user's page or page table, or 0 when only
// the kernel's reserve is left. Unless zero is set its contents are unspecified.
func AllocUser(zero bool) PFN {
	if frames.stats.Free <= reserve() {
		return 0
	}
	p, fresh := take()
	if p != 0 && zero && !fresh {
		*Page(p) = [PageSize]byte{}
	}
	return p
}

// FreeFrame takes back a frame of AllocUser.
//
//go:nosplit
func FreeFrame(p PFN) {
	s := interruptsOff()
	Table(p)[0] = uint64(frames.head)
	frames.head = p
	frames.stacked++
	frames.stats.Free++
	interruptsRestore(s)
}

// Slack is how many frames users never get. It covers page tables of the kernel half,
// device rings made late, and what one call takes of the heap beyond its ceiling.
const Slack = 256

//go:nosplit
func reserve() uint64 {
	st := &frames.stats
	if st.Heap >= st.Ceiling {
		return Slack
	}
	return st.Ceiling - st.Heap + Slack
}

// UserFree is how many frames AllocUser would still give.
func UserFree() uint64 {
	if f, r := frames.stats.Free, reserve(); f > r {
		return f - r
	}
	return 0
}

// SetHeapCeiling sets aside pages of memory for the Go heap.
func SetHeapCeiling(pages uint64) { frames.stats.Ceiling = pages }

// HeapOver reports whether the Go heap is above its ceiling.
func HeapOver() bool { return frames.stats.Heap > frames.stats.Ceiling }

// Stats reports the state of the allocator.
func Stats() FrameStats { return frames.stats }

// MaxPFN is one above the highest frame number: the size of a table indexed by PFN.
func MaxPFN() PFN { return frames.max }

// AllocContiguous returns the first of n zeroed frames in a row, for a device
// that sees physical memory; 0 if there are none. It uses memory never handed
// out before, so it is for start-up.
func AllocContiguous(n int) PFN {
	s := interruptsOff()
	defer interruptsRestore(s)
	for i := range frames.nranges {
		r := &frames.ranges[i]
		if uint64(r.end-r.next) >= uint64(n) {
			p := r.next
			r.next += PFN(n)
			frames.stats.Free -= uint64(n)
			return p
		}
	}
	return 0
}
