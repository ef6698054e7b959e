package soap

import (
	"slices"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// install carries out several changes if each finds what it expects, else none: then at
// is the first that does not. It is how a name is moved from one directory to another,
// and how two clients change the same row without either losing what the other did.
func (s *State) install(u *Update) (at uint32, st std.Status) {
	var list []std.SoapChange
	if std.SoapDecode(u.Data, &list) != nil || len(list) == 0 || len(list) > std.SoapMaxList {
		return 0, std.ArgBad
	}
	dirs := make([]*directory, len(list))
	more := make(map[*directory]int)
	total := 0
	for i := range list {
		x := &list[i]
		d, bytes, st := s.expected(x)
		for j := range i {
			if dirs[j] == d && list[j].Row.Name == x.Row.Name {
				st = std.ArgBad // which of them would be the last?
			}
		}
		if st == std.OK && bytes > 0 {
			total += bytes
			more[d] += bytes
			if d.bytes+more[d] > MaxDirectory || s.bytes+total > MaxBytes {
				st = std.NoSpace
			}
		}
		if st != std.OK {
			return uint32(i), st
		}
		dirs[i] = d
	}
	for i := range list {
		s.carryOut(dirs[i], list[i].Row, u.NowMs)
	}
	return 0, std.OK
}

// expected looks whether a change could be made, and how many bytes more that would be.
func (s *State) expected(x *std.SoapChange) (d *directory, more int, st std.Status) {
	if d = s.own(x.Dir); d == nil {
		s.svc.Count(std.CapBad)
		return nil, 0, std.CapBad
	}
	if x.Dir.Rights&std.SoapRgtModify == 0 {
		s.svc.Count(std.Denied)
		return nil, 0, std.Denied
	}
	i, there := d.find(x.Row.Name)
	remove := len(x.Row.Set.Members) == 0
	switch {
	case len(x.Row.Masks) > len(d.columns) || !std.SoapName(x.Row.Name) || remove && x.Expect == std.SoapAbsent:
		return nil, 0, std.ArgBad
	case x.Expect == std.SoapAbsent && there:
		return nil, 0, std.SoapClash
	case x.Expect != std.SoapAbsent && !there:
		return nil, 0, std.SoapClash
	case x.Expect == std.SoapEquals && !sameSet(d.rows[i].Set, x.Old):
		return nil, 0, std.SoapClash
	}
	row := x.Row
	row.Masks = complete(nil, d.columns)
	more = rowLen(&row)
	if there {
		more -= rowLen(&d.rows[i])
	}
	return d, more, std.OK
}

func (s *State) carryOut(d *directory, row std.SoapRow, nowMs int64) {
	i, there := d.find(row.Name)
	switch {
	case len(row.Set.Members) == 0:
		s.deleteRow(d, i)
	case there:
		s.replaceRow(d, i, row, nowMs)
	default:
		s.insert(d, i, row, nowMs)
	}
}

// sameSet reports whether two sets are of the same capabilities. Somebody who has looked
// the row up with fewer rights than all does not know it, and cannot expect it.
func sameSet(a, b capability.Set) bool {
	return a.Wanted == b.Wanted && slices.Equal(a.Members, b.Members)
}
