package flip

// A hop is a box on one of the links: where a frame comes from, or goes next.
type hop struct {
	link int
	mac  MAC
}

// Input takes a frame that arrived on a link. The frame, Ethernet header
// included, is the driver's: the box reads it during the call and keeps nothing.
func (b *Box) Input(now int64, link int, frame []byte) {
	b.Stats.FramesIn++
	b.Stats.BytesIn += uint64(len(frame))
	var h Header
	payload, ok := Decode(&h, frame)
	if !ok || link < 0 || link >= len(b.links) {
		b.Stats.Malformed++
		return
	}
	if b.born == 0 {
		b.born = now
	}
	if h.Flags&FlagSecurity != 0 && h.Flags&FlagUnsafe != 0 {
		b.Stats.Unwanted++ // somebody sent it where it must not go
		return
	}
	in := hop{link, SourceMAC(frame)}
	to := MAC(frame[:6])
	if to != Broadcast && to != b.links[link].MAC {
		b.Stats.Unwanted++ // a bridge that did not know where to; an answer to it would be a lie
		return
	}
	switch {
	case h.Type == Locate:
		b.gotLocate(now, in, &h, to == Broadcast)
	case h.Type == MultiData:
		b.gotMultiData(now, in, &h, payload)
	case b.forwards() && to != Broadcast && !b.isHere(&h.Dst):
		b.pass(now, in, &h, payload)
	case h.Type == UniData:
		b.gotUniData(now, in, &h, payload)
	case h.Type == Ack:
		b.hear(now, in, &h)
		b.gotAck(now, &h, payload)
	case h.Type == HereIs:
		b.gotHereIs(now, in, &h, payload)
	case h.Type == Busy:
		b.gotBusy(now, in, &h)
	case h.Type == NotHere:
		b.gotNotHere(now, in, &h)
	case h.Type == Untrusted:
		b.gotUntrusted(now, in, &h)
	}
}

// hear learns where a frame comes from, and lets go what waited for that.
func (b *Box) hear(now int64, in hop, h *Header) *dest {
	d := b.learn(now, in, h)
	if d != nil {
		b.resolve(now, d)
	}
	return d
}

// gotUniData takes a fragment for one address.
func (b *Box) gotUniData(now int64, in hop, h *Header, payload []byte) {
	b.hear(now, in, h)
	l := b.local(&h.Dst)
	switch {
	case l == nil || l.members > 0:
		b.refuseFragment(in, h)
	case l.frozen:
		b.refuseFrozen(in, h, l)
	case h.Length == h.Total:
		b.gotSingle(h, payload)
	default:
		b.gotFragment(now, in, h, payload)
	}
}

// refuseFrozen answers BUSY, unless the message did arrive before the freeze.
func (b *Box) refuseFrozen(in hop, h *Header, l *local) {
	switch {
	case !wantsAnswer(h):
	case !b.recent.has(&h.Src, h.MessID):
		b.answerBusy(in, h, l)
	case h.Length != h.Total:
		b.sendAck(in, h, nil)
	}
}

// refuseFragment answers NOTHERE, unless the message did arrive here before the
// address went away: then what has come now is a copy of it, and a NOTHERE would
// make the sender believe that it never arrived.
func (b *Box) refuseFragment(in hop, h *Header) {
	b.Stats.Unwanted++
	if !wantsAnswer(h) || b.recent.has(&h.Src, h.MessID) {
		return
	}
	b.decline(in, h, NotHere, 0)
}

// wantsAnswer spares a sender one refusal for each of hundreds of fragments: the
// first and then every eighth is answered, and those that ask for it.
func wantsAnswer(h *Header) bool {
	return h.Flags&FlagAckMe != 0 || h.Length == 0 || h.Offset/h.Length%ackEvery == 0
}

// gotSingle delivers a message of one fragment, once.
func (b *Box) gotSingle(h *Header, payload []byte) {
	if int(h.Total) > b.cfg.MaxMessage {
		b.Stats.TooLong++
		return
	}
	if !b.recent.add(&h.Src, h.MessID) {
		b.Stats.Duplicates++
		return
	}
	e := b.deliver(h, payload)
	if rest := payload[e.headLen:]; len(rest) > 0 {
		e.Body = b.cfg.Alloc(len(rest))
		copy(e.Body, rest)
	}
}

// deliver emits a Deliver with the head filled in and the body empty.
func (b *Box) deliver(h *Header, message []byte) *Deliver {
	b.Stats.Delivered++
	e := b.Out.deliver()
	e.Dst, e.Src, e.Proto, e.Multicast = h.Dst, h.Src, h.Proto, h.Type == MultiData
	n := min(int(b.headerLen[h.Proto]), len(message))
	e.headLen = copy(e.head[:n], message)
	e.Body = nil
	return e
}

// gotMultiData takes a fragment for a group, or for every box.
func (b *Box) gotMultiData(now int64, in hop, h *Header, payload []byte) {
	if b.echo(h) {
		return
	}
	b.hear(now, in, h)
	if b.forwards() && b.seen.add(&h.Src, h.MessID^uint64(h.Offset)<<32) {
		b.flood(now, in, h, payload)
	}
	if !h.Dst.IsNull() {
		if l := b.local(&h.Dst); l == nil || l.members == 0 {
			b.Stats.Unwanted++
			return
		}
	}
	if h.Length == h.Total {
		b.gotSingle(h, payload)
	} else {
		b.gotFragment(now, in, h, payload)
	}
}

// echo reports that a frame for everybody was sent from here and has come round
// through a router. Messages are numbered in sequence, so what an address of this box
// has sent bears a number a little below the last one.
func (b *Box) echo(h *Header) bool {
	l := b.local(&h.Src)
	if l == nil || l.frozen || h.Epoch != l.epoch || l.messid-h.MessID >= 1<<20 {
		return false
	}
	b.Stats.Echoes++
	return true
}
