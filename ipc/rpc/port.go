package rpc

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/internal/deadline"
)

// port is all that the node knows about one put-port: who serves it here, who
// serves it elsewhere (the port cache), and who is looking for a server.
type port struct {
	id capability.Port

	bindings []*binding // endpoints of this node that serve it, frozen ones too
	idle     *server    // threads waiting for a request, the latest first

	candidates []candidate // servers elsewhere, the last heard of first

	// Clients of this node that wait for a server, the oldest first. While there
	// are some, LOCATEs go out at nextLocate.
	waiters    waiterList
	nextLocate int64
	round      int
	askedAt    int64 // last LOCATE; the first answers tell the round trip

	// Clients elsewhere that found all threads at work: boxes or endpoints to tell
	// when one is free. Requests themselves are never queued. A thread may be held
	// back from local clients for one of them for a moment.
	hints    []flip.Address
	passed   int   // local clients served while somebody was hinted at
	reserved int64 // until when the idle threads are held back; 0: they are not

	timer deadline.Timer
}

// binding says that an endpoint serves a port. It outlives the moments in which
// no thread of the endpoint waits, since most threads come back.
type binding struct {
	ep      *Endpoint
	port    *port
	waiting int   // threads in getreq
	serving int   // threads at work on a request for this port
	always  bool  // the kernel serves it (Listen)
	lastUse int64 // when a thread last called getreq
}

// candidate is a server elsewhere.
type candidate struct {
	addr      flip.Address
	idle      int   // threads it said are waiting, less the requests sent since
	heard     int64 // when it last said so
	busyUntil int64 // it refused a request; not to be asked before
}

// portFor returns the port with this number, known or new, or nil if there are
// too many.
func (m *Machine) portFor(id capability.Port) *port {
	if p := m.ports.Get((*[16]byte)(&id)); p != nil {
		return p
	}
	if len(m.portList) >= m.cfg.MaxPorts && !m.disposePort() {
		return nil
	}
	p := &port{id: id}
	p.timer.Owner = p
	m.ports.Put((*[16]byte)(&id), p)
	m.portList = append(m.portList, p)
	return p
}

// disposePort makes room by forgetting a port that only a cache entry is known
// of, the oldest first.
func (m *Machine) disposePort() bool {
	for i, p := range m.portList {
		if len(p.bindings) == 0 && p.waiters.head == nil {
			m.removePort(i)
			return true
		}
	}
	return false
}

func (m *Machine) removePort(i int) {
	p := m.portList[i]
	m.timers.Stop(&p.timer)
	m.ports.Delete((*[16]byte)(&p.id))
	m.portList = append(m.portList[:i], m.portList[i+1:]...)
}

// sweepPorts forgets servers not heard of, bindings not used, and ports without
// either. It reports whether there is anything left to sweep.
func (m *Machine) sweepPorts(now int64) bool {
	left := false
	for i := len(m.portList) - 1; i >= 0; i-- {
		p := m.portList[i]
		for k := len(p.candidates) - 1; k >= 0; k-- {
			if p.candidates[k].heard+candidateIdle <= now {
				p.dropCandidate(k)
			}
		}
		for k := len(p.bindings) - 1; k >= 0; k-- {
			if b := p.bindings[k]; b.ep.phase == running && !b.alive(now) {
				m.unbind(b)
			}
		}
		if len(p.bindings) == 0 && len(p.candidates) == 0 && p.waiters.head == nil {
			m.removePort(i)
			continue
		}
		left = left || len(p.candidates) > 0
		for _, b := range p.bindings {
			left = left || b.waiting == 0 && !b.always
		}
	}
	return left
}

// alive reports whether the endpoint still serves the port, busy or not.
func (b *binding) alive(now int64) bool {
	if b.ep.phase == frozen {
		return !b.ep.silent
	}
	return b.always || b.waiting > 0 || b.serving > 0 || b.lastUse+bindingIdle > now
}

// bind notes that an endpoint serves a port.
func (m *Machine) bind(ep *Endpoint, p *port) *binding {
	for _, b := range ep.bindings {
		if b.port == p {
			return b
		}
	}
	b := &binding{ep: ep, port: p}
	ep.bindings = append(ep.bindings, b)
	p.bindings = append(p.bindings, b)
	return b
}

func (m *Machine) unbind(b *binding) {
	b.ep.bindings = without(b.ep.bindings, b)
	b.port.bindings = without(b.port.bindings, b)
}

func (m *Machine) unbindAll(ep *Endpoint) {
	for len(ep.bindings) > 0 {
		m.unbind(ep.bindings[0])
	}
}

// without removes x and keeps the order.
func without(list []*binding, x *binding) []*binding {
	for i := range list {
		if list[i] == x {
			copy(list[i:], list[i+1:])
			list[len(list)-1] = nil
			return list[:len(list)-1]
		}
	}
	return list
}

// choose returns the address of a server to send a request to: one elsewhere
// that has said it is idle, or else has not refused lately, the last heard of
// first; failing that a frozen one on this node, so that its BUSY is what the
// client waits for.
func (p *port) choose(now int64) (flip.Address, bool) {
	best := -1
	for i := range p.candidates {
		c := &p.candidates[i]
		if c.busyUntil > now {
			continue
		}
		if best < 0 || (c.idle > 0 && p.candidates[best].idle == 0) {
			best = i
		}
	}
	if best >= 0 {
		c := &p.candidates[best]
		c.idle = max(c.idle-1, 0)
		return c.addr, true
	}
	for _, b := range p.bindings {
		if b.ep.phase == frozen && !b.ep.silent {
			return b.ep.addr, true
		}
	}
	return flip.Address{}, false
}

// heardOf notes that a server elsewhere has so many threads waiting.
func (p *port) heardOf(now int64, addr flip.Address, idle int) {
	c := candidate{addr: addr, idle: idle, heard: now}
	i := 0
	for ; i < len(p.candidates) && p.candidates[i].addr != addr; i++ {
	}
	if i < len(p.candidates) {
		if idle == 0 {
			c.busyUntil = p.candidates[i].busyUntil
		}
	} else if i < maxCandidates {
		p.candidates = append(p.candidates, candidate{})
	} else {
		i--
	}
	if idle == 0 && c.busyUntil <= now {
		c.busyUntil = now + refusedLast
	}
	copy(p.candidates[1:i+1], p.candidates[:i])
	p.candidates[0] = c
}

// answered notes a sign of life from a server elsewhere.
func (p *port) answered(now int64, addr *flip.Address) {
	for i := range p.candidates {
		if p.candidates[i].addr == *addr {
			p.candidates[i].heard = now
			return
		}
	}
}

// refusedBy notes that a server declined a request.
func (p *port) refusedBy(addr flip.Address, busyUntil int64, gone bool) {
	for i := range p.candidates {
		if c := &p.candidates[i]; c.addr == addr {
			if gone {
				p.dropCandidate(i)
			} else {
				c.idle, c.busyUntil = 0, busyUntil
			}
			return
		}
	}
}

func (p *port) dropCandidate(i int) {
	p.candidates = append(p.candidates[:i], p.candidates[i+1:]...)
}

// waiterList is a list of clients that wait for a server of one port.
type waiterList struct {
	head, tail *client
}

func (l *waiterList) push(c *client) {
	c.prev, c.next = l.tail, nil
	if l.tail != nil {
		l.tail.next = c
	} else {
		l.head = c
	}
	l.tail = c
}

func (l *waiterList) remove(c *client) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.head = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.tail = c.prev
	}
	c.prev, c.next = nil, nil
}
