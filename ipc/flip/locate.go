package flip

import "slices"

// startLocate begins to ask where d is, for the messages in its queue.
//
// The question goes out in two rings. The first is the networks that the box is on:
// its hop limit is the cost of each. Routers there cannot forward it, and say so (the
// edge of the ring), or answer if they know. The second is all the rest, and it starts
// at the edge: the question is put to those routers alone, which spread it on the
// networks behind them. So it is broadcast once on each network, however far it must
// go, and only on those that the answer did not come from sooner. Amoeba's ring starts
// at hop limit 1, which on an Ethernet reaches nobody, and with each step repeats the
// question everywhere it has been.
//
// When that has brought no answer, frames were lost, or nobody has the address: from
// the third round on, the whole internetwork is asked from here.
func (b *Box) startLocate(now int64, d *dest) {
	d.phase = locating
	d.round = 0
	d.roundAt = now
	d.edges = d.edges[:0]
	b.locateRound(now, d)
}

// locateRound charges the waiting messages for the time since the last round,
// gives up those whose time is up, and asks again for the rest.
func (b *Box) locateRound(now int64, d *dest) {
	patience := int64(locateLast)
	for m := d.queue.head; m != nil; {
		next := m.next
		m.patience -= now - max(d.roundAt, m.since)
		if m.patience <= 0 {
			b.giveUp(now, m, d.unfound(m))
		} else {
			patience = min(patience, m.patience)
		}
		m = next
	}
	d.roundAt = now
	if d.queue.head == nil {
		b.settle(d)
		return
	}
	b.ask(now, d)
	wait := min(locateFirst<<min(d.round, 10), locateLast)
	d.round++
	b.timers.Set(&d.timer, now+min(wait+b.jitter(wait/4), patience))
}

// unfound is why a message is given up whose destination nobody claims.
func (d *dest) unfound(m *message) Reason {
	switch {
	case m.listeners > 0:
		return TooFew
	case m.unsure:
		return Stalled
	case m.secure && d.nlocs > 0:
		return Unsafe
	case m.bounces > 0:
		return GoneAway
	}
	return LocateExpired
}

// ask sends the LOCATEs of one round.
func (b *Box) ask(now int64, d *dest) {
	h := b.question(d)
	switch {
	case d.inval:
		h.MaxHop = maxHopInval
	case d.round == 0:
		for link := range b.links {
			ring := h
			ring.MaxHop = min(b.links[link].Weight, maxHop)
			b.sendLocate(now, d, hop{link, Broadcast}, ring)
		}
		return
	case d.round == 1 && len(d.edges) > 0:
		for _, edge := range d.edges {
			b.sendLocate(now, d, edge, h)
		}
		return
	}
	for link := range b.links {
		b.sendLocate(now, d, hop{link, Broadcast}, h)
	}
}

// question returns a LOCATE for d in the name of the first waiting message's source.
// If secure messages wait, at least every other question goes only where they may.
func (b *Box) question(d *dest) Header {
	first := d.queue.head
	h := Header{Type: Locate, MaxHop: maxHop, Dst: d.addr, Src: first.local.addr,
		MessID: first.local.nextID(), Epoch: first.local.epoch}
	others := false
	for m := first; m != nil; m = m.next {
		h.Total = max(h.Total, uint32(m.listeners))
		if m.secure {
			h.Flags = FlagSecurity
		} else {
			others = true
		}
	}
	if others && d.round%2 != 0 {
		h.Flags = 0
	}
	return h
}

// sendLocate sends a LOCATE on one link, if the rate limit lets it.
func (b *Box) sendLocate(now int64, d *dest, to hop, h Header) {
	if h.Flags&FlagSecurity != 0 && b.links[to.link].Untrusted {
		return
	}
	if !b.mayLocate(now, to.link, d.phase == locating && d.round == 0) {
		b.Stats.LocatesHeldBack++
		return
	}
	b.Stats.LocatesOut++
	b.emit(to, &h, nil, nil)
}

// gotLocate answers for an address that is here, and learns from whoever asks. The
// first copy of a question replaces what was known of the asker's whereabouts, and is
// answered and sent on; later ones show other ways to the asker, and no more.
func (b *Box) gotLocate(now int64, in hop, h *Header, toAll bool) {
	b.Stats.LocatesIn++
	h.Length, h.Offset = 0, 0 // a question is all in its header
	if b.echo(h) {
		return
	}
	first := b.seen.add(&h.Src, h.MessID)
	if d := b.learn(now, in, h); d != nil {
		if first && toAll {
			d.only(in)
		}
		b.resolve(now, d)
	}
	if !first {
		return
	}
	d := b.dests.Get((*[16]byte)(&h.Dst))
	if h.Src == h.Dst || d == nil || d.local == nil {
		if b.forwards() {
			b.passLocate(now, in, h, d, toAll)
		}
		return
	}
	switch l := d.local; {
	case l.members > 0:
		if h.Total > 0 {
			b.answerHereIs(in, h, l)
		}
		if b.forwards() {
			b.flood(now, in, h, nil)
		}
	case !l.frozen:
		b.answerHereIs(in, h, l)
	case d.nlocs == 0:
		b.answerBusy(in, h, l)
	case b.forwards(): // it has announced itself elsewhere, and answers there
		b.passLocate(now, in, h, d, toAll)
	}
}

// passLocate sends a question on, or answers it at the edge of its ring.
func (b *Box) passLocate(now int64, in hop, h *Header, d *dest, toAll bool) {
	known := d != nil && d.local == nil && !d.doubted && h.Src != h.Dst && h.Total == 0
	if known && h.MaxHop >= maxHopInval {
		d.doubted, known = true, false
	}
	var way location
	if known {
		var o *obstacle
		ring := *h
		ring.MaxHop = maxHop
		way, o = b.wayOn(d, in, &ring)
		known = o == nil && way.link != in.link
	}
	if known && !toAll { // a question to this box alone goes the way it knows
		if on, o := b.wayOn(d, in, h); o == nil {
			b.sendOn(on.hop, h, nil)
			return
		}
	}
	if !b.flood(now, in, h, nil) || h.MaxHop >= maxHop || h.Src == h.Dst {
		return
	}
	answer := Header{Type: NotHere, Flags: FlagEdge, Dst: h.Src, Src: h.Dst, MessID: h.MessID}
	if known {
		b.Stats.HereIsOut++
		answer.Type, answer.Flags = HereIs, h.Flags&FlagSecurity
		answer.ActHop, answer.MTU, answer.Epoch = way.hops, way.mtu, d.epoch
		b.emitHereIs(in, &answer, 1, 0)
		return
	}
	b.emit(in, &answer, nil, nil)
}

// gotEdge notes a router from which the next ring starts.
func (b *Box) gotEdge(in hop, h *Header) {
	d := b.dests.Get((*[16]byte)(&h.Src))
	if d == nil || d.phase != locating || len(d.edges) == maxEdges || slices.Contains(d.edges, in) {
		return
	}
	d.edges = append(d.edges, in)
}

// mayLocate enforces the limit on LOCATEs per second and link. Some are kept for
// the first question about an address: those that do not answer, asked for again
// and again, must not hide those that would.
func (b *Box) mayLocate(now int64, link int, first bool) bool {
	l := &b.links[link]
	if now-l.rateSince >= second {
		l.rateSince, l.rateCount = now, 0
	}
	limit := locateRate
	if !first {
		limit -= locateFirsts
	}
	if l.rateCount >= limit {
		return false
	}
	l.rateCount++
	return true
}

// Announce broadcasts a LOCATE from the address for itself. Nobody answers, but
// whoever waits for it or has a route to its old place learns the new one.
func (b *Box) Announce(now int64, addr Address) {
	l := b.local(&addr)
	if l == nil || l.frozen || l.members > 0 {
		return
	}
	h := Header{Type: Locate, MaxHop: maxHopInval, Dst: addr, Src: addr,
		MessID: l.nextID(), Epoch: l.epoch}
	for link := range b.links {
		b.Stats.LocatesOut++
		on := h
		b.emit(hop{link, Broadcast}, &on, nil, nil)
	}
}

// settle ends locating or busy: messages leave again as they come.
func (b *Box) settle(d *dest) {
	d.phase = resolved
	d.inval, d.wantSafe = false, false
	b.timers.Stop(&d.timer)
}

// resolve follows a sign of life from d's source: what waited for it leaves.
func (b *Box) resolve(now int64, d *dest) {
	if d.phase == locating && d.wantSafe {
		if _, ok := d.way(true); !ok {
			b.flushUnsafe(now, d)
			return
		}
	}
	if d.phase != resolved {
		b.settle(d)
	}
	if d.queue.head != nil {
		b.flush(now, d)
	}
}

// flush sends everything that waits for d on its way, from its first byte on.
// What still has no way comes back into the queue.
func (b *Box) flush(now int64, d *dest) {
	if d.phase != resolved {
		b.settle(d)
	}
	waiting := d.queue
	d.queue = list{}
	for m := waiting.head; m != nil; m = waiting.head {
		waiting.remove(m)
		b.dispatch(now, m)
	}
}

// jitter returns a random time below limit, so that boxes which started to wait
// together do not come back together.
func (b *Box) jitter(limit int64) int64 {
	if limit <= 0 {
		return 0
	}
	return int64(b.cfg.Rand() % uint64(limit))
}
