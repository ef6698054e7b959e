package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// pump is the page stream at the source. It keeps a window of messages under way,
// and makes the next one when one has been answered: between two steps the
// dispatcher does other things.
type pump struct {
	s     *source
	msg   wire.PageBatch
	seq   int
	free  [][]byte // buffers not under way; nil: one that was not needed yet
	under int      // messages under way

	walk  *pageWalk
	bytes int64  // of messages, of this walk
	over  bool   // all of the walk is under way
	done  func() // when it has arrived

	rate  int64 // bytes a second at most, 0: no bound
	since int64 // when the walk began
	timer proc.Timer
}

// pumpWindow is how many messages are under way at once: as many long frames as the smallest
// ring of a card takes, and some to spare.
const pumpWindow = 12

// politeWindow is how many are, in a round of precopying, when the processes talk with others:
// what is said waits behind the pages under way, at either node and between them.
const politeWindow = 3

// talking is how long after a message its process is taken to be about to get another, ns.
const talking = 50e6

// window is how many messages may be under way now.
func (p *pump) window() int {
	s := p.s
	if s.m.State() == move.Sending {
		for _, q := range s.set {
			if q.Heard != 0 && s.n.Tab.Now-q.Heard < talking {
				return politeWindow
			}
		}
	}
	return pumpWindow
}

// stream sends what a walk finds; rate is how much of it in a second, in bytes, 0: as fast as
// it goes. done is called when all has arrived. One stream ends before the next begins: so
// of a page that is sent twice the later one comes later.
func (s *source) stream(w *pageWalk, rate int64, done func()) {
	p := s.pump
	if p == nil {
		p = &pump{s: s}
		p.timer.Init(p)
		p.free = make([][]byte, pumpWindow)
		s.pump = p
	}
	p.walk, p.done, p.over, p.bytes, p.rate, p.since = w, done, false, 0, rate, s.n.Tab.Now
	p.run()
}

// streaming reports whether pages are wanted: a move that was given up wants none.
func (s *source) streaming() bool {
	st := s.m.State()
	return st == move.Sending || st == move.Frozen
}

// run fills the window.
func (p *pump) run() {
	for p.under < p.window() && !p.over && !p.early() {
		if !p.walk.fill(&p.msg) {
			p.over = true
		}
		if !p.msg.Empty() {
			p.send()
		}
	}
	if p.over && p.under == 0 && p.done != nil {
		done := p.done
		p.done = nil
		done()
	}
}

// early reports that the next message has to wait for the rate; run is called when it
// may leave.
func (p *pump) early() bool {
	if p.rate == 0 {
		return false
	}
	at := p.since + int64(float64(p.bytes)*1e9/float64(p.rate))
	if p.s.n.Tab.Now >= at {
		return false
	}
	p.s.n.Tab.StartTimer(&p.timer, at)
	return true
}

// Expire implements proc.Expirer.
func (p *pump) Expire(int64) {
	if p.s.streaming() {
		p.run()
	}
}

func (p *pump) send() {
	s := p.s
	buf := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	if buf == nil {
		buf = make([]byte, 0, wire.PagesMaxLen)
	}
	data := p.msg.Encode(buf, s.id, uint32(p.seq), s.round(), &s.key)
	sent := s.flight.messageAs(api.MovePages, uint32(p.seq), len(data))
	p.seq++
	p.under++
	p.bytes += int64(len(data))
	s.report.Bytes += int64(len(data))
	s.transact(api.MovePages, data, func(c *rpc.Complete) {
		p.under--
		p.free = append(p.free, buf)
		if !s.streaming() {
			return // it was given up meanwhile
		}
		if c.Status != std.OK || c.Header.Status() != std.OK {
			s.fail("%s", s.trouble(c))
			return
		}
		sent.answered()
		p.run()
	})
	s.n.m.Flush() // the target reads it while we make the next
}
