package flip

import (
	"encoding/binary"
	"math/bits"
)

// Long messages go out under a window of bytes in flight, shared by all messages
// that take the same way (congestion.go). The receiver acknowledges every few
// fragments, saying which have arrived, so only missing ones are sent again. Losses are
// found in two ways. A fragment counts as lost when one that was sent three or more
// fragments later has arrived; at the end of a message, when three or fewer are left,
// one later is enough (RFC 5827). And when nothing has been heard for a retransmission
// timeout, one missing fragment goes out as a question; the answer shows what else is
// missing, since everything sent before the question has arrived by then or never will.
//
// Amoeba's Ethernet layer had 8 credits of one packet for each location, which at 1500
// bytes is 12 KB in flight.

// peer is a way that long messages take: a box on a link, and what lies behind it at
// the same cost.
type peer struct {
	key [16]byte
	congestion
	inflight int  // bytes sent, neither acknowledged nor counted as lost
	window   list // messages being sent, the oldest first

	turn *message // the one that fragments leave of
	used int      // fragments in its turn
}

// bulk is the progress of one long message. Fragments are numbered from 0.
type bulk struct {
	peer     *peer
	unit     int // bytes of the message in each fragment but the last
	nfrag    int
	next     int // first fragment never sent
	cum      int // first fragment not acknowledged
	inflight int // this message's share of the peer's
	acked    []uint64
	lost     []uint64 // to be sent again; disjoint from acked
	nlost    int

	// Transmissions of this message are numbered from 1. tx holds the number of
	// each fragment's last one, maxAcked the highest known to have arrived.
	// Fragments last sent at or before fence are lost if anything sent after it
	// has arrived; it is set by a timeout and 0 otherwise.
	tx       []uint32
	txCount  uint32
	maxAcked uint32
	fence    uint32
	answered bool // an ACK has come
	again    bool // it was sent before, another way or to be refused

	timedTx uint32 // transmission being timed; 0 if none
	timedAt int64
	tries   int   // timeouts since the last progress
	backoff int   // of them, since this way was taken
	rtoAt   int64 // the deadline; the timer itself may be set earlier
}

// startBulk puts a message at the end of the window of the box it is going to.
func (b *Box) startBulk(now int64, m *message) {
	key := peerKey(m.via)
	p := b.peers.Get(&key)
	if p == nil {
		p = b.newPeer(&key, &m.via)
	}
	k := m.bulk
	tries, again := 0, k != nil
	if again { // it has been on its way before, to a place that fell silent
		tries = k.tries
	} else if n := len(b.bulks); n > 0 {
		k, b.bulks = b.bulks[n-1], b.bulks[:n-1]
	} else {
		k = new(bulk)
	}
	unit := b.unit(&m.via)
	nfrag := (m.headLen + len(m.body) + unit - 1) / unit
	*k = bulk{peer: p, unit: unit, nfrag: nfrag, tries: tries, again: again,
		acked: zeroed(k.acked, (nfrag+63)/64), lost: zeroed(k.lost, (nfrag+63)/64), tx: zeroed(k.tx, nfrag)}
	m.bulk = k
	m.where = inWindow
	p.window.push(m)
	b.pump(now, p)
}

// stopBulk takes a message out of its window, having arrived or not, and gives
// its place to others.
func (b *Box) stopBulk(now int64, m *message) {
	p := m.bulk.peer
	p.inflight -= m.bulk.inflight
	p.window.remove(m)
	if p.turn == m {
		p.turn = nil
	}
	m.bulk.inflight = 0
	b.timers.Stop(&m.timer)
	b.pump(now, p)
}

// newPeer enters a way. The table holds as many as routes; ways that nothing is sent
// on make room, and are measured anew when they are used again.
func (b *Box) newPeer(key *[16]byte, via *location) *peer {
	if b.peers.Len() >= b.cfg.MaxRoutes {
		var idle [][16]byte
		b.peers.All(func(p *peer) bool {
			if p.window.n == 0 {
				idle = append(idle, p.key)
			}
			return true
		})
		for i := range idle {
			b.peers.Delete(&idle[i])
		}
	}
	p := &peer{key: *key, congestion: startCongestion(b.cfg.Window, b.unit(via), via.hops <= b.links[via.link].Weight)}
	b.peers.Put(key, p)
	return p
}

// pump sends fragments to p until the window is full or nothing is left.
func (b *Box) pump(now int64, p *peer) {
	for m := p.next(); m != nil; m = p.next() {
		if p.inflight >= p.cwnd {
			p.full = true
			return
		}
		i := m.bulk.next
		if m.bulk.nlost > 0 {
			i = firstBit(m.bulk.lost, m.bulk.cum)
		}
		p.used++
		b.sendNext(now, m, i)
	}
}

// next returns the message that the next fragment leaves of, or nil. Messages take
// turns, each for as many fragments as one ACK is for: the first few, that a receiver
// has room for at once.
func (p *peer) next() *message {
	if p.turn != nil && p.used < ackEvery && p.turn.ready() {
		return p.turn
	}
	var first, after *message
	passed := false
	room := turnBytes
	for m := p.window.head; m != nil && after == nil; m = m.next {
		if room -= m.headLen + len(m.body); room < 0 && m != p.window.head {
			break
		}
		switch {
		case m == p.turn:
			passed = true
			if first == nil && m.ready() {
				first = m
			}
		case !m.ready():
		case passed:
			after = m
		case first == nil:
			first = m
		}
	}
	p.turn, p.used = after, 0
	if after == nil {
		p.turn = first
	}
	return p.turn
}

// ready reports that a fragment could leave. A message of a frozen address is about to
// be cancelled.
func (m *message) ready() bool {
	return !m.local.frozen && (m.bulk.nlost > 0 || m.bulk.next < m.bulk.nfrag)
}

// sendNext sends fragment i, which is lost or was never sent. The last one that
// is ready to go asks for an answer, and one that fills the window or ends a turn:
// until the next, the receiver may have too few to acknowledge them.
func (b *Box) sendNext(now int64, m *message, i int) {
	k := m.bulk
	if hasBit(k.lost, i) {
		clearBit(k.lost, i)
		k.nlost--
		b.Stats.Resent++
	} else {
		k.next = i + 1
		for k.next < k.nfrag && hasBit(k.acked, k.next) {
			k.next++
		}
	}
	size := k.size(m, i)
	k.inflight += size
	k.peer.inflight += size
	var flags uint8
	if k.nlost == 0 && k.next == k.nfrag || k.peer.inflight >= k.peer.cwnd || k.peer.used == ackEvery {
		flags = FlagAckMe
	}
	b.stamp(now, m, i)
	b.sendFragment(m, i, flags)
	if !m.timer.Armed() {
		k.rtoAt = now + k.peer.rto(k.backoff)
		b.timers.Set(&m.timer, k.rtoAt)
	}
}

// stamp numbers a transmission, and times it if none is being timed. Only first copies
// are (Karn): the answer to a later one might be to an earlier.
func (b *Box) stamp(now int64, m *message, i int) {
	k := m.bulk
	k.txCount++
	k.peer.transmitted()
	switch {
	case k.timedTx == 0 && k.tx[i] == 0 && !k.again:
		k.timedTx, k.timedAt = k.txCount, now
	case k.timedTx != 0 && k.tx[i] == k.timedTx:
		k.timedTx = 0
	}
	k.tx[i] = k.txCount
}

// gotAck notes which fragments of a long message have arrived.
func (b *Box) gotAck(now int64, h *Header, payload []byte) {
	b.Stats.AcksIn++
	m := b.find(&h.Dst, h.MessID)
	if m == nil || m.where != inWindow || m.dst.addr != h.Src {
		return // late
	}
	k := m.bulk
	p := k.peer
	if int(h.Offset) == m.headLen+len(m.body) {
		if k.timedTx != 0 {
			k.sample(now)
		}
		p.acknowledged(k.inflight, k.unit)
		b.release(now, m)
		return
	}
	if len(payload) < 4 || int(binary.BigEndian.Uint32(payload)) != k.unit || int(h.Offset)%k.unit != 0 ||
		int(h.Offset)/k.unit > k.nfrag {
		b.Stats.Malformed++
		return
	}
	end := b.markAcked(now, m, int(h.Offset)/k.unit, payload[4:])
	b.findLost(now, m, end)
	if k.inflight == 0 && k.nlost == 0 && k.next == k.nfrag {
		k.restart()
	}
	b.pump(now, p)
}

// restart follows when every fragment has arrived, one by one, but the receiver
// never had them all: it was frozen and thawed in between and dropped what it had.
func (k *bulk) restart() {
	k.next, k.cum = 0, 0
	k.fence, k.timedTx, k.again = 0, 0, true
	clear(k.acked)
}

// markAcked enters what an ACK says: all below cum, then a bit for each fragment
// from cum on. It returns the end of what the bitmap covers.
func (b *Box) markAcked(now int64, m *message, cum int, bitmap []byte) (end int) {
	k := m.bulk
	flying := k.inflight
	progress := false
	for i := k.cum; i < cum; i++ {
		progress = k.ack(now, m, i) || progress
	}
	k.cum = max(k.cum, cum)
	end = k.cum
	k.answered = true
	for at, x := range bitmap {
		for ; x != 0; x &= x - 1 {
			i := cum + 8*at + bits.TrailingZeros8(x)
			if i >= k.nfrag {
				break
			}
			progress = k.ack(now, m, i) || progress
			end = max(end, i+1)
		}
	}
	for k.next < k.nfrag && hasBit(k.acked, k.next) {
		k.next++
	}
	if progress {
		k.tries, k.backoff = 0, 0
	}
	k.peer.acknowledged(flying-k.inflight, k.unit)
	k.rtoAt = now + k.peer.rto(k.backoff)
	return end
}

// ack marks one fragment as arrived and reports whether that was news. If it was not
// sent yet, it arrived over another way, which the message took before.
func (k *bulk) ack(now int64, m *message, i int) bool {
	if hasBit(k.acked, i) {
		return false
	}
	setBit(k.acked, i)
	if i >= k.next {
		return true
	}
	if hasBit(k.lost, i) {
		clearBit(k.lost, i)
		k.nlost--
	} else {
		size := k.size(m, i)
		k.inflight -= size
		k.peer.inflight -= size
	}
	k.maxAcked = max(k.maxAcked, k.tx[i])
	if k.tx[i] == k.timedTx {
		k.sample(now)
	}
	return true
}

// findLost marks fragments as lost that others have overtaken. Only those below
// end have; after a timeout, all that were sent are looked at.
func (b *Box) findLost(now int64, m *message, end int) {
	k := m.bulk
	fenced := k.fence != 0 && k.maxAcked > k.fence
	if fenced || end > k.next {
		end = k.next
	}
	distance := uint32(reorder)
	if k.next == k.nfrag && k.nlost == 0 && k.inflight <= reorder*k.unit {
		distance = 1
	}
	before := k.nlost
	for i := k.cum; i < end; i++ {
		if hasBit(k.acked, i) || hasBit(k.lost, i) {
			continue
		}
		if k.tx[i]+distance <= k.maxAcked || (fenced && k.tx[i] <= k.fence) {
			setBit(k.lost, i)
			k.nlost++
			size := k.size(m, i)
			k.inflight -= size
			k.peer.inflight -= size
		}
	}
	k.peer.missing(now, k.nlost-before)
	if fenced {
		k.fence = 0
	}
}

// bulkExpired is the retransmission timer of a long message. Most of the time
// ACKs have moved the deadline since the timer was set.
func (b *Box) bulkExpired(now int64, m *message) {
	k := m.bulk
	if k.inflight == 0 {
		return // other messages fill the window; armed again by the next fragment
	}
	if k.rtoAt > now {
		b.timers.Set(&m.timer, k.rtoAt)
		return
	}
	b.Stats.Timeouts++
	k.tries++
	k.backoff++
	if k.tries > maxTries {
		b.giveUp(now, m, Stalled)
		return
	}
	if k.tries%relocateTry == 0 || k.tries == failoverTry && m.dst.nlocs > 1 {
		b.relocate(now, m)
		return
	}
	k.peer.silence(k.unit, k.backoff)
	k.fence = k.txCount
	k.timedTx = 0
	b.stamp(now, m, k.cum)
	if hasBit(k.lost, k.cum) {
		clearBit(k.lost, k.cum)
		k.nlost--
		size := k.size(m, k.cum)
		k.inflight += size
		k.peer.inflight += size
	}
	b.Stats.Resent++
	b.sendFragment(m, k.cum, FlagAckMe)
	k.rtoAt = now + k.peer.rto(k.backoff)
	b.timers.Set(&m.timer, k.rtoAt)
}

// relocate doubts the route of a message whose destination's box is silent: the
// box may have gone, and the address with it or before it.
func (b *Box) relocate(now int64, m *message) {
	b.recall(now, m)
	m.unsure = true
	m.dst.remove(m.via.hop)
	m.dst.inval = m.dst.nlocs == 0
	b.dispatch(now, m)
}

// mayHaveArrived reports whether NOTHERE leaves it open that all of the message
// was received: by an address that went away before it could acknowledge, on a box
// that has been started anew since and does not remember. A refusal of what was
// sent only once, and never acknowledged, is a refusal of everything.
func (k *bulk) mayHaveArrived() bool {
	return k.next == k.nfrag && (k.answered || int(k.txCount) > k.nfrag)
}

// size returns the length of a fragment.
func (k *bulk) size(m *message, i int) int {
	return min(k.unit, m.headLen+len(m.body)-i*k.unit)
}

func peerKey(l location) (key [16]byte) {
	copy(key[:6], l.mac[:])
	key[6] = l.hops
	binary.BigEndian.PutUint32(key[12:], uint32(l.link))
	return key
}
