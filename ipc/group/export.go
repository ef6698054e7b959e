package group

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// MemberState is a member as a value: what Export takes from the source and Import
// gives to the target. It holds no pointers into the machine but the data of
// messages, and no points in time. It contains secrets: the private address and
// the port.
type MemberState struct {
	Identity flip.Identity
	Server   flip.Address
	Port     capability.Port
	Params   Params
	Phase    uint8
	Begun    bool
	Orphan   bool

	Group            flip.Address
	View, Promised   uint64
	Index, Sequencer uint16
	Table            []PeerState
	Result           []byte

	Base, Got, Accepted, Taken, Applied, Last, Start uint64
	History                                          []EntryState

	MessID    uint64
	Sends     []SendState
	Receivers []ReceiverState
	BB        []EarlyState
	SRTT      int64

	JoinActive  bool
	JoinSlot    uint32
	JoinTo      flip.Address
	JoinLeft    int64
	JoinNonce   uint64
	JoinRefused std.Status

	ResetWanted bool
	ResetSlot   uint32
	ResetMin    uint32
}

// PeerState is a member as this one sees it.
type PeerState struct {
	Index    uint16
	Addr     flip.Address
	Server   flip.Address
	LastMess uint64
	Got      uint64
	Taken    uint64
	Held     bool
	LastHeld uint64
}

// EntryState is a message of the history; Seqno is its number.
type EntryState struct {
	Seqno   uint64
	Missing bool
	Kind    uint8
	Origin  uint16
	MessID  uint64
	Body    []byte
}

// SendState is a call that sends, or the member leaving.
type SendState struct {
	Slot   uint32
	Kind   uint8
	MessID uint64
	Seqno  uint64
	Body   []byte
}

// ReceiverState is a thread that waits for a message.
type ReceiverState struct {
	Slot uint32
	Room uint32
}

// EarlyState is data without a number (BB).
type EarlyState struct {
	Origin uint16
	MessID uint64
	Kind   uint8
	Body   []byte
}

// Export returns the state of a frozen member. The epoch in it is already that of
// the next place.
func (m *Machine) Export(mb *Member) (*MemberState, bool) {
	if !mb.frozen {
		return nil, false
	}
	st, ok := m.Look(mb)
	for i := range mb.hist.entries {
		if e := &mb.hist.entries[i]; ok && e.present {
			st.History = append(st.History, EntryState{mb.hist.base + uint64(i), e.missing, e.kind, e.origin, e.messid, e.body})
		}
	}
	return st, ok
}

// Look returns the state of a member as it is, running or not, but for its history, and
// changes nothing: for who wants to see it.
func (m *Machine) Look(mb *Member) (*MemberState, bool) {
	id, ok := m.box.Export(mb.addr)
	if !ok {
		return nil, false
	}
	id.Epoch++
	st := &MemberState{Identity: id, Server: mb.server, Port: mb.port, Params: mb.params, Phase: uint8(mb.phase), Begun: mb.begun, Orphan: mb.orphan,
		Group: mb.group, View: mb.view, Promised: mb.promised, Index: mb.index, Sequencer: mb.sequencer, Result: mb.result,
		Base: mb.hist.base, Got: mb.got, Accepted: mb.accepted, Taken: mb.taken, Applied: mb.applied, Last: mb.last, Start: mb.start,
		MessID: mb.messid, SRTT: mb.srtt,
		JoinActive: mb.join.active, JoinSlot: mb.join.slot, JoinTo: mb.join.to, JoinLeft: mb.join.left,
		JoinNonce: mb.join.nonce, JoinRefused: mb.join.refused,
		ResetWanted: mb.reset.wanted, ResetSlot: mb.reset.slot, ResetMin: uint32(mb.reset.nmin)}
	for i := range mb.table {
		if p := &mb.table[i]; !p.addr.IsNull() {
			st.Table = append(st.Table, PeerState{uint16(i), p.addr, p.server, p.lastMess, p.got, p.taken, p.held, p.lastHeld})
		}
	}
	for i := range mb.sends {
		s := &mb.sends[i]
		st.Sends = append(st.Sends, SendState{s.slot, s.kind, s.messid, s.seq, s.body})
	}
	for _, r := range mb.receivers {
		st.Receivers = append(st.Receivers, ReceiverState{r.slot, uint32(r.room)})
	}
	for i := range mb.bb {
		if b := &mb.bb[i]; b.messid != 0 {
			st.BB = append(st.BB, EarlyState{uint16(i), b.messid, b.kind, b.body})
		}
	}
	return st, true
}

// Import makes a member from a state that came from another node. It hears nothing
// and sends nothing until Activate. Import returns nil, and changes nothing, if the
// state makes no sense or the address is in use here.
func (m *Machine) Import(now int64, owner any, st *MemberState) *Member {
	if !m.acceptable(st) {
		return nil
	}
	mb := &Member{Owner: owner, server: st.Server, port: st.Port, rendezvous: rendezvous(st.Port), params: st.Params,
		addr: st.Identity.Public, identity: st.Identity, frozen: true, imported: true,
		phase: phase(st.Phase), begun: st.Begun, orphan: st.Orphan,
		group: st.Group, view: st.View, promised: st.Promised, index: st.Index, sequencer: st.Sequencer, result: st.Result,
		got: st.Got, accepted: st.Accepted, taken: st.Taken, told: st.Taken, applied: st.Applied, last: st.Last, start: st.Start,
		messid: st.MessID, srtt: st.SRTT, rto: rtoFirst, gapWait: gapFirst, syncWait: syncFirst,
		join: joinCall{active: st.JoinActive, slot: st.JoinSlot, to: st.JoinTo, left: st.JoinLeft, since: now,
			wait: locateFirst, nonce: st.JoinNonce, refused: st.JoinRefused},
		reset: resetCall{st.ResetWanted, st.ResetSlot, int(st.ResetMin)},
	}
	if st.SRTT > 0 {
		mb.measure(st.SRTT)
	}
	mb.hist.base = st.Base
	for i := range st.Table {
		x := &st.Table[i]
		p := mb.enroll(now, x.Index, x.Addr, x.Server)
		p.lastMess, p.got, p.taken, p.held, p.lastHeld = x.LastMess, x.Got, x.Taken, x.Held, x.LastHeld
	}
	if phase(st.Phase) != joining {
		mb.reserve(mb.index) // see acceptableTable
	}
	for i := range st.History {
		x := &st.History[i]
		mb.hist.put(x.Seqno, entry{kind: x.Kind, origin: x.Origin, messid: x.MessID, missing: x.Missing, body: x.Body})
	}
	for i := range st.Sends {
		x := &st.Sends[i]
		mb.sends = append(mb.sends, send{slot: x.Slot, kind: x.Kind, messid: x.MessID, seq: x.Seqno, body: x.Body, since: now})
	}
	for _, x := range st.Receivers {
		mb.receivers = append(mb.receivers, receiver{x.Slot, int(x.Room)})
	}
	for i := range st.BB {
		x := &st.BB[i]
		mb.bb[x.Origin] = early{x.MessID, x.Kind, x.Body}
	}
	m.enter(mb)
	return mb
}

// acceptable checks all that Import and the machine afterwards rely on.
func (m *Machine) acceptable(st *MemberState) bool {
	id := &st.Identity
	if id.Private.IsNull() || id.Private.Public() != id.Public || m.members.Get((*[16]byte)(&id.Public)) != nil ||
		st.Port.IsNull() || len(m.list) >= m.cfg.MaxHere || st.Phase >= uint8(closed) || len(st.Sends) > m.cfg.MaxSends+1 || st.ResetMin > MaxMembers ||
		len(st.Receivers) > maxReceivers || st.JoinLeft < 0 || st.SRTT < 0 || st.SRTT > 1000*second {
		return false
	}
	if phase(st.Phase) == joining {
		return len(st.Table)+len(st.History)+len(st.BB)+len(st.Sends) == 0
	}
	for _, n := range [...]uint64{st.View, st.Promised, st.Got, st.Accepted, st.Taken, st.Applied, st.Last, st.Start, st.MessID} {
		if n > maxSeqno {
			return false
		}
	}
	if !st.Params.valid() || st.Params.historyBytes() > m.cfg.HistoryBytes || st.Group.IsNull() || st.View > st.Promised ||
		st.Base == 0 || st.Got+1 < st.Base || st.Taken+1 < st.Base || st.Applied < st.Got || st.Last < st.Got || st.Last >= st.Base+1<<st.Params.LogBuffers {
		return false
	}
	return acceptableTable(st) && acceptableHistory(st) && acceptableCalls(st)
}

const maxReceivers = 4096

func acceptableTable(st *MemberState) bool {
	var r roll
	for i := range st.Table {
		p := &st.Table[i]
		if i > 0 && p.Index <= st.Table[i-1].Index || p.Index >= MaxMembers || p.Addr.IsNull() || p.LastMess > maxSeqno || p.Got > maxSeqno || p.Taken > maxSeqno {
			return false
		}
		r.members = append(r.members, rollEntry{index: p.Index, addr: p.Addr})
	}
	self := r.findAddr(st.Identity.Public)
	switch {
	case r.find(st.Sequencer) == nil || st.Index >= MaxMembers:
		return false
	case self == nil: // its LEAVE has a number, and somebody may have got its index
		if len(st.Sends) == 0 || st.Sends[0].Kind != kindLeave || st.Sends[0].Seqno == 0 {
			return false
		}
	case self.index != st.Index:
		return false
	}
	for i := range st.BB {
		x := &st.BB[i]
		if i > 0 && x.Origin <= st.BB[i-1].Origin || r.find(x.Origin) == nil || x.Kind != kindData && x.Kind != kindLeave {
			return false
		}
	}
	return true
}

// acceptableHistory: all from Base to Got is there, and nothing beyond its size.
func acceptableHistory(st *MemberState) bool {
	next := st.Base
	for i := range st.History {
		e := &st.History[i]
		switch {
		case e.Seqno < next || e.Seqno-st.Base >= 1<<st.Params.LogBuffers,
			e.Kind < kindData || e.Kind > kindLeave || e.Origin >= MaxMembers || e.MessID > maxSeqno,
			e.Kind == kindData && !e.Missing && (len(e.Body) < bodyMin || len(e.Body) > bodyMin+1<<st.Params.LogMaxMessage),
			e.Kind == kindJoin && len(e.Body) != 2*len(flip.Address{}),
			e.Seqno <= st.Got && (e.Seqno != next || e.Missing):
			return false
		}
		next = e.Seqno + 1
	}
	have := uint64(0)
	for i := range st.History {
		if st.History[i].Seqno <= st.Got {
			have++
		}
	}
	return have == st.Got+1-st.Base
}

func acceptableCalls(st *MemberState) bool {
	for i := range st.Sends {
		s := &st.Sends[i]
		switch s.Kind {
		case kindData:
			if len(s.Body) < bodyMin || len(s.Body) > bodyMin+1<<st.Params.LogMaxMessage {
				return false
			}
		case kindLeave:
		default:
			return false
		}
		if s.MessID > st.MessID || i > 0 && (s.MessID != 0 || s.Seqno != 0) {
			return false
		}
	}
	for _, r := range st.Receivers {
		if r.Room > 1<<30 {
			return false
		}
	}
	return true
}
