package rpc

import "motile/ipc/std"

// A transaction between two endpoints of one node: no message, no copy, and no
// timer. These functions are the way there; Machine.reply is the way back.

// handOver gives a client's request to a server of the port on this node, if
// there is one to take it. Nothing is encoded or copied, but the state left on
// both sides is the same as if the nodes were two, so either may move at any time.
//
// A long request is sent, though only through this node's box: its data is pulled
// either way.
func (m *Machine) handOver(now int64, c *client, p *port, data []byte) bool {
	if s := p.idle; s != nil && p.reserved == 0 {
		return m.accept(now, c, s.ep, s, data)
	}
	for _, b := range p.bindings {
		if b.always && b.ep.phase == running {
			return m.accept(now, c, b.ep, nil, data)
		}
	}
	return false
}

// handOverTo does the same with the endpoint of the address that was demanded.
func (m *Machine) handOverTo(now int64, c *client, data []byte) bool {
	ep := m.endpoints.Get((*[16]byte)(&c.addr))
	if ep == nil || ep.phase != running || c.long {
		return false
	}
	if ep.upcall {
		return m.accept(now, c, ep, nil, data)
	}
	s := m.idleServer(ep, c.hdr.Port)
	return s != nil && s.binding.port.reserved == 0 && m.accept(now, c, ep, s, data)
}

// accept enters a local client's request in a server's window and delivers it:
// to thread s, or to the kernel if s is nil.
func (m *Machine) accept(now int64, c *client, ep *Endpoint, s *server, data []byte) bool {
	if c.long {
		m.sendRequest(now, c, ep.addr)
		return true
	}
	r := c.row
	if r == nil || r.ep != ep || r.slot != c.slot || r.client != c.ep.addr || r.stray {
		r = ep.rows.find(&c.ep.addr, c.slot)
	}
	if r != nil && (r.tid >= c.tid || r.phase == receiving) {
		return false // it has been here before, by way of another node: not so fast
	}
	if r == nil || r.phase == working {
		if r = m.rowFor(now, ep, &c.ep.addr, c.slot); r == nil {
			return false
		}
	} else if r.phase == replied {
		m.settle(now, r)
	}
	c.row = r
	if c.waitsFor != nil {
		m.stopWaiting(c)
	}
	m.sendPendingAck(now, c)
	m.timers.Stop(&c.timer)
	m.Stats.TransLocal++
	c.phase = served
	c.server = ep.addr
	c.sentAt, c.heard = now, now
	c.tries = 0
	c.data = nil
	if c.ep.memory == nil {
		c.data = data // should the server forward it
	}
	m.begin(now, r, c.tid, working)
	r.peer, r.secure = c.ep, c.secure
	m.deliver(now, r, s, &c.hdr, data)
	if c.signals != c.signalled {
		c.signalled = c.signals
		m.signalServer(r)
	}
	return true
}

// deliver hands the request of a row at work to its server.
func (m *Machine) deliver(now int64, r *row, s *server, h *std.Header, data []byte) {
	m.Stats.Requests++
	r.server = s
	if s == nil {
		r.binding = nil
		e := m.Out.incoming()
		e.Endpoint, e.Handle, e.Client = r.ep, Handle{row: r, seq: r.seq}, r.client
		e.Header, e.Data = *h, data
		return
	}
	m.unlistServer(s)
	s.binding.waiting--
	s.binding.serving++
	r.binding = s.binding
	s.phase = serving
	s.row = r
	e := m.Out.complete(s.ep, s.slot, KindGetReq, std.OK)
	e.Header, e.Data, e.Client = *h, data, r.client
}
