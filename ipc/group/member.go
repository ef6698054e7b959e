package group

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/internal/deadline"
	"motile/ipc/std"
)

// A Member is one process's membership of a group: its own FLIP address, its copy
// of the group's history and table, and the calls that wait. All of that moves.
//
//	phase       left by
//	joining     JOIN, no answer
//	running     DEAD, a member that does not answer; REFORMREQ; Leave
//	aborted     Reset, REFORMREQ                 calls end with BC_ABORT
//	recovering  RESULT; no RESULT: aborted       has voted, or counts votes
//	lingering   all others have what it has      has left; only answers
//	out         -                                the view went on without it
//	closed      -
//
// A member can be frozen in each of them.
type Member struct {
	Owner any // the caller's; the machine never looks at it

	port       capability.Port
	rendezvous flip.Address
	params     Params
	addr       flip.Address
	server     flip.Address // its process's RPC endpoint, for Endpoint; may be null
	group      flip.Address // where the view's multicasts go
	view       uint64
	promised   uint64 // highest ballot voted for; at least view
	phase      phase
	frozen     bool
	orphan     bool // the process has ended: it is to leave

	index     uint16
	sequencer uint16
	table     []peer // by index
	result    []byte // the RESULT that began the view, for those whom it did not reach

	hist     history
	got      uint64 // all up to here is in the history, or was
	accepted uint64 // all up to here is safe
	taken    uint64 // all up to here was received by the program
	told     uint64 // taken, as last said
	applied  uint64 // the table is that after so many messages
	last     uint64 // highest seqno heard of
	start    uint64 // the program sees messages after this one
	begun    bool   // JOIN has come, and the join is not over

	messid    uint64 // of the last message sent
	sends     []send // the first is under way
	receivers []receiver
	bb        []early // data that came before their number, by origin

	srtt, rto int64

	join   joinCall
	reform *reform   // while it counts votes, or announces a result
	reset  resetCall // a thread that wants a new view

	// Deadlines; 0: none. Member.timer is armed for the first.
	sendDue, gapDue, syncDue, watchDue, reformDue int64
	gapWait, syncWait                             int64
	dirty                                         bool  // somebody may lack something
	voteUntil                                     int64 // recovering: until then
	lingerUntil                                   int64
	timer                                         deadline.Timer

	identity flip.Identity // while imported, or silent
	silent   bool
	imported bool
}

type phase uint8

const (
	joining phase = iota
	running
	aborted
	recovering
	lingering
	out
	closed
)

var phaseNames = [...]string{"joining", "running", "aborted", "recovering", "lingering", "out", "closed"}

// peer is a member as another one sees it. A null address marks a free index.
type peer struct {
	addr     flip.Address
	server   flip.Address
	lastMess uint64 // messid of its last ordered message
	got      uint64
	taken    uint64
	held     bool // it waits for room in the history, with message lastHeld
	lastHeld uint64

	heard int64
	probe flip.Handle
	tries int
}

// hear notes a sign of life.
func (p *peer) hear(now int64) { p.heard, p.tries = now, 0 }

// resetCall is a call of Reset that waits.
type resetCall struct {
	wanted bool
	slot   uint32
	nmin   int
}

// send is a call that sends, or a member that leaves.
type send struct {
	slot   uint32
	kind   uint8
	messid uint64 // 0: not begun
	seq    uint64 // its number, once it has come back
	body   []byte
	tries  int
	held   bool
	since  int64
	handle flip.Handle
}

// receiver is a thread that waits for a message.
type receiver struct {
	slot uint32
	room int
}

// early is data that were sent to all (BB) and have no number yet.
type early struct {
	messid uint64
	kind   uint8
	body   []byte
}

// Address returns the member's public FLIP address.
func (mb *Member) Address() flip.Address { return mb.addr }

// Frozen reports whether the member is frozen or not activated yet.
func (mb *Member) Frozen() bool { return mb.frozen }

// Phase names the member's phase.
func (mb *Member) Phase() string { return phaseNames[mb.phase] }

// sequences reports whether the member is the sequencer of a view that runs.
func (mb *Member) sequences() bool {
	return mb.phase == running && mb.sequencer == mb.index
}

// safe is the last message that may be received.
func (mb *Member) safe() uint64 { return min(mb.got, mb.accepted) }

// peer returns the member of an index, or nil.
func (mb *Member) peer(index uint16) *peer {
	if int(index) < len(mb.table) && !mb.table[index].addr.IsNull() {
		return &mb.table[index]
	}
	return nil
}

func (mb *Member) peerOf(addr flip.Address) *peer {
	for i := range mb.table {
		if mb.table[i].addr == addr {
			return &mb.table[i]
		}
	}
	return nil
}

// total is the number of members.
func (mb *Member) total() (n int) {
	for i := range mb.table {
		if !mb.table[i].addr.IsNull() {
			n++
		}
	}
	return n
}

// enroll enters a member in the table.
func (mb *Member) enroll(now int64, index uint16, addr, server flip.Address) *peer {
	mb.reserve(index)
	// It has nothing yet, and nobody needs what was before.
	mb.table[index] = peer{addr: addr, server: server, got: mb.hist.base - 1, taken: mb.hist.base - 1, heard: now}
	mb.bb[index] = early{}
	return &mb.table[index]
}

// reserve makes the table long enough for an index.
func (mb *Member) reserve(index uint16) {
	for len(mb.table) <= int(index) {
		mb.table = append(mb.table, peer{})
		mb.bb = append(mb.bb, early{})
	}
}

// strike takes a member out of the table. If it was the sequencer, the lowest
// index that remains is the next: all agree, since it happens at one seqno.
func (mb *Member) strike(now int64, index uint16) {
	if mb.peer(index) == nil {
		return
	}
	mb.table[index] = peer{}
	mb.bb[index] = early{}
	if index != mb.sequencer {
		return
	}
	for i := range mb.table {
		if !mb.table[i].addr.IsNull() {
			mb.sequencer = uint16(i)
			mb.table[i].hear(now)
			return
		}
	}
}

// roll returns the table as others get it.
func (mb *Member) roll() roll {
	r := roll{applied: mb.applied, sequencer: mb.sequencer}
	for i := range mb.table {
		if p := &mb.table[i]; !p.addr.IsNull() {
			r.members = append(r.members, rollEntry{uint16(i), p.addr, p.server, p.lastMess})
		}
	}
	return r
}

// adoptRoll makes r the table.
func (mb *Member) adoptRoll(now int64, r *roll) {
	mb.table, mb.bb = nil, nil
	for i := range r.members {
		e := &r.members[i]
		mb.enroll(now, e.index, e.addr, e.server).lastMess = e.lastMess
	}
	mb.applied, mb.sequencer = r.applied, r.sequencer
	// A BB under way belongs to the old table.
}

// Identity is who becomes a member.
type Identity struct {
	Owner  any          // the caller's; the machine never looks at it
	Server flip.Address // of the process's RPC endpoint, for the others to forward requests to; may be null
}

// open makes a member under a fresh address.
func (m *Machine) open(now int64, who Identity, port capability.Port, params Params) *Member {
	if len(m.list) >= m.cfg.MaxHere {
		return nil
	}
	private := flip.NewAddress(m.cfg.Rand)
	public, ok := m.box.Register(now, private)
	if !ok {
		return nil
	}
	mb := &Member{Owner: who.Owner, server: who.Server, port: port, rendezvous: rendezvous(port), params: params, addr: public,
		rto: rtoFirst, gapWait: gapFirst, syncWait: syncFirst}
	m.enter(mb)
	return mb
}

func (m *Machine) enter(mb *Member) {
	mb.timer.Owner = mb
	m.members.Put((*[16]byte)(&mb.addr), mb)
	m.list = append(m.list, mb)
}

// listen makes the box deliver the view's multicasts.
func (m *Machine) listen(now int64, mb *Member) {
	m.box.Join(now, mb.group)
	m.box.Join(now, mb.rendezvous)
}

func (m *Machine) unlisten(now int64, mb *Member) {
	if !mb.group.IsNull() {
		m.box.Leave(now, mb.group)
		m.box.Leave(now, mb.rendezvous)
	}
}

// close ends a member for good. Calls that wait end with status.
func (m *Machine) close(now int64, mb *Member, status std.Status) {
	if mb.phase == closed {
		return
	}
	m.endCalls(mb, status)
	if !mb.frozen {
		m.unlisten(now, mb)
	}
	m.box.Unregister(now, mb.addr)
	m.drop(mb)
}

// drop forgets a member.
func (m *Machine) drop(mb *Member) {
	mb.phase = closed
	m.timers.Stop(&mb.timer)
	m.members.Delete((*[16]byte)(&mb.addr))
	for i := range m.list {
		if m.list[i] == mb {
			m.list = append(m.list[:i], m.list[i+1:]...)
			break
		}
	}
}

// endCalls ends all calls that wait. What can still be received is for later calls.
func (m *Machine) endCalls(mb *Member, status std.Status) {
	if mb.join.active {
		mb.join.active = false
		m.complete(mb, mb.join.slot, KindJoin, status)
	}
	for i := range mb.sends {
		s := &mb.sends[i]
		if s.kind == kindLeave {
			m.complete(mb, s.slot, KindLeave, std.OK)
		} else {
			m.complete(mb, s.slot, KindSend, status)
		}
	}
	mb.sends, mb.sendDue = nil, 0
	for _, r := range mb.receivers {
		m.complete(mb, r.slot, KindReceive, status)
	}
	mb.receivers = nil
	m.endReset(mb, status)
}

// endReset ends the call of Reset that waits, if there is one.
func (m *Machine) endReset(mb *Member, status std.Status) {
	if mb.reset.wanted {
		mb.reset.wanted = false
		m.complete(mb, mb.reset.slot, KindReset, status).Total = mb.total()
	}
}

// expired does what is due.
func (m *Machine) expired(now int64, mb *Member) {
	due := func(at *int64) bool {
		if *at == 0 || *at > now {
			return false
		}
		*at = 0
		return true
	}
	switch mb.phase {
	case joining:
		if due(&mb.sendDue) {
			m.joinExpired(now, mb)
		}
	case running:
		if due(&mb.sendDue) {
			m.sendExpired(now, mb)
		}
		if due(&mb.gapDue) {
			m.gapExpired(now, mb)
		}
		if due(&mb.syncDue) && mb.sequences() {
			m.syncExpired(now, mb)
		}
		if mb.phase == running && due(&mb.watchDue) {
			m.watch(now, mb)
		}
		if due(&mb.reformDue) {
			m.reformExpired(now, mb)
		}
	case recovering:
		if due(&mb.reformDue) {
			m.reformExpired(now, mb)
		}
	case lingering:
		if now >= mb.lingerUntil {
			m.close(now, mb, std.OK)
		}
	}
}

// arm sets the timer for the first of the member's deadlines.
func (m *Machine) arm(now int64, mb *Member) {
	if mb.frozen || mb.phase == closed {
		m.timers.Stop(&mb.timer)
		return
	}
	first := deadline.Never
	for _, at := range [...]int64{mb.sendDue, mb.gapDue, mb.syncDue, mb.watchDue, mb.reformDue} {
		if at != 0 {
			first = min(first, at)
		}
	}
	switch mb.phase {
	case lingering:
		first = mb.lingerUntil
	case aborted, out:
		first = deadline.Never
	}
	if first == deadline.Never {
		m.timers.Stop(&mb.timer)
	} else {
		m.timers.Set(&mb.timer, max(first, now))
	}
}
