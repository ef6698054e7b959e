package flip

import "encoding/binary"

// Acked is what an ACK says of a message, for tools that watch the wire.
type Acked struct {
	Upto   uint32 // all of the message below this has arrived
	All    bool   // which is the whole of it
	Unit   uint32 // length of a fragment
	Bitmap []byte // of the fragments beyond; a part of the frame
}

// Has reports whether the i-th fragment from Upto on has arrived.
func (a *Acked) Has(i int) bool { return i < 8*len(a.Bitmap) && a.Bitmap[i/8]>>(i%8)&1 != 0 }

// DecodeAck reads the payload of an ACK. It refuses what no box sends.
func DecodeAck(h *Header, payload []byte) (a Acked, ok bool) {
	a = Acked{Upto: h.Offset, All: h.Offset == h.Total}
	if a.All {
		return a, h.Type == Ack
	}
	if h.Type != Ack || h.Offset > h.Total || len(payload) < 4 {
		return a, false
	}
	a.Unit, a.Bitmap = binary.BigEndian.Uint32(payload), payload[4:]
	return a, a.Unit != 0 && h.Offset%a.Unit == 0
}

// Here is what a HEREIS says besides where its sender is, for tools that watch the wire.
type Here struct {
	Known int    // locations of the address that the sender knows; of a group: members there
	Safe  int    // of those, how many are reached over trusted networks alone
	Box   uint64 // of a group's answer: which box it is
}

// DecodeHereIs reads the payload of a HEREIS.
func DecodeHereIs(payload []byte) (s Here, ok bool) {
	if len(payload) != 4 && len(payload) != hereIsLen {
		return s, false
	}
	s.Known = int(binary.BigEndian.Uint16(payload))
	s.Safe = int(binary.BigEndian.Uint16(payload[2:]))
	if len(payload) == hereIsLen {
		s.Box = binary.BigEndian.Uint64(payload[4:])
	}
	return s, true
}

// Announces reports whether h is an announcement: here am I, after a move or a thaw.
func (h *Header) Announces() bool { return h.Type == Locate && h.Src == h.Dst }
