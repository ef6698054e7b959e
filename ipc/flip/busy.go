package flip

// An address is frozen while it moves, from the moment its state is captured
// until the new place announces it or the old place thaws it. Steketee's
// FLIP_BUSY tells senders to keep their messages meanwhile. What the paper
// leaves open is settled here:
//
//   - BUSY is about an address, so all messages for it wait, and questions go
//     out for the address, not for each message: a LOCATE, after 1 ms, then
//     twice that, up to 50 ms. It goes to the box that said BUSY, every fourth
//     time to all, in case the address has moved and the announcement was lost.
//   - The answer is BUSY again, or HEREIS. An announcement (see Announce) ends
//     the wait at once. Then each message is sent again from its first byte.
//   - There is no limit on the number of BUSYs, and a message's time to be
//     located stands still. Only when BUSY stops coming, half a second long, is
//     the address looked for like any other, and the time runs again.

// gotBusy holds back the message that was refused, and all later ones.
func (b *Box) gotBusy(now int64, in hop, h *Header) {
	b.Stats.BusyIn++
	m := b.find(&h.Dst, h.MessID)
	if m != nil && m.dst.addr != h.Src {
		m = nil
	}
	d := b.learn(now, in, h)
	if d == nil {
		// The refusal comes from a place that the address has left meanwhile.
		if m != nil && m.where != inQueue && m.via.hop == in {
			b.recall(now, m)
			m.dst.remove(in) // or it would go there again
			b.dispatch(now, m)
		}
		return
	}
	d.heardBusy = now
	if d.phase != busy {
		d.phase = busy
		d.round = 0
		d.backoff = busyFirst
		b.timers.Set(&d.timer, now+busyFirst+b.jitter(busyFirst/2))
	}
	if m != nil && m.where != inQueue {
		b.recall(now, m)
		if m.bulk != nil {
			m.bulk.tries = 0 // a refusal is a sign of life
		}
		b.hold(now, m)
	}
}

// busyRound asks whether d is still busy.
func (b *Box) busyRound(now int64, d *dest) {
	if d.queue.head == nil {
		b.settle(d)
		return
	}
	if now-d.heardBusy > busyGrace {
		b.startLocate(now, d)
		return
	}
	d.round++
	if d.nlocs > 0 && d.round%4 != 0 {
		b.sendLocate(now, d, d.locs[0].hop, b.question(d))
	} else {
		h := b.question(d)
		for link := range b.links {
			b.sendLocate(now, d, hop{link, Broadcast}, h)
		}
	}
	d.backoff = min(2*d.backoff, busyLast)
	b.timers.Set(&d.timer, now+d.backoff+b.jitter(d.backoff/2))
}

// answerBusy refuses a frame for a frozen address.
func (b *Box) answerBusy(in hop, h *Header, l *local) {
	b.Stats.BusyOut++
	answer := Header{Type: Busy, Proto: h.Proto, Dst: h.Src, Src: h.Dst, MessID: h.MessID, Epoch: l.epoch}
	b.emit(in, &answer, nil, nil)
}
