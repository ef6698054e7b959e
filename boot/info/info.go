package info

import "encoding/binary"

// Range is a piece of physical memory, in bytes.
type Range struct{ Start, End uint64 }

// MaxRAM is how many pieces of RAM are taken note of; further ones are ignored.
const MaxRAM = 16

// Info is what the kernel needs to know.
type Info struct {
	RAM         [MaxRAM]Range
	NRAM        int
	Archive     Range // the boot archive (-initrd); empty if there is none
	CommandLine Range // without the terminating NUL
}

// Memory gives n bytes of physical memory at pa.
type Memory func(pa uint64, n int) []byte

// Layout of hvm_start_info version 1 and of its parts
// (xen/include/public/arch-x86/hvm/start_info.h).
const (
	startMagic = 0x336ec578
	startSize  = 56
	moduleSize = 32
	entrySize  = 24
	typeRAM    = 1

	maxEntries     = 128
	maxCommandLine = 4096
)

// Parse reads the structure at pa. It reports false when there is no such
// structure: the kernel was not booted by PVH.
func Parse(mem Memory, pa uint64) (in Info, ok bool) {
	le := binary.LittleEndian
	b := mem(pa, startSize)
	if le.Uint32(b) != startMagic {
		return in, false
	}
	nmodules, modules := le.Uint32(b[12:]), le.Uint64(b[16:])
	cmdline := le.Uint64(b[24:])
	memmap, entries := le.Uint64(b[40:]), le.Uint32(b[48:])

	if nmodules > 0 {
		m := mem(modules, moduleSize)
		start := le.Uint64(m)
		in.Archive = Range{start, start + le.Uint64(m[8:])}
	}
	if cmdline != 0 {
		n := 0
		for n < maxCommandLine && mem(cmdline+uint64(n), 1)[0] != 0 {
			n++
		}
		in.CommandLine = Range{cmdline, cmdline + uint64(n)}
	}
	for i := range min(entries, maxEntries) {
		e := mem(memmap+uint64(i)*entrySize, entrySize)
		if le.Uint32(e[16:]) != typeRAM || in.NRAM == MaxRAM {
			continue
		}
		start := le.Uint64(e)
		in.RAM[in.NRAM] = Range{start, start + le.Uint64(e[8:])}
		in.NRAM++
	}
	return in, true
}
