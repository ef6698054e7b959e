package pvh

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Symbols the kernel must define.
const (
	EntrySymbol = "motile/boot/rt.kstart"     // 64-bit entry, RDI = hvm_start_info
	TrapSymbol  = "motile/boot/rt.trapCommon" // where the trap stubs jump
)

const (
	ehdrSize = 64
	phdrSize = 56
	noteSize = 24 // namesz, descsz, type, "Xen\0", u64
)

// PostLink returns a copy of a Go-linked kernel that QEMU boots.
// It fails, naming what is missing, on a file that is not such a kernel.
func PostLink(in []byte) ([]byte, error) {
	f, err := elf.NewFile(bytes.NewReader(in))
	if err != nil {
		return nil, fmt.Errorf("pvh: not an ELF file: %w", err)
	}
	if f.Class != elf.ELFCLASS64 || f.Machine != elf.EM_X86_64 || f.Type != elf.ET_EXEC {
		return nil, fmt.Errorf("pvh: want a static x86-64 executable, have %v %v %v", f.Class, f.Machine, f.Type)
	}
	entry, trap, err := symbols(f)
	if err != nil {
		return nil, err
	}
	loads, spans, err := loadSegments(f)
	if err != nil {
		return nil, err
	}

	seg := bootSegment(spans, entry, trap)
	out := bytes.Clone(in)
	if err := patchMemmove(out, f); err != nil {
		return nil, err
	}
	out = append(out, make([]byte, -len(out)&(pageSize-1))...)
	segOff := uint64(len(out))
	out = append(out, seg...)

	loads = append(loads,
		elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W | elf.PF_X), Off: segOff,
			Vaddr: ImageBase + BootPhys, Paddr: BootPhys, Filesz: uint64(len(seg)), Memsz: uint64(len(seg)), Align: pageSize},
		elf.Prog64{Type: uint32(elf.PT_NOTE), Flags: uint32(elf.PF_R), Off: segOff,
			Vaddr: ImageBase + BootPhys, Paddr: BootPhys, Filesz: noteSize, Memsz: noteSize, Align: 4})
	if ehdrSize+len(loads)*phdrSize > pageSize {
		return nil, fmt.Errorf("pvh: %d program headers do not fit the header page", len(loads))
	}
	for i, p := range loads {
		if _, err := binary.Encode(out[ehdrSize+i*phdrSize:], binary.LittleEndian, p); err != nil {
			return nil, err
		}
	}
	binary.LittleEndian.PutUint64(out[32:], ehdrSize)           // e_phoff
	binary.LittleEndian.PutUint16(out[56:], uint16(len(loads))) // e_phnum
	return out, nil
}

func symbols(f *elf.File) (entry, trap uint64, err error) {
	syms, err := f.Symbols()
	if err != nil {
		return 0, 0, fmt.Errorf("pvh: no symbol table (linked with -s?): %w", err)
	}
	for _, s := range syms {
		// The linker marks ABI0 symbols of assembly with a suffix in some modes.
		switch s.Name {
		case EntrySymbol, EntrySymbol + ".abi0":
			entry = s.Value
		case TrapSymbol, TrapSymbol + ".abi0":
			trap = s.Value
		}
	}
	if entry == 0 || trap == 0 {
		return 0, 0, fmt.Errorf("pvh: symbols %s (%#x) and %s (%#x) must both be defined", EntrySymbol, entry, TrapSymbol, trap)
	}
	return entry, trap, nil
}

// loadSegments collects the PT_LOADs with their physical addresses set.
func loadSegments(f *elf.File) (loads []elf.Prog64, spans []span, err error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		if p.Vaddr < ImageBase+BootPhys {
			return nil, nil, fmt.Errorf("pvh: segment at %#x lies below the image window; link with -T", p.Vaddr)
		}
		pa := p.Vaddr - ImageBase
		loads = append(loads, elf.Prog64{Type: uint32(p.Type), Flags: uint32(p.Flags), Off: p.Off,
			Vaddr: p.Vaddr, Paddr: pa, Filesz: p.Filesz, Memsz: p.Memsz, Align: p.Align})
		spans = append(spans, span{pa &^ (pageSize - 1), (pa + p.Memsz + pageSize - 1) &^ (pageSize - 1), rights(p.Flags)})
	}
	return loads, spans, nil
}

func rights(fl elf.ProgFlag) uint64 {
	var r uint64
	if fl&elf.PF_W != 0 {
		r |= pteW
	}
	if fl&elf.PF_X == 0 {
		r |= pteNX
	}
	return r
}

// bootSegment lays out the appended segment: page 0 note and trampoline,
// page 1 trap stubs, then the page tables.
func bootSegment(spans []span, entry, trap uint64) []byte {
	var top uint64
	for _, s := range spans {
		top = max(top, s.end)
	}
	const tablesAt = BootPhys + 2*pageSize
	spans = append(spans,
		span{BootPhys, tablesAt, 0},
		span{tablesAt, tablesAt + tableSize(top), pteW | pteNX})

	seg := note(BootPhys + 32)
	seg = append(seg, make([]byte, 32-len(seg))...)
	seg = append(seg, trampoline(BootPhys+32, tablesAt, entry)...)
	seg = append(seg, make([]byte, pageSize-len(seg))...)
	seg = append(seg, stubs(ImageBase+BootPhys+pageSize, trap)...)
	seg = append(seg, tables(tablesAt, spans)...)
	return seg
}

// note is XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit entry point.
func note(entry uint64) []byte {
	const physEntry32 = 18
	b := binary.LittleEndian.AppendUint32(nil, 4)
	b = binary.LittleEndian.AppendUint32(b, 8)
	b = binary.LittleEndian.AppendUint32(b, physEntry32)
	b = append(b, "Xen\x00"...)
	return binary.LittleEndian.AppendUint64(b, entry)
}
