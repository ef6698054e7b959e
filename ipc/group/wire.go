package group

import (
	"encoding/binary"

	"motile/ipc/flip"
)

// The group header, 48 bytes, big-endian, at the front of every message.
//
//	offset  size  field
//	     0     1  type
//	     1     1  flags
//	     2     2  index     of the member that speaks
//	     4     2  origin    BCAST: of the member whose message it is
//	     6     1  kind      BCAST, BCASTREQ: what is ordered
//	     7     1  zero
//	     8     8  view      incarnation of the group the speaker is in
//	    16     8  seqno     meaning up to the type
//	    24     8  messid    of the message at its origin
//	    32     8  got       members: all up to here has arrived
//	                        sequencer: all up to here is accepted
//	    40     8  taken     members: all up to here was received by the program
//	                        sequencer: first seqno that anybody may still need
const headLen = 48

// A Type says what a message is for. Names and numbers up to DEAD are Amoeba's.
type Type uint8

const (
	Locate    Type = 0  // is there a group of this port?
	HereIs    Type = 1  // its sequencer is at that address
	JoinReq   Type = 2  // let me in
	Join      Type = 3  // you are in, or why not
	LeaveReq  Type = 4  // reserved: leaving is a BCASTREQ of kind leave
	Leave     Type = 5  // reserved: and a BCAST of that kind
	BcastReq  Type = 6  // order this; to the sequencer, or to all (BB)
	Bcast     Type = 7  // this is message seqno
	Ack       Type = 8  // I have all up to got (resilience)
	Retrans   Type = 9  // send me seqno to messid again
	Sync      Type = 10 // the last message is seqno
	State     Type = 11 // I have so much
	ReformReq Type = 12 // let us make a new view, under ballot seqno
	Vote      Type = 13 // I am for it; so much have I
	Result    Type = 14 // the new view
	ResultAck Type = 15 // I am in it
	Alive     Type = 16 // yes
	AliveReq  Type = 17 // are you there?
	Dead      Type = 18 // this view has ended: a member does not answer
	Hold      Type = 19 // the history is full; or, with flagGo, not any more. Ours.
)

// Flags.
const (
	flagAccept uint8 = 0x01 // BCAST: the data went by another way (BB)
	flagAsk    uint8 = 0x02 // SYNC: answer with STATE
	flagGo     uint8 = 0x04 // HOLD: send again
	flagOut    uint8 = 0x08 // DEAD: the view goes on, without you
)

// Kinds of ordered messages.
const (
	kindData  uint8 = 1 // std.Header and data
	kindJoin  uint8 = 2 // addresses of the member that origin is from now on: its own, its server's
	kindLeave uint8 = 3 // origin is nobody any more
)

type head struct {
	typ    Type
	flags  uint8
	index  uint16
	origin uint16
	kind   uint8
	view   uint64
	seqno  uint64
	messid uint64
	got    uint64
	taken  uint64

	toAll bool // it came by multicast; not on the wire
}

func (h *head) put(b []byte) {
	_ = b[headLen-1]
	b[0], b[1] = byte(h.typ), h.flags
	binary.BigEndian.PutUint16(b[2:], h.index)
	binary.BigEndian.PutUint16(b[4:], h.origin)
	b[6], b[7] = h.kind, 0
	binary.BigEndian.PutUint64(b[8:], h.view)
	binary.BigEndian.PutUint64(b[16:], h.seqno)
	binary.BigEndian.PutUint64(b[24:], h.messid)
	binary.BigEndian.PutUint64(b[32:], h.got)
	binary.BigEndian.PutUint64(b[40:], h.taken)
}

// get decodes a header. It refuses what nobody sends.
func (h *head) get(b []byte) bool {
	if len(b) < headLen {
		return false
	}
	h.typ, h.flags = Type(b[0]), b[1]
	h.index = binary.BigEndian.Uint16(b[2:])
	h.origin = binary.BigEndian.Uint16(b[4:])
	h.kind = b[6]
	h.view = binary.BigEndian.Uint64(b[8:])
	h.seqno = binary.BigEndian.Uint64(b[16:])
	h.messid = binary.BigEndian.Uint64(b[24:])
	h.got = binary.BigEndian.Uint64(b[32:])
	h.taken = binary.BigEndian.Uint64(b[40:])
	return h.typ <= Hold && h.kind <= kindLeave && b[7] == 0 &&
		h.seqno <= maxSeqno && h.messid <= maxSeqno && h.got <= maxSeqno && h.taken <= maxSeqno
}

// maxSeqno leaves room for arithmetic. Ballots are below it too.
const maxSeqno = 1 << 62

// String returns the type's name in the literature.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "?"
}

var typeNames = [...]string{"LOCATE", "HEREIS", "JOINREQ", "JOIN", "LEAVEREQ", "LEAVE", "BCASTREQ",
	"BCAST", "ACK", "RETRANS", "SYNC", "STATE", "REFORMREQ", "VOTE", "RESULT", "RESULTACK",
	"ALIVE", "ALIVEREQ", "DEAD", "HOLD"}

// Summary is a message's header, for tools and traces.
type Summary struct {
	Type                 Type
	Accept, Ask, Go, Out bool
	Index, Origin        int
	Kind                 string // of an ordered message: data, join, leave
	View                 uint64
	Seqno, MessID        uint64
	Got, Taken           uint64
}

// Summarize decodes the header of a message of protocol flip.ProtoGroup.
func Summarize(message []byte) (s Summary, ok bool) {
	var h head
	if !h.get(message) {
		return s, false
	}
	kinds := [...]string{"", "data", "join", "leave"}
	return Summary{Type: h.typ, Accept: h.flags&flagAccept != 0, Ask: h.flags&flagAsk != 0,
		Go: h.flags&flagGo != 0, Out: h.flags&flagOut != 0,
		Index: int(h.index), Origin: int(h.origin), Kind: kinds[h.kind], View: h.view,
		Seqno: h.seqno, MessID: h.messid, Got: h.got, Taken: h.taken}, true
}

// A roll is a list of members in JOIN, VOTE and RESULT: the table as it is after
// message applied.
//
//	offset  size  field
//	     0     8  applied
//	     8     2  sequencer
//	    10     2  number of members
//	    12   42n  index 2, address 16, address of its server (RPC) 16, messid of its
//	              last ordered message 8
type roll struct {
	applied   uint64
	sequencer uint16
	members   []rollEntry
}

type rollEntry struct {
	index    uint16
	addr     flip.Address
	server   flip.Address
	lastMess uint64
}

const rollEntryLen = 2 + 16 + 16 + 8

func (r *roll) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, r.applied)
	b = binary.BigEndian.AppendUint16(b, r.sequencer)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.members)))
	for i := range r.members {
		e := &r.members[i]
		b = binary.BigEndian.AppendUint16(b, e.index)
		b = append(b, e.addr[:]...)
		b = append(b, e.server[:]...)
		b = binary.BigEndian.AppendUint64(b, e.lastMess)
	}
	return b
}

// decode takes a roll off the front of b. The members are in ascending order of
// their indices, and the sequencer is one of them.
func (r *roll) decode(b []byte) (rest []byte, ok bool) {
	if len(b) < 12 {
		return nil, false
	}
	r.applied = binary.BigEndian.Uint64(b)
	r.sequencer = binary.BigEndian.Uint16(b[8:])
	n := int(binary.BigEndian.Uint16(b[10:]))
	b = b[12:]
	if len(b) < n*rollEntryLen || n > MaxMembers || r.applied > maxSeqno {
		return nil, false
	}
	last := -1
	for range n {
		e := rollEntry{index: binary.BigEndian.Uint16(b), addr: flip.Address(b[2:18]), server: flip.Address(b[18:34]), lastMess: binary.BigEndian.Uint64(b[34:])}
		if int(e.index) <= last || e.index >= MaxMembers || e.addr.IsNull() || e.lastMess > maxSeqno {
			return nil, false
		}
		last = int(e.index)
		r.members = append(r.members, e)
		b = b[rollEntryLen:]
	}
	return b, r.find(r.sequencer) != nil
}

func (r *roll) find(index uint16) *rollEntry {
	for i := range r.members {
		if r.members[i].index == index {
			return &r.members[i]
		}
	}
	return nil
}

func (r *roll) findAddr(a flip.Address) *rollEntry {
	for i := range r.members {
		if r.members[i].addr == a {
			return &r.members[i]
		}
	}
	return nil
}

// A charter is what a joiner learns in JOIN, and RESULT renews a part of: where
// the group talks, and its parameters.
//
//	offset  size  field
//	     0    16  group address
//	    16     2  index of the new member
//	    18     2  resilience
//	    20     2  maxgroup
//	    22     1  lognbuf
//	    23     1  logmaxmess
//	    24     4  large
//	    28        roll
type charter struct {
	group  flip.Address
	index  uint16
	params Params
	roll   roll
}

const charterLen = 28

func (c *charter) append(b []byte) []byte {
	b = append(b, c.group[:]...)
	b = binary.BigEndian.AppendUint16(b, c.index)
	b = binary.BigEndian.AppendUint16(b, uint16(c.params.Resilience))
	b = binary.BigEndian.AppendUint16(b, uint16(c.params.MaxGroup))
	b = append(b, byte(c.params.LogBuffers), byte(c.params.LogMaxMessage))
	b = binary.BigEndian.AppendUint32(b, uint32(c.params.Large))
	return c.roll.append(b)
}

func (c *charter) decode(b []byte) bool {
	if len(b) < charterLen {
		return false
	}
	c.group = flip.Address(b[0:16])
	c.index = binary.BigEndian.Uint16(b[16:])
	c.params = Params{
		Resilience: int(binary.BigEndian.Uint16(b[18:])), MaxGroup: int(binary.BigEndian.Uint16(b[20:])),
		LogBuffers: int(b[22]), LogMaxMessage: int(b[23]), Large: int(binary.BigEndian.Uint32(b[24:])),
	}
	rest, ok := c.roll.decode(b[charterLen:])
	return ok && len(rest) == 0 && !c.group.IsNull() && c.params.valid()
}
