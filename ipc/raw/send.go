package raw

import (
	"slices"

	"motile/ipc/flip"
	"motile/ipc/std"
)

// sent is a message that the box may still have to send again: it is kept so that a
// move can take it along, and so that a process does not have too many of them.
type sent struct {
	from      *endpoint // nil: a record not in use
	to        flip.Address
	listeners uint32 // that a multicast demands; 0: a unicast
	handle    flip.Handle
	flags     uint32
	token     uint64
	patience  int64
	at        int64 // when it was given to the box

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
	}
	return e, std.OK
}

// Unicast is flip_unicast: it sends a message of two parts, the first at most
// flip.MaxHeader bytes long and copied, the second the machine's from now on. patience
// is for how long the destination is looked for, 0 meaning FLIP's own five seconds.
func (m *Machine) Unicast(now int64, p *Process, number int, pk *Packet, head, body []byte, patience int64) std.Status {
	if patience < 0 {
		return std.ArgBad
	}
	return m.send(now, p, number, pk, &sent{patience: patience}, head, body)
}

// Multicast is flip_multicast: it sends to all that listen on a group's address, once
// so many are known to do so; that takes five seconds at most. FLIP keeps nothing of
// it then. Without a demand it leaves at once, whether anybody listens or not.
func (m *Machine) Multicast(now int64, p *Process, number int, pk *Packet, head, body []byte, listeners int) std.Status {
	switch {
	case listeners < 0 || listeners > MaxListeners || pk.Address.IsNull():
		return std.ArgBad
	case listeners == 0:
		return m.spread(p, number, pk, &flip.Send{Dst: pk.Address}, head, body)
	}
	return m.send(now, p, number, pk, &sent{listeners: uint32(listeners)}, head, body)
}

// send sends a message that the box may have to keep. how says what kind it is.
func (m *Machine) send(now int64, p *Process, number int, pk *Packet, how *sent, head, body []byte) std.Status {
	size := len(head) + len(body)
	e, st := p.sender(number, pk, size)
	switch {
	case st != std.OK:
		return st
	case pk.Address.IsNull():
		return std.ArgBad
	case !m.room(now, p, size):
		return std.FlipNoPacket
	}
	s := p.record()
	s.from, s.to, s.flags, s.token = e, pk.Address, pk.Flags, pk.Token
	s.patience, s.listeners = how.patience, how.listeners
	s.headLen, s.body = copy(s.head[:], head), body
	m.Stats.Sent++
	m.transmit(now, p, s)
	return std.OK
}

// transmit gives a message to the box, for the first time or after a move.
func (m *Machine) transmit(now int64, p *Process, s *sent) {
	s.at = now
	send := &flip.Send{Src: s.from.public, Dst: s.to, Proto: flip.ProtoRaw,
		Header: s.head[:s.headLen], Payload: s.body, Listeners: int(s.listeners),
		Invalidate: s.flags&Invalidate != 0, Secure: s.flags&Security != 0,
		Patience: s.patience, Token: s.token}
	if s.listeners > 0 {
		s.handle = m.box.MulticastTo(now, send)
	} else {
		s.handle = m.box.Unicast(now, send)
	}
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

// Broadcast is flip_broadcast: it sends to all that listen to broadcasts and that are no
// further away than hops, in FLIP's measure: an Ethernet costs 3.
func (m *Machine) Broadcast(_ int64, p *Process, number int, pk *Packet, head, body []byte, hops int) std.Status {
	if hops < 1 || hops > MaxHops {
		return std.ArgBad
	}
	s := m.spread(p, number, pk, &flip.Send{Hops: uint8(hops)}, head, body)
	if s == std.OK { // the box does not hear its own
		from, _ := p.Address(number, pk.Endpoint)
		m.toAll(from, head, body)
	}
	return s
}

// spread sends a message of which nothing is kept.
func (m *Machine) spread(p *Process, number int, pk *Packet, s *flip.Send, head, body []byte) std.Status {
	e, st := p.sender(number, pk, len(head)+len(body))
	if st != std.OK {
		return st
	}
	m.Stats.Sent++
	s.Src, s.Proto, s.Header, s.Payload, s.Token = e.public, flip.ProtoRaw, head, body, pk.Token
	s.Secure = pk.Flags&Security != 0
	m.box.Multicast(s)
	return std.OK
}
