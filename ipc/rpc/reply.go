package rpc

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// PutRep answers the request that the slot's last getreq returned. It returns OK
// if the reply is as good as delivered: the machine keeps it until the client has
// it, however long the client is frozen and wherever it moves. It returns Wait if
// the endpoint has too many bytes of replies under way; then a Complete of
// KindPutRep follows. The data belongs to the machine from now on.
//
// In Amoeba putrep returned when the ACK was there, and the thread was idle for a
// round trip.
func (m *Machine) PutRep(now int64, ep *Endpoint, slot uint32, h *std.Header, data []byte) std.Status {
	s := ep.atWork(slot)
	if s == nil {
		return std.RPCBadPort
	}
	if len(data) > m.Whole() {
		return std.Overflow
	}
	r := s.row
	s.phase, s.row = notServing, nil
	m.reply(now, r, h, data)
	if r.phase == replied && ep.replyBytes > m.cfg.ReplyBytes {
		s.phase, s.row, r.server = replying, r, s
		m.Drain(now)
		return Wait
	}
	m.Drain(now)
	return std.OK
}

// PutRepFrom is PutRep with data too long for one message, which stays in Memory.
// It returns Wait, and the call ends when the client has pulled all of it: with OK;
// with STD_OVERFLOW if the client has no room for it; with RPC_BADADDRESS if Memory
// failed, then trans ends with RPC_FAILURE.
func (m *Machine) PutRepFrom(now int64, ep *Endpoint, slot uint32, h *std.Header, size uint32) std.Status {
	s := ep.atWork(slot)
	if s == nil {
		return std.RPCBadPort
	}
	if ep.memory == nil || size == 0 {
		return std.Overflow
	}
	r := s.row
	m.Stats.Replies++
	m.stopWorking(now, r)
	if r.stray {
		s.phase, s.row = notServing, nil
		m.freeRow(now, r)
		return std.OK
	}
	s.phase, r.server = replying, s
	r.phase, r.hdr, r.size = replied, *h, size
	m.startReply(now, r)
	m.Drain(now)
	return Wait
}

// atWork returns a slot if it is serving a request, or nil.
func (ep *Endpoint) atWork(slot uint32) *server {
	if ep.phase != running || int(slot) >= len(ep.servers) {
		return nil
	}
	if s := ep.servers[slot]; s != nil && s.phase == serving {
		return s
	}
	return nil
}

// Reply answers a request to an endpoint that the kernel serves. A handle whose
// client has given up, or that was answered before, is ignored.
func (m *Machine) Reply(now int64, h Handle, hdr *std.Header, data []byte) std.Status {
	if !m.valid(h) || h.row.server != nil {
		return std.RPCBadPort
	}
	if len(data) > m.Whole() {
		return std.Overflow
	}
	m.reply(now, h.row, hdr, data)
	m.Drain(now)
	return std.OK
}

// valid reports whether a handle names a request at work on a running endpoint.
func (m *Machine) valid(h Handle) bool {
	return h.row != nil && h.row.seq == h.seq && h.row.phase == working && h.row.ep.phase == running
}

// Client returns who asks, and under which slot and tid: what identifies the
// request on any node.
func (h Handle) Client() (addr flip.Address, slot uint32, tid uint64) {
	if h.row == nil || h.row.seq != h.seq {
		return
	}
	return h.row.client, h.row.slot, h.row.tid
}

// HandleOf finds the handle of a request at work again, after a move.
func (m *Machine) HandleOf(ep *Endpoint, client flip.Address, slot uint32, tid uint64) (Handle, bool) {
	r := ep.rows.find(&client, slot)
	if r == nil || r.tid != tid || r.phase != working {
		return Handle{}, false
	}
	return Handle{row: r, seq: r.seq}, true
}

// reply ends a request at work.
func (m *Machine) reply(now int64, r *row, h *std.Header, data []byte) {
	m.Stats.Replies++
	if c, ended := m.endHere(now, r); ended {
		if c != nil && c.phase >= sent {
			m.Stats.Completed++
			e := m.Out.complete(c.ep, c.slot, KindTrans, std.OK)
			e.Header, e.Data = *h, data
			m.endLocal(now, c)
		}
		return
	}
	r.phase = replied
	r.hdr, r.data = *h, data
	r.ep.replyBytes += len(data)
	m.startReply(now, r)
}

// endHere ends the work on a request, and the row, if nobody on another node is to
// hear of it: it has no client any more, or that is on this node. c is the client's
// transaction if it still waits.
func (m *Machine) endHere(now int64, r *row) (c *client, ended bool) {
	m.stopWorking(now, r)
	if r.stray {
		m.freeRow(now, r)
		return nil, true
	}
	ce := m.localClient(r)
	if ce == nil {
		return nil, false
	}
	r.phase = done
	if c = ce.clientAt(r.slot); c != nil && c.tid != r.tid {
		c = nil
	}
	return c, true
}

// stopWorking takes a request from whoever was at work on it.
func (m *Machine) stopWorking(now int64, r *row) {
	if r.binding != nil {
		r.binding.serving--
		r.binding = nil
	}
	r.server = nil
	r.at = now
}

// localClient returns the client's endpoint if it is on this node and running.
func (m *Machine) localClient(r *row) *Endpoint {
	if ce := r.peer; ce != nil && ce.addr == r.client && ce.phase == running {
		return ce
	}
	// The client may have left and come back, as another Endpoint.
	ce := m.endpoints.Get((*[16]byte)(&r.client))
	if ce == nil || ce.phase != running {
		return nil
	}
	r.peer = ce
	return ce
}

func (ep *Endpoint) clientAt(slot uint32) *client {
	if int(slot) < len(ep.clients) {
		return ep.clients[slot]
	}
	return nil
}

// endLocal clears a slot whose transaction ended on this node. Mostly there is
// nothing to clear.
func (m *Machine) endLocal(now int64, c *client) {
	if c.handle != 0 || c.timer.Armed() || c.data != nil || c.long || c.limit != nil {
		m.drop(now, c)
	}
	c.phase = idle
}

// startReply sends a reply for the first time, here or after a move.
func (m *Machine) startReply(now int64, r *row) {
	r.tries = 1
	r.sentAt, r.heard = now, now
	m.sendReply(now, r)
	m.timers.Set(&r.timer, now+m.rttOf(&r.client).timeout(1, replyMin))
}

// sendReply sends REPLY, or FORWARD, for the first time or again.
func (m *Machine) sendReply(now int64, r *row) {
	h := head{typ: Reply, slot: r.slot, tid: r.tid, size: r.size}
	n := requestLen
	if r.tries > 1 {
		h.flags = flagRetrans
		m.Stats.Retrans++
	}
	if r.forward != nil {
		h.typ, n = Forward, hereIsLen
		r.forward.put(m.buf[:n])
	} else {
		r.hdr.PutWire((*[std.HeaderLen]byte)(m.buf[headLen:]))
	}
	h.put(m.buf[:headLen])
	m.tell(now, r, n, r.data)
}

// tell sends what is in m.buf to the row's client, in place of the last message.
func (m *Machine) tell(now int64, r *row, n int, data []byte) {
	m.box.Cancel(now, r.handle)
	r.handle = m.box.Unicast(now, &flip.Send{Src: r.ep.addr, Dst: r.client, Proto: flip.ProtoRPC,
		Header: m.buf[:n], Payload: data, Token: replyToken(r.slot), Secure: r.secure,
		Invalidate: r.tries%relocateTry == 0, Patience: relocateFor})
}

// repeatReply follows a client that asks again although it was answered. If the
// reply is still with FLIP it is on its way, and the client is told to wait.
func (m *Machine) repeatReply(now int64, r *row, h *head) {
	switch m.box.State(r.handle) {
	case flip.InWindow, flip.Locating, flip.HeldBusy:
		m.answer(now, r.ep, r.client, h, Alive, h.arg) // a signal comes too late
		return
	}
	if r.tries == 0 { // it had been given up; the client is back
		m.startReply(now, r)
		return
	}
	r.tries++
	m.sendReply(now, r)
}

// rowExpired is the deadline of a row, whatever it waits for.
func (m *Machine) rowExpired(now int64, r *row) {
	if r.phase == receiving {
		m.clientSilent(now, r)
	} else {
		m.replyExpired(now, r)
	}
}

// rowExcused reports that the last message to the client is still with FLIP, which
// has its own patience and will report, and looks again later.
func (m *Machine) rowExcused(now int64, r *row) bool {
	switch m.box.State(r.handle) {
	case flip.HeldBusy:
		r.heard = now
	case flip.Locating, flip.InWindow:
	default:
		return false
	}
	m.timers.Set(&r.timer, now+busyLook)
	return true
}

// replyExpired is the wait for an ACK.
func (m *Machine) replyExpired(now int64, r *row) {
	if m.rowExcused(now, r) {
		return
	}
	if now-r.heard > silenceLimit {
		m.replyUndeliverable(now, r)
		return
	}
	r.tries++
	m.sendReply(now, r)
	m.timers.Set(&r.timer, now+m.rttOf(&r.client).timeout(r.tries, replyMin))
}

// replyUndeliverable stops repeating a reply whose client cannot be reached. It
// is kept for as long as other rows, should the client turn up after all.
func (m *Machine) replyUndeliverable(now int64, r *row) {
	if r.phase == receiving {
		m.abandon(now, r)
		return
	}
	if r.size > 0 { // its thread goes on, and will use the memory for something else
		m.failReply(now, r, std.OK)
		return
	}
	m.timers.Stop(&r.timer)
	m.box.Cancel(now, r.handle)
	r.handle = 0
	r.tries = 0
	r.at = now
	m.unblockPutRep(r, std.OK)
	if r.ep.phase == lingering {
		m.settle(now, r)
		m.lingerDone(now, r.ep)
	}
}

// gotAck forgets a reply that has arrived.
func (m *Machine) gotAck(now int64, ep *Endpoint, src flip.Address, h *head) {
	r := ep.rows.find(&src, h.slot)
	if r == nil || r.tid != h.tid || r.phase != replied {
		return
	}
	if r.tries == 1 && r.heard == r.sentAt {
		m.rttOf(&src).measure(now - r.sentAt)
	}
	if h.arg == ackDeclined {
		m.unblockPutRep(r, std.Overflow)
	}
	m.settle(now, r)
	if ep.phase == lingering {
		m.lingerDone(now, ep)
	}
}

// unblockPutRep lets a thread go on whose reply is no longer a burden.
func (m *Machine) unblockPutRep(r *row, status std.Status) {
	s := r.server
	if s == nil || s.phase != replying || s.row != r {
		return
	}
	r.server = nil
	s.phase, s.row = notServing, nil
	e := m.Out.complete(s.ep, s.slot, KindPutRep, status)
	e.Header = std.Header{}
}

// fail tells a client that what it asked for will not be answered.
func (m *Machine) fail(now int64, r *row) {
	m.dropReply(now, r)
	m.stopWorking(now, r)
	r.phase = failed
	if ce := m.localClient(r); ce != nil {
		if c := ce.clientAt(r.slot); c != nil && c.tid == r.tid && c.phase >= sent {
			m.finishTrans(now, c, std.RPCFailure)
		}
		return
	}
	h := head{slot: r.slot, tid: r.tid}
	m.answer(now, r.ep, r.client, &h, Fail, 0)
}

// failReply gives up a long reply; its thread goes on.
func (m *Machine) failReply(now int64, r *row, status std.Status) {
	m.unblockPutRep(r, status)
	m.fail(now, r)
}
