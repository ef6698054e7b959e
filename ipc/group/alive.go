package group

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// Who is alive. The sequencer looks after all, and all after the sequencer. Who has
// not been heard for a while is asked by a message that the box keeps: while the box
// says that the receiver is frozen (BUSY), it is alive, for however long. Amoeba
// evicted whoever did not answer, and with it every member that moved.

// watchSoon makes the member look who is silent, after d at the latest.
func (m *Machine) watchSoon(now int64, mb *Member, d int64) {
	if at := now + d; mb.watchDue == 0 || mb.watchDue > at {
		mb.watchDue = at
	}
}

// watch looks after those whom the member depends on.
func (m *Machine) watch(now int64, mb *Member) {
	doubt := false
	for i := range mb.table {
		p := &mb.table[i]
		if p.addr.IsNull() || uint16(i) == mb.index || !mb.sequences() && uint16(i) != mb.sequencer {
			continue
		}
		silent, gone := m.check(now, mb, p)
		if gone {
			m.suspect(now, mb)
			return
		}
		doubt = doubt || silent
	}
	if doubt {
		mb.watchDue = now + probeEvery
	} else {
		m.watchSoon(now, mb, silentActive)
	}
}

// check asks a silent member whether it is there.
func (m *Machine) check(now int64, mb *Member, p *peer) (silent, gone bool) {
	limit := silentIdle
	if mb.wants(p) {
		limit = silentActive
	}
	if now-p.heard < limit {
		return false, false
	}
	switch {
	case m.waiting(p.probe):
		p.tries = 0 // frozen; or FLIP is looking for it, and will say if it does not find it
		return true, false
	case p.tries >= probeTries:
		return true, true
	}
	p.tries++
	m.box.Cancel(now, p.probe)
	p.probe = m.unicast(now, mb, p.addr, &head{typ: AliveReq}, nil)
	return true, false
}

// wants reports whether the member waits for something of p's.
func (mb *Member) wants(p *peer) bool {
	if mb.sequences() {
		return mb.accepted < mb.got && p.got < mb.got || p.taken+1 == mb.hist.base && mb.got >= mb.hist.base
	}
	return len(mb.sends) > 0 || mb.got < mb.last
}

// suspect ends the view: a member that is needed does not answer. What follows is
// the program's decision.
func (m *Machine) suspect(now int64, mb *Member) {
	m.multicast(mb, &head{typ: Dead}, nil)
	m.endView(now, mb)
}

// endView: calls end with BC_ABORT, until a reset has made a new view.
func (m *Machine) endView(now int64, mb *Member) {
	m.Stats.ViewsEnded++
	m.stopTimers(mb)
	m.endReform(now, mb)
	mb.phase = aborted
	begun, leaving := mb.begun, mb.leaving()
	m.endCalls(mb, std.BCAbort)
	if begun || leaving || mb.orphan {
		m.close(now, mb, std.BCAbort) // nobody is there to call for a reset
	}
}

func (m *Machine) stopTimers(mb *Member) {
	mb.sendDue, mb.gapDue, mb.syncDue, mb.watchDue, mb.reformDue = 0, 0, 0, 0, 0
}

// gotDead: somebody has ended the view, or goes on without us.
func (m *Machine) gotDead(now int64, mb *Member, h *head) {
	if h.flags&flagOut != 0 {
		if mb.phase == running || mb.phase == aborted || mb.phase == recovering {
			m.expel(now, mb)
		}
		return
	}
	if mb.phase == running {
		m.endView(now, mb)
	} else if mb.phase == lingering {
		m.close(now, mb, std.OK)
	}
}

// tellDead tells one member that the view has ended.
func (m *Machine) tellDead(now int64, mb *Member, to flip.Address) {
	m.control(now, mb, to, &head{typ: Dead})
}

// tellOut tells one who was a member that the group goes on without it. It says so
// in the view of the one told, or it would not listen.
func (m *Machine) tellOut(now int64, mb *Member, to flip.Address, view uint64) {
	h := head{typ: Dead, flags: flagOut, index: mb.index, seqno: mb.view, got: mb.got, taken: mb.taken, view: view}
	h.put(m.buf[:])
	m.box.Unicast(now, &flip.Send{Src: mb.addr, Dst: to, Proto: flip.ProtoGroup,
		Header: m.buf[:], Fleeting: true, Patience: second})
}

// expel: the group goes on without this member.
func (m *Machine) expel(now int64, mb *Member) {
	m.Stats.ViewsEnded++
	m.stopTimers(mb)
	begun := mb.begun || mb.orphan || mb.leaving()
	mb.phase = out
	m.endReform(now, mb)
	m.endCalls(mb, std.BCFail)
	if begun {
		m.close(now, mb, std.BCFail)
	}
}
