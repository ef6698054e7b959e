package capability

import "errors"

// The classic form is Amoeba 5's: 128 bits.
//
//	offset  size  field
//	     0     6  port
//	     6     3  object, little-endian
//	     9     1  rights; 0xff: the owner's
//	    10     6  check
//
// Only the form is here. Amoeba's one-way function was made of a DES with a changed
// key schedule, which we do not have: a classic capability can be carried, shown and
// handed back to the server it came from, but not checked or restricted here.
//
// In memory its port and check are ours with ten zero bytes behind them. A service of
// ours draws or hashes all sixteen, so of our own capabilities next to none has a
// classic form: to go without the other ten would be to weaken them in silence.

// ClassicLen is the length of a capability in Amoeba's form.
const ClassicLen = 16

// ErrClassic says that a capability has no classic form.
var ErrClassic = errors.New("capability: does not fit Amoeba's 16 bytes: port and check of 6 bytes, object below 2^24, rights of 8 bits")

const (
	classicField  = 6         // bytes of port and check
	classicObject = 1<<24 - 1 // largest
	classicOwner  = 0xff
)

// AppendClassic adds c's 16 bytes, or says that there are none.
func (c *Capability) AppendClassic(b []byte) ([]byte, error) {
	rights := c.Rights
	switch {
	case rights == AllRights:
		rights = classicOwner
	case rights >= classicOwner: // eight bits that are not the owner's would become his
		return b, ErrClassic
	}
	if c.Object > classicObject || !classic((*[Size]byte)(&c.Port)) || !classic(&c.Check) {
		return b, ErrClassic
	}
	b = append(b, c.Port[:classicField]...)
	b = append(b, byte(c.Object), byte(c.Object>>8), byte(c.Object>>16), byte(rights))
	return append(b, c.Check[:classicField]...), nil
}

// DecodeClassic reads a capability in Amoeba's form from the front of b and reports
// whether b was long enough.
func DecodeClassic(b []byte) (c Capability, ok bool) {
	if len(b) < ClassicLen {
		return c, false
	}
	copy(c.Port[:], b[:classicField])
	c.Object = uint64(b[6]) | uint64(b[7])<<8 | uint64(b[8])<<16
	if c.Rights = Rights(b[9]); c.Rights == classicOwner {
		c.Rights = AllRights
	}
	copy(c.Check[:], b[10:ClassicLen])
	return c, true
}

// classic reports whether a value has its first six bytes only.
func classic(v *[Size]byte) bool {
	var rest byte
	for _, x := range v[classicField:] {
		rest |= x
	}
	return rest == 0
}
