package capability

// EncodedLen is the length of a capability on the wire and in files.
const EncodedLen = Size + 8 + 4 + Size

// A Capability names one object of one service, with what its holder may do.
// The zero value names nothing.
type Capability struct {
	Port   Port   // put-port of the service
	Object uint64 // the service's number for the object
	Rights Rights
	Check  [Size]byte
}

// IsNull reports whether c names nothing.
func (c *Capability) IsNull() bool { return *c == Capability{} }

// Append adds c's 44 bytes, all fields big-endian in the order of the struct.
func (c *Capability) Append(b []byte) []byte {
	b = append(b, c.Port[:]...)
	b = appendUint64(b, c.Object)
	b = append(b, byte(c.Rights>>24), byte(c.Rights>>16), byte(c.Rights>>8), byte(c.Rights))
	return append(b, c.Check[:]...)
}

// Decode reads a capability from the front of b and reports whether b was long
// enough. Every 44 bytes decode to something: whether they name an object is
// for the service to say.
func Decode(b []byte) (c Capability, ok bool) {
	if len(b) < EncodedLen {
		return c, false
	}
	c.Port = Port(b[0:16])
	c.Object = uint64At(b[16:24])
	c.Rights = Rights(uint64At(b[20:28])) // the low half is the field
	c.Check = [Size]byte(b[28:44])
	return c, true
}

func appendUint64(b []byte, v uint64) []byte {
	return append(b, byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32),
		byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func putUint64(b []byte, v uint64) {
	_ = b[7]
	b[0], b[1], b[2], b[3] = byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32)
	b[4], b[5], b[6], b[7] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
}

func uint64At(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0])<<56 | uint64(b[1])<<48 | uint64(b[2])<<40 | uint64(b[3])<<32 |
		uint64(b[4])<<24 | uint64(b[5])<<16 | uint64(b[6])<<8 | uint64(b[7])
}
