package group

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// gotReformReq: somebody wants a new view. Who answers has stopped in its own: what
// it says it has is all it ever gets there.
func (m *Machine) gotReformReq(now int64, mb *Member, src flip.Address, h *head) {
	switch {
	case mb.phase != running && mb.phase != aborted && mb.phase != recovering:
		return
	case mb.peerOf(src) == nil && h.view < mb.view:
		m.tellOut(now, mb, src, h.view)
		return
	case h.seqno < mb.promised:
		if mb.phase != running {
			m.vote(now, mb, src) // it is too late with that ballot, and learns so
		} else if mb.peerOf(src) != nil && h.view < mb.view && len(mb.result) > 0 {
			m.sendResult(now, mb, src)
		}
		return
	}
	if h.seqno > mb.promised {
		if mb.begun || mb.orphan || mb.leaving() {
			m.retire(now, mb)
			return
		}
		if mb.reform != nil {
			m.yield(now, mb, h.seqno)
		}
		m.promise(now, mb, h.seqno)
	}
	if mb.phase == recovering {
		mb.voteUntil = now + resultPatience
		m.vote(now, mb, src)
	}
}

// retire: a member that is just coming or going does not take part in a reset.
func (m *Machine) retire(now int64, mb *Member) { m.endView(now, mb) }

// vote says what we have, under the highest ballot that we have promised.
func (m *Machine) vote(now int64, mb *Member, to flip.Address) {
	r := mb.roll()
	m.unicast(now, mb, to, &head{typ: Vote, seqno: mb.promised}, r.append(nil))
}

// gotResult: there is a new view. A member that has promised a higher ballot waits
// for that: its vote is counted there.
func (m *Machine) gotResult(now int64, mb *Member, src flip.Address, h *head, body []byte) {
	if mb.phase != running && mb.phase != aborted && mb.phase != recovering {
		return
	}
	if h.seqno == mb.view {
		m.control(now, mb, src, &head{typ: ResultAck, seqno: h.seqno})
		return
	}
	if h.seqno < mb.promised || h.seqno < mb.view {
		return
	}
	var c charter
	if !c.decode(body) || c.roll.applied > mb.got+1<<mb.params.LogBuffers {
		m.Stats.Malformed++
		return
	}
	if c.roll.findAddr(mb.addr) == nil {
		m.expel(now, mb)
		return
	}
	if mb.reform != nil && !mb.reform.installed {
		m.yield(now, mb, h.seqno)
	}
	m.install(now, mb, h.seqno, &c, body)
	m.control(now, mb, src, &head{typ: ResultAck, seqno: h.seqno})
}

// install begins a view.
func (m *Machine) install(now int64, mb *Member, view uint64, c *charter, body []byte) {
	m.Stats.ViewsBegun++
	m.unlisten(now, mb)
	mb.group = c.group
	m.listen(now, mb)
	mb.view, mb.promised = view, max(mb.promised, view)
	mb.phase = running
	mb.result = body
	mb.hist.cut(mb.got)
	mb.accepted = min(mb.accepted, c.roll.applied)
	mb.last = max(mb.got, c.roll.applied)
	m.stopTimers(mb)
	mb.adoptRoll(now, &c.roll)
	mb.index = indexOf(&c.roll, mb.addr)
	for i := range mb.sends {
		s := &mb.sends[i]
		m.box.Cancel(now, s.handle)
		s.handle, s.held, s.tries = 0, false, 0
	}
	m.endReset(mb, std.OK)
	if mb.sequences() {
		m.takeOffice(now, mb)
		m.progress(now, mb)
		return
	}
	if mb.got < mb.last {
		m.askGap(now, mb)
	} else {
		m.tellState(now, mb)
	}
	m.watchSoon(now, mb, silentActive)
	m.resend(now, mb)
	m.settle(now, mb)
}

func indexOf(r *roll, addr flip.Address) uint16 { return r.findAddr(addr).index }
