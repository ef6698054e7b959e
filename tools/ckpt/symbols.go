package main

import (
	"cmp"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"slices"
	"sort"
)

// program is the executable of a process: what gives addresses their names.
type program struct {
	f     *elf.File
	path  string
	bias  uint64       // what is added to its addresses, of one that can lie anywhere
	funcs []elf.Symbol // by address
	data  map[string]uint64
	table *gosym.Table // of a Go program, even a stripped one
	why   string       // what is missing, for people
}

// findProgram opens the executable, as far as it can be had.
func (s *subject) findProgram() *program {
	p := &program{data: make(map[string]uint64)}
	store := int32(-1)
	for _, r := range s.Process.Regions { // the first file with code: what execve has mapped
		if r.Prot&executable != 0 && r.Store >= 0 && len(s.Process.Stores[r.Store].Digest) == 32 {
			store = r.Store
			break
		}
	}
	if store < 0 {
		p.why = "no symbols: the process has no file with code mapped"
		return p
	}
	file, err := s.files.open([32]byte(s.Process.Stores[store].Digest))
	if err == nil {
		p.path = file.from
		p.f, err = elf.NewFile(file)
	}
	if err != nil {
		p.f, p.why = nil, fmt.Sprintf("no symbols: %v", err)
		return p
	}
	p.bias = s.bias(p.f, store)
	p.readSymbols()
	p.readGo()
	switch {
	case len(p.funcs) == 0 && p.table == nil:
		p.why = fmt.Sprintf("no symbols: %s is stripped, and no Go program", file.from)
	case len(p.funcs) == 0:
		p.why = fmt.Sprintf("%s is stripped: names of functions are those that Go's runtime has", file.from)
	}
	return p
}

// bias is how far from where it was linked for the program lies.
func (s *subject) bias(f *elf.File, store int32) uint64 {
	for _, h := range f.Progs {
		if h.Type != elf.PT_LOAD || h.Flags&elf.PF_X == 0 {
			continue
		}
		for _, r := range s.Process.Regions {
			if r.Store == store && uint64(r.Off) <= h.Off && h.Off < uint64(r.Off)+r.End-r.Start {
				return r.Start + h.Off - uint64(r.Off) - h.Vaddr
			}
		}
	}
	return 0
}

func (p *program) readSymbols() {
	all, err := p.f.Symbols()
	if err != nil {
		return // it has none
	}
	for _, y := range all {
		if elf.ST_TYPE(y.Info) == elf.STT_FUNC && y.Value != 0 {
			p.funcs = append(p.funcs, y)
		} else if elf.ST_TYPE(y.Info) == elf.STT_OBJECT {
			p.data[y.Name] = y.Value
		}
	}
	slices.SortStableFunc(p.funcs, func(a, b elf.Symbol) int { return cmp.Compare(a.Value, b.Value) })
}

// readGo reads the tables that every Go program has for its own stack traces. The package
// that does it panics where they make no sense.
func (p *program) readGo() {
	defer func() {
		if recover() != nil {
			p.table = nil
		}
	}()
	tab, text := p.f.Section(".gopclntab"), p.f.Section(".text")
	if tab == nil {
		tab = p.f.Section(".data.rel.ro.gopclntab")
	}
	if tab == nil || text == nil {
		return
	}
	b, err := tab.Data()
	if err != nil {
		return
	}
	p.table, _ = gosym.NewTable(nil, gosym.NewLineTable(b, text.Addr))
}

// symbol is a function that an address is in.
type symbol struct {
	Name  string `json:"name"`
	Entry uint64 `json:"entry"`
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"`
}

// at names an address; ok is false if it is in no known function.
func (p *program) at(addr uint64) (y symbol, ok bool) {
	addr -= p.bias
	if p.table != nil {
		if file, line, f := p.table.PCToLine(addr); f != nil {
			return symbol{f.Name, f.Entry + p.bias, file, line}, true
		}
	}
	i := sort.Search(len(p.funcs), func(i int) bool { return p.funcs[i].Value > addr }) - 1
	for ; i >= 0; i-- {
		f := &p.funcs[i]
		if addr < f.Value+f.Size || f.Size == 0 && p.inText(addr) {
			return symbol{Name: f.Name, Entry: f.Value + p.bias}, true
		}
		if f.Size > 0 {
			break
		}
	}
	return y, false
}

func (p *program) inText(addr uint64) bool {
	for _, h := range p.f.Progs {
		if h.Type == elf.PT_LOAD && h.Flags&elf.PF_X != 0 && h.Vaddr <= addr && addr < h.Vaddr+h.Filesz {
			return true
		}
	}
	return false
}

// text is an address in words.
func (p *program) text(addr uint64) string {
	y, ok := p.at(addr)
	if !ok {
		return ""
	}
	text := fmt.Sprintf("%s+%#x", y.Name, addr-y.Entry)
	if y.File != "" {
		text += fmt.Sprintf(" %s:%d", y.File, y.Line)
	}
	return text
}

// variable is the address of one.
func (p *program) variable(name string) (uint64, bool) {
	v, ok := p.data[name]
	return v + p.bias, ok
}
