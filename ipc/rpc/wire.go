package rpc

import (
	"encoding/binary"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// The RPC header, 24 bytes, big-endian, at the front of every message. The
// header of the request or reply itself (std.Header, 64 bytes) follows it in
// REQUEST and REPLY, a port in LOCATE, a port and an address in HEREIS and
// FORWARD, three numbers in PULL and PART (see pull).
//
//	offset  size  field
//	     0     1  type
//	     1     1  flags
//	     2     2  arg       HEREIS: idle threads; NAK: reason; ENQUIRE, ALIVE: signals;
//	                        PULL, PART, FAIL: whose data; ACK: 1 if the reply was too long
//	     4     4  slot      of the client
//	     8     8  tid       of the transaction
//	    16     4  age       ms since tid's first REQUEST left
//	    20     4  size      REQUEST, REPLY: of the data to be pulled; 0: it follows
const (
	headLen    = 24
	requestLen = headLen + std.HeaderLen // REQUEST and REPLY, before the data
	locateLen  = headLen + capability.Size
	hereIsLen  = locateLen + len(flip.Address{})
	pullLen    = headLen + 12
	partLen    = requestLen // padded, so that the data behind it stays in one piece
)

// A Type says what a message is for. Names and numbers are Amoeba's.
type Type uint8

const (
	Locate   Type = 1  // who serves this port?
	HereIs   Type = 2  // I do, or: now I have a thread for it
	Request  Type = 3  //
	Reply    Type = 4  //
	Ack      Type = 5  // the reply has arrived
	Nak      Type = 6  // the request was not and will not be executed
	Enquire  Type = 7  // are you still at work?
	Alive    Type = 8  // yes
	Received Type = 9  // has my request arrived?
	Forward  Type = 10 // instead of a reply: ask there
	Fail     Type = 11 // outcome unknown
	Pull     Type = 12 // send me this much of the data
	Part     Type = 13 // here it is
)

// Flags. Amoeba's 0x01 (byte order) is never set; 0x04 and 0x08, which say
// whether a message is about a request or a reply, follow from the type here.
const (
	flagRetrans  uint8 = 0x02 // the tid has been sent before
	flagSigTrans uint8 = 0x10 // the client was signalled; arg counts
	flagSecure   uint8 = 0x20 // REQUEST: neither it nor the reply goes over untrusted networks
)

// Reasons in a NAK.
const (
	nakBusy    uint16 = 1 // threads serve the port, all have work
	nakNoPort  uint16 = 2 // no thread here serves the port
	nakMissing uint16 = 3 // answer to RECEIVED: it has not
)

// Whose data a PULL, PART or FAIL is about: the number of the message that
// announced it.
const (
	ofRequest = uint16(Request)
	ofReply   = uint16(Reply)
)

// ackDeclined in an ACK says that the reply was too long for the client.
const ackDeclined uint16 = 1

// head is the RPC header, decoded.
type head struct {
	typ   Type
	flags uint8
	arg   uint16
	slot  uint32
	tid   uint64
	age   uint32
	size  uint32
}

func (h *head) put(b []byte) {
	_ = b[headLen-1]
	b[0], b[1] = byte(h.typ), h.flags
	binary.BigEndian.PutUint16(b[2:], h.arg)
	binary.BigEndian.PutUint32(b[4:], h.slot)
	binary.BigEndian.PutUint64(b[8:], h.tid)
	binary.BigEndian.PutUint32(b[16:], h.age)
	binary.BigEndian.PutUint32(b[20:], h.size)
}

// get decodes a message's head and reports whether the message has the length
// its type demands. Only requests and replies have data.
func (h *head) get(b []byte, dataLen int) bool {
	if len(b) < headLen {
		return false
	}
	h.typ, h.flags = Type(b[0]), b[1]
	h.arg = binary.BigEndian.Uint16(b[2:])
	h.slot = binary.BigEndian.Uint32(b[4:])
	h.tid = binary.BigEndian.Uint64(b[8:])
	h.age = binary.BigEndian.Uint32(b[16:])
	h.size = binary.BigEndian.Uint32(b[20:])
	want := headLen
	switch h.typ {
	case Request, Reply:
		return len(b) == requestLen && (h.size == 0 || dataLen == 0)
	case Part:
		return len(b) == partLen
	case Locate:
		want = locateLen
	case HereIs, Forward:
		want = hereIsLen
	case Pull:
		want = pullLen
	}
	return h.typ >= Locate && h.typ <= Pull && len(b) == want && dataLen == 0
}

// pull is what follows the header in PULL, and in PART up to its data:
//
//	offset  size  field
//	    24     4  offset    of the first byte
//	    28     4  length    PULL: how much, cut into parts; PART: of what follows
//	    32     4  part      length of each part but the last
type pull struct{ offset, length, part uint32 }

func (p *pull) put(b []byte) {
	binary.BigEndian.PutUint32(b[headLen:], p.offset)
	binary.BigEndian.PutUint32(b[headLen+4:], p.length)
	binary.BigEndian.PutUint32(b[headLen+8:], p.part)
}

func (p *pull) get(b []byte) {
	p.offset = binary.BigEndian.Uint32(b[headLen:])
	p.length = binary.BigEndian.Uint32(b[headLen+4:])
	p.part = binary.BigEndian.Uint32(b[headLen+8:])
}

// Summary describes an RPC message, for tools that watch the wire. It is what a
// box delivers in one piece: the payload of a message's first fragment will do.
type Summary struct {
	Type    Type
	Retrans bool
	Secure  bool
	Slot    uint32
	Tid     uint64
	Arg     uint16
	Header  std.Header      // of a REQUEST or REPLY
	Data    []byte          // behind it, and in a PART: a part of the message
	Size    uint32          // of all their data, if it is to be pulled
	Port    capability.Port // of a LOCATE, HEREIS or FORWARD
	Address flip.Address    // of a HEREIS or FORWARD
	Offset  uint32          // of a PULL or PART
	Length  uint32
}

// Client reports whether the message comes from the client of the transaction; if not,
// it goes there. LOCATE and HEREIS are about none.
func (s *Summary) Client() bool {
	switch s.Type {
	case Request, Ack, Enquire, Received:
		return true
	case Pull:
		return s.Arg == ofReply
	case Part:
		return s.Arg == ofRequest
	case Fail: // a client that is asked for data it has no more
		return s.Arg == ofRequest
	}
	return false
}

// Summarize decodes the front of a message.
func Summarize(b []byte) (s Summary, ok bool) {
	var h head
	front := b
	if len(b) > requestLen {
		front = b[:requestLen]
	}
	if !h.get(front, len(b)-len(front)) {
		return s, false
	}
	s = Summary{Type: h.typ, Retrans: h.flags&flagRetrans != 0, Secure: h.flags&flagSecure != 0, Slot: h.slot, Tid: h.tid, Arg: h.arg}
	switch h.typ {
	case Request, Reply:
		s.Header.GetWire((*[std.HeaderLen]byte)(b[headLen:]))
		s.Size, s.Data = h.size, b[requestLen:]
	case HereIs, Forward:
		s.Port, s.Address = capability.Port(b[headLen:locateLen]), flip.Address(b[locateLen:hereIsLen])
	case Locate:
		s.Port = capability.Port(b[headLen:locateLen])
	case Pull, Part:
		var p pull
		p.get(b)
		s.Offset, s.Length = p.offset, p.length
		if h.typ == Part {
			s.Data = b[partLen:]
		}
	}
	return s, true
}

// String returns the type's name in the literature.
func (t Type) String() string {
	names := [...]string{"?", "LOCATE", "HEREIS", "REQUEST", "REPLY", "ACK", "NAK", "ENQUIRE",
		"ALIVE", "RECEIVED", "FORWARD", "FAIL", "PULL", "PART"}
	if int(t) < len(names) {
		return names[t]
	}
	return names[0]
}
