package raw

import (
	"motile/ipc/flip"
	"motile/ipc/std"
)

// message is one that waits in a queue.
type message struct {
	pk      Packet
	headLen int
	head    [flip.MaxHeader]byte
	body    []byte
}

func (m *message) len() int { return m.headLen + len(m.body) }

// Delivered takes a message of flip.ProtoRaw that the box delivered.
func (m *Machine) Delivered(d *flip.Deliver) {
	switch {
	case !d.Multicast:
		e := m.points.Get((*[16]byte)(&d.Dst))
		if e == nil {
			m.Stats.Strays++
			return
		}
		m.enqueue(e, Unicast, d.Src, d.Head(), d.Body)
	case d.Dst.IsNull():
		m.toAll(d.Src, d.Head(), d.Body)
	default:
		m.toGroup(d)
	}
}

// toAll gives a broadcast to everybody here who listens to them.
func (m *Machine) toAll(src flip.Address, head, body []byte) {
	for _, p := range m.processes {
		for e := range p.all {
			if e.sort == everybody {
				m.enqueue(e, Broadcast, src, head, body)
			}
		}
	}
}

func (m *Machine) toGroup(d *flip.Deliver) {
	for _, p := range m.processes {
		for e := range p.all {
			if e.sort == group && e.public == d.Dst {
				m.enqueue(e, Multicast, d.Src, d.Head(), d.Body)
			}
		}
	}
}

// enqueue puts a message into the queue of an endpoint's interface.
func (m *Machine) enqueue(e *endpoint, kind Kind, src flip.Address, head, body []byte) {
	q := m.queue(e, len(head)+len(body))
	if q == nil {
		return
	}
	m.Stats.Received++
	q.pk = Packet{Address: src, Endpoint: e.number, Kind: kind, Size: uint32(len(head) + len(body))}
	q.headLen, q.body = copy(q.head[:], head), body
}

// NotDelivered takes the news that a message of flip.ProtoRaw was given up.
func (m *Machine) NotDelivered(n *flip.NotDelivered) {
	e := m.points.Get((*[16]byte)(&n.Src))
	if e == nil {
		m.Stats.Strays++
		return
	}
	q := m.queue(e, 0)
	if q == nil {
		return
	}
	m.Stats.Notices++
	q.pk = Packet{Address: n.Dst, Endpoint: e.number, Kind: NotDelivered, Flags: uint32(n.Reason), Token: n.Token}
	q.headLen, q.body = 0, nil
}

// queue makes room for a message of so many bytes, or counts it and returns nil.
func (m *Machine) queue(e *endpoint, size int) *message {
	i, p := e.of, e.p
	if p.phase != running || len(i.queue) >= MaxQueued || p.queued+size > QueueBytes {
		i.dropped++
		m.Stats.Dropped++
		return nil
	}
	p.queued += size
	i.queue = append(i.queue, message{})
	m.arrived(p, i.number)
	return &i.queue[len(i.queue)-1]
}

func (m *Machine) arrived(p *Process, number int) {
	m.Out = append(m.Out, Arrival{p, number})
}

// First returns the oldest message in the queue of an interface. With FlipTimeout
// there is none yet. The slices are the machine's, until Next.
func (p *Process) First(number int) (pk Packet, head, body []byte, s std.Status) {
	i := p.at(number)
	if i == nil {
		return pk, nil, nil, std.FlipFail
	}
	if len(i.queue) == 0 {
		return pk, nil, nil, std.FlipTimeout
	}
	q := &i.queue[0]
	pk = q.pk
	pk.Dropped = i.dropped
	return pk, q.head[:q.headLen], q.body, std.OK
}

// Next drops the oldest message of an interface: it has been received.
func (p *Process) Next(number int) {
	i := p.at(number)
	if i == nil || len(i.queue) == 0 {
		return
	}
	p.queued -= i.queue[0].len()
	i.queue[0].body = nil
	if len(i.queue) == 1 {
		i.queue = i.queue[:0]
		return
	}
	i.queue = i.queue[1:]
}
