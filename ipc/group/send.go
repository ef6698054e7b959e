package group

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// Send gives a message to the group. It ends with OK when the message is ordered,
// here, and safe: no crash of up to Resilience members undoes it. It ends with
// BC_ABORT when the view has ended: the message may have been ordered or not, and
// never will be twice. A member has one message under way; those of its other
// threads wait for their turn.
func (m *Machine) Send(now int64, mb *Member, slot uint32, h *std.Header, data []byte) std.Status {
	switch {
	case mb.phase == aborted:
		return std.BCAbort
	case mb.phase != running && mb.phase != recovering || mb.leaving():
		return std.BCFail
	case len(data) > 1<<mb.params.LogMaxMessage || std.HeaderLen+len(data) > m.box.MaxPayload(headLen):
		return std.BCTooBig
	case len(mb.sends) >= m.cfg.MaxSends || len(mb.sends) > 0 && mb.queuedBytes()+len(data) > mb.params.historyBytes():
		return std.RPCTryAgain
	}
	body := make([]byte, std.HeaderLen+len(data))
	h.PutWire((*[std.HeaderLen]byte)(body))
	copy(body[std.HeaderLen:], data)
	m.enqueue(now, mb, send{slot: slot, kind: kindData, body: body})
	return Wait
}

// queuedBytes is how much waits to be sent.
func (mb *Member) queuedBytes() (n int) {
	for i := range mb.sends {
		n += len(mb.sends[i].body)
	}
	return n
}

func (m *Machine) enqueue(now int64, mb *Member, s send) {
	mb.sends = append(mb.sends, s)
	if len(mb.sends) == 1 {
		m.pushSend(now, mb)
	}
	m.arm(now, mb)
}

// leaving reports whether the member has begun to leave.
func (mb *Member) leaving() bool {
	for i := range mb.sends {
		if mb.sends[i].kind == kindLeave {
			return true
		}
	}
	return false
}

// pushSend sends the first message of the queue, or sends it again.
func (m *Machine) pushSend(now int64, mb *Member) {
	if len(mb.sends) == 0 || mb.phase != running || mb.begun {
		return
	}
	s := &mb.sends[0]
	if s.seq != 0 {
		return // it is numbered, and only to become safe
	}
	if s.messid == 0 {
		mb.messid++
		s.messid = mb.messid
		s.since = now
	}
	if mb.sequences() {
		if mb.admit(mb.index, s.kind, len(s.body)) {
			m.number(now, mb, entry{kind: s.kind, origin: mb.index, messid: s.messid, body: s.body}, true)
			m.progress(now, mb)
		}
		return // or when there is room: see release
	}
	m.watchSoon(now, mb, silentActive)
	if s.tries > 0 && m.waiting(s.handle) {
		mb.sendDue = now + busyLook
		return
	}
	h := head{typ: BcastReq, kind: s.kind, origin: mb.index, messid: s.messid}
	s.tries++
	if s.tries == 1 && len(s.body) >= mb.params.Large && mb.total() > 2 {
		m.multicast(mb, &h, s.body)
	} else {
		m.box.Cancel(now, s.handle)
		s.handle = m.unicast(now, mb, mb.table[mb.sequencer].addr, &h, s.body)
	}
	wait := min(mb.rto<<min(s.tries-1, 6), rtoMax)
	if s.held {
		wait = holdLook
	}
	mb.sendDue = now + wait + m.jitter(wait/8)
}

// sendExpired: no answer.
func (m *Machine) sendExpired(now int64, mb *Member) {
	if mb.sequences() {
		return
	}
	m.pushSend(now, mb)
}

// resend makes the queue's first message go to whoever is the sequencer now.
func (m *Machine) resend(now int64, mb *Member) {
	if len(mb.sends) > 0 {
		s := &mb.sends[0]
		m.box.Cancel(now, s.handle)
		s.handle, s.held, s.tries = 0, false, 0
		m.pushSend(now, mb)
	}
}

// gotHold: the history is full, and the sequencer waits for a member that does not
// receive; or there is room again.
func (m *Machine) gotHold(now int64, mb *Member, h *head) {
	if len(mb.sends) == 0 || mb.sends[0].messid != h.messid || mb.sends[0].seq != 0 {
		return
	}
	s := &mb.sends[0]
	if h.flags&flagGo == 0 {
		s.held = true
		mb.sendDue = now + holdLook
		return
	}
	s.held = false
	m.box.Cancel(now, s.handle)
	s.handle = 0
	m.pushSend(now, mb)
}

// numbered notes that a message of ours has come back.
func (m *Machine) numbered(now int64, mb *Member, seq uint64, e *entry) {
	if len(mb.sends) == 0 || e.origin != mb.index || e.kind != mb.sends[0].kind || e.messid != mb.sends[0].messid {
		return // of another kind: of somebody who has our index after our LEAVE
	}
	s := &mb.sends[0]
	s.seq = seq
	mb.sendDue = 0
	m.box.Cancel(now, s.handle)
	s.handle = 0
	if s.tries == 1 {
		mb.measure(now - s.since)
	}
}

// measure takes the time from a send to its return into account.
func (mb *Member) measure(t int64) {
	if mb.srtt == 0 {
		mb.srtt = t
	} else {
		mb.srtt += (t - mb.srtt) / 8
	}
	mb.rto = min(max(3*mb.srtt, rtoMin), rtoMax)
}

// sent ends the send under way if its message is safe, and begins the next.
func (m *Machine) sent(now int64, mb *Member) {
	for len(mb.sends) > 0 && mb.sends[0].seq != 0 && mb.sends[0].seq <= mb.safe() {
		s := mb.sends[0]
		if s.kind == kindLeave {
			m.left(now, mb)
			return
		}
		mb.sends[0] = send{}
		mb.sends = mb.sends[1:]
		m.complete(mb, s.slot, KindSend, std.OK).Seqno = s.seq
		m.pushSend(now, mb)
	}
}

// forgetSend drops a call whose thread has ended. What is under way goes on.
func (m *Machine) forgetSend(mb *Member, slot uint32) {
	for i := range mb.sends {
		if mb.sends[i].slot != slot || mb.sends[i].kind == kindLeave {
			continue
		}
		if mb.sends[i].messid == 0 {
			mb.sends = append(mb.sends[:i], mb.sends[i+1:]...)
		} else {
			mb.sends[i].slot = 0
		}
		return
	}
}

// unreachable: FLIP has not found a member for long.
func (m *Machine) unreachable(now int64, mb *Member, addr flip.Address) {
	switch mb.phase {
	case running:
		if p := mb.peerOf(addr); p != nil && now-p.heard > silentActive {
			m.suspect(now, mb)
		}
	case recovering:
		m.candidateGone(now, mb, addr)
	case joining:
		if addr == mb.join.to { // somebody may know a newer sequencer
			mb.join.to = flip.Address{}
			m.seekGroup(now, mb)
		}
	}
}
