package flip

// startLocate begins to ask where d is, for the messages in its queue.
//
// Amoeba's expanding ring starts at hop limit 1, which on an Ethernet reaches
// nobody, and loses 200 ms before the first useful question. Ours starts at the
// cost of the link itself and repeats after 10 ms, not 100.
func (b *Box) startLocate(now int64, d *dest) {
	d.phase = locating
	d.round = 0
	d.roundAt = now
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
			reason := LocateExpired
			if m.unsure {
				reason = Stalled
			} else if m.bounces > 0 {
				reason = GoneAway
			}
			b.giveUp(now, m, reason)
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
	for link := range b.links {
		limit := uint32(b.links[link].Weight) * uint32(d.round+1)
		if limit > maxHop {
			limit = maxHop
		}
		if d.inval {
			limit = maxHopInval
		}
		b.sendLocate(now, d, link, Broadcast, uint8(limit))
	}
	wait := min(locateFirst<<min(d.round, 10), locateLast)
	d.round++
	b.timers.Set(&d.timer, now+min(wait+b.jitter(wait/4), patience))
}

// sendLocate asks, in the name of the first waiting message's source, whether
// the receivers have d.
func (b *Box) sendLocate(now int64, d *dest, link int, to MAC, limit uint8) {
	if !b.mayLocate(now, link, d.phase == locating && d.round == 0) {
		b.Stats.LocatesHeldBack++
		return
	}
	asker := d.queue.head.local
	h := Header{Type: Locate, MaxHop: limit, Dst: d.addr, Src: asker.addr,
		MessID: asker.nextID(), Epoch: asker.epoch}
	b.Stats.LocatesOut++
	b.control(link, to, &h)
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
		b.control(link, Broadcast, &h)
	}
}

// settle ends locating or busy: messages leave again as they come.
func (b *Box) settle(d *dest) {
	d.phase = resolved
	d.inval = false
	b.timers.Stop(&d.timer)
}

// resolve follows a sign of life from d's source: what waited for it leaves.
func (b *Box) resolve(now int64, d *dest) {
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

// control emits a frame without payload.
func (b *Box) control(link int, to MAC, h *Header) { b.emit(link, to, h, nil, nil) }

// emit emits a frame with head, which it copies, and then body as payload.
func (b *Box) emit(link int, to MAC, h *Header, head, body []byte) {
	h.ActHop = b.links[link].Weight
	if h.MaxHop == 0 {
		h.MaxHop = maxHop
	}
	h.MTU = uint16(b.links[link].MTU)
	f := b.Out.frame()
	f.Link, f.Body = link, body
	h.put(f.head[:], to, b.links[link].MAC)
	f.headLen = frameHeadLen + copy(f.head[frameHeadLen:], head)
	seal(f.Head(), body)
	b.Stats.FramesOut++
}
