package profile

import (
	"debug/elf"
	"debug/gosym"
	"fmt"
	"path/filepath"
)

// symbols are the names in a kernel's file: those of the table that Go's own stack traces
// are made from, and for functions compiled into others the debugging information's.
type symbols struct {
	path           string
	start, end     uint64 // of its code
	mapped, offset uint64 // where its segment begins, in memory and in the file
	table          *gosym.Table
	inlined        *inlined // nil: the file has no debugging information
}

// frame is a function that an address is in.
type frame struct {
	name, file string
	line       int
	start      int // the line where the function begins, 0: nobody knows
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
	if f.Section(".debug_info") != nil {
		debug, err := f.DWARF()
		if err == nil {
			s.inlined, err = readInlined(debug)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
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

// at is the function that an address is in, and before it those that were compiled into it,
// the innermost first.
func (s *symbols) at(address uint64) []frame {
	if address < s.start || address >= s.end {
		return []frame{{name: "[outside the kernel's code]"}} // the stubs of the boot segment, say
	}
	file, line, f := s.table.PCToLine(address)
	if f == nil {
		return []frame{{name: "[unknown]"}}
	}
	var calls []frame
	start := 0
	if s.inlined != nil {
		calls, start, _ = s.inlined.calls(address) // as far as it makes sense
	}
	// The table's line is the innermost function's; each call's is that of the one around it.
	all := make([]frame, 0, len(calls)+1)
	for _, c := range calls {
		all = append(all, frame{c.name, file, line, c.start})
		file, line = c.file, c.line
	}
	return append(all, frame{f.Name, file, line, start})
}
