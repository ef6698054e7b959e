package rpc

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// server is one slot of an endpoint for serving requests: a thread, seen from
// its calls to getreq and putrep.
//
//	phase       left by
//	notServing  GetReq
//	waiting     a request (serving; receiving if it is long); Abort, Forget
//	receiving   the last PART (serving); its client's end (waiting)
//	serving     PutRep, Forward
//	replying    the reply's ACK; only if it is long or much is unacknowledged
type server struct {
	ep    *Endpoint
	slot  uint32
	phase serverPhase

	get, put capability.Port // of the last getreq; the one-way function is dear
	binding  *binding        // while waiting
	row      *row            // while receiving, serving or replying
	room     uint32          // in Memory, for a long request

	next, prev *server // neighbours in binding.port.idle
}

type serverPhase uint8

const (
	notServing serverPhase = iota
	waiting
	serving
	replying
	taking // PROTOCOL.md calls it receiving, like its row
)

// GetReq makes a thread wait for a request to the put-port of get. It returns
// Wait, or why it cannot. The end is a Complete of KindGetReq: OK with a request,
// which PutRep from the same slot answers, or RPC_ABORTED.
func (m *Machine) GetReq(now int64, ep *Endpoint, slot uint32, get capability.Port) std.Status {
	return m.GetReqInto(now, ep, slot, get, 0)
}

// GetReqInto is GetReq of a thread that has room in Memory for requests too long
// for one message. If one is longer than that too, getreq ends with STD_OVERFLOW
// and trans with a reply of that status.
func (m *Machine) GetReqInto(now int64, ep *Endpoint, slot uint32, get capability.Port, room uint32) std.Status {
	if ep.phase != running || ep.upcall {
		return std.RPCTryAgain
	}
	s := ep.server(m, slot)
	if s == nil || s.phase != notServing {
		return std.RPCTryAgain
	}
	if get.IsNull() {
		return std.RPCBadPort
	}
	if s.get != get {
		s.get, s.put = get, get.Put()
	}
	s.room = room
	if m.await(now, s) == nil {
		return std.RPCTryAgain
	}
	m.Drain(now)
	return Wait
}

// await makes a server slot wait for a request to its put-port.
func (m *Machine) await(now int64, s *server) *binding {
	b := s.binding // a thread nearly always returns to the same port
	if b == nil || b.port.id != s.put || b.ep != s.ep || !b.bound() {
		p := m.portFor(s.put)
		if p == nil {
			return nil
		}
		b = m.bind(s.ep, p)
		s.binding = b
	}
	m.armSweep(now)
	b.lastUse = now
	b.waiting++
	s.phase = waiting
	m.listServer(s)
	m.offer(now, b.port)
	return b
}

// bound reports whether the binding is still in use: a sweep may have ended it.
func (b *binding) bound() bool {
	for _, x := range b.ep.bindings {
		if x == b {
			return true
		}
	}
	return false
}

// offer gives a thread that has just become idle to whoever waits for one: the
// oldest client here, or, every so often, a client elsewhere, which gets a moment
// to send its request.
func (m *Machine) offer(now int64, p *port) {
	local := p.waiters.head != nil
	if len(p.hints) > 0 && p.reserved == 0 && (!local || p.passed >= maxPassed) {
		p.passed = 0
		m.sendHereIs(now, p.idle.binding, p.takeHint(), 1)
		if local {
			p.reserved = now + reserveFor
			m.armPort(p)
		}
		return
	}
	if local && p.reserved == 0 {
		if len(p.hints) > 0 {
			p.passed++
		}
		m.serveWaiters(now, p)
	}
}

// serveWaiters gives idle threads to clients of this node that wait for them.
func (m *Machine) serveWaiters(now int64, p *port) {
	for p.idle != nil && p.waiters.head != nil {
		c := p.waiters.head
		m.charge(now, c)
		if !m.handOver(now, c, p, c.data) {
			return
		}
	}
}

// gotRequest takes a REQUEST that came through FLIP.
func (m *Machine) gotRequest(now int64, ep *Endpoint, d *flip.Deliver, h *head) {
	r := ep.rows.find(&d.Src, h.slot)
	if r != nil && h.tid <= r.tid {
		m.Stats.Duplicates++
		m.repeated(now, r, h)
		return
	}
	if ep.phase != running { // lingering: it will not execute anything any more
		m.answer(now, ep, d.Src, h, Nak, nakNoPort)
		if r != nil {
			m.settle(now, r)
			m.lingerDone(now, ep)
		}
		return
	}
	if r == nil && h.flags&flagRetrans != 0 && ep.forgotten(now, h.age) {
		m.answer(now, ep, d.Src, h, Fail, 0)
		return
	}
	if r != nil && r.phase == receiving {
		m.abandon(now, r) // the client has given it up
	}
	var hdr std.Header
	hdr.GetWire((*[std.HeaderLen]byte)(d.Head()[headLen:]))
	s := m.idleServer(ep, hdr.Port)
	r = m.rowFor(now, ep, &d.Src, h.slot)
	if r == nil {
		return // no room to remember it; it will come again
	}
	if s == nil && !ep.upcall {
		m.refuse(now, r, d.Src, h, hdr.Port)
		return
	}
	m.begin(now, r, h.tid, working)
	r.peer, r.secure = nil, h.flags&flagSecure != 0
	if h.size > 0 {
		m.gotLong(now, r, s, &hdr, h.size)
	} else {
		m.deliver(now, r, s, &hdr, d.Body)
	}
	if s != nil && s.binding.port.reserved != 0 {
		s.binding.port.reserved = 0
		m.serveWaiters(now, s.binding.port)
	}
}

// refuse sends NAK. From then on the tid is dead, since the client will take it
// to another server under a new one, while copies of this one may still arrive.
func (m *Machine) refuse(now int64, r *row, src flip.Address, h *head, put capability.Port) {
	m.begin(now, r, h.tid, refused)
	reason := nakNoPort
	for _, b := range r.ep.bindings {
		if (put.IsNull() || b.port.id == put) && b.alive(now) {
			reason = nakBusy
			b.port.hint(src)
		}
	}
	m.Stats.NaksOut++
	m.answer(now, r.ep, src, h, Nak, reason)
}

// idleServer returns a thread of the endpoint that waits on the port, or on any
// port if the request names none.
func (m *Machine) idleServer(ep *Endpoint, put capability.Port) *server {
	if put.IsNull() {
		for _, s := range ep.servers {
			if s != nil && s.phase == waiting {
				return s
			}
		}
		return nil
	}
	if p := m.ports.Get((*[16]byte)(&put)); p != nil {
		for s := p.idle; s != nil; s = s.next {
			if s.ep == ep {
				return s
			}
		}
	}
	return nil
}

// repeated answers a REQUEST that has been here before.
func (m *Machine) repeated(now int64, r *row, h *head) {
	if h.tid < r.tid {
		m.answer(now, r.ep, r.client, h, Fail, 0)
		return
	}
	switch r.phase {
	case working:
		m.answer(now, r.ep, r.client, h, Alive, 0)
	case receiving:
		m.receiveAgain(now, r)
	case replied:
		m.repeatReply(now, r, h)
	case refused:
		m.answer(now, r.ep, r.client, h, Nak, nakBusy)
	case failed:
		m.answer(now, r.ep, r.client, h, Fail, 0)
	}
}

// answer sends a head about the transaction of another one.
func (m *Machine) answer(now int64, ep *Endpoint, to flip.Address, h *head, typ Type, arg uint16) {
	if typ == Fail {
		m.Stats.FailsOut++
	}
	a := head{typ: typ, slot: h.slot, tid: h.tid, arg: arg}
	if typ == Alive {
		a.flags = h.flags & flagSigTrans
	}
	m.control(now, ep, to, &a)
}

// gotEnquire takes ENQUIRE, from a client that knows we had its request, and
// RECEIVED, from one that does not.
func (m *Machine) gotEnquire(now int64, ep *Endpoint, src flip.Address, h *head) {
	r := ep.rows.find(&src, h.slot)
	if r == nil || r.tid < h.tid {
		if h.typ == Received && ep.phase == running && !(r == nil && ep.forgotten(now, h.age)) {
			m.answer(now, ep, src, h, Nak, nakMissing)
		} else {
			m.answer(now, ep, src, h, Fail, 0)
		}
		return
	}
	if r.tid == h.tid && r.phase == working {
		if h.flags&flagSigTrans != 0 && int16(h.arg-r.signals) > 0 {
			r.signals = h.arg
			m.signalServer(r)
		}
		m.answer(now, ep, src, h, Alive, h.arg)
		return
	}
	m.repeated(now, r, h)
}

// listServer puts a waiting thread at the front of its port's idle list: the
// latest one's memory is warm.
func (m *Machine) listServer(s *server) {
	p := s.binding.port
	s.prev, s.next = nil, p.idle
	if p.idle != nil {
		p.idle.prev = s
	}
	p.idle = s
}

// unlistServer takes a thread off the idle list, if it is on it.
func (m *Machine) unlistServer(s *server) {
	if s.binding == nil || s.phase != waiting {
		return
	}
	p := s.binding.port
	if s.prev != nil {
		s.prev.next = s.next
	} else if p.idle == s {
		p.idle = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
}
