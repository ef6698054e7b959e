package lab

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"

	"motile/ipc/sim"
)

// Explore looks at every history of a small model: two nodes, a server that moves
// from one to the other, a client with one transaction. The transaction begins at any
// moment of the move, frames arrive in any order in which those to one node do not
// overtake each other, and up to so many faults happen anywhere: a frame is lost,
// comes twice, overtakes others or comes later than a timer, a node dies and boots.
// Frames take no time; time passes when nothing is under way.
//
// There is no way to copy a cluster, so a state is reached by doing again all that
// has led to it. Two states are one if all nodes have seen the same in the same
// order and the same frames are under way: they are deterministic.
func Explore(faults int) *Explored {
	x := &Explored{faults: faults, seen: make(map[uint64]bool)}
	x.from(nil, nil)
	return x
}

// Explored is what has been found.
type Explored struct {
	States  int // distinct ones
	Ends    int // histories looked at to their end
	Deepest int
	Broken  string
	How     []string // the steps that lead there

	faults int
	seen   map[uint64]bool
}

// step is one thing that can happen: of a kind, to the i-th frame under way or to
// the i-th node.
type step struct {
	kind stepKind
	i    int
}

type stepKind uint8

const (
	begin stepKind = iota // the i-th stimulus: the move, the transaction
	deliver
	lose
	twice
	overtake
	tick // time passes until somebody has something to do
	late // the same while frames are under way
	crash
)

func (s step) String() string {
	name := [...]string{"begin", "deliver", "lose", "twice", "overtake", "tick", "late", "crash"}[s.kind]
	return fmt.Sprintf("%s %d", name, s.i)
}

func (k stepKind) fault() bool { return k != begin && k != deliver && k != tick }

// most is how long a history may be before it counts as endless.
const most = 600

// from looks at all that can come after some steps. The world, if not nil, is where
// they have led.
func (x *Explored) from(steps []step, w *model) {
	if w == nil {
		w = replay(steps)
	}
	for x.Broken == "" {
		x.Deepest = max(x.Deepest, len(steps))
		if w.c.Broken != "" || len(steps) > most {
			x.broken(steps, w)
			return
		}
		next := w.enabled(x.faults)
		if len(next) == 0 {
			x.Ends++
			if w.end(); w.c.Broken != "" {
				x.broken(steps, w)
			}
			return
		}
		for _, s := range next[1:] {
			branch := append(slices.Clone(steps), s)
			if b := replay(branch); x.fresh(b) {
				x.from(branch, b)
			}
			if x.Broken != "" {
				return
			}
		}
		steps = append(steps, next[0])
		w.do(next[0])
		if !x.fresh(w) {
			return
		}
	}
}

// fresh reports whether a state has not been seen before.
func (x *Explored) fresh(w *model) bool {
	d := w.digest()
	if x.seen[d] {
		return false
	}
	x.seen[d] = true
	x.States++
	return true
}

func (x *Explored) broken(steps []step, w *model) {
	if x.Broken = w.c.Broken; x.Broken == "" {
		x.Broken = "it does not end"
	}
	for _, s := range steps {
		x.How = append(x.How, s.String())
	}
	x.How = append(x.How, w.c.Errors...)
}

// model is the small world.
type model struct {
	c      *sim.Cluster
	ledger *sim.Ledger
	server *sim.Process
	client *sim.Process
	adder  *sim.Adder

	flying  []sim.Delivery
	begun   [2]bool
	faults  int
	crashed bool
	seen    []uint64 // by node, a digest of all that it has seen in its present life
}

func replay(steps []step) *model {
	w := newModel()
	for _, s := range steps {
		w.do(s)
	}
	return w
}

func newModel() *model {
	w := &model{seen: make([]uint64, 2)}
	plan := &Plan{Seed: 1, Nodes: 2}
	r := newRun(plan)
	w.c = r.c
	w.c.Carry = func(d sim.Delivery) { w.flying = append(w.flying, d) }
	w.ledger = r.ledger
	get := r.port("p")
	counter := &sim.Counter{Get: get, Threads: 1, Ledger: w.ledger, Work: func() int64 { return 0 }}
	w.server = w.c.Spawn("s", w.c.Node(1), counter, false)
	counter.Start(w.server)
	w.adder = &sim.Adder{Put: get.Put(), Ledger: w.ledger, Patience: sim.Second}
	w.client = w.c.Spawn("c", w.c.Node(2), w.adder, false)
	return w
}

// enabled lists what can happen next; nothing, if the history is over.
func (w *model) enabled(faults int) (next []step) {
	first := w.firsts()
	for _, i := range first {
		next = append(next, step{deliver, i})
	}
	for i, begun := range w.begun {
		if !begun {
			next = append(next, step{begin, i})
		}
	}
	over := w.over()
	if len(next) == 0 && over {
		return nil
	}
	if len(w.flying) == 0 && !over {
		next = append(next, step{tick, 0})
	}
	if w.faults == faults {
		return next
	}
	for i := range w.flying {
		next = append(next, step{lose, i}, step{twice, i})
		if !slices.Contains(first, i) {
			next = append(next, step{overtake, i})
		}
	}
	if len(w.flying) > 0 {
		next = append(next, step{late, 0})
	}
	return append(next, step{crash, 1}, step{crash, 2})
}

// firsts are the frames that are next at their node.
func (w *model) firsts() (list []int) {
	var at [3]bool
	for i, d := range w.flying {
		if !at[d.To.ID] {
			at[d.To.ID] = true
			list = append(list, i)
		}
	}
	return list
}

// over reports whether the transaction and the move have ended.
func (w *model) over() bool {
	return w.adder.Asking(w.client) == 0 && !w.server.Moving() && !(w.server.Alive && w.server.Frozen) && !w.c.Moving()
}

// do takes one step.
func (w *model) do(s step) {
	if s.kind.fault() {
		w.faults++
	}
	switch s.kind {
	case begin:
		w.begin(s.i)
	case deliver, overtake, twice, lose:
		d := w.flying[s.i]
		if s.kind != twice {
			w.flying = slices.Delete(w.flying, s.i, s.i+1)
		}
		if s.kind != lose {
			w.note(d.To.ID, d.Frame)
			w.c.Deliver(d)
		}
	case tick, late:
		w.c.Step()
		for id := range w.seen {
			w.note(id+1, []byte("tick"))
		}
	case crash:
		w.crashed = true
		n := w.c.Node(s.i)
		n.Crash()
		n.Start()
		w.seen[s.i-1] = 0
		w.note(s.i, []byte("boot"))
		w.flying = slices.DeleteFunc(w.flying, func(d sim.Delivery) bool { return d.To == n })
	}
}

func (w *model) begin(i int) {
	w.begun[i] = true
	switch {
	case i == 0 && w.server.Alive:
		w.note(1, []byte("move"))
		w.server.Migrate(w.c.Node(2), sim.Course{})
	case i == 1 && w.client.Alive:
		w.note(2, []byte("trans"))
		w.client.Do(func() { w.adder.Ask(w.client, 0, 1, 0, 0) })
	}
}

// note adds to what a node has seen.
func (w *model) note(id int, what []byte) {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(nil, w.seen[id-1]))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(w.c.Now)))
	h.Write(what)
	w.seen[id-1] = h.Sum64()
}

// digest stands for the state. Of frames to different nodes it does not count which
// was sent first.
func (w *model) digest() uint64 {
	frames := make([]uint64, 2)
	for _, d := range w.flying {
		h := fnv.New64a()
		h.Write(binary.BigEndian.AppendUint64(nil, frames[d.To.ID-1]))
		h.Write(d.Frame)
		frames[d.To.ID-1] = h.Sum64()
	}
	h := fnv.New64a()
	for _, part := range [][]uint64{w.seen, frames, {uint64(w.c.Now), uint64(w.faults)}} {
		for _, v := range part {
			h.Write(binary.BigEndian.AppendUint64(nil, v))
		}
		h.Write([]byte{'/'})
	}
	fmt.Fprint(h, w.begun, w.crashed, w.server.Alive, w.client.Alive)
	return h.Sum64()
}

// end lets the world come to rest and looks at it.
func (w *model) end() {
	w.c.Carry = nil
	w.c.Run(rest)
	if w.c.Broken != "" {
		return
	}
	w.c.CheckAddresses()
	w.c.CheckQuiet()
	if !w.crashed && w.ledger.By[0] != 1 {
		w.c.Violated("no node has died, and the transaction has ended so: %v", w.ledger.By)
	}
}
