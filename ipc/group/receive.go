package group

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// Receive asks for the next message. room is how much data the caller can take: if
// there is more, the call ends with STD_OVERFLOW and the message waits.
func (m *Machine) Receive(now int64, mb *Member, slot uint32, room int) std.Status {
	if mb.phase == closed || mb.phase == joining || mb.phase == lingering {
		return std.BCFail
	}
	mb.receivers = append(mb.receivers, receiver{slot, room})
	m.settle(now, mb)
	m.arm(now, mb)
	return Wait
}

// AbortReceive ends a receive because of a signal. It reports false if none waits
// in the slot.
func (m *Machine) AbortReceive(mb *Member, slot uint32) bool {
	if !mb.forgetReceive(slot) {
		return false
	}
	m.complete(mb, slot, KindReceive, std.RPCAborted)
	return true
}

func (mb *Member) forgetReceive(slot uint32) bool {
	for i := range mb.receivers {
		if mb.receivers[i].slot == slot {
			mb.receivers = append(mb.receivers[:i], mb.receivers[i+1:]...)
			return true
		}
	}
	return false
}

// More is the number of messages that could be received at once.
func (mb *Member) More() (n int) {
	for seq := mb.taken + 1; seq <= mb.safe(); seq++ {
		if e := mb.hist.at(seq); e != nil && e.kind == kindData {
			n++
		}
	}
	return n
}

// settle follows every change of what is safe, or of who waits: messages are
// handed over, and calls end.
func (m *Machine) settle(now int64, mb *Member) {
	m.joined(mb)
	m.handOut(mb)
	m.sent(now, mb)
	switch mb.phase {
	case aborted, out:
		status := std.BCAbort
		if mb.phase == out {
			status = std.BCFail
		}
		for _, r := range mb.receivers {
			m.complete(mb, r.slot, KindReceive, status)
		}
		mb.receivers = nil
	case running:
		if mb.sequences() {
			if mb.table[mb.index].taken != mb.taken {
				mb.table[mb.index].taken = mb.taken
				if mb.dirty {
					m.progress(now, mb)
				}
			}
		} else if mb.taken >= mb.told+(1<<mb.params.LogBuffers)/4 {
			m.tellState(now, mb)
		}
	}
}

// handOut gives safe messages to those who wait for them, in order.
func (m *Machine) handOut(mb *Member) {
	for mb.taken < mb.safe() {
		e := mb.hist.at(mb.taken + 1)
		switch {
		case e == nil:
			return
		case e.kind != kindData:
		case len(mb.receivers) == 0:
			return
		default:
			r := mb.receivers[0]
			mb.receivers = mb.receivers[1:]
			if len(e.body)-std.HeaderLen > r.room {
				m.complete(mb, r.slot, KindReceive, std.Overflow)
				continue
			}
			m.Stats.Delivered++
			c := m.complete(mb, r.slot, KindReceive, std.OK)
			c.Header.GetWire((*[std.HeaderLen]byte)(e.body))
			c.Data = e.body[std.HeaderLen:]
			c.Seqno = mb.taken + 1
		}
		mb.taken++
	}
}

// tellState says how far we are.
func (m *Machine) tellState(now int64, mb *Member) {
	mb.told = mb.taken
	m.control(now, mb, mb.table[mb.sequencer].addr, &head{typ: State})
}

// fromSequencer takes a message of the sequencer's, or of one that was it.
func (m *Machine) fromSequencer(now int64, mb *Member, h *head, body []byte) {
	if mb.phase != running || mb.sequences() {
		return
	}
	before, low := mb.got, min(h.taken, mb.taken+1)
	mb.accepted = max(mb.accepted, h.got)
	if low > mb.hist.base {
		// Nobody needs what is below, so neither do we: only who has just joined
		// may not have it.
		mb.hist.trim(low)
		mb.got = max(mb.got, low-1)
	}
	// No sequencer is further ahead than a history is long.
	mb.last = max(mb.last, min(h.seqno, mb.hist.base+1<<mb.params.LogBuffers-1))
	switch h.typ {
	case Bcast:
		m.gotBcast(mb, h, body)
	case Hold:
		m.gotHold(now, mb, h)
	}
	m.advance(now, mb)
	if mb.phase != running {
		return
	}
	m.settle(now, mb)
	if mb.phase != running || mb.sequences() {
		return
	}
	switch {
	case mb.got < mb.last && mb.gapDue == 0:
		mb.gapWait = gapFirst
		mb.gapDue = now + gapDelay
		if h.typ == Sync {
			m.askGap(now, mb)
		}
	case mb.got < mb.last:
	case h.typ == Sync && h.flags&flagAsk != 0:
		m.tellState(now, mb)
	case h.typ == Bcast && mb.got > before && mb.got > mb.accepted && mb.acknowledges():
		m.control(now, mb, mb.table[mb.sequencer].addr, &head{typ: Ack})
	}
	m.watchSoon(now, mb, silentIdle)
}

// gotBcast enters a message in the history.
func (m *Machine) gotBcast(mb *Member, h *head, body []byte) {
	switch {
	case h.seqno <= mb.got || h.seqno < mb.hist.base || h.seqno-mb.hist.base >= 1<<mb.params.LogBuffers:
		return // a copy, or from before our time
	case h.origin >= MaxMembers || h.kind == 0 || h.kind == kindJoin && len(body) != 2*len(flip.Address{}):
		m.Stats.Malformed++
		return
	}
	if e := mb.hist.at(h.seqno); e != nil && !e.missing {
		return
	}
	e := entry{kind: h.kind, origin: h.origin, messid: h.messid, body: body}
	if h.flags&flagAccept != 0 {
		e.body, e.missing = nil, true
		if int(h.origin) < len(mb.bb) && mb.bb[h.origin].messid == h.messid {
			e.body, e.missing = mb.bb[h.origin].body, false
			mb.bb[h.origin] = early{}
		} else if s := mb.ownSend(h.origin, h.messid); s != nil {
			e.body, e.missing = s.body, false
		}
	}
	if e.kind == kindData && !e.missing && !mb.fits(e.body) {
		m.Stats.Malformed++
		return
	}
	mb.hist.put(h.seqno, e)
}

// ownSend returns the send under way, if that is the message: our own multicasts do
// not come back to us.
func (mb *Member) ownSend(origin uint16, messid uint64) *send {
	if origin == mb.index && len(mb.sends) > 0 && mb.sends[0].messid == messid {
		return &mb.sends[0]
	}
	return nil
}

// fill gives a number the data that have come after it.
func (m *Machine) fill(now int64, mb *Member, origin uint16) {
	b := &mb.bb[origin]
	if seq, ok := mb.hist.find(origin, b.messid); ok {
		if e := mb.hist.at(seq); e.missing {
			mb.hist.put(seq, entry{kind: e.kind, origin: origin, messid: e.messid, body: b.body})
			*b = early{}
			m.advance(now, mb)
			if mb.phase == running {
				m.settle(now, mb)
			}
		}
	}
}

// advance takes what is without a gap into account.
func (m *Machine) advance(now int64, mb *Member) {
	for {
		e := mb.hist.at(mb.got + 1)
		if e == nil || e.missing {
			break
		}
		mb.got++
		mb.last = max(mb.last, mb.got)
		m.numbered(now, mb, mb.got, e)
		if mb.got > mb.applied {
			mb.applied = mb.got
			m.apply(now, mb, e)
		}
		if mb.phase != running {
			return
		}
	}
	if mb.got >= mb.last {
		mb.gapDue = 0
		mb.gapWait = gapFirst
	}
}

// apply lets an ordered message change the table. All members do it in the same
// order, so their tables are the same at each number.
func (m *Machine) apply(now int64, mb *Member, e *entry) {
	switch e.kind {
	case kindData:
		if p := mb.peer(e.origin); p != nil {
			p.lastMess = e.messid
			if int(e.origin) < len(mb.bb) && mb.bb[e.origin].messid <= e.messid {
				mb.bb[e.origin] = early{}
			}
		}
	case kindJoin:
		mb.enroll(now, e.origin, flip.Address(e.body[:16]), flip.Address(e.body[16:]))
	case kindLeave:
		if e.origin == mb.index {
			return // see left
		}
		if e.origin != mb.sequencer {
			mb.strike(now, e.origin)
			return
		}
		if p := mb.peer(e.origin); p != nil {
			m.control(now, mb, p.addr, &head{typ: Ack}) // so it need not stay for us
			mb.strike(now, e.origin)
			m.succeed(now, mb)
		}
	}
}

// askGap asks for what is missing.
func (m *Machine) askGap(now int64, mb *Member) {
	if mb.got >= mb.last {
		mb.gapDue = 0
		return
	}
	m.Stats.RetransAsked++
	m.control(now, mb, mb.table[mb.sequencer].addr, &head{typ: Retrans, seqno: mb.got + 1, messid: mb.gapEnd()})
	mb.told = mb.taken
	mb.gapDue = now + mb.gapWait + m.jitter(mb.gapWait/4)
	mb.gapWait = min(2*mb.gapWait, gapLast)
	m.watchSoon(now, mb, silentActive)
}

// gapEnd is the last number missing before the next one that is here.
func (mb *Member) gapEnd() uint64 {
	for seq := mb.got + 1; seq < mb.last; seq++ {
		if e := mb.hist.at(seq + 1); e != nil && !e.missing {
			return seq
		}
	}
	return mb.last
}

// gapExpired: a gap has not filled.
func (m *Machine) gapExpired(now int64, mb *Member) { m.askGap(now, mb) }
