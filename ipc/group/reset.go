package group

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// A reset makes a new view of the members that answer. Whoever calls it is the
// coordinator, under a ballot that is higher than any it knows:
//
//	REFORMREQ(ballot) to all; who has promised no higher one promises this one,
//	stops, and answers VOTE(view, got, table).
//	When all have answered or are dead, and nmin have answered: the voter with the
//	highest (view, got), the lowest index among equals, is the sequencer of the new
//	view. It has all that any voter has, since every log is a prefix of its own.
//	RESULT(ballot, table) to the voters, whose view is the ballot from then on.
//
// Two coordinators: the lower ballot gives way. A voter that is frozen is waited for.

// reform is the coordinator's state.
type reform struct {
	ballot uint64
	nmin   int
	rounds int

	view       uint64 // the newest of the voters'
	roll       roll   // and its table
	candidates []candidate
	installed  bool // RESULT is on its way
}

// candidate is a member that is asked to vote.
type candidate struct {
	addr   flip.Address
	voted  bool
	dead   bool
	acked  bool
	view   uint64
	got    uint64
	roll   roll
	tries  int
	handle flip.Handle
}

func (r *reform) find(addr flip.Address) *candidate {
	for i := range r.candidates {
		if r.candidates[i].addr == addr {
			return &r.candidates[i]
		}
	}
	return nil
}

// ResetGroup makes a new view if at least nmin members, the caller included, answer. It
// ends with OK when the new view is there, whoever has made it; Complete.Total says
// how many members it has.
func (m *Machine) ResetGroup(now int64, mb *Member, slot uint32, nmin int) std.Status {
	switch {
	case mb.phase == out:
		return std.BCFail
	case mb.phase != running && mb.phase != aborted && mb.phase != recovering || mb.begun || mb.leaving():
		return std.BCIllReset
	case mb.reset.wanted:
		return std.BCIllReset
	}
	mb.reset = resetCall{true, slot, nmin}
	m.coordinate(now, mb)
	m.arm(now, mb)
	return Wait
}

// coordinate begins a reset.
func (m *Machine) coordinate(now int64, mb *Member) {
	m.endReform(now, mb)
	ballot := (mb.promised>>32+1)<<32 | m.cfg.Rand()&(1<<32-1)
	m.promise(now, mb, ballot)
	r := &reform{ballot: ballot, nmin: mb.reset.nmin}
	mb.reform = r
	r.base(mb.view, mb.roll())
	self := r.find(mb.addr)
	self.voted, self.view, self.got, self.roll = true, mb.view, mb.got, mb.roll()
	m.invite(now, mb)
}

// base makes the table of the newest view known the list of those who are asked.
func (r *reform) base(view uint64, table roll) {
	r.view, r.roll = view, table
	var list []candidate
	for i := range table.members {
		if c := r.find(table.members[i].addr); c != nil {
			list = append(list, *c)
		} else {
			list = append(list, candidate{addr: table.members[i].addr})
		}
	}
	r.candidates = list
}

// promise: from now on nothing is accepted in the view. What is under way is
// remembered, for the next.
func (m *Machine) promise(now int64, mb *Member, ballot uint64) {
	mb.promised = ballot
	mb.phase = recovering
	mb.sendDue, mb.gapDue, mb.syncDue, mb.watchDue = 0, 0, 0, 0
	mb.voteUntil = now + resultPatience
	mb.reformDue = mb.voteUntil
	for i := range mb.table {
		m.box.Cancel(now, mb.table[i].probe)
	}
}

// invite asks those who have not answered, and counts if all have.
func (m *Machine) invite(now int64, mb *Member) {
	r := mb.reform
	open := false
	for i := range r.candidates {
		c := &r.candidates[i]
		if c.voted && r.rounds%20 == 19 && c.addr != mb.addr {
			m.control(now, mb, c.addr, &head{typ: ReformReq, seqno: r.ballot}) // wait on
		}
		if c.voted || c.dead {
			continue
		}
		if m.waiting(c.handle) {
			c.tries = 0
			open = true
			continue
		}
		if c.tries >= reformTries {
			c.dead = true
			continue
		}
		c.tries++
		open = true
		m.box.Cancel(now, c.handle)
		c.handle = m.unicast(now, mb, c.addr, &head{typ: ReformReq, seqno: r.ballot}, nil)
	}
	if !open {
		m.count(now, mb)
		return
	}
	r.rounds++
	mb.reformDue = now + reformEvery + m.jitter(reformEvery/4)
}

// candidateGone: FLIP has not found somebody whom we invite.
func (m *Machine) candidateGone(now int64, mb *Member, addr flip.Address) {
	if r := mb.reform; r != nil && !r.installed {
		if c := r.find(addr); c != nil && !c.voted && !c.dead {
			c.dead = true
			m.invite(now, mb)
		}
	}
}

// reformExpired: invitations and results are repeated; who waits for a result gives
// up some day.
func (m *Machine) reformExpired(now int64, mb *Member) {
	switch r := mb.reform; {
	case r != nil && r.installed:
		m.announceResult(now, mb)
	case r != nil:
		m.invite(now, mb)
	case mb.phase == recovering && now >= mb.voteUntil:
		m.endView(now, mb)
	case mb.phase == recovering:
		mb.reformDue = mb.voteUntil
	}
}

// gotVote counts a vote for our ballot. A vote for a higher one ends our attempt.
func (m *Machine) gotVote(now int64, mb *Member, src flip.Address, h *head, body []byte) {
	r := mb.reform
	if r == nil || r.installed || mb.phase != recovering {
		return
	}
	var table roll
	if rest, ok := table.decode(body); !ok || len(rest) != 0 || table.findAddr(src) == nil {
		m.Stats.Malformed++
		return
	}
	if h.seqno > r.ballot {
		m.yield(now, mb, h.seqno)
		return
	}
	if h.seqno != r.ballot {
		return
	}
	if h.view > r.view {
		// A view was made that we have not heard of.
		if table.findAddr(mb.addr) == nil {
			m.expel(now, mb)
			return
		}
		r.base(h.view, table)
	}
	c := r.find(src)
	if c == nil || c.voted {
		return
	}
	c.voted, c.view, c.got, c.roll = true, h.view, h.got, table
	m.box.Cancel(now, c.handle)
	if h.view == r.view && table.applied > r.roll.applied {
		r.base(h.view, table) // members have joined or left that we know nothing of
	}
	for i := range r.candidates {
		if c := &r.candidates[i]; !c.voted && !c.dead {
			if c.tries == 0 {
				m.invite(now, mb)
			}
			return
		}
	}
	m.count(now, mb)
}

// yield gives way to a coordinator with a higher ballot. Our call waits for its
// result.
func (m *Machine) yield(now int64, mb *Member, ballot uint64) {
	m.endReform(now, mb)
	mb.promised = max(mb.promised, ballot)
	mb.voteUntil = now + resultPatience
	mb.reformDue = mb.voteUntil
}

// endReform forgets the coordinator's part.
func (m *Machine) endReform(now int64, mb *Member) {
	if r := mb.reform; r != nil {
		for i := range r.candidates {
			m.box.Cancel(now, r.candidates[i].handle)
		}
		mb.reform = nil
	}
}

// count makes the new view, or gives up.
func (m *Machine) count(now int64, mb *Member) {
	r := mb.reform
	var best *candidate
	var bestIndex uint16
	n := 0
	for i := range r.candidates {
		c := &r.candidates[i]
		if !c.voted {
			continue
		}
		n++
		index := r.roll.members[i].index
		if best == nil || c.view > best.view || c.view == best.view && (c.got > best.got || c.got == best.got && index < bestIndex) {
			best, bestIndex = c, index
		}
	}
	if n < r.nmin || best.view != r.view {
		m.endReset(mb, std.BCFail)
		m.endView(now, mb)
		return
	}
	table := roll{applied: best.roll.applied, sequencer: bestIndex}
	for i := range best.roll.members {
		e := best.roll.members[i]
		if c := r.find(e.addr); c != nil && c.voted {
			table.members = append(table.members, e)
		}
	}
	if table.find(bestIndex) == nil || table.findAddr(mb.addr) == nil {
		m.endView(now, mb)
		return
	}
	charter := charter{group: flip.NewAddress(m.cfg.Rand), params: mb.params, roll: table}
	body := charter.append(nil)
	r.installed = true
	for i := range r.candidates {
		r.candidates[i].tries = 0
		r.candidates[i].acked = !r.candidates[i].voted || table.findAddr(r.candidates[i].addr) == nil
	}
	m.install(now, mb, r.ballot, &charter, body)
	m.announceResult(now, mb)
}

// announceResult sends the RESULT to who has not confirmed it. Whoever stays silent
// is a matter of the new view.
func (m *Machine) announceResult(now int64, mb *Member) {
	r := mb.reform
	open := false
	for i := range r.candidates {
		c := &r.candidates[i]
		if c.acked || c.addr == mb.addr || mb.phase != running || mb.view != r.ballot {
			continue
		}
		if m.waiting(c.handle) {
			open = true
			continue
		}
		if c.tries++; c.tries > reformTries {
			continue
		}
		open = true
		m.box.Cancel(now, c.handle)
		c.handle = m.sendResult(now, mb, c.addr)
	}
	if !open {
		mb.reform = nil
		return
	}
	mb.reformDue = now + reformEvery
}

// sendResult repeats the RESULT that began the view.
func (m *Machine) sendResult(now int64, mb *Member, to flip.Address) flip.Handle {
	return m.unicast(now, mb, to, &head{typ: Result, seqno: mb.view}, mb.result)
}

func (m *Machine) gotResultAck(mb *Member, src flip.Address, h *head) {
	if r := mb.reform; r != nil && r.installed && h.seqno == r.ballot {
		if c := r.find(src); c != nil {
			c.acked = true
		}
	}
}
