package rpc

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/internal/deadline"
	"motile/ipc/std"
)

// An Endpoint is one incarnation of a process, or one object that the kernel
// serves, as seen by its peers: a FLIP address, the transactions it has begun and
// those it is working for. All of that moves with it.
//
//	phase      timers  addressed by peers   left by
//	running    run     yes                  Freeze, Close
//	frozen     stand   answers BUSY         Thaw, Remove
//	imported   stand   no                   Activate, Remove
//	lingering  run     for ACKs only        last ACK, or 5 s
//	closed     -       answers NOTHERE      -
type Endpoint struct {
	Owner any // the caller's; the machine calls it if it is a Memory

	addr    flip.Address
	phase   endpointPhase
	upcall  bool // the kernel serves it: requests surface as Incoming
	nextTid uint64

	clients    []*client // by slot; nil where none was used yet
	servers    []*server // by slot
	bindings   []*binding
	rows       rows  // duplicate window
	horizon    int64 // of what the window has forgotten; see window.go
	replyBytes int   // in replied rows

	stopped  int64         // since when the timers stand, while they do
	identity flip.Identity // while imported, or silent
	silent   bool          // frozen, and not registered with the box
	timer    deadline.Timer
	memory   Memory // Owner, if it is one
}

// nothingForgotten is the horizon of a window that was never purged.
const nothingForgotten = -1 << 63

type endpointPhase uint8

const (
	running endpointPhase = iota
	frozen
	imported
	lingering
	closed
)

// Options describes an endpoint to be opened.
type Options struct {
	Owner   any
	Private flip.Address // null: a fresh one is drawn
	Public  flip.Address // if not null, registered instead of a private one
	Epoch   uint32       // of Public: how often it has moved
	Upcall  bool         // requests surface as Incoming, no thread calls getreq
	Reborn  bool         // Public was served before, by something that left no State
}

// Open makes an endpoint. It returns nil if its address is registered already.
func (m *Machine) Open(now int64, o Options) *Endpoint {
	ep := &Endpoint{Owner: o.Owner, addr: o.Public, upcall: o.Upcall, horizon: nothingForgotten}
	ep.memory, _ = o.Owner.(Memory)
	if o.Reborn {
		ep.horizon = now
	}
	if !o.Public.IsNull() {
		if !m.box.RegisterPublic(now, o.Public, o.Epoch) {
			return nil
		}
	} else {
		if o.Private.IsNull() {
			o.Private = flip.NewAddress(m.cfg.Rand)
		}
		public, ok := m.box.Register(now, o.Private)
		if !ok {
			return nil
		}
		ep.addr = public
	}
	m.enter(ep)
	m.Drain(now)
	return ep
}

// Address returns the public FLIP address.
func (ep *Endpoint) Address() flip.Address { return ep.addr }

// Running reports whether calls for ep are accepted.
func (ep *Endpoint) Running() bool { return ep.phase == running }

// registered reports whether messages for ep are meant for it.
func (ep *Endpoint) registered() bool { return ep.phase == running || ep.phase == lingering }

// Listen makes an endpoint that the kernel serves answer for a port. A thread of
// a process does so by calling getreq.
func (m *Machine) Listen(now int64, ep *Endpoint, put capability.Port) std.Status {
	if put.IsNull() || !ep.upcall || ep.phase != running {
		return std.RPCBadPort
	}
	p := m.portFor(put)
	if p == nil {
		return std.RPCTryAgain
	}
	b := m.bind(ep, p)
	b.always = true
	b.lastUse = now
	m.kickWaiters(now, p)
	m.Drain(now)
	return std.OK
}

// Close ends an endpoint whose process has exited. Clients it was working for
// are told that the outcome is unknown, transactions of its own are dropped. It
// lingers until the replies it has given are acknowledged.
func (m *Machine) Close(now int64, ep *Endpoint) {
	if ep.phase == closed || ep.phase == lingering {
		return
	}
	stopped := ep.phase != running
	for _, c := range ep.clients {
		if c != nil {
			m.sendPendingAck(now, c)
			m.drop(now, c)
		}
	}
	for _, s := range ep.servers {
		if s != nil {
			m.unlistServer(s)
			s.phase, s.row = notServing, nil
		}
	}
	m.unbindAll(ep)
	waiting := false
	ep.rows.all(func(r *row) {
		switch r.phase {
		case working:
			m.fail(now, r)
		case receiving:
			m.abandon(now, r)
		case replied:
			if r.size > 0 { // the memory it is pulled from is gone
				m.fail(now, r)
				return
			}
			waiting = true
		}
	})
	if !waiting || stopped {
		m.leave(now, ep)
	} else {
		ep.phase = lingering
		m.timers.Set(&ep.timer, now+linger)
	}
	m.Drain(now)
}

// lingerExpired ends an endpoint whose last replies nobody acknowledged.
func (m *Machine) lingerExpired(now int64, ep *Endpoint) {
	m.leave(now, ep)
}

// lingerDone ends a lingering endpoint once no reply is left to deliver.
func (m *Machine) lingerDone(now int64, ep *Endpoint) {
	waiting := false
	ep.rows.all(func(r *row) { waiting = waiting || r.phase == replied })
	if !waiting {
		m.leave(now, ep)
	}
}

// enter adds ep to the tables.
func (m *Machine) enter(ep *Endpoint) {
	ep.timer.Owner = ep
	m.endpoints.Put((*[16]byte)(&ep.addr), ep)
	m.list = append(m.list, ep)
}

// leave removes ep from the tables and the box, and frees what it holds.
func (m *Machine) leave(now int64, ep *Endpoint) {
	m.timers.Stop(&ep.timer)
	for _, c := range ep.clients {
		if c != nil {
			m.drop(now, c)
		}
	}
	m.unbindAll(ep)
	ep.rows.all(func(r *row) { m.freeRow(now, r) })
	ep.rows = rows{}
	if ep.phase != imported {
		m.box.Unregister(now, ep.addr)
	}
	ep.phase = closed
	if m.endpoints.Get((*[16]byte)(&ep.addr)) == ep {
		m.endpoints.Delete((*[16]byte)(&ep.addr))
	}
	for i := range m.list {
		if m.list[i] == ep {
			m.list = append(m.list[:i], m.list[i+1:]...)
			break
		}
	}
	ep.clients, ep.servers = nil, nil
}

// client returns a client slot, making it if need be, or nil if its number is
// out of bounds.
func (ep *Endpoint) client(m *Machine, slot uint32) *client {
	if int(slot) < len(ep.clients) {
		if c := ep.clients[slot]; c != nil {
			return c
		}
	}
	if int(slot) >= m.cfg.MaxSlots {
		return nil
	}
	for int(slot) >= len(ep.clients) {
		ep.clients = append(ep.clients, nil)
	}
	c := &client{ep: ep, slot: slot}
	c.timer.Owner = c
	ep.clients[slot] = c
	return c
}

// server returns a server slot likewise.
func (ep *Endpoint) server(m *Machine, slot uint32) *server {
	if int(slot) < len(ep.servers) {
		if s := ep.servers[slot]; s != nil {
			return s
		}
	}
	if int(slot) >= m.cfg.MaxSlots {
		return nil
	}
	for int(slot) >= len(ep.servers) {
		ep.servers = append(ep.servers, nil)
	}
	s := &server{ep: ep, slot: slot}
	ep.servers[slot] = s
	return s
}

// Has reports whether an endpoint is on this node, in whatever phase.
func (m *Machine) Has(ep *Endpoint) bool {
	return m.endpoints.Get((*[16]byte)(&ep.addr)) == ep
}
