package flip

import "encoding/binary"

// A multicast may demand that so many members of the group listen. They are counted
// by a LOCATE on the group's address: each box that has members answers once, with
// their number and one of its own, since several may be behind one router. The
// answers are remembered for a while, so that only the first of many multicasts asks.
//
// Routers do not track where a group has members: its frames are flooded, as those
// for everybody are, behind the same cache. Groups are few and small, and what
// routers knew would have to follow each member that moves.

const (
	listenersKnown = 10 * second // how long an answer counts
	maxListeners   = 256         // boxes of one group that are told apart
)

// audience is the members of one group on one box.
type audience struct {
	box     uint64
	members int
	heard   int64
}

// MulticastTo is a Multicast to a group that at least s.Listeners members listen to,
// on any box. It leaves when they are known, and never if they are not found within
// the patience: NotDelivered says TooFew then.
func (b *Box) MulticastTo(now int64, s *Send) Handle {
	src := b.local(&s.Src)
	reason := b.refuse(src, s)
	if reason == 0 && s.Dst.IsNull() {
		reason = TooFew // everybody is not a group
	}
	if reason != 0 {
		b.undelivered(NotDelivered{Src: s.Src, Dst: s.Dst, Proto: s.Proto, Token: s.Token, Reason: reason})
		return 0
	}
	b.Stats.Sent++
	m := b.keep(src, b.lookupOrAdd(now, &s.Dst), s)
	m.listeners = max(s.Listeners, 1)
	b.multicastIfHeard(now, m)
	if m.where == inFree {
		return 0
	}
	return m.handle()
}

// multicastIfHeard sends a message if it has enough listeners, and else lets it wait.
func (b *Box) multicastIfHeard(now int64, m *message) {
	if m.dst.listeners(now) < m.listeners {
		b.hold(now, m)
		return
	}
	s := Send{Src: m.local.addr, Dst: m.dst.addr, Proto: m.proto, Header: m.head[:m.headLen], Payload: m.body,
		Secure: m.secure, Hops: m.hops}
	b.multicast(m.local, m.messid, &s)
	b.release(now, m)
}

// listeners counts the members of a group, here and where an answer came from lately.
func (d *dest) listeners(now int64) int {
	n := 0
	if d.local != nil {
		n = d.local.members
	}
	for _, a := range d.audience {
		if a.heard+listenersKnown > now {
			n += a.members
		}
	}
	return n
}

// gotHereIs learns where an address is, or how many listen to a group there.
func (b *Box) gotHereIs(now int64, in hop, h *Header, payload []byte) {
	if h.Total == 0 {
		b.hear(now, in, h)
		return
	}
	d := b.dests.Get((*[16]byte)(&h.Src))
	if d == nil || len(payload) < hereIsLen {
		return
	}
	d.listen(audience{box: binary.BigEndian.Uint64(payload[4:]), members: int(binary.BigEndian.Uint16(payload)), heard: now})
	if d.phase != locating {
		return
	}
	for m := d.queue.head; m != nil; {
		next := m.next
		if m.listeners > 0 && d.listeners(now) >= m.listeners {
			d.queue.remove(m)
			b.multicastIfHeard(now, m)
		}
		m = next
	}
	if d.queue.head == nil {
		b.settle(d)
	}
}

// listen enters an answer; the one longest without news makes room.
func (d *dest) listen(a audience) {
	oldest := 0
	for i := range d.audience {
		if d.audience[i].box == a.box {
			d.audience[i] = a
			return
		}
		if d.audience[i].heard < d.audience[oldest].heard {
			oldest = i
		}
	}
	if len(d.audience) < maxListeners {
		d.audience = append(d.audience, a)
	} else {
		d.audience[oldest] = a
	}
}
