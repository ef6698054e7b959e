package rpc

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
)

// Finding a server of a port. The node asks, not the process: the question goes
// out under an address of the node's own, all its clients share the answers, and
// nothing of this moves with a process. Amoeba kept a port cache per kernel too,
// but asked anew for each transaction.

// waitFor lets a client wait until a server of its port shows up: a thread here
// that calls getreq, or an answer to LOCATE. A server that has refused is asked
// again when its time has come.
func (m *Machine) waitFor(now int64, c *client, p *port) {
	m.sendPendingAck(now, c)
	if c.waitsFor == nil {
		c.waitsFor = p
		if p.waiters.head == nil {
			// If somebody is known to serve the port and is merely at work, most
			// likely it will be free before an answer to LOCATE could be here.
			p.round = 0
			p.nextLocate = now
			if len(p.candidates) > 0 || p.served(now) {
				p.nextLocate += locateGrace
			}
		}
		p.waiters.push(c)
	}
	wake := after(now, c.left)
	for i := range p.candidates {
		wake = min(wake, max(p.candidates[i].busyUntil, now+refusedFirst))
	}
	m.timers.Set(&c.timer, wake)
	if p.nextLocate <= now {
		m.portExpired(now, p)
	} else {
		m.armPort(p)
	}
}

// stopWaiting takes a client off its port's list.
func (m *Machine) stopWaiting(c *client) {
	p := c.waitsFor
	if p == nil {
		return
	}
	c.waitsFor = nil
	p.waiters.remove(c)
	m.armPort(p)
}

// served reports whether an endpoint here serves the port.
func (p *port) served(now int64) bool {
	for _, b := range p.bindings {
		if b.alive(now) {
			return true
		}
	}
	return false
}

// armPort sets the port's timer for whatever comes first.
func (m *Machine) armPort(p *port) {
	at := Forever
	if p.waiters.head != nil {
		at = p.nextLocate
	}
	if p.reserved != 0 {
		at = min(at, p.reserved)
	}
	if at == Forever {
		m.timers.Stop(&p.timer)
	} else {
		m.timers.Set(&p.timer, at)
	}
}

// portExpired is the deadline of a port: for the next LOCATE, or of a reservation.
func (m *Machine) portExpired(now int64, p *port) {
	if p.reserved != 0 && p.reserved <= now {
		p.reserved = 0
		m.serveWaiters(now, p)
	}
	if p.waiters.head != nil && p.nextLocate <= now {
		m.sendLocate(now, p)
		wait := min(locateFirst<<min(p.round, 10), locateLast)
		p.round++
		p.nextLocate = now + wait + m.jitter(wait/4)
	}
	m.armPort(p)
}

// sendLocate asks all nodes who serves a port.
func (m *Machine) sendLocate(now int64, p *port) {
	m.Stats.LocatesOut++
	p.askedAt = now
	h := head{typ: Locate}
	h.put(m.buf[:headLen])
	copy(m.buf[headLen:], p.id[:])
	m.box.Multicast(&flip.Send{Src: m.self, Proto: flip.ProtoRPC, Header: m.buf[:locateLen]})
	m.armSweep(now)
}

// gotLocate answers for every endpoint here that serves the port. A busy one
// answers too, and will say so again when a thread is free. A frozen one counts
// as idle: the request that it attracts meets BUSY and waits for the end of the
// move, instead of the client running out of patience.
func (m *Machine) gotLocate(now int64, src flip.Address, id []byte) {
	p := m.ports.Get((*[16]byte)(id))
	if p == nil {
		return
	}
	for _, b := range p.bindings {
		if !b.alive(now) {
			continue
		}
		free := b.waiting
		switch {
		case b.ep.phase == frozen:
			free = 1
		case b.always: // the kernel takes as many as come
			free = 1<<16 - 1
		}
		if p.reserved != 0 && b.ep.phase == running && !b.always {
			free = 0
		}
		if free == 0 {
			p.hint(src)
		}
		m.sendHereIs(now, b, src, free)
	}
}

// sendHereIs tells a box or endpoint how many threads of an endpoint wait.
func (m *Machine) sendHereIs(now int64, b *binding, to flip.Address, free int) {
	h := head{typ: HereIs, arg: uint16(min(free, 1<<16-1))}
	h.put(m.buf[:headLen])
	copy(m.buf[headLen:], b.port.id[:])
	copy(m.buf[locateLen:], b.ep.addr[:])
	src := b.ep.addr // teaches the way to it as well
	if b.ep.phase == frozen {
		src = m.self
	}
	m.box.Unicast(now, &flip.Send{Src: src, Dst: to, Proto: flip.ProtoRPC,
		Header: m.buf[:hereIsLen], Fleeting: true, Patience: second})
}

// gotHereIs enters a server in the port cache and sends it as many of the
// waiting requests as it has threads.
func (m *Machine) gotHereIs(now int64, h *head, body []byte) {
	m.Stats.HereIss++
	id := capability.Port(body[:16])
	p := m.ports.Get((*[16]byte)(&id))
	if p == nil {
		return // not looked for any more
	}
	addr := flip.Address(body[16:32])
	if m.endpoints.Get((*[16]byte)(&addr)) != nil {
		return // it has moved here since
	}
	if t := m.rttOf(&addr); t.srtt == 0 && p.askedAt != 0 {
		t.measure(now - p.askedAt)
	}
	p.heardOf(now, addr, int(h.arg))
	m.armSweep(now)
	for range int(h.arg) {
		c := p.waiters.head
		if c == nil {
			return
		}
		m.charge(now, c)
		m.seek(now, c)
		if p.waiters.head == c {
			return
		}
	}
}

// hint remembers whom to tell when a thread of the port is free.
func (p *port) hint(who flip.Address) {
	for _, h := range p.hints {
		if h == who {
			return
		}
	}
	if len(p.hints) < maxHints {
		p.hints = append(p.hints, who)
	}
}

// takeHint returns who has waited longest to be told.
func (p *port) takeHint() flip.Address {
	who := p.hints[0]
	copy(p.hints, p.hints[1:])
	p.hints = p.hints[:len(p.hints)-1]
	return who
}

// kickWaiters makes all who wait for the port look again, since an endpoint that
// serves it has changed.
func (m *Machine) kickWaiters(now int64, p *port) {
	first := p.waiters.head
	for c := first; c != nil; {
		next := c.next
		m.charge(now, c)
		m.seek(now, c)
		c = next
	}
}
