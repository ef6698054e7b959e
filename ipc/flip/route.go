package flip

import "motile/ipc/internal/deadline"

// dest is all that the box knows about one address: whether it is registered
// here, where else it can be reached, and which messages wait for it.
//
// A destination is in one of three phases. Only in the first do messages leave;
// in the others they wait in queue, and timer is armed.
//
//	phase      entered when                      left when
//	resolved   a location is learnt              -
//	locating   a message finds no location       a location is learnt, or the
//	                                             messages' time is up
//	busy       BUSY arrives                      src shows life, or BUSY stops
//	                                             coming (then locating)
//
// Messages for an address that is registered here but frozen wait in queue too,
// in phase resolved: Thaw and Unregister flush it.
type dest struct {
	addr  Address
	local *local // not nil: registered here

	// Where the address can be reached over the links, cheapest first, all at the
	// same epoch. While local is not nil there are none, but for one case: a
	// frozen address that has announced itself elsewhere with a higher epoch.
	epoch uint32
	nlocs int
	locs  [maxLocations]location

	newer, older *dest // the box's list in the order of use
	lastUsed     int64
	heard        int64 // when a frame last came from it; 0: never
	refs         int   // messages whose dst this is
	doubted      bool  // somebody looks for it elsewhere: what is heard next replaces all

	phase     phase
	inval     bool       // LOCATE past the routers' caches
	wantSafe  bool       // locating goes on until a safe way is found
	edges     []hop      // routers at the edge of the first ring
	audience  []audience // if it is a group (listeners.go)
	round     int        // LOCATEs or busy questions so far
	roundAt   int64
	heardBusy int64 // when BUSY last came
	backoff   int64
	queue     list
	timer     deadline.Timer
}

type phase uint8

const (
	resolved phase = iota
	locating
	busy
)

// A location is a box on a link through which an address can be reached: the box
// that it is on, or a router.
type location struct {
	hop
	hops   uint8
	unsafe bool   // the way crosses an untrusted network
	mtu    uint16 // smallest of the way, as the last frame from there had it
	limit  uint16 // smaller one that a router on the way there has asked for, or 0
	heard  int64  // when that frame came
}

// Route is a line of the routing table, for looking at it.
type Route struct {
	Addr     Address
	Local    bool
	Frozen   bool
	Epoch    uint32
	Link     int // of the best location; -1 if there is none
	MAC      MAC
	Hops     uint8
	MTU      int // of the way there
	Ways     int // locations known
	Waiting  int // messages held back
	Locating bool
	Busy     bool
}

// Routes calls yield for each address the box knows, the last used first, until
// it returns false.
func (b *Box) Routes(yield func(Route) bool) {
	for d := b.newest; d != nil; d = d.older {
		r := Route{Addr: d.addr, Epoch: d.epoch, Link: -1, Waiting: d.queue.n,
			Locating: d.phase == locating, Busy: d.phase == busy}
		if d.local != nil {
			r.Local, r.Frozen = true, d.local.frozen
		}
		if d.nlocs > 0 {
			r.Link, r.MAC, r.Hops = d.locs[0].link, d.locs[0].mac, d.locs[0].hops
			r.MTU, r.Ways = d.locs[0].pathMTU(), d.nlocs
		}
		if !yield(r) {
			return
		}
	}
}

// Heard is when a frame last came from an address, 0 if none has: be it data, or
// no more than a sign that ours have arrived.
func (b *Box) Heard(addr Address) int64 {
	if d := b.dests.Get((*[16]byte)(&addr)); d != nil {
		return d.heard
	}
	return 0
}

// lookupOrAdd returns what is known about an address, which may be nothing.
func (b *Box) lookupOrAdd(now int64, addr *Address) *dest {
	d := b.dests.Get((*[16]byte)(addr))
	if d == nil {
		b.makeRoom()
		d = &dest{addr: *addr}
		d.timer.Owner = d
		b.dests.Put((*[16]byte)(addr), d)
		b.remote++
		b.armSweep(now)
	}
	b.touch(now, d)
	return d
}

// learn notes that the source of a frame can be reached through the box that
// sent it. It returns nil if the frame proves nothing: its source has left that
// place, or is registered here.
func (b *Box) learn(now int64, in hop, h *Header) *dest {
	if h.Src.IsNull() {
		return nil
	}
	d := b.lookupOrAdd(now, &h.Src)
	if d.local != nil && !d.local.frozen {
		b.Stats.Conflicts++
		return nil
	}
	if d.local != nil && h.Epoch <= d.local.epoch {
		return nil // said before it was frozen, and late
	}
	if h.Epoch != d.epoch {
		if h.Epoch < d.epoch && !d.lost() {
			b.Stats.StaleEpoch++
			return nil
		}
		d.epoch = h.Epoch
		d.nlocs = 0
	}
	d.heard = now
	unsafe := h.Flags&FlagUnsafe != 0
	// Nearly always the frame comes from where the last one came.
	if best := &d.locs[0]; d.nlocs > 0 && best.hop == in && best.hops == h.ActHop && best.mtu == h.MTU &&
		best.unsafe == unsafe && !d.doubted {
		best.heard = now
		return d
	}
	if d.doubted {
		d.doubted, d.nlocs = false, 0
	}
	if h.MTU >= minMTU {
		b.floor = min(b.floor, int(h.MTU))
	}
	d.forgetOld(now)
	d.insert(location{hop: in, hops: h.ActHop, unsafe: unsafe, mtu: h.MTU, heard: now})
	return d
}

// forgetOld drops locations without a sign of life for as long as a route lives.
func (d *dest) forgetOld(now int64) {
	for i := d.nlocs - 1; i >= 0; i-- {
		if d.locs[i].heard+routeIdle <= now {
			d.remove(d.locs[i].hop)
		}
	}
}

// way returns the best location to send to, the safe ones only if it must.
func (d *dest) way(secure bool) (location, bool) {
	for _, loc := range d.locs[:d.nlocs] {
		if !secure || !loc.unsafe {
			return loc, true
		}
	}
	return location{}, false
}

// pathMTU returns the longest frame that the way to a location is known to take.
func (l *location) pathMTU() int {
	mtu := int(l.mtu)
	if l.limit != 0 {
		mtu = min(mtu, int(l.limit))
	}
	return max(mtu, minMTU)
}

// unitOf returns the bytes of a message in each fragment but the last, in frames of
// that length.
func unitOf(mtu int) int { return (mtu - HeaderLen) &^ 7 }

// unit returns the length of fragments for a location.
func (b *Box) unit(l *location) int { return min(unitOf(l.pathMTU()), b.links[l.link].unit) }

// lost reports that nobody has answered for the address at the epoch last heard of,
// although it was asked for again and again. A damaged frame has said so; what is
// where it was before is not late then.
func (d *dest) lost() bool {
	return d.local == nil && d.phase == locating && d.round > lostRounds
}

// movedOn reports that the address is frozen here and has been heard of from another
// place since: the move is committed, and what is here is only waiting to be told so.
func (d *dest) movedOn() bool {
	return d.local != nil && d.local.frozen && d.nlocs > 0 && d.epoch > d.local.epoch
}

// insert adds or updates a location and keeps the cheapest first; among equals
// the newest wins, since it has just been seen to work.
func (d *dest) insert(loc location) {
	loc.limit = d.remove(loc.hop)
	if d.nlocs == maxLocations {
		d.nlocs--
	}
	i := d.nlocs
	for ; i > 0 && d.locs[i-1].hops >= loc.hops; i-- {
		d.locs[i] = d.locs[i-1]
	}
	d.locs[i] = loc
	d.nlocs++
}

// remove forgets one location. It returns the limit that its way had.
func (d *dest) remove(at hop) (limit uint16) {
	for i := range d.locs[:d.nlocs] {
		if d.locs[i].hop == at {
			limit = d.locs[i].limit
			copy(d.locs[i:d.nlocs], d.locs[i+1:d.nlocs])
			d.nlocs--
			break
		}
	}
	return limit
}

// only forgets all locations but one.
func (d *dest) only(at hop) {
	for _, loc := range d.locs[:d.nlocs] {
		if loc.hop == at {
			d.locs[0], d.nlocs = loc, 1
			return
		}
	}
}

// touch moves d to the front of the list in the order of use.
func (b *Box) touch(now int64, d *dest) {
	d.lastUsed = now
	if b.newest == d {
		return
	}
	b.unlist(d)
	d.older = b.newest
	if b.newest != nil {
		b.newest.newer = d
	} else {
		b.oldest = d
	}
	b.newest = d
}

func (b *Box) unlist(d *dest) {
	if d.newer != nil {
		d.newer.older = d.older
	} else if b.newest == d {
		b.newest = d.older
	}
	if d.older != nil {
		d.older.newer = d.newer
	} else if b.oldest == d {
		b.oldest = d.newer
	}
	d.newer, d.older = nil, nil
}

// makeRoom forgets the route longest unused if the table is full.
func (b *Box) makeRoom() {
	if b.remote < b.cfg.MaxRoutes {
		return
	}
	for d := b.oldest; d != nil; d = d.newer {
		if d.disposable() {
			b.Stats.RoutesPurged++
			b.dispose(d)
			return
		}
	}
}

// sweepRoutes forgets routes that nobody used for long.
func (b *Box) sweepRoutes(now int64) {
	for d := b.oldest; d != nil && d.lastUsed+routeIdle <= now; {
		next := d.newer
		if d.disposable() {
			b.dispose(d)
		}
		d = next
	}
}

// disposable reports whether nothing but a route would be lost with d.
func (d *dest) disposable() bool {
	return d.local == nil && d.refs == 0 && d.phase == resolved
}

func (b *Box) dispose(d *dest) {
	b.unlist(d)
	b.dests.Delete((*[16]byte)(&d.addr))
	b.remote--
}
