package group

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// joinCall is the state of a join: first the group is looked for, then its
// sequencer asked.
type joinCall struct {
	active  bool
	slot    uint32
	to      flip.Address // the sequencer; null: not found yet
	left    int64        // patience
	since   int64
	wait    int64
	nonce   uint64
	handle  flip.Handle
	refused std.Status // what to say at the end
}

// Create makes a group of which the caller is the only member.
func (m *Machine) Create(now int64, who Identity, port capability.Port, params Params) (*Member, std.Status) {
	if params.Large == 0 {
		params.Large = LargeDefault
	}
	switch {
	case port.IsNull():
		return nil, std.BCBadPort
	case !params.valid():
		return nil, std.ArgBad
	case params.historyBytes() > m.cfg.HistoryBytes:
		return nil, std.BCTooBig
	}
	mb := m.open(now, who, port, params)
	if mb == nil {
		return nil, std.NoMem
	}
	mb.group = flip.NewAddress(m.cfg.Rand)
	mb.view = 1<<32 | m.cfg.Rand()&(1<<32-1)
	mb.promised = mb.view
	mb.hist.base = 1
	mb.phase = running
	mb.enroll(now, 0, mb.addr, mb.server)
	m.listen(now, mb)
	m.watchSoon(now, mb, silentIdle)
	m.arm(now, mb)
	return mb, std.OK
}

// Join makes the caller a member of the group of a port. The Member can be used
// when the call has ended with OK; if it ends otherwise, it is gone.
func (m *Machine) Join(now int64, who Identity, slot uint32, port capability.Port) (*Member, std.Status) {
	if port.IsNull() {
		return nil, std.BCBadPort
	}
	mb := m.open(now, who, port, Params{})
	if mb == nil {
		return nil, std.NoMem
	}
	mb.join = joinCall{active: true, slot: slot, left: locatePatience, since: now, wait: locateFirst,
		nonce: m.cfg.Rand() & (1<<32 - 1), refused: std.BCNoExist}
	m.seekGroup(now, mb)
	m.arm(now, mb)
	return mb, Wait
}

// seekGroup asks all, or the sequencer.
func (m *Machine) seekGroup(now int64, mb *Member) {
	j := &mb.join
	p := proof(mb.port, mb.addr)
	if j.to.IsNull() {
		h := head{typ: Locate, messid: j.nonce}
		h.put(m.buf[:])
		m.box.Multicast(&flip.Send{Src: mb.addr, Dst: mb.rendezvous, Proto: flip.ProtoGroup, Header: m.buf[:], Payload: p[:]})
		mb.sendDue = now + j.wait + m.jitter(j.wait/4)
		j.wait = min(2*j.wait, locateLast)
		return
	}
	m.box.Cancel(now, j.handle)
	j.handle = m.unicast(now, mb, j.to, &head{typ: JoinReq, messid: j.nonce}, append(p[:], mb.server[:]...))
	mb.sendDue = now + mb.rto
	mb.rto = min(2*mb.rto, rtoMax)
}

// joinExpired asks again, unless time is up. The time in which the sequencer is
// frozen does not count.
func (m *Machine) joinExpired(now int64, mb *Member) {
	j := &mb.join
	busy := m.box.State(j.handle) == flip.HeldBusy
	if !busy {
		j.left -= now - j.since
	}
	j.since = now
	switch {
	case j.left <= 0:
		m.close(now, mb, j.refused)
	case busy || m.waiting(j.handle):
		mb.sendDue = now + busyLook
	default:
		m.seekGroup(now, mb)
	}
}

// gotLocate answers who looks for the group: with the sequencer's address.
func (m *Machine) gotLocate(now int64, mb *Member, src flip.Address, body []byte) {
	if mb.phase != running || !knows(mb.port, src, body) {
		return
	}
	p := mb.peer(mb.sequencer)
	h := head{typ: HereIs}
	mb.header(&h)
	h.put(m.buf[:])
	addr := append([]byte(nil), p.addr[:]...)
	m.box.Unicast(now, &flip.Send{Src: mb.addr, Dst: src, Proto: flip.ProtoGroup, Header: m.buf[:],
		Payload: addr, Fleeting: true, Patience: second})
}

// knows checks a joiner's proof.
func knows(port capability.Port, joiner flip.Address, body []byte) bool {
	return len(body) == capability.Size && [capability.Size]byte(body) == proof(port, joiner)
}

func (m *Machine) gotHereIs(now int64, mb *Member, h *head, body []byte) {
	j := &mb.join
	if mb.phase != joining || !j.to.IsNull() || len(body) != len(flip.Address{}) {
		return
	}
	j.to = flip.Address(body)
	j.left, j.since = joinPatience, now
	j.refused = std.BCAbort
	m.seekGroup(now, mb)
}

// gotJoinReq lets a process in: the sequencer orders a JOIN.
func (m *Machine) gotJoinReq(now int64, mb *Member, src flip.Address, h *head, body []byte) {
	if !mb.sequences() || mb.leaving() || len(body) != 2*capability.Size || !knows(mb.port, src, body[:capability.Size]) {
		return
	}
	if p := mb.peerOf(src); p != nil {
		m.welcome(now, mb, src)
		return
	}
	index := -1
	for i := range mb.params.MaxGroup {
		if mb.peer(uint16(i)) == nil {
			index = i
			break
		}
	}
	if index < 0 {
		m.control(now, mb, src, &head{typ: Join, seqno: uint64(-std.BCTooMany), messid: h.messid})
		return
	}
	addresses := append(append([]byte(nil), src[:]...), body[capability.Size:]...)
	if mb.full() {
		return // it will ask again
	}
	m.number(now, mb, entry{kind: kindJoin, origin: uint16(index), body: addresses}, true)
	m.welcome(now, mb, src)
	m.progress(now, mb)
}

// welcome tells a new member all it must know. It may be told again: then it
// begins with a later message, which is as good, since it has not begun.
func (m *Machine) welcome(now int64, mb *Member, to flip.Address) {
	for i := range mb.table {
		if mb.table[i].addr == to {
			c := charter{group: mb.group, index: uint16(i), params: mb.params, roll: mb.roll()}
			m.unicast(now, mb, to, &head{typ: Join}, c.append(nil))
		}
	}
}

// gotJoin: the sequencer lets us in, or not. The group's history so far, which may
// be needed after a crash, is fetched before the call ends.
func (m *Machine) gotJoin(now int64, mb *Member, src flip.Address, h *head, body []byte) {
	j := &mb.join
	if mb.phase != joining || !j.active || src != j.to {
		return
	}
	if h.seqno != 0 {
		if h.messid == j.nonce {
			m.close(now, mb, -std.Status(min(h.seqno, 1000)))
		}
		return
	}
	var c charter
	if !c.decode(body) || h.taken == 0 || h.taken > c.roll.applied+1 ||
		c.roll.applied+1-h.taken > 1<<c.params.LogBuffers {
		m.Stats.Malformed++
		return
	}
	if e := c.roll.find(c.index); e == nil || e.addr != mb.addr || c.params.historyBytes() > m.cfg.HistoryBytes {
		m.close(now, mb, std.BCTooBig)
		return
	}
	m.box.Cancel(now, j.handle)
	mb.sendDue, mb.rto = 0, rtoFirst
	mb.phase, mb.begun = running, true
	mb.params, mb.group, mb.index = c.params, c.group, c.index
	mb.view, mb.promised = h.view, h.view
	mb.hist = history{base: h.taken}
	mb.got, mb.accepted = h.taken-1, h.got
	mb.start = c.roll.applied
	mb.taken, mb.last = mb.start, mb.start
	mb.adoptRoll(now, &c.roll)
	m.listen(now, mb)
	m.askGap(now, mb)
	m.settle(now, mb)
}

// joined ends the join once the member has what the group had when it came.
func (m *Machine) joined(mb *Member) {
	if mb.begun && mb.safe() >= mb.start {
		mb.begun = false
		mb.join.active = false
		m.complete(mb, mb.join.slot, KindJoin, std.OK)
	}
}
