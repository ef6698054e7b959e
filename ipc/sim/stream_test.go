package sim

import (
	"fmt"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// streams is a history of long transfers, forwards and deadlines.
type streams struct {
	c       *Cluster
	ledger  *StreamLedger
	crashes bool
	left    int
	gone    int
	front   capability.Port // forwards to back
	back    capability.Port
	all     []*Process
}

func newStreams(c *Cluster) *streams {
	h := newHistory(c) // for its wire
	c.PartBytes = [...]int{700, 2000, 3000}[c.rng.IntN(3)]
	for _, n := range c.Nodes {
		n.Start() // with this length of parts
	}
	s := &streams{c: c, ledger: NewStreamLedger(c), front: h.newPort("front"), back: h.newPort("back")}
	s.left = 20 + c.rng.IntN(30)
	return s
}

func (s *streams) anyNode() *Node {
	for {
		if n := s.c.Nodes[s.c.rng.IntN(len(s.c.Nodes))]; n.Up {
			return n
		}
	}
}

const streamRoom = 30_000

func (s *streams) spawnStore(name string, get, elsewhere capability.Port) {
	r := s.c.rng
	habit := [...]int64{1, 2 * Millisecond, 20 * Millisecond}[r.IntN(3)]
	x := &Store{Get: get, Elsewhere: elsewhere, Threads: uint32(1 + r.IntN(2)), Room: streamRoom, Ledger: s.ledger,
		Work: func() int64 { return r.Int64N(habit) }}
	p := s.c.Spawn(name, s.anyNode(), x, false)
	x.Start(p)
	s.all = append(s.all, p)
}

func (s *streams) spawnStreamer(name string, deadlines bool) {
	r := s.c.rng
	x := &Streamer{Put: [...]capability.Port{s.front, s.back}[r.IntN(2)].Put(), Ledger: s.ledger}
	x.Next = func() (bool, int64, Query) {
		if s.left == 0 {
			return false, 0, Query{}
		}
		s.left--
		q := Query{LongSend: r.IntN(2) == 0, LongWant: r.IntN(2) == 0, Patience: 100 * Second, Room: streamRoom}
		size := func(long bool) int {
			if long {
				return 1 + r.IntN(streamRoom)
			}
			return r.IntN(2) * r.IntN(3000)
		}
		q.Send, q.Want = size(q.LongSend), size(q.LongWant)
		if deadlines && r.IntN(3) == 0 {
			q.Deadline = 1 + r.Int64N(100*Millisecond)
		}
		if deadlines && q.LongWant && r.IntN(4) == 0 {
			q.Room = r.IntN(q.Want)
		}
		if deadlines && q.LongSend && r.IntN(6) == 0 {
			q.Send = streamRoom + 1
		}
		return true, r.Int64N(10 * Millisecond), q
	}
	p := s.c.Spawn(name, s.anyNode(), x, false)
	x.Start(p, uint32(1+r.IntN(3)))
	s.all = append(s.all, p)
}

func (s *streams) start(deadlines bool) {
	s.spawnStore("front", s.front, s.back.Put())
	for i := range 1 + s.c.rng.IntN(2) {
		s.spawnStore(fmt.Sprintf("back%d", i), s.back, capability.Port{})
	}
	for i := range 1 + s.c.rng.IntN(3) {
		s.spawnStreamer(fmt.Sprintf("client%d", i), deadlines)
	}
	s.movers()
}

func (s *streams) movers() {
	r := s.c.rng
	pause := r.Int64N(30*Millisecond) + Millisecond
	var again func()
	again = func() {
		if s.finished() || s.c.Now > restless {
			return
		}
		s.c.After(r.Int64N(2*pause), again)
		if len(s.all) == 0 {
			return
		}
		p := s.all[r.IntN(len(s.all))]
		course := Course{Pages: r.IntN(3), Build: r.Int64N(10 * Millisecond)}
		if to := s.anyNode(); p.Alive {
			p.Migrate(to, course)
		}
	}
	s.c.After(pause, again)
}

// troubles kills nodes and boots them again, partitions the network, interrupts
// calls, and replaces processes that are gone.
func (s *streams) troubles() {
	r := s.c.rng
	var again func()
	again = func() {
		if s.finished() {
			return
		}
		s.c.After(r.Int64N(400*Millisecond), again)
		s.bury()
		if s.c.Now > restless {
			if s.c.upNodes() == len(s.c.Nodes) {
				s.restaff()
			}
			return
		}
		n := s.c.Nodes[r.IntN(len(s.c.Nodes))]
		switch {
		case r.IntN(4) == 0 && n.Up:
			n.Crash()
			s.bury()
			s.c.After(r.Int64N(2*Second), func() {
				n.Start()
				s.restaff()
			})
		case r.IntN(4) == 0:
			s.c.Partition([]int{1 + r.IntN(len(s.c.Nodes))})
			s.c.After(r.Int64N(3*Second), func() { s.c.Partition() })
		default:
			s.interrupt()
		}
	}
	s.c.After(r.Int64N(Second), again)
}

func (s *streams) interrupt() {
	if len(s.all) == 0 {
		return
	}
	p := s.all[s.c.rng.IntN(len(s.all))]
	x, ok := p.program.(*Streamer)
	if !ok || !p.Alive || p.Frozen {
		return
	}
	for slot := range uint32(3) {
		if x.asking[slot] != nil {
			if m := p.node.machine; !m.AbortTrans(s.c.Now, p.ep, slot) {
				m.Signal(s.c.Now, p.ep, slot)
			}
			s.c.perform(p.node)
			return
		}
	}
}

func (s *streams) bury() {
	kept := s.all[:0]
	for _, p := range s.all {
		if p.Alive {
			kept = append(kept, p)
		} else if x, ok := p.program.(*Streamer); ok {
			s.gone += len(x.asking)
			x.asking = nil
		}
	}
	s.all = kept
}

func (s *streams) restaff() {
	served, clients := map[capability.Port]bool{}, 0
	for _, p := range s.all {
		switch x := p.program.(type) {
		case *Store:
			served[x.Get] = true
		case *Streamer:
			clients++
		}
	}
	if !served[s.front] {
		s.spawnStore("front'", s.front, s.back.Put())
	}
	if !served[s.back] {
		s.spawnStore("back'", s.back, capability.Port{})
	}
	if clients == 0 {
		s.spawnStreamer("client'", true)
	}
}

func (s *streams) finished() bool {
	return len(s.c.Errors) > 0 || s.left == 0 && s.ledger.Ended+s.gone == s.ledger.Begun
}

func (s *streams) explain() {
	s.c.violated("%d of %d transactions ended: %v; %d never begun", s.ledger.Ended, s.ledger.Begun, s.ledger.By, s.left)
}

// TestStreams runs long transfers between processes that move about, through a
// server that forwards. No node dies, so each is executed once and ends well.
func TestStreams(t *testing.T) {
	runSeeds(t, 200, func(c *Cluster) *Ledger {
		s := newStreams(c)
		s.start(false)
		if !c.Until(300*Second, s.finished) {
			s.explain()
		}
		if n := s.ledger.By[std.OK]; n != s.ledger.Ended {
			c.violated("%d of %d ended well: %v", n, s.ledger.Ended, s.ledger.By)
		}
		return s.ledger.Ledger
	})
}

// TestStreams_Troubles adds deadlines, oversize, signals, crashes and partitions.
func TestStreams_Troubles(t *testing.T) {
	runSeeds(t, 150, func(c *Cluster) *Ledger {
		s := newStreams(c)
		s.left *= 3
		s.crashes = true
		s.start(true)
		s.troubles()
		if !c.Until(900*Second, s.finished) {
			s.explain()
		}
		return s.ledger.Ledger
	})
}
