package flip

// Input takes a frame that arrived on a link. The frame, Ethernet header
// included, is the driver's: the box reads it during the call and keeps nothing.
func (b *Box) Input(now int64, link int, frame []byte) {
	b.Stats.FramesIn++
	var h Header
	payload, ok := Decode(&h, frame)
	if !ok || link < 0 || link >= len(b.links) {
		b.Stats.Malformed++
		return
	}
	mac := SourceMAC(frame)
	switch h.Type {
	case UniData:
		b.gotUniData(now, link, mac, &h, payload)
	case MultiData:
		b.gotMultiData(now, link, mac, &h, payload)
	case Ack:
		if d := b.learn(now, link, mac, &h); d != nil {
			b.resolve(now, d)
		}
		b.gotAck(now, &h, payload)
	case Locate:
		b.gotLocate(now, link, mac, &h)
	case HereIs:
		if d := b.learn(now, link, mac, &h); d != nil {
			b.resolve(now, d)
		}
	case Busy:
		b.gotBusy(now, link, mac, &h)
	case NotHere:
		b.gotNotHere(now, link, mac, &h)
	default: // Untrusted: no box sends it yet
		b.Stats.Malformed++
	}
}

// A box does not forward frames from one link to another. Where it would, the
// destination is not local and gotLocate, gotUniData and gotMultiData know it:
// there the frame would go out on the other links with act_hop increased, if
// below max_hop, behind a cache of (src, messid, offset) against loops. Routes,
// hop counts and several locations for an address are in place for that.

// gotUniData takes a fragment for one address.
func (b *Box) gotUniData(now int64, link int, mac MAC, h *Header, payload []byte) {
	if d := b.learn(now, link, mac, h); d != nil {
		b.resolve(now, d)
	}
	l := b.local(&h.Dst)
	switch {
	case l == nil || l.members > 0:
		b.refuseFragment(link, mac, h)
	case l.frozen:
		b.refuseFrozen(link, mac, h, l)
	case h.Length == h.Total:
		b.gotSingle(h, payload)
	default:
		b.gotFragment(now, link, mac, h, payload)
	}
}

// refuseFrozen answers BUSY, unless the message did arrive before the freeze.
func (b *Box) refuseFrozen(link int, mac MAC, h *Header, l *local) {
	switch {
	case !wantsAnswer(h):
	case !b.recent.has(&h.Src, h.MessID):
		b.answerBusy(link, mac, h, l)
	case h.Length != h.Total:
		b.sendAck(link, mac, h, nil)
	}
}

// refuseFragment answers NOTHERE, unless the message did arrive here before the
// address went away: then what has come now is a copy of it, and a NOTHERE would
// make the sender believe that it never arrived.
func (b *Box) refuseFragment(link int, mac MAC, h *Header) {
	b.Stats.Unwanted++
	if !wantsAnswer(h) || b.recent.has(&h.Src, h.MessID) {
		return
	}
	b.Stats.NotHereOut++
	answer := Header{Type: NotHere, Proto: h.Proto, Dst: h.Src, Src: h.Dst, MessID: h.MessID}
	b.control(link, mac, &answer)
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
func (b *Box) gotMultiData(now int64, link int, mac MAC, h *Header, payload []byte) {
	if d := b.learn(now, link, mac, h); d != nil {
		b.resolve(now, d)
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
		b.gotFragment(now, link, mac, h, payload)
	}
}

// gotLocate answers for an address that is here, and learns from whoever asks.
func (b *Box) gotLocate(now int64, link int, mac MAC, h *Header) {
	b.Stats.LocatesIn++
	if d := b.learn(now, link, mac, h); d != nil {
		b.resolve(now, d)
	}
	if h.Src == h.Dst {
		return // an announcement
	}
	d := b.dests.Get((*[16]byte)(&h.Dst))
	if d == nil || d.local == nil || d.local.members > 0 {
		return
	}
	if d.local.frozen {
		// Once it has announced itself elsewhere, that place answers.
		if d.nlocs == 0 {
			b.answerBusy(link, mac, h, d.local)
		}
		return
	}
	b.Stats.HereIsOut++
	answer := Header{Type: HereIs, Dst: h.Src, Src: h.Dst, MessID: h.MessID, Epoch: d.local.epoch}
	b.control(link, mac, &answer)
}
