package node

import (
	"fmt"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// source is a move this node is the source of: it does what its machine says. How it
// begins is in order.go, what it says to the target first in offer.go, what stands still
// in freeze.go.
type source struct {
	n        *Node
	id       wire.MoveID
	set      set     // who moves; none: an object does
	named    int32   // who was named in the order
	roots    []int32 // those that were: the set is drawn up anew at the freeze
	tree     bool    // their descendants move along
	entered  []int32 // under which pids the node knows the move
	object   *export
	target   int
	residual bool
	user     bool // a user-level server carries its messages, up to the commit line
	m        move.Source
	timer    proc.Timer
	grace    proc.Timer // asks again whether a vfork is over
	key      [16]byte   // of the page stream
	pulse    pulse
	presence presence

	asked    rpc.Handle // who wants the report; none if the node itself moves it
	boot     uint64     // of the target
	files    []*vm.Store
	offer    wire.Offer
	lack     []int // indices of files the target lacks
	offers   int   // made since, of files that the set has opened meanwhile
	prepared bool  // it has sent what the strategy sends while the set runs
	cap      *captured
	pump     *pump
	pre      *precopy // what was sent while the set ran; nil: nothing
	flush    *flush   // what is written to a file server; nil: nothing

	strategy  strategy
	maxFreeze int64  // ns
	rate      int64  // of what is sent while the set runs, bytes a second, 0: no bound
	giveUp    func() // ends the COMMIT that is under way
	why       string // the first thing that went wrong
	flight    flight // where it is recorded

	report    api.MoveReport
	began     int64
	accepted  int64
	frozenAt  int64
	frozeWall int64
	sent      int64 // when the pages had arrived
}

// step takes an event and does what follows.
func (s *source) step(ev move.SourceEvent) {
	s.m.Step(s.n.Tab.Now, ev)
	s.noteEvent(ev)
	s.act()
}

// Expire implements proc.Expirer: the machine's deadline.
func (s *source) Expire(now int64) {
	s.m.Tick(now)
	s.act()
}

func (s *source) act() {
	effects := append([]move.Effect(nil), s.m.TakeEffects()...)
	for _, e := range effects {
		s.noteEffect(e)
		switch e {
		case move.SendOffer:
			s.sendOffer()
		case move.SendFiles:
			s.presence.start()
			s.sendFiles(0, 0)
		case move.Freeze:
			s.freeze()
		case move.SendPages:
			s.sendPages()
		case move.SendPrepare:
			s.sendState()
		case move.Commit:
			s.commit()
		case move.SendCommit:
			s.sendCommit()
		case move.Discard:
			s.discard()
		case move.Thaw:
			s.thaw()
		case move.SendAbort:
			s.send(api.MoveAbort, wire.Commit{Move: s.id}, func(*rpc.Complete) {})
		case move.GoSilent:
			s.goSilent()
		case move.Report:
			s.finish()
		}
	}
	if d := s.m.NextDeadline(); d != 0 {
		s.n.Tab.StartTimer(&s.timer, d)
	} else {
		s.n.Tab.StopTimer(&s.timer)
	}
}

// fail notes why and tells the machine.
func (s *source) fail(format string, args ...any) {
	if s.why == "" {
		s.why = fmt.Sprintf(format, args...)
	}
	s.step(move.Failed)
}

// movePatience is how long the target's process server is looked for.
const movePatience = 2e9

// send is one transaction with the target's process server.
func (s *source) send(command uint32, v any, done func(*rpc.Complete)) (slot int) {
	data, err := image.Marshal(v)
	if err != nil {
		s.fail("encoding: %v", err)
		return
	}
	return s.transact(command, data, s.flight.asked(command, len(data), done))
}

// trouble says what a transaction with the target came to, or "" if all is well.
func (s *source) trouble(c *rpc.Complete) string {
	switch {
	case c.Status == std.RPCNotFound:
		return fmt.Sprintf("node %d does not answer: is it up? (see nodes)", s.target)
	case c.Status != std.OK:
		return fmt.Sprintf("node %d went silent (%v)", s.target, c.Status)
	case c.Header.Status() == std.NoMem:
		return fmt.Sprintf("node %d ran out of memory", s.target)
	case c.Header.Status() != std.OK:
		return fmt.Sprintf("node %d refused (%v)", s.target, c.Header.Status())
	}
	return ""
}

// statePiece is how much of an image one message takes.
const statePiece = 512 << 10

// sendPages starts the stream of what the frozen set needs.
func (s *source) sendPages() {
	if s.why != "" {
		s.fail("")
		return
	}
	again := s.pre != nil
	w := newPageWalk(s.set, s.cap.stores, s.files, &s.report, pass{track: again, again: again, final: true})
	w.leave = s.leaves()
	sent := func() { s.step(move.PagesSent) }
	if s.flush != nil {
		s.flush.begin()
		w.file = s.flush
		sent = func() { s.flush.write(func() { s.step(move.PagesSent) }) }
	}
	s.stream(w, 0, sent)
}

// sendState sends the image, once the pages have arrived: what one message does not take
// goes before the order to prepare.
func (s *source) sendState() {
	s.sent = s.n.Tab.Now
	img, err := s.n.encode(s.cap, s.id.Bound())
	if err != nil {
		s.fail("encoding the image: %v", err)
		return
	}
	if len(img) > maxState {
		s.fail("%s", tooLarge(len(img)))
		return
	}
	s.report.StateBytes = len(img)
	s.sendPiece(img, 0)
}

// tooLarge is why a set with so much beside its pages does not move.
func tooLarge(n int) string {
	return fmt.Sprintf("beside the pages there are %d KB (logs, what is in pipes, messages under way): more than the %d that a move takes", n>>10, maxState>>10)
}

func (s *source) sendPiece(img []byte, off int) {
	if len(img)-off <= statePiece {
		s.sendPrepare(img[off:], off)
		return
	}
	s.send(api.MoveState, wire.State{Move: s.id, Off: off, Data: img[off : off+statePiece]}, func(c *rpc.Complete) {
		if why := s.trouble(c); why != "" {
			s.fail("%s", why)
			return
		}
		if s.m.State() == move.Preparing {
			s.sendPiece(img, off+statePiece)
		}
	})
}

func (s *source) sendPrepare(rest []byte, before int) {
	s.send(api.MovePrepare, wire.Prepare{Move: s.id, Image: rest, Messages: s.pump.seq, Before: before, File: s.flush.file(), FileOn: s.flush.on()}, func(c *rpc.Complete) {
		var a wire.Answer
		if why := s.trouble(c); why != "" {
			s.fail("%s", why)
			return
		}
		if image.Unmarshal(c.Data, &a) != nil || a.State != "ready" {
			s.fail("node %d: %s", s.target, a.Error)
			return
		}
		s.step(move.Ready)
	})
}

// sendCommit is sent until it is answered. FrozenNs is made anew each time.
func (s *source) sendCommit() {
	n := s.n
	c := wire.Commit{Move: s.id, FrozenNs: n.Tab.Now - s.frozenAt}
	if n.wallSet {
		c.FrozeAt = s.frozeWall
	}
	over := false
	slot := s.send(api.MoveCommit, c, func(c *rpc.Complete) {
		over = true
		s.giveUp = nil
		var a wire.Answer
		if c.Status != std.OK || c.Header.Status() != std.OK || image.Unmarshal(c.Data, &a) != nil {
			s.step(move.Failed)
			return
		}
		switch {
		case a.Boot != s.boot:
			s.why = fmt.Sprintf("node %d was restarted: %v lost with it", s.target, s.set.are())
			s.step(move.TargetLost)
		case a.State == "committed":
			s.report.FirstRunUs = a.FirstRunUs
			s.step(move.Committed)
		default:
			// It has the same boot and knows nothing: it was told by hand.
			s.why = fmt.Sprintf("node %d has dropped %v", s.target, s.set)
			s.step(move.TargetLost)
		}
	})
	if !over {
		s.giveUp = func() { n.forgetCall(slot) }
	}
}

// commit is the commit line: from here on the set is the target's, but for the memory that
// it asks for later.
func (s *source) commit() {
	s.keepResidue()
	if len(s.set) > 0 {
		s.n.Log("motile: %v: committed to node %d", s.set, s.target)
	}
}

// what is who moves, in words, also when nobody is left who could.
func (s *source) what() string {
	if len(s.set) == 0 {
		return pidsText([]int32{s.named})
	}
	return s.set.String()
}

// maxFinished is for how many moves a node knows how they ended.
const maxFinished = 1 << 16

// finish tells who asked how it ended.
func (s *source) finish() {
	n, now := s.n, s.n.Tab.Now
	n.finished[s.id.Nr] = s.m.State()
	delete(n.finished, s.id.Nr-maxFinished)
	n.Tab.StopTimer(&s.timer)
	n.Tab.StopTimer(&s.grace)
	s.pulse.stop()
	s.presence.stop()
	n.movers.withdraw(s)
	if s.pump != nil {
		n.Tab.StopTimer(&s.pump.timer)
	}
	if s.pre != nil {
		s.pre.stop()
	}
	if s.object != nil {
		delete(n.objectMoves, s.id.Nr)
		s.object.taking = false
		s.object.closeUnused()
		return
	}
	s.enter(nil)
	n.wantRehome = true
	for _, p := range s.set {
		of(p).shakenOff(s.m.State())
	}
	out := api.MigrateReply{PID: s.named, Node: n.Number, Error: s.why}
	if s.m.State() == move.Done {
		out.Node, out.Error = s.target, ""
		r := &s.report
		r.Strategy, r.Server = s.strategy.String(), s.server()
		us := func(from, to int64) int64 { return (to - from) / 1000 }
		r.NegotiateUs, r.PrecopyUs = us(s.began, s.accepted), us(s.accepted, s.frozenAt)
		r.FreezeUs, r.TransferUs, r.CommitUs = us(s.frozenAt, now), us(s.frozenAt, s.sent), us(s.sent, now)
		r.TotalUs = us(s.began, now)
		out.Report = *r
		s.pace().note(r, s.pump.bytes, s.flush.bytes())
		if len(s.set) > 1 {
			out.Processes = s.set.pids()
		}
	} else {
		n.Log("motile: %s not moved to node %d: %s", s.what(), s.target, s.why)
	}
	b, err := image.Marshal(out)
	if err == nil {
		n.ipc.m.Reply(now, s.asked, &std.Header{Size: uint32(len(b))}, b)
		n.perform()
	}
}
