package profile

import (
	"cmp"
	"debug/dwarf"
	"slices"
	"sort"
)

// inlined says which functions were compiled into others, as the debugging information has
// it: below each function the calls that became part of it, below those theirs.
type inlined struct {
	data     *dwarf.Data
	funcs    []function // by address
	declared map[dwarf.Offset]declaration
}

// declaration is where a function's source begins.
type declaration struct {
	name string
	line int
}

// function is one that is called by its address.
type function struct {
	low, high uint64
	at        dwarf.Offset
	unit      *dwarf.Entry
}

// readInlined makes a list of all functions.
func readInlined(d *dwarf.Data) (*inlined, error) {
	x := &inlined{data: d, declared: make(map[dwarf.Offset]declaration)}
	var unit *dwarf.Entry
	for r := d.Reader(); ; {
		e, err := r.Next()
		switch {
		case err != nil:
			return nil, err
		case e == nil:
			slices.SortFunc(x.funcs, func(a, b function) int { return cmp.Compare(a.low, b.low) })
			return x, nil
		case e.Tag == dwarf.TagCompileUnit:
			unit = e
			continue
		case e.Tag == dwarf.TagSubprogram:
			ranges, err := d.Ranges(e)
			if err != nil {
				return nil, err
			}
			for _, p := range ranges {
				x.funcs = append(x.funcs, function{p[0], p[1], e.Offset, unit})
			}
		}
		r.SkipChildren()
	}
}

// calls are the functions that an address is in by calls that were compiled into one
// function, the innermost first. Of each there is the place of the call; name is what was
// called there. The function itself begins at line start, 0: nobody knows.
func (x *inlined) calls(address uint64) (calls []frame, start int, err error) {
	i := sort.Search(len(x.funcs), func(i int) bool { return x.funcs[i].low > address }) - 1
	if i < 0 || address >= x.funcs[i].high {
		return nil, 0, nil
	}
	lines, err := x.data.LineReader(x.funcs[i].unit)
	if err != nil {
		return nil, 0, err
	}
	r := x.data.Reader()
	r.Seek(x.funcs[i].at)
	e, err := r.Next()
	if err != nil {
		return nil, 0, err
	}
	start = x.declaration(e).line
	for {
		e, err := r.Next()
		if err != nil || e == nil || e.Tag == 0 {
			return calls, start, err
		}
		if e.Tag != dwarf.TagInlinedSubroutine || !x.covers(e, address) {
			r.SkipChildren()
			continue
		}
		of := x.declaration(e)
		f := frame{name: of.name, start: of.line}
		file, _ := e.Val(dwarf.AttrCallFile).(int64)
		line, _ := e.Val(dwarf.AttrCallLine).(int64)
		if files := lines.Files(); 0 < file && int(file) < len(files) && files[file] != nil {
			f.file, f.line = files[file].Name, int(line)
		}
		calls = slices.Insert(calls, 0, f)
	}
}

func (x *inlined) covers(e *dwarf.Entry, address uint64) bool {
	ranges, err := x.data.Ranges(e)
	return err == nil && slices.ContainsFunc(ranges, func(p [2]uint64) bool { return p[0] <= address && address < p[1] })
}

// declaration is that of a function, or of the one that a call was of.
func (x *inlined) declaration(e *dwarf.Entry) declaration {
	at, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
	if !ok {
		return declarationIn(e)
	}
	d, ok := x.declared[at]
	if !ok {
		r := x.data.Reader()
		r.Seek(at)
		if origin, err := r.Next(); err == nil && origin != nil {
			d = declarationIn(origin)
		}
		x.declared[at] = d
	}
	return d
}

func declarationIn(e *dwarf.Entry) declaration {
	d := declaration{name: "[unknown]"}
	if name, ok := e.Val(dwarf.AttrName).(string); ok {
		d.name = name
	}
	line, _ := e.Val(dwarf.AttrDeclLine).(int64)
	d.line = int(line)
	return d
}
