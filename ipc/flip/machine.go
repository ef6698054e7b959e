package flip

import (
	"motile/ipc/internal/deadline"
	"motile/ipc/internal/table"
)

// A Box is one node's packet switch. It has a single owner, which calls it with
// what happened and performs what appears in Out; see the package comment.
type Box struct {
	Out   Effects
	Stats Stats

	cfg   Config
	links []linkState

	// Everything known about addresses, here and elsewhere (route.go).
	dests  table.Table[dest]
	newest *dest // list in the order of use
	oldest *dest
	remote int // destinations without a local registration

	// Messages on their way out (message.go, window.go).
	slots  []*message // by the low half of the handle
	free   list
	held   int // messages not free
	chains [chainLen]*message
	sent   list // single fragments on the wire that may still be refused
	bulks  []*bulk
	peers  table.Table[peer]

	// Messages on their way in (join.go, recent.go).
	joins     []*join
	joinBytes int
	spare     []*join
	recent    recent

	// Frames that pass (forward.go, refuse.go).
	seen   recent  // LOCATE and MULTIDATA fragments that have come in
	asked  *recent // addresses asked for through here, second by second
	passed *passed
	born   int64 // when the first frame came

	id    uint64 // among other members' boxes, 0 until it is needed (listeners.go)
	floor int    // the smallest MTU heard of, for multicasts

	headerLen [256]uint8 // by protocol; see SetHeaderLen

	timers deadline.Heap
	sweep  deadline.Timer
}

// linkState is a link and what the box remembers about it.
type linkState struct {
	Link
	unit      int   // bytes of a message in one full fragment, on this link
	rateSince int64 // LOCATEs are counted from here, second by second
	rateCount int
}

// NewBox returns a box that knows no address. It panics on a Config that cannot
// work, since that is the owner's bug.
func NewBox(cfg Config) *Box {
	cfg.fill()
	b := &Box{cfg: cfg, floor: 65535}
	for _, l := range cfg.Links {
		b.links = append(b.links, linkState{Link: l, unit: unitOf(l.MTU)})
		b.floor = min(b.floor, l.MTU)
	}
	if b.forwards() {
		b.asked, b.passed = new(recent), new(passed)
	}
	b.dests.Seed = cfg.Rand()
	b.peers.Seed = cfg.Rand()
	b.sweep.Owner = b
	return b
}

// SetHeaderLen makes Deliver.Head hold the first n bytes of messages of a
// protocol, at most MaxHeader. Messages whose header is all there is to them
// then cost no allocation.
func (b *Box) SetHeaderLen(proto uint8, n int) {
	b.headerLen[proto] = uint8(min(n, MaxHeader))
}

// MaxPayload returns the longest payload that fits a message beside a header of
// n bytes.
func (b *Box) MaxPayload(n int) int { return b.cfg.MaxMessage - n }

// SingleFragment reports whether a message of n bytes fits one frame on every
// link, so that sending it again costs little more than asking about it.
func (b *Box) SingleFragment(n int) bool {
	for i := range b.links {
		if n > b.links[i].unit {
			return false
		}
	}
	return true
}

// NextDeadline returns the time at which Tick has something to do, or
// deadline.Never (the largest int64).
func (b *Box) NextDeadline() int64 { return b.timers.Next() }

// Tick does what is due. Calling it early or late is harmless.
func (b *Box) Tick(now int64) {
	for {
		t := b.timers.Expired(now)
		if t == nil {
			return
		}
		switch owner := t.Owner.(type) {
		case *dest:
			b.destExpired(now, owner)
		case *message:
			b.bulkExpired(now, owner)
		case *Box:
			b.sweepExpired(now)
		}
	}
}

// destExpired is the deadline of a destination that messages wait for.
func (b *Box) destExpired(now int64, d *dest) {
	switch d.phase {
	case locating:
		b.locateRound(now, d)
	case busy:
		b.busyRound(now, d)
	}
}

// armSweep sees to it that what was just begun will be cleaned up when its time is up,
// though a sweep for routes alone may be set for much later.
func (b *Box) armSweep(now int64) {
	if at := now + sweepEvery; !b.sweep.Armed() || b.sweep.At() > at {
		b.timers.Set(&b.sweep, at)
	}
}

// sweepExpired forgets what has served its time. With only routes left to age
// it lets the node sleep for longer.
func (b *Box) sweepExpired(now int64) {
	for b.sent.head != nil && b.sent.head.since+keepSent <= now {
		b.release(now, b.sent.head)
	}
	b.sweepJoins(now)
	b.sweepRoutes(now)
	switch {
	case b.sent.head != nil || len(b.joins) > 0:
		b.timers.Set(&b.sweep, now+sweepEvery)
	case b.remote > 0:
		b.timers.Set(&b.sweep, now+routeIdle/4)
	}
}
