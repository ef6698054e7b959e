package rpc

import (
	"motile/ipc/flip"
	"motile/ipc/internal/deadline"
	"motile/ipc/internal/table"
	"motile/ipc/std"
)

// Wait is what a call returns when a Complete will end it, or is already in Out.
const Wait std.Status = 1

// A Machine is one node's RPC, over the node's FLIP box, which it drives. It has
// a single owner, which calls it with what happened and performs what appears in
// Out and Frames; see the package comment.
type Machine struct {
	Out   Effects
	Stats Stats

	cfg  Config
	box  *flip.Box
	self flip.Address // of the node: asks for ports

	endpoints table.Table[Endpoint]
	list      []*Endpoint // the same, in the order of opening
	ports     table.Table[port]
	portList  []*port
	rtts      [256]rtt

	outflows []*outflow // being sent
	pulled   int        // bytes of their parts under way
	spent    [][]byte   // buffers of parts, still in Deliver effects of the box
	buffers  [][]byte   // free ones
	freeRows *row
	rowSeq   uint64

	timers deadline.Heap
	sweep  deadline.Timer
	buf    [requestLen]byte // header under construction
}

// New returns a machine without endpoints.
func New(now int64, cfg Config) *Machine {
	cfg.fill()
	m := &Machine{cfg: cfg, box: cfg.Box}
	m.endpoints.Seed = cfg.Rand()
	m.ports.Seed = cfg.Rand()
	m.sweep.Owner = m
	m.box.SetHeaderLen(flip.ProtoRPC, requestLen)
	m.self, _ = m.box.Register(now, flip.NewAddress(cfg.Rand))
	return m
}

// Box returns the machine's box, for protocols beside RPC and for looking at
// its routes. Whoever calls it calls Drain afterwards.
func (m *Machine) Box() *flip.Box { return m.box }

// Input takes a frame from a link; it stays the driver's. See flip.Box.Input.
func (m *Machine) Input(now int64, link int, frame []byte) {
	m.box.Input(now, link, frame)
	m.Drain(now)
}

// NextDeadline returns the time at which Tick has something to do, or the
// largest int64.
func (m *Machine) NextDeadline() int64 {
	return min(m.timers.Next(), m.box.NextDeadline())
}

// Tick does what is due, in the machine and in its box.
func (m *Machine) Tick(now int64) {
	m.box.Tick(now)
	m.Drain(now)
	for {
		t := m.timers.Expired(now)
		if t == nil {
			break
		}
		switch owner := t.Owner.(type) {
		case *client:
			m.clientExpired(now, owner)
		case *limit:
			m.limitExpired(now, owner.c)
		case *row:
			m.rowExpired(now, owner)
		case *port:
			m.portExpired(now, owner)
		case *Endpoint:
			m.lingerExpired(now, owner)
		case *Machine:
			m.sweepExpired(now)
		}
		m.Drain(now)
	}
}

// Drain takes what the box delivered: RPC's messages to their endpoints, others
// to Out. Every call into the machine ends with it.
func (m *Machine) Drain(now int64) {
	out := &m.box.Out
	if len(out.Delivers)|len(out.NotDelivered) == 0 {
		return
	}
	for i, k := 0, 0; i < len(out.Delivers) || k < len(out.NotDelivered); {
		// Handling one may add more, of either sort.
		if i < len(out.Delivers) {
			d := &out.Delivers[i]
			i++
			if d.Proto == flip.ProtoRPC {
				m.receive(now, d)
			} else {
				m.Out.Delivers = append(m.Out.Delivers, *d)
			}
			continue
		}
		n := out.NotDelivered[k]
		k++
		if n.Proto == flip.ProtoRPC {
			m.notDelivered(now, &n)
		} else {
			m.Out.NotDelivered = append(m.Out.NotDelivered, n)
		}
	}
	for i := range out.Delivers {
		out.Delivers[i].Body = nil
	}
	out.Delivers = out.Delivers[:0]
	out.NotDelivered = out.NotDelivered[:0]
	m.buffers = append(m.buffers, m.spent...)
	m.spent = m.spent[:0]
}

// receive takes one RPC message. It may be malformed in every way.
func (m *Machine) receive(now int64, d *flip.Deliver) {
	var h head
	b := d.Head()
	if !h.get(b, len(d.Body)) || d.Multicast != (h.typ == Locate) {
		m.Stats.Malformed++
		return
	}
	switch h.typ {
	case Locate:
		m.gotLocate(now, d.Src, b[headLen:locateLen])
		return
	case HereIs:
		m.gotHereIs(now, &h, b[headLen:hereIsLen])
		return
	}
	ep := m.endpoints.Get((*[16]byte)(&d.Dst))
	if ep == nil || !ep.registered() {
		m.Stats.Strays++
		return
	}
	switch h.typ {
	case Request:
		m.gotRequest(now, ep, d, &h)
	case Reply:
		m.gotReply(now, ep, d, &h)
	case Ack:
		m.gotAck(now, ep, d.Src, &h)
	case Nak:
		m.gotNak(now, ep, d.Src, &h)
	case Enquire, Received:
		m.gotEnquire(now, ep, d.Src, &h)
	case Alive:
		m.gotAlive(now, ep, d.Src, &h)
	case Fail:
		m.gotFail(now, ep, d.Src, &h)
	case Forward:
		m.gotForward(now, ep, d.Src, &h, b[headLen:hereIsLen])
	case Pull:
		m.gotPull(now, ep, d, &h)
	case Part:
		m.gotPart(now, ep, d, &h)
	}
}

// control sends a message that is only a head. Lost ones are asked for again.
func (m *Machine) control(now int64, ep *Endpoint, to flip.Address, h *head) {
	h.put(m.buf[:headLen])
	m.box.Unicast(now, &flip.Send{Src: ep.addr, Dst: to, Proto: flip.ProtoRPC,
		Header: m.buf[:headLen], Fleeting: true, Patience: second})
}

// sweepExpired forgets what has served its time.
func (m *Machine) sweepExpired(now int64) {
	busy := m.sweepPorts(now)
	for _, ep := range m.list {
		if ep.phase == running && ep.rows.n > 0 {
			m.sweepRows(now, ep)
			busy = busy || ep.rows.n > 0
		}
	}
	if busy {
		m.timers.Set(&m.sweep, now+sweepEvery)
	}
}

// armSweep sees to it that what was just begun will be cleaned up some day.
func (m *Machine) armSweep(now int64) {
	if !m.sweep.Armed() {
		m.timers.Set(&m.sweep, now+sweepEvery)
	}
}

// jitter returns a random time below limit.
func (m *Machine) jitter(limit int64) int64 {
	if limit <= 0 {
		return 0
	}
	return int64(m.cfg.Rand() % uint64(limit))
}

// after returns now+d, or the largest time if that is beyond it.
func after(now, d int64) int64 {
	if d >= Forever-now {
		return Forever
	}
	return now + d
}

// Address returns the address under which the node asks for ports.
func (m *Machine) Address() flip.Address { return m.self }
