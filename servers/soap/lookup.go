package soap

import (
	"strings"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// An Answer is a reply, after Finish: that may have to ask other servers, and takes its
// time.
type Answer struct {
	Header std.Header
	Data   []byte
	found  []found
	many   bool
}

// visited are the directories that a lookup has gone through; nil if it was none.
func (a *Answer) visited() []uint64 {
	if a.many || len(a.found) == 0 {
		return nil
	}
	return a.found[0].Visited
}

// found is a row, and what the asker may do with its object.
type found struct {
	std.SoapFound
	mask capability.Rights
	rest []int // members of the set that only their servers can restrict
}

// Read answers a request that changes nothing.
func (s *State) Read(h *std.Header, data []byte) Answer {
	q := *h
	d, reply, done := s.svc.Serve(h, data)
	if done {
		return Answer{Header: *h, Data: reply}
	}
	var a Answer
	switch q.Command {
	case std.SoapList:
		a.Header, a.Data = s.list(d, &q, string(data))
	case std.SoapLookup:
		f, used := s.lookup(d, q.Rights, string(data))
		a.Header.Size, a.Header.Offset = uint32(used), d.seq
		a.found = []found{f}
	case std.SoapSetLookup:
		var list []std.SoapEntry
		if std.SoapDecode(data, &list) != nil || len(list) > std.SoapMaxList {
			a.Header.SetStatus(std.ArgBad)
			break
		}
		a.many = true
		for i := range list {
			a.found = append(a.found, s.entry(&list[i]))
		}
	case std.SoapGetMasks:
		var row std.SoapRow
		if std.SoapDecode(data, &row) != nil {
			a.Header.SetStatus(std.ArgBad)
			break
		}
		i, ok := d.find(row.Name)
		switch {
		case !d.visible(q.Rights):
			a.Header.SetStatus(std.Denied)
		case !ok:
			a.Header.SetStatus(std.NotFound)
		default:
			r := &d.rows[i]
			a.Data = std.SoapEncode(&std.SoapRow{Name: r.Name, Masks: r.Masks, MtimeMs: r.MtimeMs})
		}
	case std.SoapGetSeqNr:
		a.Header.Offset = d.seq
	default:
		a.Header.SetStatus(std.ComBad)
	}
	return a
}

// list answers with the rows behind a name, as many as there is room for.
func (s *State) list(d *directory, q *std.Header, after string) (h std.Header, data []byte) {
	if !d.visible(q.Rights) {
		h.SetStatus(std.Denied)
		return h, nil
	}
	l := std.SoapListing{Columns: d.columns}
	room := std.SoapMaxData - std.SoapColumns*(1+std.SoapMaxName)
	i, ok := d.find(after)
	if ok {
		i++
	}
	for ; i < len(d.rows); i++ {
		r := std.SoapRow{Name: d.rows[i].Name, Masks: d.rows[i].Masks, MtimeMs: d.rows[i].MtimeMs}
		if room -= rowLen(&r); room < 0 {
			h.Extra = 1
			break
		}
		l.Rows = append(l.Rows, r)
	}
	h.Size, h.Offset = uint32(len(d.rows)), d.seq
	return h, std.SoapEncode(&l)
}

// rowLen is the length of a row's encoding.
func rowLen(r *std.SoapRow) int {
	return 1 + len(r.Name) + 2 + len(r.Set.Members)*(capability.EncodedLen+1) + 1 + 4*len(r.Masks) + 8
}

// lookup follows a path as far as its directories are this server's. used is how much of
// it that was.
func (s *State) lookup(d *directory, rights capability.Rights, path string) (f found, used int) {
	if len(path) > std.SoapMaxPath {
		f.Status = std.Overflow
		return f, 0
	}
	for {
		f.Visited = append(f.Visited, d.number)
		name, end := component(path, used)
		i, ok := d.find(name)
		switch {
		case !d.visible(rights):
			f.Status = std.Denied
			return f, used
		case !ok:
			f.Status = std.NotFound
			return f, used
		}
		row := &d.rows[i]
		if f.mask = d.mask(row, rights); f.mask == 0 {
			f.Status = std.Denied
			return f, used
		}
		used = end
		f.Row = std.SoapRow{Name: row.Name, Set: row.Set, MtimeMs: row.MtimeMs}
		if next, _ := component(path, used); next == "" {
			used = len(path)
			break
		}
		next, weak := s.descend(row, f.mask)
		if next == nil {
			break // what it is its own server knows
		}
		d, rights = next, weak
	}
	f.restrict(s)
	return f, used
}

// component is the name in a path that begins at or behind an offset, and where it ends.
func component(path string, at int) (name string, end int) {
	for at < len(path) && path[at] == '/' {
		at++
	}
	if i := strings.IndexByte(path[at:], '/'); i >= 0 {
		return path[at : at+i], at + i
	}
	return path[at:], len(path)
}

// descend returns the directory of this server that a row names, and the rights to it.
func (s *State) descend(row *std.SoapRow, mask capability.Rights) (*directory, capability.Rights) {
	for _, m := range row.Set.Members {
		if d := s.own(m.Cap); d != nil {
			return d, m.Cap.Rights & mask
		}
	}
	return nil, 0
}

// own is the directory of this server that a capability is good for.
func (s *State) own(c capability.Capability) *directory {
	if c.Port != s.port {
		return nil
	}
	d := s.dirs[c.Object]
	if d == nil || s.svc.Verify(c, d.number, d.secret, 0) != std.OK {
		return nil
	}
	return d
}

// entry looks up one name of SETLOOKUP.
func (s *State) entry(e *std.SoapEntry) (f found) {
	d := s.own(e.Dir)
	if d == nil {
		s.svc.Count(std.CapBad)
		f.Status = std.CapBad
		return f
	}
	f.Visited = []uint64{d.number}
	f.Row.Name = e.Name
	i, ok := d.find(e.Name)
	switch {
	case !d.visible(e.Dir.Rights):
		f.Status = std.Denied
	case !ok:
		f.Status = std.NotFound
	default:
		row := &d.rows[i]
		if f.mask = d.mask(row, e.Dir.Rights); f.mask == 0 {
			f.Status = std.Denied
			break
		}
		f.Row = std.SoapRow{Name: row.Name, Set: row.Set, MtimeMs: row.MtimeMs}
		f.restrict(s)
	}
	return f
}

// restrict takes away from the set what the mask does not allow, as far as that needs
// nobody else.
func (f *found) restrict(s *State) {
	members := append([]capability.Member(nil), f.Row.Set.Members...)
	for i := range members {
		c := &members[i].Cap
		if c.Rights&^f.mask == 0 {
			continue
		}
		if weak, ok := capability.Restrict(*c, f.mask); ok {
			*c = weak
		} else if d := s.own(*c); d != nil {
			*c = capability.Derive(*c, d.secret, f.mask)
		} else {
			f.rest = append(f.rest, i)
		}
	}
	f.Row.Set.Members = members
}

// Finish encodes an answer. weaken has a server restrict a capability of its own; one
// that it does not restrict is left out.
func (a *Answer) Finish(weaken func(capability.Capability, capability.Rights) (capability.Capability, bool)) {
	if a.found == nil && !a.many {
		return
	}
	var list []std.SoapFound
	for i := range a.found {
		list = append(list, a.found[i].finish(weaken))
	}
	if a.many {
		a.Data = std.SoapEncode(&list)
		return
	}
	a.Header.SetStatus(list[0].Status)
	a.Data = std.SoapEncode(&list[0])
}

func (f *found) finish(weaken func(capability.Capability, capability.Rights) (capability.Capability, bool)) std.SoapFound {
	if len(f.rest) == 0 {
		return f.SoapFound
	}
	var kept []capability.Member
	for i, m := range f.Row.Set.Members {
		if len(f.rest) > 0 && f.rest[0] == i {
			f.rest = f.rest[1:]
			var ok bool
			if m.Cap, ok = weaken(m.Cap, f.mask); !ok {
				continue
			}
		}
		kept = append(kept, m)
	}
	f.Row.Set.Members = kept
	if len(kept) == 0 {
		f.Status = std.SoapUnreach
	}
	return f.SoapFound
}
