package pvh

import "encoding/binary"

// span is a piece of physical memory that the kernel image occupies, and how
// the image window maps it.
type span struct {
	start, end uint64 // physical, page-aligned
	flags      uint64 // for the image window
}

// tables builds the kernel's page tables, to lie at physical address at:
//
//	PML4[0] and [256]  the first GB, identity (until Go runs) and direct map
//	PML4[288]          empty PDPT: the Go heap
//	PML4[320]          empty PDPT: device registers
//	PML4[511]          the image, page by page, each with its segment's rights
//
// PML4 slots exist from the start so that a process's table can copy entries
// 256..511 once and never look again. The PML4 is the first page.
func tables(at uint64, spans []span) []byte {
	var top uint64
	for _, s := range spans {
		top = max(top, s.end)
	}
	npt := int((top + hugeSize - 1) / hugeSize) // page tables that cover the image

	b := &builder{base: at}
	pml4 := b.page()
	direct, directPD := b.page(), b.page()
	heap, mmio := b.page(), b.page()
	image, imagePD := b.page(), b.page()

	b.set(pml4, 0, direct.at|tableBits)
	b.set(pml4, pml4Direct, direct.at|tableBits)
	b.set(pml4, pml4Heap, heap.at|tableBits)
	b.set(pml4, pml4MMIO, mmio.at|tableBits)
	b.set(pml4, pml4Image, image.at|tableBits)
	b.set(direct, 0, directPD.at|tableBits)
	b.set(image, 510, imagePD.at|tableBits) // ImageBase lies 2 GB below the top

	for i := npt; i < 512; i++ {
		b.set(directPD, i, uint64(i)*hugeSize|pteP|pteW|ptePS|pteG|pteAD|pteNX)
	}
	for i := range npt {
		dpt, ipt := b.page(), b.page()
		b.set(directPD, i, dpt.at|tableBits)
		b.set(imagePD, i, ipt.at|tableBits)
		for j := range 512 {
			pa := uint64(i)*hugeSize + uint64(j)*pageSize
			flags, ok := find(spans, pa)
			dflags := uint64(pteP | pteW | pteG | pteAD | pteNX)
			if ok {
				b.set(ipt, j, pa|flags|pteP|pteG|pteAD)
				if flags&pteW == 0 {
					dflags &^= pteW
				}
			}
			// The trampoline runs at its physical address through PML4[0].
			if pa == BootPhys {
				dflags &^= pteNX
			}
			b.set(dpt, j, pa|dflags)
		}
	}
	return b.buf
}

func find(spans []span, pa uint64) (flags uint64, ok bool) {
	for _, s := range spans {
		if pa >= s.start && pa < s.end {
			return s.flags, true
		}
	}
	return 0, false
}

// tableSize is what tables will need for an image that ends at top.
func tableSize(top uint64) uint64 {
	return (7 + 2*((top+hugeSize-1)/hugeSize)) * pageSize
}

type builder struct {
	base uint64
	buf  []byte
}

type table struct {
	at  uint64 // physical
	off int
}

func (b *builder) page() table {
	t := table{at: b.base + uint64(len(b.buf)), off: len(b.buf)}
	b.buf = append(b.buf, make([]byte, pageSize)...)
	return t
}

func (b *builder) set(t table, i int, v uint64) {
	binary.LittleEndian.PutUint64(b.buf[t.off+8*i:], v)
}
