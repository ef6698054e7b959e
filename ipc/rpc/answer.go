package rpc

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// What a client hears from servers. Each answer is checked against the slot's
// transaction: its tid, and the address that was asked.

// clientFor returns the slot whose transaction an answer is about, or nil.
func (m *Machine) clientFor(ep *Endpoint, src *flip.Address, h *head) *client {
	if int(h.slot) < len(ep.clients) {
		if c := ep.clients[h.slot]; c != nil && c.tid == h.tid && c.phase >= sent && c.server == *src {
			return c
		}
	}
	m.Stats.Strays++
	return nil
}

// gotReply ends a transaction. The ACK waits for a few milliseconds: if by then
// the slot asks the same server again, that request is the ACK.
func (m *Machine) gotReply(now int64, ep *Endpoint, d *flip.Deliver, h *head) {
	c := m.clientFor(ep, &d.Src, h)
	if c == nil {
		// Answered before, or given up. The server is to stop repeating it.
		ack := head{typ: Ack, slot: h.slot, tid: h.tid}
		m.control(now, ep, d.Src, &ack)
		return
	}
	if c.phase == fetching {
		c.heard = now
		m.fetchAgain(now, c)
		return
	}
	if c.phase == sent && !c.unclean {
		m.rttOf(&c.server).measure(now - c.sentAt)
	}
	if c.addr.IsNull() {
		if p := m.ports.Get((*[16]byte)(&c.port)); p != nil {
			p.answered(now, &d.Src)
		}
	}
	if h.size > 0 {
		c.hdr.GetWire((*[std.HeaderLen]byte)(d.Head()[headLen:]))
		m.startFetch(now, c, h.size)
		return
	}
	m.Stats.Completed++
	e := m.Out.complete(ep, c.slot, KindTrans, std.OK)
	e.Header.GetWire((*[std.HeaderLen]byte)(d.Head()[headLen:]))
	e.Data = d.Body
	m.drop(now, c)
	c.ackTo, c.ackTid = d.Src, h.tid
	m.timers.Set(&c.timer, now+ackDelay)
}

// sendPendingAck acknowledges a slot's last reply, if that is still due.
func (m *Machine) sendPendingAck(now int64, c *client) {
	if c.ackTo.IsNull() {
		return
	}
	to := c.ackTo
	c.ackTo = flip.Address{}
	ack := head{typ: Ack, slot: c.slot, tid: c.ackTid}
	m.control(now, c.ep, to, &ack)
}

// gotNak looks for another server: this one has promised not to execute the
// request under this tid. Or, in answer to RECEIVED, the request goes out again.
func (m *Machine) gotNak(now int64, ep *Endpoint, src flip.Address, h *head) {
	m.Stats.NaksIn++
	c := m.clientFor(ep, &src, h)
	if c == nil || c.phase != sent {
		return
	}
	if h.arg == nakMissing {
		c.heard = now
		c.tries = max(c.tries, 2) // however it looks, this is not the first copy
		m.transmitRequest(now, c, relocateFor)
		m.timers.Set(&c.timer, now+m.rttOf(&src).timeout(1, rtoMin))
		return
	}
	if !c.unclean {
		m.rttOf(&src).measure(now - c.sentAt)
	}
	m.refused(now, c, h.arg == nakNoPort)
}

// refused continues after a server declined: at once with another, or after a
// short wait with the same. Time with a server that does not take the request
// counts as looking for one.
func (m *Machine) refused(now int64, c *client, gone bool) {
	m.box.Cancel(now, c.handle)
	c.handle = 0
	m.dropParts(now, &c.out)
	wait := c.backoff + m.jitter(c.backoff/2)
	c.backoff = min(2*c.backoff, refusedLast)
	if !m.box.SingleFragment(requestLen + len(c.data)) {
		wait = max(wait, refusedLast) // guessing is dear; the server's HEREIS comes first
	}
	if c.addr.IsNull() {
		if p := m.ports.Get((*[16]byte)(&c.port)); p != nil {
			p.refusedBy(c.server, now+wait, gone)
		}
	}
	c.phase = seeking
	c.since = c.heard // when the request left, or when BUSY was last seen since
	m.charge(now, c)
	if c.left <= 0 {
		m.finishTrans(now, c, std.RPCNotFound)
		return
	}
	c.tid = c.ep.newTid()
	if c.addr.IsNull() {
		m.seek(now, c)
		return
	}
	m.timers.Set(&c.timer, after(now, min(wait, c.left)))
}

// gotAlive notes that the server has the request. From here on it is only asked
// for signs of life, and the request itself can go.
func (m *Machine) gotAlive(now int64, ep *Endpoint, src flip.Address, h *head) {
	c := m.clientFor(ep, &src, h)
	if c == nil || c.phase == fetching {
		return
	}
	m.box.Cancel(now, c.handle)
	c.handle = 0
	m.dropParts(now, &c.out)
	first := c.phase == sent
	c.phase = served
	if ep.memory != nil {
		c.data = nil
	}
	c.heard = now
	c.tries = 0
	if h.flags&flagSigTrans != 0 && int16(h.arg-c.signalled) > 0 {
		c.signalled = h.arg
	}
	wait := enquireEvery + m.jitter(enquireEvery/8)
	if c.signals != c.signalled { // it does not know of a signal yet
		if first {
			m.serverSilent(now, c)
			return
		}
		wait = m.rttOf(&src).timeout(1, rtoMin)
	}
	m.timers.Set(&c.timer, now+wait)
}

// gotFail ends a transaction whose server does not know what became of it, or the
// receiving of a request whose client has given up.
func (m *Machine) gotFail(now int64, ep *Endpoint, src flip.Address, h *head) {
	if h.arg == ofRequest {
		if r := ep.rows.find(&src, h.slot); r != nil && r.tid == h.tid && r.phase == receiving {
			m.abandon(now, r)
		}
		return
	}
	if c := m.clientFor(ep, &src, h); c != nil {
		m.finishTrans(now, c, std.RPCFailure)
	}
}

// notDelivered follows FLIP giving up a message of ours.
func (m *Machine) notDelivered(now int64, n *flip.NotDelivered) {
	ep := m.endpoints.Get((*[16]byte)(&n.Src))
	if ep == nil || n.Handle == 0 {
		return // the timers will try again
	}
	slot, fromClient := tokenSlot(n.Token)
	if !fromClient {
		if r := ep.rows.find(&n.Dst, slot); r != nil && r.handle == n.Handle {
			m.replyUndeliverable(now, r)
		}
		return
	}
	if int(slot) >= len(ep.clients) {
		return
	}
	if c := ep.clients[slot]; c != nil && c.handle == n.Handle && c.phase >= sent {
		m.requestUndeliverable(now, c, n.Reason)
	}
}

// requestUndeliverable decides what the loss of the server means. If it was the
// only copy of a request, and no fragment of it was kept from coming back, then
// nothing has been executed and another server may be asked.
func (m *Machine) requestUndeliverable(now int64, c *client, reason flip.Reason) {
	c.handle = 0
	c.unsafe = c.unsafe || reason == flip.Unsafe
	if c.phase == sent && c.tries == 1 && (reason == flip.LocateExpired || reason == flip.GoneAway || reason == flip.Unsafe) {
		if c.addr.IsNull() {
			m.refused(now, c, true)
		} else {
			m.finishTrans(now, c, std.RPCNotFound)
		}
		return
	}
	if c.phase == sent && c.tries == 1 && reason == flip.Stalled && c.addr.IsNull() {
		// A part of it was on the wire when the server fell silent, under the short
		// patience with which a server from the port cache is looked for. From here on
		// it is a server that may have the request.
		c.tries++
		m.query(now, c, Received)
		m.timers.Set(&c.timer, now+m.rttOf(&c.server).timeout(c.tries, rtoMin))
		return
	}
	m.finishTrans(now, c, std.RPCFailure)
}

// Tokens tell what sort of slot a message was sent from: the client's own, or
// that of the client to whom it replies.
const (
	tokenReply = 1 << 32
	partToken  = 1 << 33 // nobody waits for it to fail: it will be pulled again
)

func clientToken(slot uint32) uint64 { return uint64(slot) }
func replyToken(slot uint32) uint64  { return tokenReply | uint64(slot) }

func tokenSlot(t uint64) (slot uint32, fromClient bool) {
	return uint32(t), t&tokenReply == 0
}
