package flip

import "motile/ipc/internal/deadline"

// Send describes a message for Unicast. The box copies Header and keeps Payload
// by reference until the message has left for good: until then nobody may write
// to it. With a destination on this box the receiver gets that very slice.
type Send struct {
	Src, Dst Address
	Proto    uint8
	Header   []byte // at most MaxHeader bytes
	Payload  []byte

	// Secure messages cross trusted networks only.
	Secure bool

	// Hops limits the cost of the way of a multicast; 0 means no limit.
	Hops uint8

	// Listeners is how many members of a group MulticastTo demands.
	Listeners int

	// Invalidate forgets what is known of the destination's whereabouts and asks
	// everybody, past all caches (FLIP_INVAL).
	Invalidate bool

	// Fleeting messages are forgotten once on the wire. A BUSY or NOTHERE for one
	// still updates the routes, but the message is lost, and nobody is told.
	Fleeting bool

	Patience int64  // ns to be located in; 0 means LocateDefault
	Token    uint64 // returned in NotDelivered
}

// A Handle names a message that the box keeps. Zero names none.
type Handle uint64

// A SendState says what has become of a message.
type SendState uint8

const (
	Gone     SendState = iota // delivered here, forgotten or given up
	OnWire                    // sent; it can still be refused
	InWindow                  // being sent, fragment by fragment
	Locating                  // its destination is being looked for
	HeldBusy                  // its destination is frozen
)

// message is one outgoing message that the box keeps.
type message struct {
	prev, next *message // neighbours in the list of where
	chain      *message // next with the same hash of messid
	where      where
	index, gen uint32 // make the handle

	local     *local // source
	dst       *dest
	messid    uint64
	proto     uint8
	fleeting  bool
	secure    bool
	hops      uint8 // limit of a multicast
	left      bool  // a part of it was on the wire
	unsure    bool  // and what was heard of it does not exclude that it arrived
	bounces   uint8 // NOTHEREs
	token     uint64
	listeners int      // demanded for a multicast; 0: a unicast
	patience  int64    // time left to be located in
	since     int64    // when it came to the list it is on
	via       location // where it was last sent

	headLen int
	head    [MaxHeader]byte
	body    []byte
	bulk    *bulk // once it has been in a window
	timer   deadline.Timer
}

// where is the list that a message is on.
type where uint8

const (
	inFree   where = iota // Box.free
	inQueue               // dest.queue: no way to go, or busy
	inSent                // Box.sent: single fragment, not refused yet
	inWindow              // peer.window: several fragments, not all acknowledged
)

const chainLen = 256 // a power of two

// Unicast sends a message and returns its handle, or 0 if the box need not keep
// it: it was delivered on the spot, or is Fleeting, or was refused. A refusal,
// now or later, appears as NotDelivered.
func (b *Box) Unicast(now int64, s *Send) Handle {
	src := b.local(&s.Src)
	if reason := b.refuse(src, s); reason != 0 {
		b.undelivered(NotDelivered{Src: s.Src, Dst: s.Dst, Proto: s.Proto, Token: s.Token, Reason: reason})
		return 0
	}
	b.Stats.Sent++
	d := b.lookupOrAdd(now, &s.Dst)
	if s.Invalidate && d.local == nil {
		d.nlocs = 0
		d.inval = true
	}
	if d.local != nil && !d.local.frozen {
		src.messid++
		b.deliverLocal(d, &s.Src, s.Proto, s.Header, s.Payload)
		return 0
	}
	if s.Fleeting && d.phase == resolved && d.nlocs > 0 {
		if via := &d.locs[0]; !s.Secure && len(s.Header)+len(s.Payload) <= b.unit(via) {
			h := Header{Proto: s.Proto, Dst: d.addr, MessID: src.nextID()}
			b.sendSingle(via.hop, src, &h, s.Header, s.Payload)
			return 0
		}
	}
	m := b.keep(src, d, s)
	b.dispatch(now, m)
	if m.where == inFree {
		return 0
	}
	return m.handle()
}

// refuse returns why a message cannot be sent at all, or 0.
func (b *Box) refuse(src *local, s *Send) Reason {
	switch {
	case src == nil || src.frozen || src.members > 0:
		return BadSource
	case len(s.Header) > MaxHeader || len(s.Header)+len(s.Payload) > b.cfg.MaxMessage:
		return TooBig
	case b.held >= b.cfg.MaxHeld:
		return NoRoom
	}
	return 0
}

// dispatch sends a message the way that its destination's state commands.
func (b *Box) dispatch(now int64, m *message) {
	d := m.dst
	way, ok := d.way(m.secure)
	switch {
	case m.listeners > 0:
		b.multicastIfHeard(now, m)
	case d.local != nil && !d.local.frozen:
		b.deliverLocal(d, &m.local.addr, m.proto, m.head[:m.headLen], m.body)
		b.release(now, m)
	case ok && (d.phase == resolved || d.phase == locating && d.wantSafe && !m.secure):
		b.transmit(now, m, way)
	default:
		b.hold(now, m)
	}
}

// hold keeps a message until its destination is found, thawed or moved.
func (b *Box) hold(now int64, m *message) {
	d := m.dst
	m.where = inQueue
	m.since = now
	d.queue.push(m)
	d.wantSafe = d.wantSafe || m.secure && d.nlocs > 0
	if d.phase == resolved && (d.local == nil || m.listeners > 0) {
		b.startLocate(now, d)
	}
}

// transmit puts a message on the wire, or in the window if it is long.
func (b *Box) transmit(now int64, m *message, via location) {
	m.via = via
	m.left = true
	m.since = now
	if m.headLen+len(m.body) > b.unit(&via) {
		b.startBulk(now, m)
		return
	}
	h := Header{Flags: m.security(), Proto: m.proto, Dst: m.dst.addr, MessID: m.messid}
	b.sendSingle(via.hop, m.local, &h, m.head[:m.headLen], m.body)
	if m.fleeting {
		b.release(now, m)
		return
	}
	m.where = inSent
	b.sent.push(m)
	b.armSweep(now)
}

// gotNotHere follows a refusal by a box that does not have the address: that
// location is forgotten, and the message tries the next one or is located anew.
//
// In Amoeba the whole packet came back, and RPC had to send it again. Ours is
// still here.
func (b *Box) gotNotHere(now int64, in hop, h *Header) {
	if h.Flags&FlagEdge != 0 {
		b.gotEdge(in, h)
		return
	}
	b.Stats.NotHereIn++
	if h.Flags&FlagTooBig != 0 {
		b.gotTooBig(now, in, h)
		return
	}
	d := b.dests.Get((*[16]byte)(&h.Src))
	if d == nil {
		return
	}
	if d.local == nil {
		d.remove(in)
	}
	if m := b.refused(in, h); m != nil {
		b.bounce(now, m)
	}
}

// refused returns the message, on its way over that hop, that a frame refuses.
func (b *Box) refused(in hop, h *Header) *message {
	m := b.find(&h.Dst, h.MessID)
	if m == nil || m.dst.addr != h.Src || m.where == inQueue || m.via.hop != in {
		return nil
	}
	return m
}

// bounce sends a refused message another way, or has its destination located anew.
func (b *Box) bounce(now int64, m *message) {
	if m.where == inWindow && m.bulk.mayHaveArrived() {
		m.unsure = true
	}
	b.recall(now, m)
	if m.bounces++; m.bounces > maxBounces {
		reason := GoneAway
		if m.unsure {
			reason = Stalled
		}
		b.giveUp(now, m, reason)
		return
	}
	m.dst.inval = m.dst.nlocs == 0
	b.dispatch(now, m)
}

// gotTooBig lowers the MTU of a way, and starts a message anew in smaller fragments.
// What the networks beyond take is known before, as a rule: by the mtu of the frames
// that come from there. But those may come another way.
func (b *Box) gotTooBig(now int64, in hop, h *Header) {
	if h.MTU < minMTU {
		return
	}
	b.floor = min(b.floor, int(h.MTU))
	d := b.dests.Get((*[16]byte)(&h.Src))
	if d == nil {
		return
	}
	for i := range d.locs[:d.nlocs] {
		if loc := &d.locs[i]; loc.hop == in && (loc.limit == 0 || loc.limit > h.MTU) {
			loc.limit = h.MTU
		}
	}
	m := b.refused(in, h)
	if m == nil || m.where == inWindow && m.bulk.unit <= unitOf(int(h.MTU)) ||
		m.where == inSent && m.headLen+len(m.body) <= unitOf(int(h.MTU)) {
		return // sent again in time
	}
	b.bounce(now, m)
}

// Cancel forgets a message, which may or may not have arrived. The caller may
// reuse the payload once the frames in Out are sent.
func (b *Box) Cancel(now int64, h Handle) {
	if m := b.message(h); m != nil {
		b.release(now, m)
	}
}

// State returns what has become of a message.
func (b *Box) State(h Handle) SendState {
	m := b.message(h)
	if m == nil {
		return Gone
	}
	switch m.where {
	case inSent:
		return OnWire
	case inWindow:
		return InWindow
	}
	if m.dst.phase == locating {
		return Locating
	}
	return HeldBusy
}

// Unsent reports whether the box keeps a message that has never left it.
func (b *Box) Unsent(h Handle) bool {
	m := b.message(h)
	return m != nil && m.where == inQueue && !m.left
}

// giveUp drops a message and tells its sender.
func (b *Box) giveUp(now int64, m *message, reason Reason) {
	if !m.fleeting {
		b.undelivered(NotDelivered{Src: m.local.addr, Dst: m.dst.addr, Proto: m.proto,
			Token: m.token, Handle: m.handle(), Reason: reason})
	}
	b.release(now, m)
}

func (b *Box) undelivered(n NotDelivered) {
	b.Stats.Undelivered++
	b.Out.NotDelivered = append(b.Out.NotDelivered, n)
}

// keep makes a message of s and enters it in the tables.
func (b *Box) keep(src *local, d *dest, s *Send) *message {
	m := b.free.head
	if m != nil {
		b.free.remove(m)
	} else {
		m = &message{index: uint32(len(b.slots))}
		m.timer.Owner = m
		b.slots = append(b.slots, m)
	}
	m.gen++
	m.local, m.dst, m.messid = src, d, src.nextID()
	m.proto, m.fleeting, m.token = s.Proto, s.Fleeting, s.Token
	m.secure, m.hops, m.listeners = s.Secure, s.Hops, 0
	m.left, m.unsure, m.bounces = false, false, 0
	if m.patience = s.Patience; m.patience <= 0 {
		m.patience = LocateDefault
	}
	m.headLen = copy(m.head[:], s.Header)
	m.body = s.Payload
	d.refs++
	b.held++
	bucket := &b.chains[m.messid%chainLen]
	m.chain, *bucket = *bucket, m
	return m
}

// release forgets a message wherever it is.
func (b *Box) release(now int64, m *message) {
	b.recall(now, m)
	if m.where == inQueue {
		m.dst.queue.remove(m)
	}
	for p := &b.chains[m.messid%chainLen]; ; p = &(*p).chain {
		if *p == m {
			*p = m.chain
			break
		}
	}
	if m.bulk != nil {
		b.bulks = append(b.bulks, m.bulk)
		m.bulk = nil
	}
	m.dst.refs--
	b.held--
	m.local, m.dst, m.body, m.chain = nil, nil, nil, nil
	m.where = inFree
	b.free.push(m)
}

// recall takes a message off the wire: should it be sent again, then from its
// first byte. Messages in a queue stay there. Afterwards it is on no other list.
func (b *Box) recall(now int64, m *message) {
	switch m.where {
	case inSent:
		b.sent.remove(m)
		m.where = inFree
	case inWindow:
		b.stopBulk(now, m)
		m.where = inFree
	}
}

// cancelFrom drops everything that an address, now frozen, is sending.
func (b *Box) cancelFrom(now int64, l *local) {
	for _, m := range b.slots {
		if m.local == l {
			b.release(now, m)
		}
	}
}

// find returns the kept message with this source and number, or nil.
func (b *Box) find(src *Address, messid uint64) *message {
	for m := b.chains[messid%chainLen]; m != nil; m = m.chain {
		if m.messid == messid && m.local.addr == *src {
			return m
		}
	}
	return nil
}

func (m *message) handle() Handle { return Handle(uint64(m.gen)<<32 | uint64(m.index)) }

func (b *Box) message(h Handle) *message {
	if i := uint32(h); int(i) < len(b.slots) {
		if m := b.slots[i]; m.gen == uint32(h>>32) && m.local != nil {
			return m
		}
	}
	return nil
}
