package soap

import (
	"encoding/binary"
	"slices"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// An Update is a request that changes something, with what the replica that got it has
// added, so that it does the same everywhere.
type Update struct {
	Header std.Header
	Data   []byte
	Stamp
}

// Stamp is what an update depends on beside the state.
type Stamp struct {
	NowMs  int64
	Secret capability.Secret // of a directory that it makes
}

const stampLen = 8 + capability.Size

// AppendStamp encodes what goes to the replicas behind the header.
func (u *Update) Encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(u.NowMs))
	b = append(b, u.Secret[:]...)
	return append(b, u.Data...)
}

// DecodeUpdate reads what Encode has written. Data is part of b.
func DecodeUpdate(h std.Header, b []byte) (u Update, ok bool) {
	if len(b) < stampLen {
		return u, false
	}
	u.Header, u.NowMs, u.Secret, u.Data = h, int64(binary.BigEndian.Uint64(b)), capability.Secret(b[8:stampLen]), b[stampLen:]
	return u, true
}

// IsUpdate reports whether a command changes something.
func IsUpdate(command uint32) bool {
	switch command {
	case std.SoapCreate, std.SoapDiscard, std.SoapAppend, std.SoapChmod, std.SoapDelete, std.SoapReplace, std.SoapInstall,
		std.Age, std.Touch, std.NTouch, std.Destroy:
		return true
	}
	return false
}

// outcomes are the replies to the latest updates, by the clients' numbers for them.
type outcomes struct {
	byNumber map[uint64]std.Header
	order    []uint64 // oldest first
}

const rememberedOutcomes = 1024

func (o *outcomes) add(number uint64, h std.Header) {
	if o.byNumber == nil {
		o.byNumber = make(map[uint64]std.Header)
	}
	if len(o.order) >= rememberedOutcomes {
		delete(o.byNumber, o.order[0])
		o.order = o.order[1:]
	}
	o.byNumber[number] = h
	o.order = append(o.order, number)
}

// Permits says whether the capability of a request allows it, as far as this replica knows
// now: what does not is not worth anybody's time.
func (s *State) Permits(h *std.Header) std.Status {
	d := s.dirs[h.Object]
	if d == nil {
		s.svc.Count(std.CapBad)
		return std.CapBad
	}
	return s.svc.Check(h, d.number, d.secret)
}

// Outcome is the reply to an update that has been carried out.
func (s *State) Outcome(number uint64) (std.Header, bool) {
	h, ok := s.done.byNumber[number]
	return h, ok
}

// Apply carries out an update, or answers as it did when it carried it out. No reply has
// data.
func (s *State) Apply(u *Update) std.Header {
	if h, ok := s.done.byNumber[u.Header.Offset]; ok {
		return h
	}
	s.Seq++
	h := s.apply(u)
	s.remember(u)
	if u.Header.Offset != 0 {
		s.done.add(u.Header.Offset, h)
	}
	return h
}

func (s *State) apply(u *Update) (reply std.Header) {
	h := u.Header
	if len(u.Data) > std.SoapMaxData {
		reply.SetStatus(std.Overflow)
		return reply
	}
	d, _, done := s.svc.Serve(&h, u.Data)
	if done {
		return h
	}
	st := std.OK
	switch u.Header.Command {
	case std.SoapCreate:
		var c capability.Capability
		if c, st = s.create(u); st == std.OK {
			reply.SetCapability(c)
		}
	case std.SoapDiscard:
		st = s.discard(d)
	case std.SoapInstall:
		reply.Extra, st = s.install(u)
	default:
		st = s.change(d, u)
	}
	reply.SetStatus(st)
	return reply
}

// create makes a directory that is entered nowhere yet.
func (s *State) create(u *Update) (c capability.Capability, st std.Status) {
	columns := DefaultColumns
	if len(u.Data) > 0 {
		if std.SoapDecode(u.Data, &columns) != nil || len(columns) == 0 {
			return c, std.ArgBad
		}
	}
	for i, name := range columns {
		if !std.SoapName(name) || slices.Contains(columns[:i], name) {
			return c, std.ArgBad
		}
	}
	if len(s.dirs) >= MaxDirs || s.bytes >= MaxBytes {
		return c, std.NoSpace
	}
	d := &directory{number: s.next, secret: u.Secret, seq: s.Seq, life: lifetime, columns: columns}
	s.next++
	s.put(d)
	return s.owner(d), std.OK
}

// discard removes an empty directory.
func (s *State) discard(d *directory) std.Status {
	switch {
	case d.number == 0:
		return std.Denied
	case len(d.rows) > 0:
		return std.SoapNotEmpty
	}
	s.remove(d)
	return std.OK
}

// change is a command about one row.
func (s *State) change(d *directory, u *Update) std.Status {
	var row std.SoapRow
	if std.SoapDecode(u.Data, &row) != nil || len(row.Masks) > len(d.columns) {
		return std.ArgBad
	}
	i, there := d.find(row.Name)
	if u.Header.Command == std.SoapAppend {
		switch {
		case !std.SoapName(row.Name) || len(row.Set.Members) == 0:
			return std.ArgBad
		case there:
			return std.Exists
		}
		return s.insert(d, i, row, u.NowMs)
	}
	if !there {
		return std.NotFound
	}
	old := &d.rows[i]
	switch u.Header.Command {
	case std.SoapDelete:
		s.deleteRow(d, i)
		return std.OK
	case std.SoapChmod:
		if len(row.Masks) != len(d.columns) {
			return std.ArgBad
		}
		row.Set = old.Set
	case std.SoapReplace:
		if len(row.Set.Members) == 0 {
			return std.ArgBad
		}
		row.Masks = nil // as they are
	default:
		return std.ComBad
	}
	return s.replaceRow(d, i, row, u.NowMs)
}

// insert adds a row at its place.
func (s *State) insert(d *directory, i int, row std.SoapRow, nowMs int64) std.Status {
	row.Masks = complete(row.Masks, d.columns)
	row.MtimeMs = nowMs
	if st := s.room(d, rowLen(&row)); st != std.OK {
		return st
	}
	d.rows = slices.Insert(d.rows, i, row)
	s.touched(d, rowLen(&row))
	return std.OK
}

// defaultMasks are those of a row that is entered without: the first two columns may do
// everything, the others look things up and read.
var defaultMasks = [std.SoapColumns]capability.Rights{capability.AllRights, capability.AllRights, 0x06, 0x06}

// complete returns masks for all columns.
func complete(masks []capability.Rights, columns []string) []capability.Rights {
	all := slices.Clone(defaultMasks[:len(columns)])
	copy(all, masks)
	return all
}

func (s *State) deleteRow(d *directory, i int) {
	less := rowLen(&d.rows[i])
	d.rows = slices.Delete(d.rows, i, i+1)
	s.touched(d, -less)
}

// replaceRow gives a row another set, or masks.
func (s *State) replaceRow(d *directory, i int, row std.SoapRow, nowMs int64) std.Status {
	old := &d.rows[i]
	if len(row.Masks) == 0 {
		row.Masks = old.Masks
	}
	row.Masks = complete(row.Masks, d.columns)
	row.MtimeMs = nowMs
	more := rowLen(&row) - rowLen(old)
	if more > 0 {
		if st := s.room(d, more); st != std.OK {
			return st
		}
	}
	d.rows[i] = row
	s.touched(d, more)
	return std.OK
}

func (s *State) room(d *directory, bytes int) std.Status {
	if d.bytes+bytes > MaxDirectory || s.bytes+bytes > MaxBytes {
		return std.NoSpace
	}
	return std.OK
}
