package group

// A member leaves its node in the steps of its process (see package rpc): Freeze,
// Export; at the new place Import and Activate; at the old one Remove, or Thaw.
// While it is frozen its address answers BUSY, so those who want something of it
// wait, and multicasts pass it by: it asks for them afterwards.

// Freeze stops a member.
func (m *Machine) Freeze(now int64, mb *Member) {
	if mb.frozen || mb.phase == closed {
		return
	}
	mb.frozen = true
	m.timers.Stop(&mb.timer)
	m.unlisten(now, mb)
	m.box.Freeze(now, mb.addr)
	m.quiesce(now, mb)
}

// quiesce puts what depends on time or on the box into a form that does not: all
// that is under way will be sent again, and everybody was heard just now.
func (m *Machine) quiesce(now int64, mb *Member) {
	for i := range mb.sends {
		s := &mb.sends[i]
		s.handle, s.held, s.tries = 0, false, 0
	}
	for i := range mb.table {
		p := &mb.table[i]
		p.probe, p.tries = 0, 0
	}
	mb.reform = nil
	mb.join.handle = 0
	if mb.join.active && !mb.begun {
		mb.join.left = max(mb.join.left-(now-mb.join.since), 0)
	}
	m.stopTimers(mb)
}

// Thaw lets a frozen member go on where it is.
func (m *Machine) Thaw(now int64, mb *Member) {
	if !mb.frozen || mb.imported || mb.phase == closed {
		return
	}
	if mb.silent {
		mb.silent = false
		m.box.Import(now, mb.identity)
	} else {
		m.box.Thaw(now, mb.addr)
	}
	m.resume(now, mb)
}

// Silence makes the box answer NOTHERE for a frozen member instead of BUSY: it may
// have moved, but nobody can say.
func (m *Machine) Silence(now int64, mb *Member) {
	id, ok := m.box.Export(mb.addr)
	if !mb.frozen || mb.silent || !ok {
		return
	}
	mb.identity, mb.silent = id, true
	m.box.Unregister(now, mb.addr)
}

// Activate starts an imported member. It reports false if its address is
// registered here already.
func (m *Machine) Activate(now int64, mb *Member) bool {
	if !mb.imported || !m.box.Import(now, mb.identity) {
		return false
	}
	mb.imported = false
	m.resume(now, mb)
	return true
}

// Remove forgets a member that has moved away, or that was imported in vain.
func (m *Machine) Remove(now int64, mb *Member) {
	if !mb.frozen {
		return
	}
	if !mb.imported && !mb.silent {
		m.box.Unregister(now, mb.addr)
	}
	m.drop(mb)
}

// resume takes up what the member was doing. What it has missed it asks for.
func (m *Machine) resume(now int64, mb *Member) {
	mb.frozen = false
	if !mb.group.IsNull() {
		m.listen(now, mb)
	}
	for i := range mb.table {
		mb.table[i].heard = now
	}
	switch mb.phase {
	case joining:
		mb.join.since = now
		m.seekGroup(now, mb)
	case running:
		m.resumeView(now, mb)
	case recovering:
		if mb.reset.wanted {
			m.coordinate(now, mb)
		} else {
			mb.voteUntil = now + resultPatience
			mb.reformDue = mb.voteUntil
		}
	case lingering:
		mb.lingerUntil = now + lingerFor
	}
	m.arm(now, mb)
}

func (m *Machine) resumeView(now int64, mb *Member) {
	if mb.sequences() {
		m.takeOffice(now, mb)
		m.progress(now, mb)
		return
	}
	mb.gapWait = gapFirst
	// Whatever was sent meanwhile we have not heard of. An answer to this says how
	// much there is.
	m.Stats.RetransAsked++
	m.unicast(now, mb, mb.table[mb.sequencer].addr, &head{typ: Retrans, seqno: mb.got + 1, messid: maxSeqno}, nil)
	m.watchSoon(now, mb, silentActive)
	if mb.got < mb.last {
		mb.gapDue = now + mb.gapWait
	}
	m.resend(now, mb)
	m.settle(now, mb)
}
