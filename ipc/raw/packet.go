package raw

import (
	"encoding/binary"

	"motile/ipc/flip"
)

// PacketLen is the length of a Packet in a program's memory.
const PacketLen = 48

// A Packet says of a message where it goes, or where it came from. In memory it is
// 48 bytes, little-endian, every field aligned:
//
//	offset  size  field
//	     0    16  Address   public; destination, or who sent it; of a notice, whom it was for
//	    16     4  Endpoint  number of the one that sends, or at which it arrived
//	    20     4  Flags     sending: Invalidate; of a notice, the flip.Reason
//	    24     4  Kind      received: what this is
//	    28     4  Size      received: bytes of the message
//	    32     8  Token     the sender's own; comes back in a notice
//	    40     4  Dropped   received: messages that found the queue full, so far
//	    44     4            0
type Packet struct {
	Address  flip.Address
	Endpoint uint32
	Flags    uint32
	Kind     Kind
	Size     uint32
	Token    uint64
	Dropped  uint32
}

// Flags of a send. Amoeba's FLIP_SYNC, which waits until the destination is found,
// does not exist: a notice says if it was not.
const (
	Invalidate uint32 = 1 // FLIP_INVAL: forget where the destination was, and ask everybody
	Security   uint32 = 4 // FLIP_SECURITY: over trusted networks only
)

// Kind says what was received.
type Kind uint32

const (
	Unicast Kind = iota + 1
	Multicast
	Broadcast
	NotDelivered // a notice: a message with this Token has been given up
)

// Put encodes p as a program sees it in memory.
func (p *Packet) Put(b *[PacketLen]byte) {
	copy(b[0:16], p.Address[:])
	binary.LittleEndian.PutUint32(b[16:], p.Endpoint)
	binary.LittleEndian.PutUint32(b[20:], p.Flags)
	binary.LittleEndian.PutUint32(b[24:], uint32(p.Kind))
	binary.LittleEndian.PutUint32(b[28:], p.Size)
	binary.LittleEndian.PutUint64(b[32:], p.Token)
	binary.LittleEndian.PutUint32(b[40:], p.Dropped)
	binary.LittleEndian.PutUint32(b[44:], 0)
}

// Get decodes what Put wrote.
func (p *Packet) Get(b *[PacketLen]byte) {
	p.Address = flip.Address(b[0:16])
	p.Endpoint = binary.LittleEndian.Uint32(b[16:])
	p.Flags = binary.LittleEndian.Uint32(b[20:])
	p.Kind = Kind(binary.LittleEndian.Uint32(b[24:]))
	p.Size = binary.LittleEndian.Uint32(b[28:])
	p.Token = binary.LittleEndian.Uint64(b[32:])
	p.Dropped = binary.LittleEndian.Uint32(b[40:])
}

// String returns the kind in lower case words.
func (k Kind) String() string {
	names := [...]string{"?", "unicast", "multicast", "broadcast", "not delivered"}
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}
