package codec

import "encoding/binary"

// Coder is one pass over a state, in one direction.
type Coder struct {
	b   []byte
	out bool
	bad bool
}

// NewWriter returns a Coder that appends to b what it is shown.
func NewWriter(b []byte) *Coder { return &Coder{b: b, out: true} }

// NewReader returns a Coder that takes its fields from b. Beyond the end it reads
// zeros and becomes bad. Data it reads are parts of b.
func NewReader(b []byte) *Coder { return &Coder{b: b} }

// Writing reports the direction.
func (c *Coder) Writing() bool { return c.out }

// Bytes is what has been written, with what was there before.
func (c *Coder) Bytes() []byte { return c.b }

// Complete reports whether all that was there has been read, nothing was missing,
// and nothing made no sense.
func (c *Coder) Complete() bool { return !c.bad && len(c.b) == 0 }

// Bad reports whether reading has failed: what was read since means nothing.
func (c *Coder) Bad() bool { return c.bad }

// Spoil makes the Coder bad: a field made no sense.
func (c *Coder) Spoil() { c.bad, c.b = true, nil }

// take returns the next n bytes: to be written, or to be read.
func (c *Coder) take(n int) []byte {
	if c.out {
		c.b = append(c.b, make([]byte, n)...)
		return c.b[len(c.b)-n:]
	}
	if n > len(c.b) {
		c.Spoil()
		return make([]byte, n)
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

// U8 codes a byte, or a number that is one.
func U8[T ~uint8](c *Coder, v *T) {
	if b := c.take(1); c.out {
		b[0] = uint8(*v)
	} else {
		*v = T(b[0])
	}
}

// U16 codes a 16-bit number.
func U16[T ~uint16](c *Coder, v *T) {
	if b := c.take(2); c.out {
		binary.BigEndian.PutUint16(b, uint16(*v))
	} else {
		*v = T(binary.BigEndian.Uint16(b))
	}
}

// U32 codes the low 32 bits of a number.
func U32[T ~uint32 | ~int32 | ~int](c *Coder, v *T) {
	if b := c.take(4); c.out {
		binary.BigEndian.PutUint32(b, uint32(*v))
	} else {
		*v = T(binary.BigEndian.Uint32(b))
	}
}

// U64 codes a 64-bit number.
func U64[T ~uint64 | ~int64](c *Coder, v *T) {
	if b := c.take(8); c.out {
		binary.BigEndian.PutUint64(b, uint64(*v))
	} else {
		*v = T(binary.BigEndian.Uint64(b))
	}
}

// Flag codes a bool. Anything but 0 and 1 is bad.
func (c *Coder) Flag(v *bool) {
	var u uint8
	if *v {
		u = 1
	}
	U8(c, &u)
	c.bad = c.bad || u > 1
	*v = u == 1
}

// ID codes an address or a port.
func ID[T ~[16]byte](c *Coder, v *T) {
	if b := c.take(16); c.out {
		id := [16]byte(*v)
		copy(b, id[:])
	} else {
		*v = T([16]byte(b))
	}
}

// Fixed codes bytes whose number both sides know.
func (c *Coder) Fixed(v []byte) {
	if b := c.take(len(v)); c.out {
		copy(b, v)
	} else {
		copy(v, b)
	}
}

// Data codes bytes behind their number.
func (c *Coder) Data(v *[]byte) {
	n := uint32(len(*v))
	U32(c, &n)
	if c.out {
		c.b = append(c.b, *v...)
		return
	}
	*v = nil
	if int(n) > len(c.b) {
		c.Spoil()
	} else if n > 0 {
		*v = c.take(int(n))
	}
}

// Count codes the length of a list. Reading, it believes it only if the records, of
// at least min bytes each, can be there.
func (c *Coder) Count(n int, min int) int {
	U32(c, &n)
	if !c.out && n > len(c.b)/min {
		c.Spoil()
		return 0
	}
	return n
}

// List codes a list behind its length: each element by f, which takes min bytes or
// more for it.
func List[T any](c *Coder, l *[]T, min int, f func(*Coder, *T)) {
	n := c.Count(len(*l), min)
	if !c.out {
		*l = nil
		if n > 0 {
			*l = make([]T, n)
		}
	}
	for i := range *l {
		f(c, &(*l)[i])
	}
}
