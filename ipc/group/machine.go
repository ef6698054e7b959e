package group

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/internal/deadline"
	"motile/ipc/internal/table"
	"motile/ipc/std"
)

// Wait is what a call returns when a Complete will end it, or is already in Out.
const Wait std.Status = 1

// A Machine is one node's groups. It has a single owner; see the package comment.
type Machine struct {
	Out   Effects
	Stats Stats

	cfg     Config
	box     *flip.Box
	members table.Table[Member]
	list    []*Member // the same, in the order of joining
	timers  deadline.Heap
	buf     [headLen]byte // header under construction
}

// Effects is what a machine wants done, besides what it put into the box. The
// Data in them belong to whoever takes them, to be read only.
type Effects struct {
	Completes []Complete
}

// A Kind says which call a Complete ends.
type Kind uint8

const (
	KindJoin Kind = iota + 1
	KindLeave
	KindSend
	KindReceive
	KindReset
)

// Complete ends a call that was accepted with Wait.
type Complete struct {
	Member *Member
	Slot   uint32
	Kind   Kind
	Status std.Status
	Header std.Header // receive: of the message
	Data   []byte     // receive
	Seqno  uint64     // receive, send: the message's number
	Total  int        // reset: members of the new view
}

// Stats counts what has happened, for people.
type Stats struct {
	Ordered      uint64 // messages numbered here
	Delivered    uint64 // messages handed to programs
	RetransAsked uint64
	RetransSent  uint64
	HoldsSent    uint64
	ViewsEnded   uint64
	ViewsBegun   uint64
	Strays       uint64
	Malformed    uint64
}

// New returns a machine without members.
func New(cfg Config) *Machine {
	cfg.fill()
	m := &Machine{cfg: cfg, box: cfg.Box}
	m.members.Seed = cfg.Rand()
	m.box.SetHeaderLen(flip.ProtoGroup, headLen)
	return m
}

// NextDeadline returns the time at which Tick has something to do, or
// deadline.Never (the largest int64).
func (m *Machine) NextDeadline() int64 { return m.timers.Next() }

// Tick does what is due.
func (m *Machine) Tick(now int64) {
	for {
		t := m.timers.Expired(now)
		if t == nil {
			return
		}
		mb := t.Owner.(*Member)
		m.expired(now, mb)
		m.arm(now, mb)
	}
}

// Reset drops the effects and keeps the room.
func (m *Machine) Reset() {
	clear(m.Out.Completes)
	m.Out.Completes = m.Out.Completes[:0]
}

func (m *Machine) complete(mb *Member, slot uint32, kind Kind, status std.Status) *Complete {
	if mb.orphan {
		return new(Complete) // nobody waits
	}
	m.Out.Completes = append(m.Out.Completes, Complete{Member: mb, Slot: slot, Kind: kind, Status: status})
	return &m.Out.Completes[len(m.Out.Completes)-1]
}

// Deliver takes a message of protocol flip.ProtoGroup. It may be malformed in
// every way.
func (m *Machine) Deliver(now int64, d *flip.Deliver) {
	var h head
	if !h.get(d.Head()) {
		m.Stats.Malformed++
		return
	}
	if !d.Multicast {
		if mb := m.members.Get((*[16]byte)(&d.Dst)); mb != nil && !mb.frozen {
			m.receive(now, mb, d.Src, &h, d.Body)
			m.arm(now, mb)
		} else {
			m.Stats.Strays++
		}
		return
	}
	h.toAll = true
	for i := 0; i < len(m.list); i++ {
		mb := m.list[i]
		if mb.frozen || mb.addr == d.Src {
			continue
		}
		switch d.Dst {
		case mb.group:
			m.receive(now, mb, d.Src, &h, d.Body)
			m.arm(now, mb)
		case mb.rendezvous:
			if h.typ == Locate {
				m.gotLocate(now, mb, d.Src, d.Body)
			}
		}
	}
}

// NotDelivered takes the box's word that a message was given up.
func (m *Machine) NotDelivered(now int64, n *flip.NotDelivered) {
	mb := m.members.Get((*[16]byte)(&n.Src))
	if mb == nil || mb.frozen {
		return
	}
	if n.Reason != flip.NoRoom && n.Reason != flip.BadSource && n.Reason != flip.TooBig {
		m.unreachable(now, mb, n.Dst)
	}
	m.arm(now, mb)
}

// receive takes a message for a member.
func (m *Machine) receive(now int64, mb *Member, src flip.Address, h *head, body []byte) {
	switch h.typ {
	case HereIs:
		m.gotHereIs(now, mb, h, body)
		return
	case JoinReq:
		m.gotJoinReq(now, mb, src, h, body)
		return
	case Join:
		m.gotJoin(now, mb, src, h, body)
		return
	case ReformReq:
		m.gotReformReq(now, mb, src, h)
		return
	case Vote:
		m.gotVote(now, mb, src, h, body)
		return
	case Result:
		m.gotResult(now, mb, src, h, body)
		return
	case ResultAck:
		m.gotResultAck(mb, src, h)
		return
	}
	if h.view != mb.view {
		m.otherView(now, mb, src, h)
		return
	}
	p := mb.peer(h.index)
	if p == nil || p.addr != src {
		// A member that joined by a message which has not come yet, if it is the
		// sequencer; or one that has left.
		if h.typ == Bcast || h.typ == Sync {
			m.fromSequencer(now, mb, h, body)
			return
		}
		m.Stats.Strays++
		if mb.sequences() && (h.typ == BcastReq || h.typ == Retrans || h.typ == AliveReq) {
			m.tellOut(now, mb, src, h.view) // it has left, and the order that says so was lost
		}
		return
	}
	p.hear(now)
	switch {
	case h.typ == Dead:
		m.gotDead(now, mb, h)
	case mb.phase == lingering || mb.phase == running:
		m.inView(now, mb, p, h, body)
	case h.typ == BcastReq || h.typ == AliveReq || h.typ == Retrans || h.typ == State:
		m.tellDead(now, mb, p.addr) // it has not heard that the view has ended
	}
}

// inView takes a message of the member's own view.
func (m *Machine) inView(now int64, mb *Member, p *peer, h *head, body []byte) {
	switch h.typ {
	case Bcast, Sync, Hold:
		m.fromSequencer(now, mb, h, body)
		return
	}
	// The others say how far they are, whatever they want.
	p.got, p.taken = max(p.got, min(h.got, mb.got)), max(p.taken, min(h.taken, mb.got))
	switch h.typ {
	case BcastReq:
		m.gotBcastReq(now, mb, p, h, body)
	case Retrans:
		m.gotRetrans(now, mb, p, h)
	case AliveReq:
		m.control(now, mb, p.addr, &head{typ: Alive})
	}
	if mb.sequences() {
		m.progress(now, mb)
	} else if mb.phase == lingering {
		m.lingered(now, mb)
	}
}

// otherView: the speaker is in another view. If ours is the newer one, and it is in
// it, the RESULT has not reached it.
func (m *Machine) otherView(now int64, mb *Member, src flip.Address, h *head) {
	m.Stats.Strays++
	switch {
	case mb.phase != running:
	case h.view > mb.view:
		if h.typ == AliveReq {
			m.control(now, mb, src, &head{typ: State})
		}
	case mb.peerOf(src) != nil:
		if len(mb.result) > 0 {
			m.sendResult(now, mb, src)
		}
	case h.typ == AliveReq || h.typ == BcastReq || h.typ == Retrans:
		m.tellOut(now, mb, src, h.view)
	}
}

// header fills in what all messages of a member have.
func (mb *Member) header(h *head) {
	h.index, h.view = mb.index, max(h.view, mb.view)
	switch h.typ {
	case Bcast, Sync, Hold, Join:
		h.got, h.taken = mb.accepted, mb.hist.base
	default:
		h.got, h.taken = mb.got, mb.taken
	}
}

// control sends a message that is only a head. Lost ones are asked for again.
func (m *Machine) control(now int64, mb *Member, to flip.Address, h *head) {
	mb.header(h)
	h.put(m.buf[:])
	m.box.Unicast(now, &flip.Send{Src: mb.addr, Dst: to, Proto: flip.ProtoGroup,
		Header: m.buf[:], Fleeting: true, Patience: second})
}

// unicast sends a message that the box keeps, so that its State tells whether the
// receiver is frozen.
func (m *Machine) unicast(now int64, mb *Member, to flip.Address, h *head, body []byte) flip.Handle {
	mb.header(h)
	h.put(m.buf[:])
	return m.box.Unicast(now, &flip.Send{Src: mb.addr, Dst: to, Proto: flip.ProtoGroup,
		Header: m.buf[:], Payload: body, Patience: probePatience})
}

// multicast sends a message to all members of the view.
func (m *Machine) multicast(mb *Member, h *head, body []byte) {
	mb.header(h)
	h.put(m.buf[:])
	m.box.Multicast(&flip.Send{Src: mb.addr, Dst: mb.group, Proto: flip.ProtoGroup, Header: m.buf[:], Payload: body})
}

// waiting reports whether the box still has its own reasons to keep a message:
// then it is not the receiver's fault that there is no answer.
func (m *Machine) waiting(handle flip.Handle) bool {
	switch m.box.State(handle) {
	case flip.HeldBusy, flip.Locating, flip.InWindow:
		return true
	}
	return false
}

// jitter returns a random time below limit.
func (m *Machine) jitter(limit int64) int64 { return int64(m.cfg.Rand() % uint64(limit)) }

// rendezvous is where groups of a port are looked for.
func rendezvous(port capability.Port) flip.Address {
	return flip.Address(capability.OneWay("group", port[:]))
}

// proof shows that a joiner knows the port, which is the group's secret.
func proof(port capability.Port, joiner flip.Address) [capability.Size]byte {
	return capability.OneWay("group join", port[:], joiner[:])
}
