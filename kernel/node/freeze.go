package node

import "motile/migrate/move"

// What stands still between freeze and commit.

// freeze stops the set and captures it. While files were on the way much can have
// happened to it: processes have ended, others were born.
func (s *source) freeze() {
	n := s.n
	if s.object != nil {
		s.freezeObject()
		return
	}
	for _, p := range s.set {
		of(p).settled()
		of(p).askAgain()
	}
	s.set = s.muster()
	if why := s.hindrance(); why != "" {
		s.fail("%s", why)
		return
	}
	if !s.same() {
		s.fail("process %d has ended", s.offer.PID)
		return
	}
	s.enter(s.set)
	s.pulse.start()
	s.frozenAt, s.frozeWall = n.Tab.Now, n.Tab.Now+n.Tab.WallBase
	for _, p := range s.set { // all of them, before a message that waits here is delivered
		n.Tab.FreezeToMove(p)
	}
	for _, p := range s.set {
		of(p).freeze()
	}
	c, err := n.capture(s.set, forWhom{target: s.target, boot: s.boot, residual: s.residual})
	s.cap = c
	if err != nil {
		s.why = err.Error()
	}
}

// discard drops the copies here. The processes are at the target, or lost.
func (s *source) discard() {
	n := s.n
	if s.m.State() == move.Lost {
		s.dropResidue()
	}
	for _, p := range s.set {
		of(p).remove()
	}
	n.leave(s.cap)
	for _, p := range s.set {
		n.left = append(n.recentlyLeft(), departed{p.PID, p.PGID, p.SID, n.Tab.Now + departedFor})
		n.markSpread(p.PGID)
	}
	for _, p := range s.set {
		n.Tab.Discard(p)
	}
}

// thaw lets the set run on here.
func (s *source) thaw() {
	n := s.n
	if s.cap == nil {
		return // it was never frozen
	}
	if s.giveUp != nil { // resolved by hand: what the target has not heard, it must not hear
		s.giveUp()
		s.giveUp = nil
	}
	s.dropResidue()
	n.undo(s.cap, s.target, s.boot)
	s.cap = nil
	for _, p := range s.set {
		of(p).thaw()
	}
}

// goSilent: nobody knows where the set is. Messages for it are told NOTHERE from now on,
// instead of BUSY for ever. The holders of an object by itself go on waiting: they have
// nobody else to ask.
func (s *source) goSilent() {
	if s.object == nil {
		s.n.Log("motile: %v: in doubt: node %d does not confirm; resolve it by hand", s.set, s.target)
	}
	for _, p := range s.set {
		of(p).silence()
	}
}
