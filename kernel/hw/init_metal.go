//go:build metal

package hw

// Range is a piece of physical memory, in bytes.
type Range struct{ Start, End uint64 }

// MaxUsed is how many pieces of RAM are in use when the kernel starts: low
// memory, the image, the archive.
const MaxUsed = 4

// Init brings up memory, interrupt controllers and the clock. It is the first
// thing that runs, before the Go runtime: no stack to grow, no heap.
//
// ram has n pieces the machine says are RAM; used has m pieces of them that
// are taken already.
//
//go:nosplit
func Init(ram *[MaxRanges]Range, n int, used *[MaxUsed]Range, m int) {
	kernelRoot = PFN(ReadCR3() >> 12)
	Table(kernelRoot)[0] = 0 // nil dereferences must fault, not read page 0
	WriteCR3(ReadCR3())

	for i := range n { // the first GB is mapped: tables for the rest come from there
		addFree(ram[i], Range{0, 1 << 30}, used, m)
	}
	for i := range n {
		mapDirect(ram[i].Start, ram[i].End)
		addFree(ram[i], Range{1 << 30, 1 << 44}, used, m)
	}
	initAPIC()
}

// addFree gives the part of r inside window, less what is used, to the allocator.
//
//go:nosplit
func addFree(r, window Range, used *[MaxUsed]Range, m int) {
	start := roundUp(max(r.Start, window.Start))
	end := min(r.End, window.End) &^ (PageSize - 1)
	for start < end {
		stop, inside := end, false
		for i := range m {
			u := &used[i]
			if u.Start <= start && start < u.End {
				start, inside = roundUp(u.End), true
			} else if u.Start > start && u.Start < stop {
				stop = u.Start &^ (PageSize - 1)
			}
		}
		if inside {
			continue
		}
		addRange(PFN(start>>12), PFN(stop>>12))
		start = stop
	}
}

//go:nosplit
func roundUp(v uint64) uint64 { return (v + PageSize - 1) &^ (PageSize - 1) }
