package node

import (
	"fmt"
	"slices"

	"motile/kernel/vm"
	"motile/migrate/move"
	"motile/proc"
	"motile/proc/api"
)

// Precopying: the pages are sent while the processes run, and then, in rounds, those that
// were written meanwhile, until few are left for the freeze (V: Theimer, Lantz and
// Cheriton, 1985). When to stop is migrate/move's to say (Rounds); which pages have
// changed is told by the CPU (vm: ChangedFrom). Memory that processes share is sent
// at the freeze.
type precopy struct {
	s      *source
	rounds move.Rounds
	spaces []*vm.Space // what has been sent is of them, in this order
	of     []int

	began int64 // the round under way
	sent  int   // pages before it
	scan  proc.Timer
	at    uint64 // where the count of changed pages goes on, in the first of counted
	left  []*vm.Space
	dirty int
}

// defaultFreeze is how long processes should stand still at most, if nobody says, in ns:
// somebody at a terminal does not see that.
const defaultFreeze = 15e6

// precopy sends rounds of pages, and then goes on to the freeze.
func (s *source) precopy() {
	p := &precopy{s: s}
	p.scan.Init(p)
	p.rounds = move.Rounds{MaxFreeze: s.maxFreeze, Fixed: s.pace().commit() * 1000}
	p.spaces, p.of = s.set.spaces()
	for _, space := range p.spaces {
		space.Track()
	}
	s.pre = p
	p.round(false)
}

func (p *precopy) round(again bool) {
	s := p.s
	p.began, p.sent = s.n.Tab.Now, s.report.Pages
	w := newPageWalk(s.set, nil, s.files, &s.report, pass{track: true, again: again})
	w.stale = p.changed
	s.stream(w, s.rate, p.arrived)
}

// arrived: the round is over. Now the changed pages are counted, some at a time, so
// that others run meanwhile.
func (p *precopy) arrived() {
	if p.changed() {
		p.end()
		return
	}
	p.left, p.at, p.dirty = p.spaces, 0, 0
	p.count()
}

// scanPages is how many pages are looked at in one step of the dispatcher: some tens of
// microseconds.
const scanPages = 4096

// Expire implements proc.Expirer: the count goes on.
func (p *precopy) Expire(int64) {
	if p.s.m.State() == move.Sending {
		p.count()
	}
}

func (p *precopy) count() {
	if p.changed() {
		p.end()
		return
	}
	n := 0
	n, p.at = p.left[0].Changed(p.at, scanPages)
	p.dirty += n
	if p.at == 0 {
		p.left = p.left[1:]
	}
	if len(p.left) > 0 {
		p.s.n.Tab.StartTimer(&p.scan, p.s.n.Tab.Now)
		return
	}
	p.decide()
}

func (p *precopy) decide() {
	s := p.s
	took, pages := s.n.Tab.Now-p.began, s.report.Pages-p.sent
	s.report.Rounds = append(s.report.Rounds, api.MoveRound{Pages: pages, Us: took / 1000, Dirty: p.dirty})
	p.rounds.Sent(pages, took, p.dirty)
	if p.rounds.Again() {
		p.round(true)
		return
	}
	if !p.rounds.Kept() {
		s.report.Note = fmt.Sprintf("it writes about as fast as pages are sent: after %d rounds %d were left", len(s.report.Rounds), p.dirty)
	}
	p.end()
}

func (p *precopy) end() { p.s.settle() }

// round is which one of precopying is under way, 0: the set stands still.
func (s *source) round() int {
	if s.m.State() == move.Frozen {
		return 0
	}
	return len(s.report.Rounds) + 1
}

// changed reports whether what has been sent is not of the memory that the set has now: it
// has called exec, or others were born or have ended.
func (p *precopy) changed() bool {
	s := p.s
	s.set = s.muster()
	spaces, of := s.set.spaces()
	return !slices.Equal(spaces, p.spaces) || !slices.Equal(of, p.of) ||
		slices.ContainsFunc(p.spaces, (*vm.Space).Forgetful)
}

// stop ends the tracking.
func (p *precopy) stop() {
	p.s.n.Tab.StopTimer(&p.scan)
	for _, space := range p.spaces {
		space.Untrack()
	}
}

// voided has the target forget what was sent, if that is of no use any more: all is sent at
// the freeze then.
func (s *source) voided() bool {
	if s.pre == nil || !s.pre.changed() {
		return false
	}
	s.pre.stop()
	s.pre = nil
	s.report.Note = "the set of processes or their memory became another while it was sent: all was sent again"
	return true
}
