package rpc

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// A server may send a request elsewhere instead of executing it: to any server of
// another port, or to the one at an address. To the window FORWARD is a reply: it
// closes the tid, is repeated until its ACK, answers every copy of the request,
// and moves. The client asks the other server under a new tid, as after a NAK, so
// nothing can be executed in both places. Its process does not notice.

// forward is where a request was sent.
type forward struct {
	port capability.Port // null: as it was
	addr flip.Address    // null: any server of the port
}

func (f *forward) put(b []byte) {
	copy(b[headLen:], f.port[:])
	copy(b[locateLen:], f.addr[:])
}

// Forward sends the request that the slot's last getreq returned to a server of
// put, or to the one at address to if that is not null. The thread is free then.
func (m *Machine) Forward(now int64, ep *Endpoint, slot uint32, put capability.Port, to flip.Address) std.Status {
	s := ep.atWork(slot)
	if s == nil || put.IsNull() && to.IsNull() {
		return std.RPCBadPort
	}
	r := s.row
	s.phase, s.row = notServing, nil
	m.forwardRow(now, r, &forward{put, to})
	m.Drain(now)
	return std.OK
}

// ForwardHandle is Forward of a request to an endpoint that the kernel serves.
func (m *Machine) ForwardHandle(now int64, h Handle, put capability.Port, to flip.Address) std.Status {
	if !m.valid(h) || h.row.server != nil || put.IsNull() && to.IsNull() {
		return std.RPCBadPort
	}
	m.forwardRow(now, h.row, &forward{put, to})
	m.Drain(now)
	return std.OK
}

func (m *Machine) forwardRow(now int64, r *row, f *forward) {
	if c, ended := m.endHere(now, r); ended {
		if c != nil && (c.phase == sent || c.phase == served) {
			m.redirect(now, c, f)
		}
		return
	}
	r.phase, r.forward = replied, f
	m.startReply(now, r)
}

// gotForward asks another server.
func (m *Machine) gotForward(now int64, ep *Endpoint, src flip.Address, h *head, body []byte) {
	c := m.clientFor(ep, &src, h)
	ack := head{typ: Ack, slot: h.slot, tid: h.tid}
	m.control(now, ep, src, &ack)
	if c != nil && c.phase != fetching {
		m.redirect(now, c, &forward{capability.Port(body[:16]), flip.Address(body[16:32])})
	}
}

// redirect takes a transaction to another server under a new tid. Its data is read
// again if it was not kept. The new server hears of a signal that the client had.
func (m *Machine) redirect(now int64, c *client, f *forward) {
	m.Stats.Forwards++
	m.box.Cancel(now, c.handle)
	c.handle = 0
	m.timers.Stop(&c.timer)
	m.dropParts(now, &c.out)
	if c.forwards++; c.forwards > maxForwards {
		m.finishTrans(now, c, std.RPCNotFound) // nobody has executed it, nobody will
		return
	}
	if c.size > 0 && !c.long && len(c.data) == 0 {
		c.data = make([]byte, c.size)
		if !c.ep.memory.Load(c.slot, KindTrans, 0, c.data) {
			m.finishTrans(now, c, std.RPCBadAddress)
			return
		}
	}
	c.port = c.hdr.Port
	if !f.port.IsNull() {
		c.port, c.hdr.Port = f.port, f.port
	}
	c.addr = f.addr
	c.signals, c.signalled = min(c.signals, 1), 0
	c.left = max(c.left, PatienceDefault)
	c.backoff = refusedFirst
	c.tid = c.ep.newTid()
	if c.addr.IsNull() && c.port.IsNull() {
		m.finishTrans(now, c, std.RPCNotFound)
		return
	}
	m.seek(now, c)
}
