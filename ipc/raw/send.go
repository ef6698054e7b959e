package raw

import (
	"slices"

	"motile/ipc/flip"
	"motile/ipc/std"
)

// sent is a message that the box may still have to send again: it is kept so that a
// move can take it along, and so that a process does not have too many of them.
type sent struct {
	from     *endpoint // nil: a record not in use
	to       flip.Address
	handle   flip.Handle
	flags    uint32
	token    uint64
	patience int64
	at       int64 // when it was given to the box

	headLen int
	head    [flip.MaxHeader]byte
	body    []byte
}

func (s *sent) len() int { return s.headLen + len(s.body) }

// sender returns the endpoint that is to send, or what is wrong.
func (p *Process) sender(number int, pk *Packet, size int) (*endpoint, std.Status) {
	e := p.at(number).endpoint(pk.Endpoint)
	switch {
	case e == nil || p.phase != running:
		return nil, std.FlipFail
	case e.sort != own:
		return nil, std.FlipFail // nobody could answer
	case pk.Flags&^(Invalidate|Security) != 0:
		return nil, std.ArgBad
	case size > MaxMessage:
		return nil, std.Overflow
	case pk.Flags&Security != 0:
		return nil, std.FlipUnsafe // no network says that it can be trusted
	}
	return e, std.OK
}

// Unicast is flip_unicast: it sends a message of two parts, the first at most
// flip.MaxHeader bytes long and copied, the second the machine's from now on. patience
// is for how long the destination is looked for, 0 meaning FLIP's own five seconds.
func (m *Machine) Unicast(now int64, p *Process, number int, pk *Packet, head, body []byte, patience int64) std.Status {
	size := len(head) + len(body)
	e, st := p.sender(number, pk, size)
	switch {
	case st != std.OK:
		return st
	case pk.Address.IsNull() || patience < 0:
		return std.ArgBad
	case !m.room(now, p, size):
		return std.FlipNoPacket
	}
	s := p.record()
	s.from, s.to, s.flags, s.token = e, pk.Address, pk.Flags, pk.Token
	s.patience = patience
	s.headLen, s.body = copy(s.head[:], head), body
	m.Stats.Sent++
	m.transmit(now, p, s)
	return std.OK
}

// transmit gives a message to the box, for the first time or after a move.
func (m *Machine) transmit(now int64, p *Process, s *sent) {
	s.at = now
	s.handle = m.box.Unicast(now, &flip.Send{Src: s.from.public, Dst: s.to, Proto: flip.ProtoRaw,
		Header: s.head[:s.headLen], Payload: s.body, Invalidate: s.flags&Invalidate != 0,
		Patience: s.patience, Token: s.token})
	if s.handle == 0 {
		p.sentBytes += s.len()
		p.drop(s)
		return
	}
	p.sent = append(p.sent, s)
	p.sentBytes += s.len()
}

// record returns an empty record.
func (p *Process) record() *sent {
	if n := len(p.spare); n > 0 {
		s := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return s
	}
	return new(sent)
}

// drop gives a record back. The caller takes it out of p.sent.
func (p *Process) drop(s *sent) {
	p.sentBytes -= s.len()
	s.from, s.body = nil, nil
	if len(p.spare) < MaxSent {
		p.spare = append(p.spare, s)
	}
}

// room makes room for one more message. The box keeps what is on the wire for a
// second, in case it is refused; of a process that sends faster, the older half is
// taken for delivered. What waits for its destination takes up room until it has left.
func (m *Machine) room(now int64, p *Process, size int) bool {
	fits := func() bool { return len(p.sent) < MaxSent && p.sentBytes+size <= SentBytes }
	if fits() {
		return true
	}
	spare := len(p.sent) / 2
	p.sent = slices.DeleteFunc(p.sent, func(s *sent) bool {
		switch m.box.State(s.handle) {
		case flip.Gone:
		case flip.OnWire:
			if spare <= 0 && fits() {
				return false
			}
			m.box.Cancel(now, s.handle)
			m.Stats.Unwatched++
		default:
			return false
		}
		spare--
		p.drop(s)
		return true
	})
	return fits()
}

// Multicast is flip_multicast: it sends to all that listen on a group's address. FLIP
// keeps nothing of it. That there are so many listeners is asked for in vain: boxes
// do not count them, so more than one are said to be unknown.
func (m *Machine) Multicast(now int64, p *Process, number int, pk *Packet, head, body []byte, listeners int) std.Status {
	switch {
	case pk.Address.IsNull():
		return std.ArgBad
	case listeners > 1:
		return std.FlipUnknown
	}
	return m.spread(now, p, number, pk, pk.Address, head, body)
}

// Broadcast is flip_broadcast: it sends to all that listen to broadcasts. There is no
// network further away than one hop, so hops has nothing to limit.
func (m *Machine) Broadcast(now int64, p *Process, number int, pk *Packet, head, body []byte, hops int) std.Status {
	if hops < 1 || hops > MaxHops {
		return std.ArgBad
	}
	s := m.spread(now, p, number, pk, flip.Address{}, head, body)
	if s == std.OK { // the box does not hear its own
		from, _ := p.Address(number, pk.Endpoint)
		m.toAll(from, head, body)
	}
	return s
}

func (m *Machine) spread(_ int64, p *Process, number int, pk *Packet, to flip.Address, head, body []byte) std.Status {
	e, s := p.sender(number, pk, len(head)+len(body))
	if s != std.OK {
		return s
	}
	m.Stats.Sent++
	m.box.Multicast(&flip.Send{Src: e.public, Dst: to, Proto: flip.ProtoRaw, Header: head, Payload: body, Token: pk.Token})
	return std.OK
}
