package rpc

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// Data too long for one message stays where it is, in the memory of the program
// that sends it. REQUEST or REPLY says how much there is, and whoever has taken
// the one or the other pulls it, part by part, into the memory of the program that
// receives it: a few parts at a time, so that the network is never idle. So no
// node holds more of it than those parts; what moves with a process, besides its
// memory, is a number; and loss, BUSY and moves between any two parts are matters
// of asking again. For both ends on one node it is the same, without a network.
//
//	receiver  PULL for what is missing in the window; again when no PART comes
//	sender    PART for each that is not on its way already, else an empty one,
//	          as a sign of life; FAIL if there is nothing to pull any more

// Memory is where the owner of an endpoint has the data of calls that is too long
// for one message: in the buffers of the thread that made the call. The machine
// reads and writes there while it handles a message, so nobody's copy is needed.
// KindTrans reads the request and writes the reply of a slot's trans, KindGetReq
// writes a request, KindPutRep reads a reply. False: there is no such memory.
type Memory interface {
	Load(slot uint32, kind Kind, offset uint32, b []byte) bool
	Store(slot uint32, kind Kind, offset uint32, b []byte) bool
}

// inflow is the progress of data that is being pulled. Parts are numbered from 0.
type inflow struct {
	size, part uint32
	base       uint32 // all parts below have arrived
	have       uint32 // bit i: part base+i has
	asked      uint32 // parts below were asked for
}

func (f *inflow) parts() uint32 {
	return uint32((uint64(f.size) + uint64(f.part) - 1) / uint64(f.part))
}
func (f *inflow) done() bool { return f.base == f.parts() }

// end returns where a part ends.
func (f *inflow) end(part uint32) uint32 {
	return uint32(min(uint64(part+1)*uint64(f.part), uint64(f.size)))
}

// next returns a run of parts to ask for, and counts it as asked for.
func (f *inflow) next() (p pull, ok bool) {
	last := min(f.base+pullWindow, f.parts())
	f.asked = max(f.asked, f.base)
	for f.asked < last && f.has(f.asked) {
		f.asked++
	}
	if f.asked >= last {
		return p, false
	}
	p.offset, p.part = f.asked*f.part, f.part
	for f.asked < last && !f.has(f.asked) {
		f.asked++
	}
	p.length = f.end(f.asked-1) - p.offset
	return p, true
}

func (f *inflow) has(part uint32) bool { return f.have>>(part-f.base)&1 != 0 }

// fits reports whether a part is one that was asked for and has not arrived yet.
func (f *inflow) fits(p *pull, n int) bool {
	i := p.offset / f.part
	return p.part == f.part && p.offset%f.part == 0 && i >= f.base && i < f.base+pullWindow && i < f.parts() &&
		!f.has(i) && uint32(n) == f.end(i)-p.offset && p.length == uint32(n)
}

func (f *inflow) took(p *pull) {
	f.have |= 1 << (p.offset/f.part - f.base)
	for ; f.have&1 != 0; f.have >>= 1 {
		f.base++
	}
}

// outflow is the parts of one message being sent.
type outflow struct{ parts [pullWindow]outPart }

// outPart is a part that FLIP may still need: buf is nil if there is none.
type outPart struct {
	offset uint32
	handle flip.Handle
	buf    []byte
}

// sendPulls asks for what is missing in the window and has not been asked for, and
// returns the handle of the last question.
func (m *Machine) sendPulls(now int64, ep *Endpoint, to flip.Address, h *head, f *inflow, s *flip.Send) (last flip.Handle) {
	for {
		p, ok := f.next()
		if !ok {
			return last
		}
		m.Stats.Pulls++
		h.put(m.buf[:headLen])
		p.put(m.buf[:])
		s.Src, s.Dst, s.Proto, s.Header, s.Patience = ep.addr, to, flip.ProtoRPC, m.buf[:pullLen], relocateFor
		last = m.box.Unicast(now, s)
	}
}

// gotPull sends what a receiver asks for.
func (m *Machine) gotPull(now int64, ep *Endpoint, d *flip.Deliver, h *head) {
	var p pull
	p.get(d.Head())
	if p.part == 0 || p.part > maxPartBytes || p.length == 0 || uint64(p.length) > pullWindow*uint64(p.part) || p.offset%p.part != 0 {
		m.Stats.Malformed++
		return
	}
	if h.arg == ofReply {
		r := ep.rows.find(&d.Src, h.slot)
		if r == nil || r.tid != h.tid || r.phase != replied || r.server == nil {
			m.answer(now, ep, d.Src, h, Fail, 0)
			return
		}
		r.heard, r.tries = now, 1
		m.timers.Set(&r.timer, now+enquireEvery)
		if !m.sendParts(now, ep, d.Src, h, r.size, &r.out, &p, source{r.server.slot, KindPutRep, r.secure}) {
			m.failReply(now, r, std.RPCBadAddress)
		}
		return
	}
	c := m.clientFor(ep, &d.Src, h)
	if c == nil || !c.long || c.phase == fetching {
		m.answer(now, ep, d.Src, h, Fail, ofRequest)
		return
	}
	m.box.Cancel(now, c.handle)
	c.handle = 0
	c.heard, c.tries, c.unclean = now, 1, true
	m.timers.Set(&c.timer, now+enquireEvery)
	if !m.sendParts(now, ep, d.Src, h, c.size, &c.out, &p, source{c.slot, KindTrans, c.secure}) {
		m.finishTrans(now, c, std.RPCBadAddress) // the server will hear of it when it pulls again
	}
}

// source is which buffer the data is in.
type source struct {
	slot   uint32
	kind   Kind
	secure bool
}

// sendParts sends a run of parts. It reports false if Memory fails.
func (m *Machine) sendParts(now int64, ep *Endpoint, to flip.Address, h *head, size uint32, out **outflow, p *pull, from source) bool {
	if uint64(p.offset)+uint64(p.length) > uint64(size) {
		m.Stats.Malformed++
		return true
	}
	if *out == nil {
		*out = new(outflow)
		m.outflows = append(m.outflows, *out)
	}
	head := head{typ: Part, arg: h.arg, slot: h.slot, tid: h.tid}
	for end := p.offset + p.length; p.offset < end; p.offset += p.part {
		n := min(p.part, end-p.offset)
		x := &(*out).parts[p.offset/p.part%pullWindow]
		one := pull{p.offset, n, p.part}
		if m.underWay(x, p.offset) || !m.partBuffer(now, x, int(n)) {
			one.length = 0
			m.sendPart(now, ep, to, &head, &one, nil, from.secure)
			continue
		}
		x.offset = p.offset
		if !ep.memory.Load(from.slot, from.kind, p.offset, x.buf) {
			return false
		}
		m.Stats.Parts++
		if x.handle = m.sendPart(now, ep, to, &head, &one, x.buf, from.secure); x.handle == 0 {
			m.spend(x)
		}
	}
	return true
}

func (m *Machine) sendPart(now int64, ep *Endpoint, to flip.Address, h *head, p *pull, data []byte, secure bool) flip.Handle {
	clear(m.buf[pullLen:])
	h.put(m.buf[:headLen])
	p.put(m.buf[:])
	return m.box.Unicast(now, &flip.Send{Src: ep.addr, Dst: to, Proto: flip.ProtoRPC,
		Header: m.buf[:partLen], Payload: data, Token: partToken, Secure: secure, Fleeting: data == nil, Patience: relocateFor})
}

// underWay reports whether FLIP is still at this very part.
func (m *Machine) underWay(x *outPart, offset uint32) bool {
	if x.buf == nil || x.offset != offset {
		return false
	}
	switch m.box.State(x.handle) {
	case flip.InWindow, flip.Locating, flip.HeldBusy:
		return true
	}
	return false
}

// The buffers of parts. They are used again, since a kernel's collector has better
// things to do: from m.spent, where they wait until nothing in the box's deliveries
// points to them, they come to m.buffers.

// partBuffer gives a part a buffer. It reports false if there are too many under
// way: whoever asks will ask again.
func (m *Machine) partBuffer(now int64, x *outPart, n int) bool {
	m.dropPart(now, x)
	if m.pulled+n > m.cfg.PullBytes {
		for _, o := range m.outflows {
			for i := range o.parts {
				if y := &o.parts[i]; y.buf != nil && m.box.State(y.handle) == flip.Gone {
					m.spend(y)
				}
			}
		}
		if m.pulled+n > m.cfg.PullBytes {
			return false
		}
	}
	m.pulled += n
	if last := len(m.buffers) - 1; last >= 0 && cap(m.buffers[last]) >= n {
		x.buf, m.buffers = m.buffers[last][:n], m.buffers[:last]
	} else {
		x.buf = make([]byte, n, max(n, m.cfg.PartBytes))
	}
	return true
}

// spend takes its buffer from a part that has arrived.
func (m *Machine) spend(x *outPart) {
	m.pulled -= len(x.buf)
	if len(m.spent)+len(m.buffers) < keepBuffers {
		m.spent = append(m.spent, x.buf)
	}
	*x = outPart{}
}

// dropPart forgets a part. While frames of it may be about to leave, its buffer is
// not used again.
func (m *Machine) dropPart(now int64, x *outPart) {
	switch {
	case x.buf == nil:
	case m.box.State(x.handle) == flip.Gone:
		m.spend(x)
	default:
		m.box.Cancel(now, x.handle)
		m.pulled -= len(x.buf)
		*x = outPart{}
	}
}

// dropParts stops sending the parts of a message.
func (m *Machine) dropParts(now int64, out **outflow) {
	o := *out
	if o == nil {
		return
	}
	*out = nil
	for i := range o.parts {
		m.dropPart(now, &o.parts[i])
	}
	for i := range m.outflows {
		if m.outflows[i] == o {
			m.outflows = append(m.outflows[:i], m.outflows[i+1:]...)
			break
		}
	}
}

// gotPart stores what was asked for.
func (m *Machine) gotPart(now int64, ep *Endpoint, d *flip.Deliver, h *head) {
	var p pull
	p.get(d.Head())
	if h.arg == ofReply {
		if c := m.clientFor(ep, &d.Src, h); c != nil && c.phase == fetching {
			m.fetched(now, c, &p, d.Body)
		}
		return
	}
	if r := ep.rows.find(&d.Src, h.slot); r != nil && r.tid == h.tid && r.phase == receiving {
		m.received(now, r, &p, d.Body)
		return
	}
	m.Stats.Strays++
}

// startFetch begins to pull the data of a reply, whose header is in c.hdr.
func (m *Machine) startFetch(now int64, c *client, size uint32) {
	m.box.Cancel(now, c.handle)
	c.handle = 0
	if size > c.room || c.ep.memory == nil {
		m.endFetch(now, c, std.Overflow, ackDeclined)
		return
	}
	c.phase = fetching
	c.data = nil
	m.dropParts(now, &c.out)
	c.in = &inflow{size: size, part: uint32(m.cfg.PartBytes)}
	c.heard = now
	m.fetchAgain(now, c)
}

// fetchAgain asks for all that is missing, as if for the first time.
func (m *Machine) fetchAgain(now int64, c *client) {
	c.in.asked = 0
	c.tries = 1
	m.fetch(now, c)
}

func (m *Machine) fetch(now int64, c *client) {
	h := head{typ: Pull, arg: ofReply, slot: c.slot, tid: c.tid}
	s := flip.Send{Token: clientToken(c.slot), Secure: c.secure, Invalidate: c.tries%relocateTry == 0}
	if last := m.sendPulls(now, c.ep, c.server, &h, c.in, &s); last != 0 {
		c.handle = last
	}
	m.timers.Set(&c.timer, now+m.rttOf(&c.server).timeout(c.tries, pullMin))
}

// fetched stores a part of a reply.
func (m *Machine) fetched(now int64, c *client, p *pull, data []byte) {
	c.heard = now
	if !c.in.fits(p, len(data)) {
		return
	}
	if !c.ep.memory.Store(c.slot, KindTrans, p.offset, data) {
		m.endFetch(now, c, std.RPCBadAddress, ackDeclined)
		return
	}
	c.in.took(p)
	if c.in.done() {
		m.endFetch(now, c, std.OK, 0)
		return
	}
	c.tries = 1
	if m.here(&c.server) {
		m.timers.Set(&c.timer, now+1) // let others have their turn
		return
	}
	m.fetch(now, c)
}

// here reports whether an address is on this node.
func (m *Machine) here(a *flip.Address) bool { return m.endpoints.Get((*[16]byte)(a)) != nil }

// fetchSilent follows a wait without a part.
func (m *Machine) fetchSilent(now int64, c *client) {
	if c.in.base > 0 && c.in.asked < min(c.in.base+pullWindow, c.in.parts()) && c.tries == 1 && m.here(&c.server) {
		m.fetch(now, c)
		return
	}
	if m.excused(now, c) {
		return
	}
	if now-c.heard > silenceLimit {
		m.finishTrans(now, c, std.RPCFailure)
		return
	}
	c.tries++
	c.in.asked = 0
	m.fetch(now, c)
}

// endFetch ends a transaction with a long reply, and lets its server go.
func (m *Machine) endFetch(now int64, c *client, status std.Status, arg uint16) {
	ack := head{typ: Ack, arg: arg, slot: c.slot, tid: c.tid}
	ep, server := c.ep, c.server
	e := m.Out.complete(ep, c.slot, KindTrans, status)
	e.Header = c.hdr
	if status == std.OK {
		m.Stats.Completed++
		e.Size = c.in.size
	} else {
		m.Stats.Failed++
	}
	m.drop(now, c)
	m.control(now, ep, server, &ack)
}

// gotLong begins to receive a long request with a thread that waits, if it has room
// for it. Otherwise the getreq ends, and the client gets a reply that says why.
func (m *Machine) gotLong(now int64, r *row, s *server, hdr *std.Header, size uint32) {
	if s == nil || r.ep.memory == nil || size > s.room {
		if s != nil {
			m.stopAwaiting(s)
			e := m.Out.complete(s.ep, s.slot, KindGetReq, std.Overflow)
			e.Header, e.Client = *hdr, r.client
		}
		var h std.Header
		h.SetStatus(std.Overflow)
		m.reply(now, r, &h, nil)
		return
	}
	m.unlistServer(s)
	s.binding.waiting--
	s.binding.serving++
	s.phase, s.row = taking, r
	r.binding, r.server = s.binding, s
	r.phase, r.hdr = receiving, *hdr
	r.in = &inflow{size: size, part: uint32(m.cfg.PartBytes)}
	r.heard = now
	m.receiveAgain(now, r)
}

// receiveAgain asks for all that is missing, as if for the first time.
func (m *Machine) receiveAgain(now int64, r *row) {
	r.in.asked = 0
	r.tries = 1
	m.receiveMore(now, r)
}

func (m *Machine) receiveMore(now int64, r *row) {
	h := head{typ: Pull, arg: ofRequest, slot: r.slot, tid: r.tid}
	s := flip.Send{Token: replyToken(r.slot), Secure: r.secure, Invalidate: r.tries%relocateTry == 0}
	if last := m.sendPulls(now, r.ep, r.client, &h, r.in, &s); last != 0 {
		r.handle = last
	}
	m.timers.Set(&r.timer, now+m.rttOf(&r.client).timeout(r.tries, pullMin))
}

// received stores a part of a request. After the last one it is executed.
func (m *Machine) received(now int64, r *row, p *pull, data []byte) {
	r.heard = now
	if !r.in.fits(p, len(data)) {
		return
	}
	s := r.server
	if !r.ep.memory.Store(s.slot, KindGetReq, p.offset, data) {
		e := m.Out.complete(s.ep, s.slot, KindGetReq, std.RPCBadAddress)
		e.Header = std.Header{}
		m.forgetServer(now, s)
		return
	}
	r.in.took(p)
	if !r.in.done() {
		r.tries = 1
		if m.here(&r.client) {
			m.timers.Set(&r.timer, now+1)
			return
		}
		m.receiveMore(now, r)
		return
	}
	m.Stats.Requests++
	m.timers.Stop(&r.timer)
	m.box.Cancel(now, r.handle)
	r.handle = 0
	e := m.Out.complete(s.ep, s.slot, KindGetReq, std.OK)
	e.Header, e.Size, e.Client = r.hdr, r.in.size, r.client
	r.in = nil
	r.phase, r.at = working, now
	s.phase = serving
	h := head{slot: r.slot, tid: r.tid}
	m.answer(now, r.ep, r.client, &h, Alive, r.signals)
}

// clientSilent follows a wait without a part.
func (m *Machine) clientSilent(now int64, r *row) {
	if r.in.base > 0 && r.in.asked < min(r.in.base+pullWindow, r.in.parts()) && r.tries == 1 && m.here(&r.client) {
		m.receiveMore(now, r)
		return
	}
	if m.rowExcused(now, r) {
		return
	}
	if now-r.heard > silenceLimit {
		m.abandon(now, r)
		return
	}
	r.tries++
	r.in.asked = 0
	m.receiveMore(now, r)
}

// abandon ends the receiving of a request whose client is gone or wants it no
// longer. It was not executed, and its thread waits for another one.
func (m *Machine) abandon(now int64, r *row) {
	s := r.server
	m.stopReceiving(now, r)
	if s == nil || s.row != r {
		return // the thread is gone too
	}
	s.phase, s.row = notServing, nil
	if m.await(now, s) == nil {
		e := m.Out.complete(s.ep, s.slot, KindGetReq, std.RPCTryAgain)
		e.Header = std.Header{}
	}
}

// stopReceiving closes the tid of a request that has not been received whole.
func (m *Machine) stopReceiving(now int64, r *row) {
	m.stopWorking(now, r)
	m.timers.Stop(&r.timer)
	m.box.Cancel(now, r.handle)
	r.handle, r.in = 0, nil
	r.phase = refused
}
