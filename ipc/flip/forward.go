package flip

// A box on several networks is a router. It learns from what passes, as every box
// does, and sends on what is not for it:
//
//   - Frames for one address go the cheapest known way, but never back to the box
//     they came from. What cannot go on is answered with NOTHERE (refuse.go).
//   - LOCATE and MULTIDATA go out on all other networks, once each: the box
//     remembers which it has seen, so that loops carry nothing twice.
//
// act_hop grows by the weight of the network that a frame goes out on; a frame that
// would exceed max_hop goes no further, which ends what circles among boxes with
// wrong ideas. mtu falls to the network's MTU.

// forwards reports that the box sends on what is not for it.
func (b *Box) forwards() bool { return len(b.links) > 1 && !b.cfg.NoForward }

// isHere reports that frames for the address end at this box. Those for an address that
// is frozen and has announced itself elsewhere do not: this box may be on their way.
func (b *Box) isHere(addr *Address) bool {
	d := b.dests.Get((*[16]byte)(addr))
	return d != nil && d.local != nil && d.local.members == 0 && !d.movedOn()
}

// pass sends a frame for one address elsewhere on its way.
func (b *Box) pass(now int64, in hop, h *Header, payload []byte) {
	if h.Type == NotHere || h.Type == Untrusted {
		if !b.passRefusal(in, h) {
			return
		}
	} else if h.Type != HereIs || h.Total == 0 { // groups are no destinations
		b.hear(now, in, h)
	}
	if h.Type == UniData && b.recent.has(&h.Src, h.MessID) {
		b.Stats.Duplicates++ // it arrived here, before its destination moved on
		return
	}
	d := b.dests.Get((*[16]byte)(&h.Dst))
	out, obstacle := b.wayOn(d, in, h)
	if obstacle != nil {
		if h.Type == UniData {
			b.refusePassing(now, in, h, obstacle)
		}
		return
	}
	if h.Type == UniData {
		b.passed.note(&h.Src, h.MessID, out.hop)
	}
	b.touch(now, d)
	b.sendOn(out.hop, h, payload)
}

// An obstacle is why a router does not send a frame on.
type obstacle struct {
	typ   Type // of the frame that says so
	flags uint8
	mtu   int // with FlagTooBig, what would pass
}

var (
	noRoute     = obstacle{typ: NotHere, flags: FlagUnreachable}
	noSafeRoute = obstacle{typ: Untrusted, flags: FlagUnreachable}
)

// wayOn returns the cheapest location of d that a frame can be sent on to: not back,
// not beyond its hop limit, and not over a network that it is too long for.
func (b *Box) wayOn(d *dest, in hop, h *Header) (location, *obstacle) {
	if d == nil {
		return location{}, &noRoute
	}
	length := HeaderLen + int(h.Length)
	secure := h.Flags&FlagSecurity != 0
	limit := min(h.MaxHop, maxHopInval)
	tooBig, unsafe := 0, false
	for _, loc := range d.locs[:d.nlocs] {
		l := &b.links[loc.link]
		switch {
		case loc.hop == in:
		case int(h.ActHop)+int(l.Weight) > int(limit):
			b.Stats.HopLimit++
		case secure && (loc.unsafe || l.Untrusted):
			unsafe = true
		case length > l.MTU:
			tooBig = max(tooBig, l.MTU)
		default:
			return loc, nil
		}
	}
	if tooBig > 0 {
		return location{}, &obstacle{typ: NotHere, flags: FlagUnreachable | FlagTooBig, mtu: tooBig}
	}
	if unsafe {
		return location{}, &noSafeRoute
	}
	return location{}, &noRoute
}

// flood sends a frame for everybody on to all networks but the one it came from, and
// reports whether its hop limit kept it from any.
func (b *Box) flood(now int64, in hop, h *Header, payload []byte) (limited bool) {
	for link := range b.links {
		l := &b.links[link]
		switch {
		case link == in.link:
		case h.Flags&FlagSecurity != 0 && l.Untrusted:
		case int(h.ActHop)+int(l.Weight) > int(min(h.MaxHop, maxHopInval)):
			limited = true
		case HeaderLen+int(h.Length) > l.MTU:
			b.refuseTooBig(in, h, l.MTU)
		case h.Type == Locate && !b.mayLocate(now, link, b.firstAsked(now, &h.Dst)):
			b.Stats.LocatesHeldBack++
		default:
			b.sendOn(hop{link, Broadcast}, h, payload)
		}
	}
	return limited
}

// firstAsked reports that nobody has lately asked for the address through this box.
// Such questions have precedence under the rate limit.
func (b *Box) firstAsked(now int64, addr *Address) bool {
	period := uint64(now / askedLately)
	before := b.asked.has(addr, period-1)
	return b.asked.add(addr, period) && !before
}

// sendOn emits a frame that came in, as it is but for what it cost so far.
func (b *Box) sendOn(to hop, h *Header, payload []byte) {
	b.Stats.Forwarded++
	on := *h
	b.emit(to, &on, nil, b.Out.keep(payload))
}
