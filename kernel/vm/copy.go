package vm

import (
	"encoding/binary"

	"motile/kernel/abi"
	"motile/kernel/hw"
)

// reach returns the rest of the page at addr as memory, made present for access.
func (s *Space) reach(addr uint64, access uint8) ([]byte, Fault) {
	if addr >= abi.UserTop {
		return nil, NoMap
	}
	e := s.entry(addr, false)
	if e == nil || !grants(*e, access) {
		if f := s.Touch(addr, access); f != OK {
			return nil, f
		}
		e = s.entry(addr, false)
	}
	if access&ProtWrite != 0 {
		*e |= hw.PTEAccessed | hw.PTEDirty // the CPU would have set them
	}
	return hw.Page(frameOf(*e))[addr%pageSize:], OK
}

// span is reach for whoever needs the page whole. Of one that is away, what has been
// written can be read; if it is to be had no other way, the page is wanted.
func (s *Space) span(addr uint64, access uint8) ([]byte, Fault) {
	m, f := s.reach(addr, access)
	if f != Away {
		return m, f
	}
	if access == ProtRead {
		if m = s.written(addr); len(m) > 0 {
			return m, OK
		}
	}
	s.wanted = addr &^ (pageSize - 1)
	return nil, Away
}

// dest returns at most n bytes at addr, to be overwritten. They can be of a page that is
// away: whoever writes has had effects by then, and must not fail for that.
func (s *Space) dest(addr, n uint64) ([]byte, Fault) {
	m, f := s.reach(addr, ProtWrite)
	if f == Away {
		return s.overwrite(addr, n)
	}
	return m[:min(uint64(len(m)), n)], f
}

func grants(e uint64, access uint8) bool {
	return e&leafFlags == leafFlags && (access&ProtWrite == 0 || e&hw.PTEWrite != 0)
}

// CopyIn reads the process's memory at addr. It reports how far it came and
// what stopped it.
func (s *Space) CopyIn(dst []byte, addr uint64) (int, Fault) {
	done := 0
	for done < len(dst) {
		m, f := s.span(addr+uint64(done), ProtRead)
		if f != OK {
			return done, f
		}
		done += copy(dst[done:], m)
	}
	return done, OK
}

// CopyOut writes the process's memory at addr.
func (s *Space) CopyOut(addr uint64, src []byte) (int, Fault) {
	done := 0
	for done < len(src) {
		m, f := s.dest(addr+uint64(done), uint64(len(src)-done))
		if f != OK {
			return done, f
		}
		done += copy(m, src[done:])
	}
	return done, OK
}

// Zero clears n bytes at addr.
func (s *Space) Zero(addr, n uint64) Fault {
	for n > 0 {
		m, f := s.dest(addr, n)
		if f != OK {
			return f
		}
		clear(m)
		addr += uint64(len(m))
		n -= uint64(len(m))
	}
	return OK
}

// Chunk returns memory at addr up to the end of its page and at most n bytes,
// for reading or, with write, writing, without a copy. It is valid until the
// Space changes.
func (s *Space) Chunk(addr uint64, n int, write bool) ([]byte, Fault) {
	access := uint8(ProtRead)
	if write {
		access = ProtWrite
	}
	m, f := s.span(addr, access)
	if len(m) > n {
		m = m[:n]
	}
	return m, f
}

// Load32 reads a word, for futexes.
func (s *Space) Load32(addr uint64) (uint32, Fault) {
	var b [4]byte
	_, f := s.CopyIn(b[:], addr)
	return binary.LittleEndian.Uint32(b[:]), f
}

// Store32 writes a word.
func (s *Space) Store32(addr uint64, v uint32) Fault {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	_, f := s.CopyOut(addr, b[:])
	return f
}

// String reads a NUL-terminated string of at most limit bytes; ok is false when
// it is longer.
func (s *Space) String(addr uint64, limit int) (str string, ok bool, f Fault) {
	var out []byte
	for len(out) <= limit {
		m, f := s.span(addr+uint64(len(out)), ProtRead)
		if f != OK {
			return "", false, f
		}
		for i, b := range m {
			if b == 0 {
				if len(out)+i > limit {
					return "", false, OK
				}
				return string(append(out, m[:i]...)), true, OK
			}
		}
		out = append(out, m...)
	}
	return "", false, OK
}

// Frame returns the frame that backs addr, for a futex key that two processes
// share, or 0.
func (s *Space) Frame(addr uint64) hw.PFN {
	if e := s.entry(addr&^(pageSize-1), false); e != nil && *e&hw.PTEPresent != 0 {
		return frameOf(*e)
	}
	return 0
}
