package group

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// Body is what a message has behind its header, for tools that watch the wire.
type Body struct {
	Header    std.Header     // BCAST, BCASTREQ of data
	Data      []byte         // behind that: a part of the message
	Address   flip.Address   // HEREIS: of the sequencer; BCAST of a join: of the new member
	Server    flip.Address   // JOINREQ, BCAST of a join: of the new member's RPC
	Group     flip.Address   // JOIN, RESULT: where the group talks
	Index     int            // JOIN: of the new member
	Params    Params         // JOIN, RESULT
	Applied   uint64         // JOIN, RESULT, VOTE: the members are those after this message
	Sequencer int            // likewise: its index
	Members   []flip.Address // likewise
}

const (
	proofLen = capability.Size
	joinLen  = 2 * len(flip.Address{})
)

// SummarizeBody decodes what is behind the header of a whole message. It refuses what
// nobody sends. A BCAST whose data went by another way has no body.
func SummarizeBody(message []byte) (s Body, ok bool) {
	var h head
	if !h.get(message) {
		return s, false
	}
	b := message[headLen:]
	switch h.typ {
	case Locate: // the proof that the sender knows the port
		return s, len(b) == proofLen
	case JoinReq:
		return s, len(b) == proofLen+len(s.Server) && take(&s.Server, b[proofLen:])
	case HereIs:
		return s, len(b) == len(s.Address) && take(&s.Address, b)
	case Join, Result:
		if h.typ == Join && h.seqno != 0 {
			return s, len(b) == 0 // why not
		}
		return s, s.charter(b)
	case Vote:
		var r roll
		rest, ok := r.decode(b)
		s.roll(&r)
		return s, ok && len(rest) == 0
	case Bcast, BcastReq:
		switch {
		case h.flags&flagAccept != 0:
			return s, len(b) == 0
		case h.kind == kindJoin:
			return s, len(b) == joinLen && take(&s.Address, b) && take(&s.Server, b[len(s.Address):])
		case h.kind == kindData && len(b) >= std.HeaderLen:
			s.Header.GetWire((*[std.HeaderLen]byte)(b))
			s.Data = b[std.HeaderLen:]
			return s, true
		}
		return s, h.kind == kindLeave && len(b) == 0
	}
	return s, len(b) == 0
}

// take copies the address at the front of b.
func take(a *flip.Address, b []byte) bool { return copy(a[:], b) == len(a) }

func (s *Body) charter(b []byte) bool {
	var c charter
	if !c.decode(b) {
		return false
	}
	s.Group, s.Index, s.Params = c.group, int(c.index), c.params
	s.roll(&c.roll)
	return true
}

func (s *Body) roll(r *roll) {
	s.Applied, s.Sequencer = r.applied, int(r.sequencer)
	for i := range r.members {
		s.Members = append(s.Members, r.members[i].addr)
	}
}
