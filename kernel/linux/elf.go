package linux

import (
	"motile/kernel/abi"
	"motile/kernel/vm"
)

// A loader for static ELF-64 executables (elf(5)). Its input is hostile: every
// number is checked before it is used, and nothing changes until all is checked.

const (
	elfHeader     = 64
	elfProgHeader = 56
	maxSegments   = 32
	pieBase       = 0x555555554000 // where position-independent programs go
	stackTop      = abi.UserTop - 0x1000
	stackInitial  = 128 << 10

	etExec, etDyn               = 2, 3
	machineX86_64               = 62
	ptLoad, ptInterp, ptGNUStck = 1, 3, 0x6474e551
	pfX, pfW, pfR               = 1, 2, 4
)

// program is a checked executable.
type program struct {
	entry    uint64
	phdr     uint64 // address of the program headers in memory, 0 if not mapped
	phnum    int
	segments []segment
	end      uint64 // of the highest segment
}

// segment is one PT_LOAD. Addresses include the base of a PIE.
type segment struct {
	addr, off, filesz, memsz uint64
	prot                     uint8
}

// parseELF checks an executable. It returns ENOEXEC for what is not a static
// x86-64 program or does not hold together.
func parseELF(st *vm.Store) (*program, int) {
	var h [elfHeader]byte
	if st.ReadAt(h[:], 0) < elfHeader || string(h[:7]) != "\x7fELF\x02\x01\x01" ||
		le.Uint16(h[18:]) != machineX86_64 || le.Uint32(h[20:]) != 1 {
		return nil, abi.ENOEXEC
	}
	kind := le.Uint16(h[16:])
	phoff, phentsize, phnum := le.Uint64(h[32:]), le.Uint16(h[54:]), int(le.Uint16(h[56:]))
	if kind != etExec && kind != etDyn || phentsize != elfProgHeader || phnum == 0 || phnum > 128 {
		return nil, abi.ENOEXEC
	}
	ph := make([]byte, phnum*elfProgHeader)
	if phoff > uint64(st.Size()) || st.ReadAt(ph, int64(phoff)) < len(ph) {
		return nil, abi.ENOEXEC
	}
	base := uint64(0)
	if kind == etDyn {
		base = pieBase
	}
	prog := &program{entry: le.Uint64(h[24:]) + base, phnum: phnum}
	for i := range phnum {
		p := ph[i*elfProgHeader:]
		switch le.Uint32(p) {
		case ptInterp:
			return nil, abi.ENOEXEC // dynamically linked
		case ptLoad:
			if !prog.addSegment(p, base, uint64(st.Size())) {
				return nil, abi.ENOEXEC
			}
		}
	}
	for _, s := range prog.segments {
		if phoff >= s.off && phoff+uint64(len(ph)) <= s.off+s.filesz {
			prog.phdr = s.addr + phoff - s.off
		}
	}
	if len(prog.segments) == 0 || prog.entry >= abi.UserTop {
		return nil, abi.ENOEXEC
	}
	return prog, 0
}

// addSegment checks one PT_LOAD header. Segments must be in order, as elf(5) says.
func (prog *program) addSegment(p []byte, base, size uint64) bool {
	s := segment{off: le.Uint64(p[8:]), addr: le.Uint64(p[16:]), filesz: le.Uint64(p[32:]), memsz: le.Uint64(p[40:])}
	if s.memsz == 0 {
		return true
	}
	const limit = abi.UserTop / 2
	if s.addr > limit || s.memsz > limit || s.filesz > s.memsz ||
		s.off > size || s.filesz > size-s.off ||
		(s.addr-s.off)%vm.PageBytes != 0 || len(prog.segments) == maxSegments {
		return false
	}
	s.addr += base
	if s.addr < 0x10000 || s.addr < prog.end {
		return false
	}
	prog.end = s.addr + s.memsz
	flags := le.Uint32(p[4:])
	if flags&pfR != 0 {
		s.prot |= vm.ProtRead
	}
	if flags&pfW != 0 {
		s.prot |= vm.ProtWrite
	}
	if flags&pfX != 0 {
		s.prot |= vm.ProtExec
	}
	prog.segments = append(prog.segments, s)
	return true
}

// load maps the program into an empty space.
func (prog *program) load(s *vm.Space, st *vm.Store) int {
	for _, g := range prog.segments {
		if errno := g.load(s, st); errno != 0 {
			return errno
		}
	}
	s.BrkStart = (prog.end + vm.PageBytes - 1) &^ (vm.PageBytes - 1)
	s.Brk = s.BrkStart
	_, errno := s.Map(stackTop-stackInitial, stackInitial,
		vm.Region{Prot: vm.ProtRead | vm.ProtWrite, Stack: true}, true)
	return errno
}

func (g *segment) load(s *vm.Space, st *vm.Store) int {
	start := g.addr &^ (vm.PageBytes - 1)
	fileEnd := g.addr + g.filesz
	mapEnd := (fileEnd + vm.PageBytes - 1) &^ (vm.PageBytes - 1)
	end := (g.addr + g.memsz + vm.PageBytes - 1) &^ (vm.PageBytes - 1)
	if g.filesz > 0 {
		st.Retain()
		r := vm.Region{Prot: g.prot, Store: st, Off: int64(g.off &^ (vm.PageBytes - 1))}
		if _, errno := s.Map(start, mapEnd-start, r, true); errno != 0 {
			st.Release()
			return errno
		}
	} else {
		mapEnd = start
	}
	if end > mapEnd {
		if _, errno := s.Map(mapEnd, end-mapEnd, vm.Region{Prot: g.prot}, true); errno != 0 {
			return errno
		}
	}
	// The rest of the last file page belongs to the zeroed part.
	if g.memsz > g.filesz && g.filesz > 0 && fileEnd < mapEnd {
		if g.prot&vm.ProtWrite == 0 {
			return abi.ENOEXEC
		}
		switch s.Zero(fileEnd, min(mapEnd, g.addr+g.memsz)-fileEnd) {
		case vm.OK:
		case vm.NoMemory:
			return abi.ENOMEM
		default:
			return abi.ENOEXEC
		}
	}
	return 0
}
