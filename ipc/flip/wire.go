package flip

import (
	"encoding/binary"
	"hash/crc32"
)

// The wire format, frame by frame. Everything is big-endian. A frame is an
// Ethernet header, the FLIP header and Length bytes of the message; what follows
// that (padding of short frames) is ignored. PROTOCOL.md says what the types do.
//
//	offset  size  Ethernet         offset  size  FLIP
//	     0     6  destination          14     1  version = 4
//	     6     6  source               15     1  type
//	    12     2  0x8146               16     1  flags
//	                                   17     1  proto
//	                                   18     1  act_hop
//	                                   19     1  max_hop
//	                                   20     2  mtu
//	                                   22    16  dst
//	                                   38    16  src
//	                                   54     8  messid
//	                                   62     4  length
//	                                   66     4  offset
//	                                   70     4  total
//	                                   74     4  epoch
//	                                   78     4  check
//	                                   82        Length bytes

const (
	EtherType = 0x8146
	EtherLen  = 14
	HeaderLen = 68 // of the FLIP header alone
	Version   = 4  // 1 is Amoeba's 40-byte header, 2 had no check, 3 no mtu

	frameHeadLen = EtherLen + HeaderLen
	checkAt      = frameHeadLen - 4 // all before it is checked
	checked      = 128              // and so many bytes of the payload
)

// A Type says what a frame wants.
type Type uint8

const (
	Locate    Type = 1 // where is dst? (src = dst: here am I)
	HereIs    Type = 2 // src is where this comes from
	UniData   Type = 3 // a fragment for dst
	MultiData Type = 4 // a fragment for all members of dst, or for everybody
	NotHere   Type = 5 // the address in src is not where you sent message messid
	Untrusted Type = 6 // reserved: no safe route
	Busy      Type = 7 // the address in src is frozen; keep message messid
	Ack       Type = 8 // fragments of message messid that have arrived
)

// Protocols above FLIP.
const (
	ProtoRPC   uint8 = 1
	ProtoGroup uint8 = 2
	ProtoRaw   uint8 = 3
)

// Flags. Amoeba's 0x01 (byte order) and 0x02 (code field) are never set.
const (
	FlagSecurity    uint8 = 0x04 // over trusted networks only
	FlagTooBig      uint8 = 0x08 // NOTHERE: the fragment exceeds a network's MTU; mtu says what would pass
	FlagUnreachable uint8 = 0x10 // NOTHERE: from a router that knows no way
	FlagUnsafe      uint8 = 0x20 // crossed an untrusted network
	FlagAckMe       uint8 = 0x40 // the sender waits for an answer to this fragment
	FlagEdge        uint8 = 0x80 // NOTHERE: a LOCATE's hop limit ends here; the router leads on
)

// Header is the FLIP header, decoded.
type Header struct {
	Type   Type
	Flags  uint8
	Proto  uint8
	ActHop uint8  // cost of the way so far
	MaxHop uint8  // cost at which the frame is dropped
	MTU    uint16 // the smallest on that way: bytes of a frame without its Ethernet header
	Dst    Address
	Src    Address
	MessID uint64 // with Src, names the message; BUSY, NOTHERE and ACK repeat it
	Length uint32 // bytes of the message in this frame
	Offset uint32 // where they belong; in ACK, all below has arrived
	Total  uint32 // length of the message
	Epoch  uint32 // number of moves of Src; older locations never replace newer ones
}

// put encodes a frame's Ethernet header and h, up to the check, which seal adds.
func (h *Header) put(frame []byte, to, from MAC) {
	_ = frame[frameHeadLen-1]
	copy(frame[0:6], to[:])
	copy(frame[6:12], from[:])
	binary.BigEndian.PutUint16(frame[12:], EtherType)
	b := frame[EtherLen:checkAt]
	b[0], b[1], b[2], b[3] = Version, byte(h.Type), h.Flags, h.Proto
	b[4], b[5] = h.ActHop, h.MaxHop
	binary.BigEndian.PutUint16(b[6:], h.MTU)
	copy(b[8:24], h.Dst[:])
	copy(b[24:40], h.Src[:])
	binary.BigEndian.PutUint64(b[40:], h.MessID)
	binary.BigEndian.PutUint32(b[48:], h.Length)
	binary.BigEndian.PutUint32(b[52:], h.Offset)
	binary.BigEndian.PutUint32(b[56:], h.Total)
	binary.BigEndian.PutUint32(b[60:], h.Epoch)
}

// Decode reads a frame, for the box and for the tools that watch it. It returns
// the header's view of the payload, which is a part of frame. It refuses frames
// that no box sends: ok is false for another EtherType or version, an unknown
// type, a length beyond the frame, a fragment beyond its message, or if the check
// says that the frame is damaged.
func Decode(h *Header, frame []byte) (payload []byte, ok bool) {
	if len(frame) < frameHeadLen || binary.BigEndian.Uint16(frame[12:]) != EtherType {
		return nil, false
	}
	b := frame[EtherLen:]
	if b[0] != Version {
		return nil, false
	}
	h.Type, h.Flags, h.Proto = Type(b[1]), b[2], b[3]
	h.ActHop, h.MaxHop = b[4], b[5]
	h.MTU = binary.BigEndian.Uint16(b[6:])
	h.Dst = Address(b[8:24])
	h.Src = Address(b[24:40])
	h.MessID = binary.BigEndian.Uint64(b[40:])
	h.Length = binary.BigEndian.Uint32(b[48:])
	h.Offset = binary.BigEndian.Uint32(b[52:])
	h.Total = binary.BigEndian.Uint32(b[56:])
	h.Epoch = binary.BigEndian.Uint32(b[60:])
	if h.Type < Locate || h.Type > Ack || uint64(h.Length) > uint64(len(b)-HeaderLen) {
		return nil, false
	}
	if h.Type == UniData || h.Type == MultiData {
		if uint64(h.Offset)+uint64(h.Length) > uint64(h.Total) || (h.Length == 0 && h.Total != 0) {
			return nil, false
		}
	}
	payload = b[HeaderLen : HeaderLen+h.Length]
	if binary.BigEndian.Uint32(frame[checkAt:]) != check(frame[:frameHeadLen], payload) {
		return nil, false
	}
	return payload, true
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal enters the check in a frame that is complete but for it. The frame is in
// two pieces: front has all headers at least, and body the rest of the payload.
func seal(front, body []byte) {
	binary.BigEndian.PutUint32(front[checkAt:], check(front, body))
}

// check computes a frame's check: over the Ethernet header too, because its source
// is what a route is made of, and over what the protocols above put first in a
// message. A network without an FCS turns a damaged bit there into another
// transaction or an epoch never reached. Data beyond are for their owners to check.
func check(front, body []byte) uint32 {
	sum := crc32.Update(0, castagnoli, front[:checkAt])
	first := front[frameHeadLen:min(len(front), frameHeadLen+checked)]
	sum = crc32.Update(sum, castagnoli, first)
	return crc32.Update(sum, castagnoli, body[:min(len(body), checked-len(first))])
}

// SourceMAC returns where a frame that Decode accepted came from.
func SourceMAC(frame []byte) MAC { return MAC(frame[6:12]) }

// String returns the type's name in the literature.
func (t Type) String() string {
	names := [...]string{"?", "LOCATE", "HEREIS", "UNIDATA", "MULTIDATA", "NOTHERE", "UNTRUSTED", "BUSY", "ACK"}
	if int(t) < len(names) {
		return names[t]
	}
	return names[0]
}
