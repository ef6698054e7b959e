//go:build metal

package hw

// kernelRoot is the PML4 the post-link step made. It stays in CR3 for good: its kernel half
// has the tables made here, its user half those of the process that runs.
var kernelRoot PFN

// slot returns the page-table entry of va, making tables on the way, or nil
// when there is no memory for them.
//
//go:nosplit
func slot(va uintptr) *uint64 {
	t := Table(kernelRoot)
	for shift := uint(39); shift > 12; shift -= 9 {
		e := &t[va>>shift&511]
		if *e&PTEPresent == 0 {
			p := allocZeroed()
			if p == 0 {
				return nil
			}
			frames.stats.Tables++
			*e = p.Address() | PTEPresent | PTEWrite
		}
		t = Table(PFN(*e & PTEAddr >> 12))
	}
	return &t[va>>12&511]
}

// MapHeap makes the page of the Go heap that holds va present and zero. It
// reports false when the machine has no memory left, or the address is not the heap's.
//
//go:nosplit
func MapHeap(va uintptr) bool {
	if va < HeapBase || va >= HeapTop {
		return false
	}
	e := slot(va)
	if e == nil {
		return false
	}
	if *e&PTEPresent != 0 {
		return true // another page fault was first
	}
	p := allocZeroed()
	if p == 0 {
		return false
	}
	frames.stats.Heap++
	*e = p.Address() | PTEPresent | PTEWrite | PTENX | PTEGlobal | PTEAccessed | PTEDirty
	return true
}

// HeapMapped reports whether the page of the Go heap that holds va is present.
//
//go:nosplit
func HeapMapped(va uintptr) bool {
	e, _ := present(va)
	return e != nil
}

// UnmapHeap frees the frames of [va, va+n) in the Go heap. The runtime gives
// back reservations of a GB and more, so it skips what has no tables.
//
//go:nosplit
func UnmapHeap(va, n uintptr) {
	for end := va + n; va < end; {
		e, span := present(va)
		if e != nil {
			FreeFrame(PFN(*e & PTEAddr >> 12))
			frames.stats.Heap--
			*e = 0
			InvalidatePage(va)
		}
		va = (va + span) &^ (span - 1)
	}
}

// present returns the entry of a mapped page, or nil and the size of the
// aligned span around va that is not mapped. It makes no tables.
//
//go:nosplit
func present(va uintptr) (e *uint64, span uintptr) {
	t := Table(kernelRoot)
	for shift := uint(39); ; shift -= 9 {
		e = &t[va>>shift&511]
		if *e&PTEPresent == 0 {
			return nil, 1 << shift
		}
		if shift == 12 {
			return e, PageSize
		}
		t = Table(PFN(*e & PTEAddr >> 12))
	}
}

var mmioNext uintptr = MMIOBase

// MapMMIO maps n bytes of device registers at physical address pa, uncached,
// and returns their virtual address.
//
//go:nosplit
func MapMMIO(pa uint64, n uintptr) uintptr {
	off := uintptr(pa) & (PageSize - 1)
	va := mmioNext
	for p := uintptr(pa) - off; p < uintptr(pa)+n; p += PageSize {
		e := slot(mmioNext)
		if e == nil {
			return 0
		}
		*e = uint64(p) | PTEPresent | PTEWrite | PTENX | PTEPCD | PTEPWT | PTEAccessed | PTEDirty
		mmioNext += PageSize
	}
	return va + off
}

// mapDirect extends the direct map, in 2 MB pages, over [start, end). The first
// GB is there from the start.
//
//go:nosplit
func mapDirect(start, end uint64) {
	const huge = 2 << 20
	if start < 1<<30 {
		start = 1 << 30
	}
	for pa := start &^ (huge - 1); pa < end; pa += huge {
		va := uintptr(DirectBase + pa)
		t := Table(kernelRoot)
		for shift := uint(39); shift > 21; shift -= 9 {
			e := &t[va>>shift&511]
			if *e&PTEPresent == 0 {
				p := allocZeroed()
				frames.stats.Tables++
				*e = p.Address() | PTEPresent | PTEWrite
			}
			t = Table(PFN(*e & PTEAddr >> 12))
		}
		t[va>>21&511] = pa | PTEPresent | PTEWrite | PTEHuge | PTEGlobal | PTENX | PTEAccessed | PTEDirty
	}
}

// selected is whose user half the kernel's PML4 has, and in which slots.
var selected struct {
	root  PFN
	slots Slots
}

// Selected reports whether the user half of a page table is the selected one.
func Selected(root PFN) bool { return root == selected.root }

// Select makes the user half of a page table, of which so many slots are in use, the
// selected one. CR3 stays as it is. It is for the caller to see to it that no translation
// of the one that was selected before is used again.
func Select(root PFN, slots *Slots) {
	to, from := Table(kernelRoot), Table(root)
	for i := range selected.slots.all {
		to[i] = 0
	}
	for i := range slots.all {
		to[i] = from[i]
	}
	selected.root, selected.slots = root, *slots
}

// SetSlot fills a slot of a page table, which was empty.
func SetSlot(root PFN, i int, e uint64) {
	Table(root)[i] = e
	if root == selected.root {
		Table(kernelRoot)[i] = e
		selected.slots.Add(i)
	}
}

// Deselect makes sure that a page table about to be freed is not selected.
func Deselect(root PFN) {
	if root == selected.root {
		Select(kernelRoot, new(Slots))
		WriteCR3(kernelRoot.Address())
	}
}

// FlushPage forgets the translation of a user page. Without PCIDs only the
// selected table has translations.
func FlushPage(root PFN, addr uint64) {
	if root == selected.root {
		InvalidatePage(uintptr(addr))
	}
}

// Invalidate forgets the translation of a page of whatever was selected before.
func Invalidate(addr uint64) { InvalidatePage(uintptr(addr)) }

// FlushAll forgets the translations of all user pages.
func FlushAll(root PFN) {
	if root == selected.root {
		WriteCR3(kernelRoot.Address())
	}
}
