package profile

import (
	"debug/elf"
	"debug/gosym"
	"fmt"
	"path/filepath"
)

// symbols are the names in a kernel's file: those of the table that Go's own stack traces
// are made from. A function that was compiled into another one counts as that.
type symbols struct {
	path           string
	start, end     uint64 // of its code
	mapped, offset uint64 // where its segment begins, in memory and in the file
	table          *gosym.Table
}

// frame is a function that an address is in.
type frame struct {
	name, file string
	line       int
}

func readSymbols(path string) (*symbols, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: it has the names of functions (make builds it; --kernel says which one a cluster runs)", err)
	}
	defer f.Close()
	text, lines := f.Section(".text"), f.Section(".gopclntab")
	if text == nil || lines == nil {
		return nil, fmt.Errorf("%s: no kernel of Motile, for it has no table of its functions", path)
	}
	b, err := lines.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(b, text.Addr))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &symbols{path: path, start: text.Addr, end: text.Addr + text.Size, table: table}
	for _, h := range f.Progs { // pprof looks for what is mapped, not for sections
		if h.Type == elf.PT_LOAD && h.Vaddr <= text.Addr && text.Addr < h.Vaddr+h.Memsz {
			s.mapped, s.offset = h.Vaddr, h.Off
		}
	}
	if abs, err := filepath.Abs(path); err == nil {
		s.path = abs // pprof may be run in another folder
	}
	return s, nil
}

// at is the function that an address is in.
func (s *symbols) at(address uint64) frame {
	if address < s.start || address >= s.end {
		return frame{name: "[outside the kernel's code]"} // the stubs of the boot segment, say
	}
	file, line, f := s.table.PCToLine(address)
	if f == nil {
		return frame{name: "[unknown]"}
	}
	return frame{f.Name, file, line}
}
