package lab

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/sim"
	"motile/ipc/std"
)

// Result is what has come of a plan.
type Result struct {
	Broken  string        // the invariant that was broken first, as a format; "" if none
	Errors  []string      // what was broken, in words
	At      int64         // when the run ended
	Chances []Event       // what the dice did to frames
	Struck  map[int]int64 // when an event befell that waited for a frame, by its number
	Ops     []*sim.Op
	By      map[std.Status]int
	Posts   [][]*sim.Post      // of each group
	Sent    map[std.Status]int // messages of groups
	Copies  int                // of frames
	Moves   int
}

// Times of a run.
const (
	limit = 900 * sim.Second // for all transactions to end
	rest  = 70 * sim.Second  // for everything to come to rest: longer than any doubt or linger
)

// storm is how many copies of frames are too many: a usual history has a thousand.
const storm = 50_000

// run is a plan that is happening.
type run struct {
	*Plan
	c         *sim.Cluster
	ledger    *sim.Ledger
	ports     map[string]capability.Port
	actors    map[string]*sim.Process
	clients   []*client
	groups    map[string]*sim.Journal // by port
	members   []*member
	byFrame   map[int][]Event
	struck    map[int]int64
	dice      *rand.Rand
	chances   []Event
	left      int // timed events to come
	calm      bool
	dissolved bool // the groups are: nothing befalls frames any more
	jitter    bool // is written down too
}

type client struct {
	p *sim.Process
	a *sim.Adder
	n int // transactions to begin
}

// Run lets a plan happen. Trace, if not nil, is told of every step.
func Run(p *Plan, trace func(string)) *Result { return start(p, trace, false) }

// chances are what the dice do to the frames of a plan, with the jitter or without.
func chances(p *Plan, jitter bool) []Event { return start(p, nil, jitter).Chances }

func start(p *Plan, trace func(string), jitter bool) *Result {
	r := newRun(p)
	r.jitter = jitter
	r.c.Trace = trace
	for i := range p.Actors {
		r.spawn(&p.Actors[i], p.Actors[i].Name, p.Actors[i].Node)
	}
	for _, e := range p.Events {
		if e.Frame > 0 {
			r.byFrame[e.Frame] = append(r.byFrame[e.Frame], e)
			continue
		}
		r.left++
		r.c.After(e.At, func() {
			r.left--
			r.befall(&e)
		})
	}
	r.play()
	return &Result{Broken: r.c.Broken, Errors: r.c.Errors, At: r.c.Now, Chances: r.chances, Ops: r.ledger.Ops,
		By: r.ledger.By, Posts: r.posts(), Sent: r.sent(), Struck: r.struck, Copies: r.c.Copies, Moves: r.c.Moves}
}

// newRun makes the world of a plan, without anybody in it.
func newRun(p *Plan) *run {
	networks := p.Networks
	if len(networks) == 0 {
		one := sim.Network{Link: flip.Link{MTU: 1500}}
		for id := range p.Nodes {
			one.Nodes = append(one.Nodes, id+1)
		}
		networks = []sim.Network{one}
	}
	r := &run{Plan: p, c: sim.NewOn(p.Seed, p.Nodes, networks), ports: make(map[string]capability.Port),
		actors: make(map[string]*sim.Process), groups: make(map[string]*sim.Journal), byFrame: make(map[int][]Event), struck: make(map[int]int64),
		dice: rand.New(rand.NewPCG(p.Seed, 0x77697265))}
	r.c.Carry = r.carry
	r.c.Lost = r.lost
	r.ledger = sim.NewLedger(r.c)
	r.c.Kernels()
	return r
}

// play lets everything happen and then come to rest.
func (r *run) play() {
	c := r.c
	if !c.Until(limit, r.over) {
		r.explain()
	}
	if c.Broken != "" {
		return
	}
	r.calm = true
	c.Partition()
	for _, n := range c.Nodes {
		if !n.Up {
			n.Start()
		}
	}
	r.dissolve()
	for end := c.Now + rest; c.Broken == "" && c.Now < end; {
		c.Run(sim.Second)
	}
	if c.Broken == "" {
		c.CheckAddresses()
		c.CheckQuiet()
	}
	if r.Strict && r.ledger.By[std.OK] != r.ledger.Begun {
		c.Violated("not all transactions were answered: %v", r.ledger.By)
	}
	r.checkGroups()
}

// over reports whether nothing is left to do.
func (r *run) over() bool {
	if r.c.Copies > storm {
		r.c.Violated("the networks are swamped: %d frames", r.c.Copies)
	}
	if r.c.Broken != "" {
		return true
	}
	if r.left > 0 {
		return false
	}
	for _, x := range r.clients {
		if x.a.Asking(x.p) > 0 || x.p.Alive && x.n > 0 {
			return false
		}
	}
	for _, x := range r.members {
		if x.p.Alive && !x.m.Gone() && (x.n > 0 || x.m.Busy()) {
			return false
		}
	}
	return true
}

// explain notes why a history has not come to its end.
func (r *run) explain() {
	if r.c.Broken == "" {
		r.c.Violated("it does not end: %d of %d transactions ended, %v, messages %v", r.ledger.Ended, r.ledger.Begun, r.ledger.By, r.sent())
	}
}

func (r *run) port(name string) capability.Port {
	p, ok := r.ports[name]
	if !ok {
		p = capability.NewPort(r.rand("port " + name).Uint64)
		r.ports[name] = p
		r.c.NamePort(p, name)
	}
	return p
}

// rand makes a source of random numbers that is for one thing only: so that what
// is taken out of a plan does not change the rest.
func (r *run) rand(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(r.Seed, h.Sum64()))
}

// spawn starts a process, on another node if that one is down.
func (r *run) spawn(a *Actor, name string, node int) {
	for range r.Nodes {
		if r.c.Node(node).Up {
			break
		}
		node = node%r.Nodes + 1
	}
	n := r.c.Node(node)
	if !n.Up {
		r.c.After(100*sim.Millisecond, func() { r.spawn(a, name, node) })
		return
	}
	dice := r.rand(name)
	switch a.Kind {
	case "counter":
		s := &sim.Counter{Get: r.port(a.Port), Threads: uint32(a.Threads), Ledger: r.ledger, Work: func() int64 {
			if a.Work == 0 {
				return 0
			}
			return dice.Int64N(2 * a.Work)
		}}
		r.actors[name] = r.c.Spawn(name, n, s, a.Upcall)
		s.Start(r.actors[name])
	case "relay":
		s := &sim.Relay{Get: r.port(a.Port), Put: r.port(a.To).Put(), Threads: uint32(a.Threads)}
		r.actors[name] = r.c.Spawn(name, n, s, false)
		s.Start(r.actors[name])
	case "member":
		r.spawnMember(a, name, n, dice)
	case "client":
		r.spawnClient(a, name, n, dice)
	}
}

func (r *run) spawnClient(a *Actor, name string, n *sim.Node, dice *rand.Rand) {
	x := &client{n: a.N * a.Threads}
	x.a = &sim.Adder{Put: r.port(a.Port).Put(), Ledger: r.ledger, Patience: a.Patience}
	x.a.Next = func(uint32) (ok bool, think int64, amount uint64, send, want int) {
		if x.n == 0 {
			return false, 0, 0, 0, 0
		}
		x.n--
		return true, dice.Int64N(a.Think + 1), 1 + dice.Uint64N(9), size(dice, a.Send), size(dice, a.Want)
	}
	x.p = r.c.Spawn(name, n, x.a, false)
	r.actors[name] = x.p
	r.clients = append(r.clients, x)
	x.a.Start(x.p, uint32(a.Threads))
}

// size chooses how long data are: mostly short, and the long ones often equally
// long, so that pieces of one could be taken for pieces of another.
func size(dice *rand.Rand, longest int) int {
	if longest == 0 {
		return 0
	}
	switch dice.IntN(6) {
	case 0:
		return dice.IntN(min(longest, 1500) + 1)
	case 1:
		return longest
	}
	return 0
}

// lost replaces a server that died with its node.
func (r *run) lost(p *sim.Process) {
	if !r.Staff {
		return
	}
	for i := range r.Plan.Actors {
		a := &r.Plan.Actors[i]
		if r.actors[a.Name] == p && a.Kind != "client" {
			delete(r.actors, a.Name)
			r.c.After(sim.Second/2, func() {
				r.spawn(a, a.Name, a.Node)
			})
		}
	}
}

// befall lets an event happen.
func (r *run) befall(e *Event) {
	r.c.Tracef("%s %s%s", e.Op, e.Actor, befalls(e))
	p := r.actors[e.Actor]
	switch e.Op {
	case "crash":
		r.crash(e.Node, e.For)
	case "cut":
		r.c.Partition(e.Group)
		r.c.After(e.For, func() { r.c.Partition() })
	case "migrate": // which the trace tells
		if p != nil {
			p.Migrate(r.c.Node(e.Node), sim.Course{Pages: e.Pages, Build: e.Build})
		}
	case "exit":
		if p != nil && p.Alive && !p.Frozen {
			p.Exit()
			r.lost(p)
		}
	case "interrupt":
		if p != nil {
			if a, ok := p.Program().(*sim.Adder); ok {
				a.Interrupt(p)
			}
		}
	default:
		panic(fmt.Sprintf("lab: event %q", e.Op))
	}
}

// befalls says whom, other than a process.
func befalls(e *Event) string {
	switch e.Op {
	case "crash":
		return "node " + strconv.Itoa(e.Node)
	case "cut":
		return "off nodes " + list(e.Group)
	}
	return ""
}

// crash cuts a node's power, and boots it after a while.
func (r *run) crash(node int, d int64) {
	n := r.c.Node(node)
	if !n.Up {
		return
	}
	n.Crash()
	if d == 0 {
		return // it stays dark until the end
	}
	r.left++
	r.c.After(d, func() {
		r.left--
		if !n.Up {
			n.Start()
		}
	})
}

// carry is the wire: what the plan says about a frame, and what the dice say.
func (r *run) carry(d sim.Delivery) {
	delay := r.Wire.Delay
	if delay == 0 {
		delay = 100 * sim.Microsecond
	}
	copies := 1
	for _, e := range r.byFrame[d.Nr] {
		if r.dissolved {
			break
		}
		r.c.Tracef("  frame %d, to %d: %s", d.Nr, d.To.ID, e.Op)
		switch e.Op {
		case "lose":
			copies = 0
		case "twice":
			copies = 2
		case "late":
			delay += e.For
		case "damage":
			d = d.Damaged(uint64(d.Nr) * 0x9e3779b97f4a7c15)
		default:
			r.struck[d.Nr] = r.c.Now
			r.c.After(0, func() { r.befall(&e) }) // not in the middle of a step
		}
	}
	if !r.calm && r.byChance() {
		r.throw(&d, &copies, &delay)
	}
	for range copies {
		r.c.After(delay, func() { r.c.Deliver(d) })
	}
}

// throw lets the dice decide about a frame, and writes down what they say.
func (r *run) throw(d *sim.Delivery, copies *int, delay *int64) {
	w := &r.Wire
	chance := func(p float64) bool { return p > 0 && r.dice.Float64() < p }
	note := func(op string, late int64) {
		r.chances = append(r.chances, Event{Frame: d.Nr, Op: op, For: late})
	}
	if w.Jitter > 0 {
		late := r.dice.Int64N(w.Jitter)
		*delay += late
		if r.jitter {
			note("late", late)
		}
	}
	switch {
	case chance(w.Loss):
		*copies = 0
		note("lose", 0)
	case chance(w.Dup):
		*copies = 2
		note("twice", 0)
	case chance(w.Reorder):
		late := r.dice.Int64N(sim.ReorderBy)
		*delay += late
		note("late", late)
	case chance(w.Damage):
		*d = d.Damaged(uint64(d.Nr) * 0x9e3779b97f4a7c15)
		note("damage", 0)
	}
}
