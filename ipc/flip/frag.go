package flip

// sendSingle emits a message that fits one frame.
func (b *Box) sendSingle(via hop, src *local, h *Header, head, body []byte) {
	h.Type, h.Src, h.Epoch = UniData, src.addr, src.epoch
	h.Length = uint32(len(head) + len(body))
	h.Total = h.Length
	b.emit(via, h, head, body)
}

// sendFragment emits the i-th fragment of a long message. The first one carries
// the message's header; all but the last carry unit bytes of the message.
func (b *Box) sendFragment(m *message, i int, flags uint8) {
	unit := m.bulk.unit
	start, end := i*unit, min((i+1)*unit, m.headLen+len(m.body))
	h := Header{Type: UniData, Flags: flags | m.security(), Proto: m.proto, Dst: m.dst.addr, Src: m.local.addr,
		MessID: m.messid, Length: uint32(end - start), Offset: uint32(start),
		Total: uint32(m.headLen + len(m.body)), Epoch: m.local.epoch}
	if i == 0 {
		b.emit(m.via.hop, &h, m.head[:m.headLen], m.body[:end-m.headLen])
	} else {
		b.emit(m.via.hop, &h, nil, m.body[start-m.headLen:end-m.headLen])
	}
}

// Multicast sends a message to all boxes that joined the group dst, or to every
// box if dst is null, this one excepted. It is neither kept nor acknowledged, and
// nothing limits its rate: what needs more is made of it by the protocol above.
// Members on this box get the message from the box itself. See also MulticastTo.
func (b *Box) Multicast(s *Send) {
	src := b.local(&s.Src)
	if reason := b.refuse(src, s); reason != 0 {
		b.undelivered(NotDelivered{Src: s.Src, Dst: s.Dst, Proto: s.Proto, Token: s.Token, Reason: reason})
		return
	}
	b.Stats.Sent++
	b.multicast(src, src.nextID(), s)
}

// multicast sends a message to the members on this box and on all networks.
func (b *Box) multicast(src *local, id uint64, s *Send) {
	if d := b.dests.Get((*[16]byte)(&s.Dst)); d != nil && d.local != nil && d.local.members > 0 {
		b.deliverLocal(d, &s.Src, s.Proto, s.Header, s.Payload)
	}
	for link := range b.links {
		l := &b.links[link]
		if (!s.Secure || !l.Untrusted) && (s.Hops == 0 || s.Hops >= l.Weight) {
			b.multicastOn(link, src, id, s)
		}
	}
}

// multicastOn emits the fragments of a multicast on one link. Ethernet's own
// multicast addresses are not used: every box sees every group's frames.
func (b *Box) multicastOn(link int, src *local, id uint64, s *Send) {
	total := len(s.Header) + len(s.Payload)
	unit := unitOf(b.floor)
	for start := 0; start == 0 || start < total; start += unit {
		end := min(start+unit, total)
		h := Header{Type: MultiData, Flags: s.security(), Proto: s.Proto, MaxHop: min(s.Hops, maxHop), Dst: s.Dst, Src: src.addr, MessID: id,
			Length: uint32(end - start), Offset: uint32(start), Total: uint32(total), Epoch: src.epoch}
		if start == 0 {
			b.emit(hop{link, Broadcast}, &h, s.Header, s.Payload[:end-len(s.Header)])
		} else {
			b.emit(hop{link, Broadcast}, &h, nil, s.Payload[start-len(s.Header):end-len(s.Header)])
		}
	}
}

// deliverLocal hands over a message between two addresses of this box.
func (b *Box) deliverLocal(d *dest, src *Address, proto uint8, head, body []byte) {
	b.Stats.Local++
	b.Stats.Delivered++
	e := b.Out.deliver()
	e.Dst, e.Src, e.Proto, e.Multicast = d.addr, *src, proto, d.local.members > 0
	e.headLen = copy(e.head[:], head)
	e.Body = body
}
