package rpc

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// Signals, as in Amoeba: a trans that has reached no server, and a getreq that
// has no request, are aborted. Once a server has the request, the signal goes
// there, and the server decides; the transaction goes on either way. A putrep is
// never interrupted.

// AbortTrans ends a transaction that no server has been asked to do, with
// RPC_ABORTED. It reports false if one may have been: then Signal is the way.
func (m *Machine) AbortTrans(now int64, ep *Endpoint, slot uint32) bool {
	c := ep.clientAt(slot)
	if ep.phase != running || c == nil || !m.unasked(c) {
		return false
	}
	m.finishTrans(now, c, std.RPCAborted)
	return true
}

// unasked reports whether a slot has a transaction that certainly no server has
// been asked to do.
func (m *Machine) unasked(c *client) bool {
	return c.phase == seeking || c.phase == sent && c.tries == 1 && m.box.Unsent(c.handle)
}

// AbortGetReq ends a getreq that has no request yet, with RPC_ABORTED.
func (m *Machine) AbortGetReq(now int64, ep *Endpoint, slot uint32) bool {
	if ep.phase != running || int(slot) >= len(ep.servers) {
		return false
	}
	s := ep.servers[slot]
	if s == nil || s.phase != waiting {
		return false
	}
	m.stopAwaiting(s)
	e := m.Out.complete(ep, slot, KindGetReq, std.RPCAborted)
	e.Header = std.Header{}
	return true
}

func (m *Machine) stopAwaiting(s *server) {
	m.unlistServer(s)
	s.binding.waiting--
	s.phase = notServing
}

// Signal passes a signal on to the server at work on a slot's transaction, where
// it surfaces as an effect. It reports whether there is a transaction. The signal
// is repeated until the server's node has it, and reaches it once.
func (m *Machine) Signal(now int64, ep *Endpoint, slot uint32) bool {
	c := ep.clientAt(slot)
	if ep.phase != running || c == nil || c.phase < sent {
		return false
	}
	if c.phase == fetching {
		return true // it comes too late
	}
	c.signals++
	if c.phase == sent {
		switch m.box.State(c.handle) {
		case flip.OnWire, flip.Gone: // perhaps the server has it, perhaps not
			c.tries++
			m.query(now, c, Received)
			m.timers.Set(&c.timer, now+m.rttOf(&c.server).timeout(1, rtoMin))
			m.Drain(now)
		}
		return true // if not now, then with an ENQUIRE after the first ALIVE
	}
	if r := m.localRow(c); r != nil {
		c.signalled = c.signals
		m.signalServer(r)
		return true
	}
	m.serverSilent(now, c)
	m.Drain(now)
	return true
}

// localRow returns the server's row for a client's transaction, if the server is
// on this node and running.
func (m *Machine) localRow(c *client) *row {
	se := m.endpoints.Get((*[16]byte)(&c.server))
	if se == nil || se.phase != running {
		return nil
	}
	if r := se.rows.find(&c.ep.addr, c.slot); r != nil && r.tid == c.tid && r.phase == working {
		return r
	}
	return nil
}

// signalServer tells the server of a row at work that its client was signalled.
func (m *Machine) signalServer(r *row) {
	s := Signal{Endpoint: r.ep, Handle: Handle{row: r, seq: r.seq}, Client: r.client}
	if r.server != nil {
		s.Slot = r.server.slot
	}
	m.Out.Signals = append(m.Out.Signals, s)
}

// Forget drops whatever the slots of a thread that has died were doing. A request
// that it was serving fails. A reply that it was blocked on is delivered all the
// same.
func (m *Machine) Forget(now int64, ep *Endpoint, slot uint32) {
	m.ForgetTrans(now, ep, slot)
	m.ForgetServer(now, ep, slot)
}

// ForgetTrans drops a slot's transaction. The server, if one has it, works on
// unaware, and its reply is thrown away.
func (m *Machine) ForgetTrans(now int64, ep *Endpoint, slot uint32) {
	if c := ep.clientAt(slot); c != nil && c.phase != idle {
		m.drop(now, c)
	}
}

// ForgetServer drops a slot's getreq, or the request it is serving.
func (m *Machine) ForgetServer(now int64, ep *Endpoint, slot uint32) {
	if int(slot) >= len(ep.servers) || ep.servers[slot] == nil {
		return
	}
	m.forgetServer(now, ep.servers[slot])
	m.Drain(now)
}

func (m *Machine) forgetServer(now int64, s *server) {
	r := s.row
	switch s.phase {
	case waiting:
		m.stopAwaiting(s)
	case serving:
		s.phase, s.row = notServing, nil
		if r.stray {
			m.freeRow(now, r)
		} else {
			m.fail(now, r)
		}
	case taking:
		s.phase, s.row = notServing, nil
		m.stopReceiving(now, r)
		h := head{slot: r.slot, tid: r.tid}
		m.answer(now, s.ep, r.client, &h, Nak, nakBusy)
	case replying:
		s.phase, s.row = notServing, nil
		r.server = nil
		if r.size > 0 {
			m.fail(now, r)
		}
	}
}
