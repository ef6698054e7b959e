package std

import (
	"errors"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/internal/codec"
)

// SoapRow is a row of a directory: a name for an object, and what who may use which
// column can do with the object.
type SoapRow struct {
	Name    string
	Set     capability.Set
	Masks   []capability.Rights // one for each column; none: as they are, or the default
	MtimeMs int64               // when it was changed last; the server's to say
}

// SoapListing is a part of a directory, in the order of the names. Its rows have no sets.
type SoapListing struct {
	Columns []string
	Rows    []SoapRow
}

// SoapFound is what a lookup has found: the row, with a set that is restricted to what
// the asker may do, and no masks.
type SoapFound struct {
	Status  Status
	Row     SoapRow
	Visited []uint64 // the directories on the way, by number: if none changes, this stays so
}

// SoapEntry is a name in a directory.
type SoapEntry struct {
	Dir  capability.Capability
	Name string
}

// What a SoapChange expects, and what it does.
type SoapExpect uint8

const (
	SoapAny    SoapExpect = iota // there is a row, whatever it is
	SoapEquals                   // its set is Old
	SoapAbsent                   // there is none
)

// SoapChange is a part of an INSTALL: Row replaces what is there, or goes there; a row
// without a set means that there is none any more.
type SoapChange struct {
	Dir    capability.Capability
	Expect SoapExpect
	Old    capability.Set
	Row    SoapRow
}

// ErrSoap says that bytes are none of these.
var ErrSoap = errors.New("std: not what directories are asked or answer")

// SoapName reports whether a name can be that of a row.
func SoapName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= SoapMaxName && !strings.ContainsAny(name, "/\x00")
}

// SoapEncode is the encoding of what v points to: one of these, or a list of them.
func SoapEncode(v any) []byte {
	c := codec.NewWriter(nil)
	soapCode(c, v)
	return c.Bytes()
}

// SoapDecode reads one of these, or a list, that fills b. Every encoding that it takes is
// the only one of its value.
func SoapDecode(b []byte, v any) error {
	c := codec.NewReader(b)
	soapCode(c, v)
	if !c.Complete() {
		return ErrSoap
	}
	return nil
}

// The least that each takes, by which the length of a list is judged.
const (
	minText  = 1
	minSet   = 2
	minRow   = minText + minSet + 1 + 8
	minFound = 4 + minRow + 4
	minEntry = capability.EncodedLen + minText
)

func soapCode(c *codec.Coder, v any) {
	switch v := v.(type) {
	case *SoapRow:
		codeRow(c, v)
	case *SoapListing:
		codeColumns(c, &v.Columns)
		codec.List(c, &v.Rows, minRow, codeRow)
	case *SoapFound:
		codeFound(c, v)
	case *[]SoapFound:
		codec.List(c, v, minFound, codeFound)
	case *[]SoapEntry:
		codec.List(c, v, minEntry, func(c *codec.Coder, e *SoapEntry) {
			codeCapability(c, &e.Dir)
			codeText(c, &e.Name)
		})
	case *[]SoapChange:
		codec.List(c, v, capability.EncodedLen+1+minSet+minRow, codeChange)
	case *[]string:
		codeColumns(c, v)
	case *[]uint64:
		codec.List(c, v, 8, codec.U64[uint64])
	default:
		panic("std: not a form of Soap's")
	}
}

func codeRow(c *codec.Coder, r *SoapRow) {
	codeText(c, &r.Name)
	codeSet(c, &r.Set)
	n := uint8(len(r.Masks))
	codec.U8(c, &n)
	if !c.Writing() {
		r.Masks = nil
		if n > SoapColumns {
			c.Spoil()
			return
		}
		if n > 0 {
			r.Masks = make([]capability.Rights, n)
		}
	}
	for i := range r.Masks {
		codec.U32(c, &r.Masks[i])
	}
	codec.U64(c, &r.MtimeMs)
}

func codeFound(c *codec.Coder, f *SoapFound) {
	codec.U32(c, &f.Status)
	codeRow(c, &f.Row)
	codec.List(c, &f.Visited, 8, codec.U64[uint64])
}

func codeChange(c *codec.Coder, x *SoapChange) {
	codeCapability(c, &x.Dir)
	codec.U8(c, &x.Expect)
	if x.Expect > SoapAbsent {
		c.Spoil()
	}
	codeSet(c, &x.Old)
	codeRow(c, &x.Row)
}

func codeColumns(c *codec.Coder, names *[]string) {
	n := uint8(len(*names))
	codec.U8(c, &n)
	if !c.Writing() {
		*names = nil
		if n > SoapColumns {
			c.Spoil()
			return
		}
		if n > 0 {
			*names = make([]string, n)
		}
	}
	for i := range *names {
		codeText(c, &(*names)[i])
	}
}

// codeText codes up to 255 bytes behind their number.
func codeText(c *codec.Coder, s *string) {
	n := uint8(len(*s))
	codec.U8(c, &n)
	b := make([]byte, n)
	copy(b, *s)
	c.Fixed(b)
	*s = string(b)
}

func codeCapability(c *codec.Coder, v *capability.Capability) {
	b := make([]byte, capability.EncodedLen)
	if c.Writing() {
		b = v.Append(b[:0])
	}
	c.Fixed(b)
	*v, _ = capability.Decode(b)
}

// codeSet codes a set as capability.DecodeSet reads it, whose second byte says how long
// it is.
func codeSet(c *codec.Coder, s *capability.Set) {
	head := make([]byte, 2)
	var body []byte
	if c.Writing() {
		all, err := s.Append(nil)
		if err != nil {
			panic(err) // the server and its clients make no such sets
		}
		head, body = all[:2], all[2:]
	}
	c.Fixed(head)
	if !c.Writing() {
		if head[1] > capability.MaxMembers {
			c.Spoil()
			return
		}
		body = make([]byte, int(head[1])*(capability.EncodedLen+1))
	}
	c.Fixed(body)
	if !c.Writing() {
		set, err := capability.DecodeSet(append(head, body...))
		if err != nil {
			c.Spoil()
			return
		}
		*s = set
	}
}
