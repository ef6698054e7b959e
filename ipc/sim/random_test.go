package sim

import (
	"flag"
	"fmt"
	"hash/fnv"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
)

var (
	seedCount = flag.Int("sim.seeds", 0, "histories to run; 0 means the usual number")
	firstSeed = flag.Uint64("sim.seed", 1, "seed of the first history")
	showTrace = flag.Bool("sim.trace", false, "print the history of the first seed")
)

// Histories make much garbage and keep little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}

// TestRandom runs histories in which counters, relays and clients move about on a
// bad wire. No node dies, so every transaction must end, with the right answer,
// after having been executed once.
func TestRandom(t *testing.T) {
	runSeeds(t, 150, func(c *Cluster) *Ledger {
		h := newHistory(c)
		h.start()
		h.movers()
		if !c.Until(300*Second, h.finished) {
			h.explain()
		}
		return h.ledger
	})
}

// TestRandom_Crashes adds nodes that die and come back, processes that exit,
// partitions, aborts and signals. Transactions may fail, but never twice over.
func TestRandom_Crashes(t *testing.T) {
	runSeeds(t, 100, func(c *Cluster) *Ledger {
		h := newHistory(c)
		h.endanger()
		h.start()
		h.movers()
		h.troubles()
		if !c.Until(900*Second, h.finished) {
			h.explain()
		}
		return h.ledger
	})
}

// TestSeed_IsTheHistory runs the same seeds twice.
func TestSeed_IsTheHistory(t *testing.T) {
	digest := func(seed uint64) uint64 {
		sum := fnv.New64a()
		c := New(seed, 3)
		c.Trace = func(line string) { sum.Write([]byte(line)); sum.Write([]byte{'\n'}) }
		h := newHistory(c)
		h.endanger()
		h.start()
		h.movers()
		h.troubles()
		c.Run(2 * Second)
		return sum.Sum64()
	}
	for seed := uint64(1); seed <= 5; seed++ {
		if a, b := digest(seed), digest(seed); a != b {
			t.Errorf("seed %d: two histories", seed)
		}
	}
	if digest(1) == digest(2) {
		t.Error("two seeds, one history")
	}
}

// runSeeds runs histories, one on each CPU at a time, and reports the first that
// breaks.
func runSeeds(t *testing.T, usual int, run func(*Cluster) *Ledger) {
	n := usual
	if testing.Short() {
		n /= 10
	}
	if *seedCount > 0 {
		n = *seedCount
	}
	var (
		mu     sync.Mutex
		next   = *firstSeed
		end    = *firstSeed + uint64(n)
		broken = end
		errors []string
		sum    totals
		wg     sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				stop := seed >= end || broken < end
				mu.Unlock()
				if stop {
					return
				}
				c, l := runSeed(seed, run)
				mu.Lock()
				if len(c.Errors) > 0 && seed < broken {
					broken, errors = seed, c.Errors
				}
				sum.add(c, l)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, e := range errors {
		t.Error(e)
	}
	if broken < end {
		t.Fatalf("seed %d; repeat with: go test ./ipc/sim -run '%s$' -sim.seed %d -sim.seeds 1 -sim.trace",
			broken, t.Name(), broken)
	}
	t.Log(sum)
}

// runSeed runs one history and then lets it come to rest on a perfect wire.
func runSeed(seed uint64, run func(*Cluster) *Ledger) (*Cluster, *Ledger) {
	c := New(seed, 2+int(seed%3))
	if *showTrace && seed == *firstSeed {
		c.Trace = func(line string) { fmt.Println(line) }
	}
	l := run(c)
	if len(c.Errors) == 0 {
		c.Wire = Wire{}
		c.Partition()
		c.Run(30 * Second)
		c.CheckAddresses()
		c.CheckQuiet()
	}
	return c, l
}

// totals is what a number of histories amount to.
type totals struct {
	histories, moves, frames int
	time                     int64
	by                       map[std.Status]int
}

func (s *totals) add(c *Cluster, l *Ledger) {
	if s.by == nil {
		s.by = make(map[std.Status]int)
	}
	s.histories++
	s.moves += c.Moves
	s.frames += c.Frames
	s.time += c.Now
	for status, n := range l.By {
		s.by[status] += n
	}
}

func (s totals) String() string {
	return fmt.Sprintf("%d histories of %d s together: transactions %v, %d moves, %d frames",
		s.histories, s.time/Second, s.by, s.moves, s.frames)
}

// restless is how long processes move about and nodes die.
const restless = 20 * Second

// history is one run: a few servers and clients with random habits.
type history struct {
	c        *Cluster
	ledger   *Ledger
	crashes  bool
	think    int64 // longest pause between transactions of a thread
	patience int64
	left     int // transactions still to begin
	gone     int // transactions whose client died
	ports    []capability.Port
	all      []*Process
	adders   []*Adder
}

func newHistory(c *Cluster) *history {
	h := &history{c: c, ledger: NewLedger(c), think: 5 * Millisecond, patience: 100 * Second}
	r := c.Rand()
	c.Wire = Wire{Delay: 100 * Microsecond, Jitter: 100 * Microsecond}
	if r.IntN(4) > 0 {
		c.Wire.Loss = r.Float64() * 0.20
		c.Wire.Dup = r.Float64() * 0.20
		c.Wire.Reorder = r.Float64() * 0.20
	}
	h.left = 30 + r.IntN(60)
	return h
}

// start spawns the processes: one or two ports, each served by one or two
// counters, at times through a relay, and two to four clients.
func (h *history) start() {
	c, r := h.c, h.c.Rand()
	for i := range 1 + r.IntN(2) {
		h.ports = append(h.ports, h.newPort(fmt.Sprintf("p%d", i)))
		for k := range 1 + r.IntN(2) {
			h.spawnCounter(fmt.Sprintf("counter%d.%d", i, k), h.ports[i])
		}
	}
	if r.IntN(3) == 0 {
		relay := &Relay{Get: h.newPort("relay"), Put: h.ports[0].Put(), Threads: uint32(1 + r.IntN(3))}
		p := c.Spawn("relay", h.anyNode(), relay, false)
		relay.Start(p)
		h.all = append(h.all, p)
		h.ports = append(h.ports, relay.Get)
	}
	for i := range 2 + r.IntN(3) {
		h.spawnAdder(fmt.Sprintf("client%d", i))
	}
}

// endanger prepares for a life in which nodes die: a longer one, with less to do
// at a time.
func (h *history) endanger() {
	h.crashes = true
	h.left *= 3
	h.think = 40 * Millisecond
	h.patience = [...]int64{0, Second, 100 * Second}[h.c.Rand().IntN(3)]
	h.c.Lost = func(*Process) { h.c.After(0, func() { h.bury(); h.restaff() }) }
}

func (h *history) newPort(name string) capability.Port {
	p := capability.NewPort(h.c.Rand().Uint64)
	h.c.NamePort(p, name)
	return p
}

func (h *history) anyNode() *Node {
	for {
		if n := h.c.Nodes[h.c.Rand().IntN(len(h.c.Nodes))]; n.Up {
			return n
		}
	}
}

func (h *history) spawnCounter(name string, get capability.Port) {
	r := h.c.Rand()
	habit := [...]int64{0, 0, 50 * Microsecond, 2 * Millisecond, 20 * Millisecond}[r.IntN(5)]
	s := &Counter{Get: get, Threads: uint32(1 + r.IntN(3)), Ledger: h.ledger, Work: func() int64 {
		if habit == 0 {
			return 0
		}
		if r.IntN(50) == 0 {
			return 2 * Second // long enough for ENQUIRE
		}
		return r.Int64N(2 * habit)
	}}
	p := h.c.Spawn(name, h.anyNode(), s, r.IntN(4) == 0)
	s.Start(p)
	h.all = append(h.all, p)
}

func (h *history) spawnAdder(name string) {
	r := h.c.Rand()
	a := &Adder{Put: h.ports[r.IntN(len(h.ports))].Put(), Ledger: h.ledger, Patience: h.patience}
	a.Next = func(uint32) (bool, int64, uint64, int, int) {
		if h.left == 0 {
			return false, 0, 0, 0, 0
		}
		h.left--
		size := func() int {
			switch r.IntN(6) {
			case 0:
				return r.IntN(1500)
			case 1:
				return r.IntN(30_000)
			}
			return 0
		}
		return true, r.Int64N(h.think), uint64(1 + r.IntN(9)), size(), size()
	}
	p := h.c.Spawn(name, h.anyNode(), a, false)
	a.Start(p, uint32(1+r.IntN(3)))
	h.all = append(h.all, p)
	h.adders = append(h.adders, a)
}

// movers makes everybody move at random instants, for as long as restless lets
// them: processes that are frozen nearly all the time get nothing done.
func (h *history) movers() {
	r := h.c.Rand()
	pause := r.Int64N(30*Millisecond) + Millisecond
	var again func()
	again = func() {
		if h.finished() || h.c.Now > restless {
			return
		}
		h.c.After(r.Int64N(2*pause), again)
		if len(h.all) == 0 {
			return
		}
		p := h.all[r.IntN(len(h.all))]
		course := Course{Pages: r.IntN(3), Build: r.Int64N(10 * Millisecond)}
		if r.IntN(20) == 0 {
			course.Build = 3 * Second // BUSY for a while
		}
		if to := h.anyNode(); p.Alive {
			p.Migrate(to, course)
		}
	}
	h.c.After(pause, again)
}

// troubles adds what may make transactions fail.
func (h *history) troubles() {
	c, r := h.c, h.c.Rand()
	var again func()
	again = func() {
		if h.finished() || c.Now > restless {
			return
		}
		c.After(r.Int64N(200*Millisecond), again)
		if len(h.all) == 0 {
			return
		}
		switch r.IntN(6) {
		case 0:
			n := c.Nodes[r.IntN(len(c.Nodes))]
			if n.Up && c.upNodes() > 1 {
				h.crash(n)
			}
		case 1:
			c.Partition([]int{1 + r.IntN(len(c.Nodes))})
			c.After(r.Int64N(3*Second), func() { c.Partition() })
		case 2:
			h.exitCounter()
		default:
			h.interrupt()
		}
	}
	c.After(r.Int64N(200*Millisecond), again)
}

func (c *Cluster) upNodes() (n int) {
	for _, x := range c.Nodes {
		if x.Up {
			n++
		}
	}
	return n
}

// crash cuts the power of a node, and later boots it and starts new servers for
// those that are gone.
func (h *history) crash(n *Node) {
	h.c.tracef("node %d dies", n.ID)
	n.Crash()
	h.bury()
	h.c.After(h.c.Rand().Int64N(2*Second), func() {
		h.c.tracef("node %d boots", n.ID)
		n.Start()
		h.restaff()
	})
}

// exitCounter lets a server exit in good order.
func (h *history) exitCounter() {
	p := h.all[h.c.Rand().IntN(len(h.all))]
	if _, ok := p.program.(*Counter); !ok || !p.Alive || p.Frozen || p.Moving() {
		return
	}
	h.c.tracef("%s exits", p.Name)
	p.Exit()
	h.bury()
	h.c.After(h.c.Rand().Int64N(Second), h.restaff)
}

// bury counts the transactions of dead clients as done with.
func (h *history) bury() {
	kept := h.all[:0]
	for _, p := range h.all {
		if p.Alive {
			kept = append(kept, p)
		} else if a, ok := p.program.(*Adder); ok {
			h.gone += len(a.current)
			a.current = nil
		}
	}
	h.all = kept
}

// restaff makes sure that every port is served and somebody asks.
func (h *history) restaff() {
	served, clients := map[capability.Port]bool{}, 0
	for _, p := range h.all {
		switch x := p.program.(type) {
		case *Counter:
			served[x.Get] = true
		case *Relay:
			served[x.Get] = true
		case *Adder:
			clients++
		}
	}
	for i, get := range h.ports {
		if !served[get] {
			h.spawnCounter(fmt.Sprintf("counter%d'", i), get)
		}
	}
	if clients == 0 {
		h.spawnAdder("client'")
	}
}

// interrupt signals a thread, or aborts its call.
func (h *history) interrupt() {
	r := h.c.Rand()
	p := h.all[r.IntN(len(h.all))]
	a, ok := p.program.(*Adder)
	if !ok || !p.Alive || p.Frozen {
		return
	}
	for slot := range uint32(3) {
		if _, busy := a.current[slot]; busy {
			m := p.node.machine
			if !m.AbortTrans(h.c.Now, p.ep, slot) {
				m.Signal(h.c.Now, p.ep, slot)
			}
			h.c.perform(p.node)
			return
		}
	}
}

func (h *history) finished() bool {
	if h.left > 0 || len(h.c.Errors) > 0 {
		return len(h.c.Errors) > 0
	}
	if h.crashes {
		asking := 0
		for _, a := range h.adders {
			asking += len(a.current)
		}
		return asking == 0
	}
	return h.ledger.Ended == h.ledger.Begun && h.ledger.By[std.OK] == h.ledger.Ended
}

// explain notes why a history has not come to its end.
func (h *history) explain() {
	h.c.violated("%d of %d transactions ended: %v; %d never begun", h.ledger.Ended, h.ledger.Begun, h.ledger.By, h.left)
	for _, a := range h.adders {
		for slot, id := range a.current {
			h.c.violated("transaction %d in slot %d has not ended", id, slot)
		}
	}
}
