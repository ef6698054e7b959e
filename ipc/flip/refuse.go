package flip

// NOTHERE from a router makes the same promise as from the box that an address was
// on: this message was not delivered. A router that has no way for a frame knows
// nothing about copies of it that went on before, when it had one. So it remembers
// which messages passed, and where they went. It does not refuse a message that has
// passed; and it hands on a refusal that comes back only if all of the message went
// where that comes from. In other cases it is silent, which promises nothing.
//
// A router that was just started has forgotten what passed. It refuses nothing for
// a second, the life of a frame.

// passed remembers the unicast messages that a router sent on. It is built like
// recent, and as large.
type passed struct {
	sets [256]struct {
		next uint8
		id   [4]passing
	}
}

type passing struct {
	src    Address
	messid uint64
	to     hop
	split  bool // fragments or copies of it went to another place
}

func (p *passed) find(src *Address, messid uint64) *passing {
	s := &p.sets[recentSet(src, messid)]
	for i := range s.id {
		if s.id[i].messid == messid && s.id[i].src == *src {
			return &s.id[i]
		}
	}
	return nil
}

// note enters that a frame of a message goes to a place.
func (p *passed) note(src *Address, messid uint64, to hop) {
	if e := p.find(src, messid); e != nil {
		e.split = e.split || e.to != to
		return
	}
	s := &p.sets[recentSet(src, messid)]
	s.id[s.next&3] = passing{src: *src, messid: messid, to: to}
	s.next++
}

// passRefusal takes a NOTHERE or UNTRUSTED on its way to the sender of a message, and
// reports whether it may go on.
func (b *Box) passRefusal(in hop, h *Header) bool {
	if h.Flags&(FlagTooBig|FlagEdge) != 0 {
		return true // about one frame, not about the message
	}
	if d := b.dests.Get((*[16]byte)(&h.Src)); d != nil && d.local == nil && h.Type == NotHere {
		d.remove(in)
	}
	e := b.passed.find(&h.Dst, h.MessID)
	if e == nil || e.split || e.to != in {
		b.Stats.RefusalsKept++
		return false
	}
	*e = passing{} // nothing of it is under way any more
	return true
}

// refusePassing answers a data frame that cannot go on.
func (b *Box) refusePassing(now int64, in hop, h *Header, o *obstacle) {
	switch {
	case o.flags&FlagTooBig != 0:
		b.refuseTooBig(in, h, o.mtu)
	case now < b.born+frameLife || b.passed.find(&h.Src, h.MessID) != nil:
		b.Stats.RefusalsKept++
	case wantsAnswer(h):
		b.Stats.NoRoute++
		b.decline(in, h, o.typ, o.flags)
	}
}

// refuseTooBig tells the sender of a fragment what length would pass: the mtu of a
// frame is the smallest of its way, so that of the answer is at most the network's
// which the fragment is too long for.
func (b *Box) refuseTooBig(in hop, h *Header, mtu int) {
	b.Stats.TooBigOut++
	answer := Header{Type: NotHere, Flags: FlagUnreachable | FlagTooBig, Proto: h.Proto, MTU: uint16(mtu),
		Dst: h.Src, Src: h.Dst, MessID: h.MessID}
	b.emit(in, &answer, nil, nil)
}

// decline answers a data frame with NOTHERE or UNTRUSTED.
func (b *Box) decline(to hop, h *Header, as Type, flags uint8) {
	if as == NotHere {
		b.Stats.NotHereOut++
	} else {
		b.Stats.UntrustedOut++
	}
	answer := Header{Type: as, Flags: flags, Proto: h.Proto, Dst: h.Src, Src: h.Dst, MessID: h.MessID}
	b.emit(to, &answer, nil, nil)
}
