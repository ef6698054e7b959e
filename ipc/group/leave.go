package group

import "motile/ipc/std"

// Leave makes the member leave the group in good order: its LEAVE is a message like
// others, after all it has sent. The call ends with OK in any case, and the Member
// is gone.
func (m *Machine) Leave(now int64, mb *Member, slot uint32) std.Status {
	switch mb.phase {
	case running, recovering:
	case closed, lingering, joining:
		return std.BCFail
	default:
		m.close(now, mb, std.BCAbort)
		return std.OK
	}
	if mb.leaving() {
		return std.BCFail
	}
	if mb.phase == running && mb.total() == 1 {
		m.close(now, mb, std.BCFail)
		return std.OK
	}
	m.enqueue(now, mb, send{slot: slot, kind: kindLeave, body: []byte{}})
	return Wait
}

// Abandon is Leave for a process that has ended: nobody waits for anything, and
// no effect follows. The member stays until the others know that it has left.
func (m *Machine) Abandon(now int64, mb *Member) {
	mb.Owner, mb.orphan = nil, true
	mb.receivers = nil
	mb.join.active = false
	mb.reset.wanted = false
	var under []send
	for _, s := range mb.sends {
		if s.kind == kindLeave || s.messid != 0 {
			s.slot = 0
			under = append(under, s)
		}
	}
	mb.sends = under
	if mb.phase != running || mb.frozen || mb.begun || mb.total() == 1 {
		m.close(now, mb, std.BCFail)
		return
	}
	if !mb.leaving() {
		m.enqueue(now, mb, send{kind: kindLeave, body: []byte{}})
	}
}

// resigned reports whether our own LEAVE has a number. Whoever hears of that has another
// sequencer: what comes after it is not ours to number, although we go on until it is
// safe.
func (mb *Member) resigned() bool {
	return len(mb.sends) > 0 && mb.sends[0].kind == kindLeave && mb.sends[0].seq != 0
}

// left: our LEAVE is ordered and safe. A sequencer stays until all have it.
func (m *Machine) left(now int64, mb *Member) {
	leave := mb.sends[0]
	mb.sends = mb.sends[1:]
	for _, s := range mb.sends {
		m.complete(mb, s.slot, KindSend, std.BCFail)
	}
	mb.sends = nil
	for _, r := range mb.receivers {
		m.complete(mb, r.slot, KindReceive, std.BCFail)
	}
	mb.receivers = nil
	if leave.slot != 0 {
		m.complete(mb, leave.slot, KindLeave, std.OK)
	}
	if mb.sequencer != mb.index || mb.total() == 1 {
		m.close(now, mb, std.OK)
		return
	}
	m.stopTimers(mb)
	mb.phase = lingering
	mb.lingerUntil = now + lingerFor
	m.lingered(now, mb)
}

// lingered closes a sequencer that has left when all others have its LEAVE.
func (m *Machine) lingered(now int64, mb *Member) {
	for i := range mb.table {
		p := &mb.table[i]
		if !p.addr.IsNull() && uint16(i) != mb.index && p.got < mb.got {
			return
		}
	}
	m.close(now, mb, std.OK)
}

// succeed follows the LEAVE of the sequencer, at all who remain.
func (m *Machine) succeed(now int64, mb *Member) {
	if mb.sequences() {
		m.takeOffice(now, mb)
		return
	}
	m.tellState(now, mb)
	m.watchSoon(now, mb, silentIdle)
	m.resend(now, mb)
}

// takeOffice makes the member work as the sequencer.
func (m *Machine) takeOffice(now int64, mb *Member) {
	mb.gapDue = 0
	mb.dirty = true
	mb.syncWait, mb.syncDue = syncFirst, now+1
	m.watchSoon(now, mb, silentIdle)
	for i := range mb.table {
		mb.table[i].heard = now
	}
	m.resend(now, mb)
}
