package group

import (
	"sort"

	"motile/ipc/std"
)

// ordinary is how many messages the history holds before it is full. The rest is
// for who must not be kept waiting: see admit.
func (p *Params) ordinary() int { return 1<<p.LogBuffers - p.MaxGroup - overdraft }

// full reports whether there is no place for another message, not even for JOIN and
// LEAVE.
func (mb *Member) full() bool { return mb.used() >= 1<<mb.params.LogBuffers }

func (mb *Member) used() int { return int(mb.got + 1 - mb.hist.base) }

// admit reports whether a member's message may be numbered.
//
// In a full history each member has room for one message more. A program of one
// thread receives nothing while it sends: if the member that all wait for is one
// whose own message is held back, nobody could ever go on. That is why Amoeba kept as
// many places free as there are members. Who has used its place can be read from the
// history, so a sequencer that moves, or a new one, knows it.
func (mb *Member) admit(origin uint16, kind uint8, lenBytes int) bool {
	if kind != kindData {
		return !mb.full()
	}
	if mb.used() >= 1<<mb.params.LogBuffers-overdraft {
		return false
	}
	limit, size := mb.params.historyBytes(), 0
	fits := func(i, n int) bool { return i < mb.params.ordinary() && (i == 0 || size+n <= limit) }
	n := 0 // messages that came in before the history was full
	for ; n < mb.used() && fits(n, len(mb.hist.entries[n].body)); n++ {
		size += len(mb.hist.entries[n].body)
	}
	if n == mb.used() && fits(n, lenBytes) {
		return true
	}
	for ; n < mb.used(); n++ {
		if mb.hist.entries[n].origin == origin {
			return false
		}
	}
	return true
}

// historyBytes bounds the data in a history: two messages of the greatest length
// fit, if there is nothing else.
func (p *Params) historyBytes() int {
	return max(64<<10, 2<<p.LogMaxMessage)
}

// number gives a message the next number and tells all. This is the only place
// where numbers are made: the next is one more than the last in the sequencer's own
// history, so whoever has the history has the counter.
func (m *Machine) number(now int64, mb *Member, e entry, withData bool) {
	seq := mb.got + 1
	m.Stats.Ordered++
	mb.hist.put(seq, e)
	mb.last = seq
	if mb.params.Resilience == 0 {
		mb.accepted = seq
	}
	h := head{typ: Bcast, origin: e.origin, kind: e.kind, seqno: seq, messid: e.messid}
	body := e.body
	if !withData {
		h.flags, body = flagAccept, nil
	}
	m.advance(now, mb)
	m.multicast(mb, &h, body)
	mb.dirty = true
	mb.syncWait = syncFirst
	mb.syncDue = now + mb.syncWait
}

// gotBcastReq takes a message to be ordered. If it was sent to all (BB), those who
// do not number it keep the data until the number comes.
func (m *Machine) gotBcastReq(now int64, mb *Member, p *peer, h *head, body []byte) {
	if h.messid == 0 || h.kind != kindData && h.kind != kindLeave || h.kind == kindData && !mb.fits(body) {
		m.Stats.Malformed++
		return
	}
	if !mb.sequences() {
		if mb.phase == running && h.messid > p.lastMess && mb.earlyBytes()+len(body) <= mb.params.historyBytes() {
			mb.bb[h.index] = early{h.messid, h.kind, body}
			m.fill(now, mb, h.index)
		}
		return
	}
	if h.messid <= p.lastMess {
		if seq, ok := mb.hist.find(h.index, h.messid); ok {
			m.resendTo(now, mb, p, seq)
		}
		return
	}
	if mb.resigned() {
		return // its sender will give it to our successor
	}
	if !mb.admit(h.index, h.kind, len(body)) {
		m.Stats.HoldsSent++
		p.held = true
		p.lastHeld = h.messid
		m.control(now, mb, p.addr, &head{typ: Hold, messid: h.messid})
		m.wantState(now, mb)
		return
	}
	p.held = false
	m.number(now, mb, entry{kind: h.kind, origin: h.index, messid: h.messid, body: body}, !h.toAll)
}

// earlyBytes is how much waits for a number. What is too much is asked for again
// when the number comes.
func (mb *Member) earlyBytes() (n int) {
	for i := range mb.bb {
		n += len(mb.bb[i].body)
	}
	return n
}

// fits checks the length of an ordered message of data.
func (mb *Member) fits(body []byte) bool {
	return len(body) >= std.HeaderLen && len(body) <= std.HeaderLen+1<<mb.params.LogMaxMessage
}

// progress follows news of how far members are: messages become safe, the history
// shorter, and who was held back may send.
func (m *Machine) progress(now int64, mb *Member) {
	self := &mb.table[mb.index]
	self.got, self.taken = mb.got, mb.taken
	if mb.accept() && mb.params.Resilience > 0 {
		m.multicast(mb, &head{typ: Sync, seqno: mb.got}, nil)
	}
	m.settle(now, mb)
	if mb.phase != running {
		return
	}
	self = &mb.table[mb.index]
	self.got, self.taken = mb.got, mb.taken
	low, clean := mb.got+1, true
	for i := range mb.table {
		if p := &mb.table[i]; !p.addr.IsNull() {
			low = min(low, p.taken+1)
			clean = clean && p.got == mb.got && p.taken == mb.got
		}
	}
	mb.dirty = !clean
	if low > mb.hist.base {
		mb.hist.trim(low)
		mb.syncWait = syncFirst
		m.release(now, mb)
	}
}

// accept raises the safe number: to what Resilience members beside us have.
func (mb *Member) accept() bool {
	safe := mb.got
	if k := min(mb.params.Resilience, mb.total()-1); k > 0 {
		var have []uint64
		for i := range mb.table {
			if p := &mb.table[i]; !p.addr.IsNull() && uint16(i) != mb.index {
				have = append(have, p.got)
			}
		}
		sort.Slice(have, func(i, k int) bool { return have[i] > have[k] })
		safe = min(safe, have[k-1])
	}
	if safe <= mb.accepted {
		return false
	}
	mb.accepted = safe
	return true
}

// acknowledges reports whether a member says at once what it has got: the first
// Resilience others. The rest is asked if those are slow.
func (mb *Member) acknowledges() bool {
	rank := 0
	for i := range mb.table {
		switch {
		case uint16(i) == mb.index:
			return rank < mb.params.Resilience
		case uint16(i) != mb.sequencer && !mb.table[i].addr.IsNull():
			rank++
		}
	}
	return false
}

// release lets those send who were held back, since there is room again.
func (m *Machine) release(now int64, mb *Member) {
	room := mb.params.ordinary() - mb.used()
	if room > 0 && len(mb.sends) > 0 && mb.sends[0].seq == 0 {
		m.pushSend(now, mb)
		room--
		if mb.phase != running {
			return
		}
	}
	for i := 0; i < len(mb.table) && room > 0; i++ {
		if p := &mb.table[i]; !p.addr.IsNull() && p.held {
			p.held = false
			m.control(now, mb, p.addr, &head{typ: Hold, flags: flagGo, messid: p.lastHeld})
			room--
		}
	}
}

// syncExpired asks all how far they are, while somebody may lack something, and
// now and then in any case.
func (m *Machine) syncExpired(now int64, mb *Member) {
	m.multicast(mb, &head{typ: Sync, flags: flagAsk, seqno: mb.got}, nil)
	mb.syncWait = min(2*mb.syncWait, aliveEvery)
	if !mb.dirty {
		mb.syncWait = aliveEvery
	}
	mb.syncDue = now + mb.syncWait
}

// wantState asks all how far they are, soon.
func (m *Machine) wantState(now int64, mb *Member) {
	mb.dirty = true
	if soon := now + syncFirst; mb.syncDue == 0 || mb.syncDue > soon {
		mb.syncWait, mb.syncDue = syncFirst, soon
	}
}

// gotRetrans sends messages again.
func (m *Machine) gotRetrans(now int64, mb *Member, p *peer, h *head) {
	from, to := max(h.seqno, mb.hist.base), min(h.messid, mb.got)
	if from > to {
		m.control(now, mb, p.addr, &head{typ: Sync, seqno: mb.got})
		return
	}
	size := 0
	for seq := from; seq <= to && seq < from+burst && size < burstBytes; seq++ {
		if e := mb.hist.at(seq); e != nil {
			size += len(e.body)
			m.resendTo(now, mb, p, seq)
		}
	}
}

// resendTo sends a message of the history to one member.
func (m *Machine) resendTo(now int64, mb *Member, p *peer, seq uint64) {
	e := mb.hist.at(seq)
	m.Stats.RetransSent++
	m.unicast(now, mb, p.addr, &head{typ: Bcast, origin: e.origin, kind: e.kind, seqno: seq, messid: e.messid}, e.body)
}
