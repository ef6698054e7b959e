package lab

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"motile/ipc/flip"
	"motile/ipc/sim"
)

// Generate makes the plan of a seed. There are five sorts of life, and each seed
// is of one.
func Generate(seed uint64) *Plan {
	g := &generator{rand.New(rand.NewPCG(seed, 0x6c6162)), &Plan{Seed: seed, Nodes: 2 + int(seed/lives%3)}}
	life := int(seed % lives)
	g.plan.Strict = life == restlessLife || life == busyLife
	g.plan.Staff = !g.plan.Strict
	g.topology()
	g.wire()
	g.cast()
	g.group()
	span := int64(400 * sim.Millisecond)
	if !g.plan.Strict {
		span = 4 * sim.Second
	}
	g.moves(span, life)
	switch life {
	case busyLife:
		g.cuts(span, 2, 1200*sim.Millisecond)
	case cutLife:
		g.cuts(span, 6, [...]int64{3 * sim.Second, 40 * sim.Second}[g.r.IntN(2)])
	case deadlyLife:
		g.crashes(span)
	case wildLife:
		g.crashes(span)
		g.cuts(span, 3, 5*sim.Second)
		g.quarrels(span)
	}
	slices.SortStableFunc(g.plan.Events, func(a, b Event) int { return int(a.At - b.At) })
	return g.plan
}

const (
	restlessLife = iota // moves on a bad wire; every transaction must be answered
	busyLife            // the same, with short partitions and long times under BUSY
	cutLife             // partitions that outlast patience, and doubt
	deadlyLife          // nodes die and come back
	wildLife            // that, and exits, aborts, signals, partitions
	lives
)

type generator struct {
	r    *rand.Rand
	plan *Plan
}

func (g *generator) node() int { return 1 + g.r.IntN(g.plan.Nodes) }

// topology draws networks for one history in three; the others have one network.
func (g *generator) topology() {
	if g.r.IntN(3) > 0 {
		return
	}
	var shape [][]int
	switch g.r.IntN(4) {
	case 0: // a line
		shape = [][]int{{1, 2}, {2, 3}}
	case 1: // a longer one
		shape = [][]int{{1, 2}, {2, 3}, {3, 4}}
	case 2: // a ring
		shape = [][]int{{1, 2}, {2, 3}, {3, 1}}
	case 3: // two routers in parallel
		shape = [][]int{{1, 2, 3}, {2, 3, 4}}
	}
	for _, nodes := range shape {
		mtu := [...]int{1500, 1500, 9000}[g.r.IntN(3)]
		g.plan.Networks = append(g.plan.Networks, sim.Network{Link: flip.Link{MTU: mtu}, Nodes: nodes})
	}
	g.plan.Nodes = 0
	for _, nodes := range shape {
		g.plan.Nodes = max(g.plan.Nodes, slices.Max(nodes))
	}
}

func (g *generator) wire() {
	w := &g.plan.Wire
	w.Delay, w.Jitter = 100*sim.Microsecond, 100*sim.Microsecond
	if g.r.IntN(4) > 0 {
		w.Loss = float64(g.r.IntN(200)) / 1000
		w.Dup = float64(g.r.IntN(200)) / 1000
		w.Reorder = float64(g.r.IntN(200)) / 1000
		w.Damage = float64(g.r.IntN(20)) / 1000
	}
}

// cast draws the processes: one or two ports, each served by one or two counters,
// at times through a relay, and one to three clients.
func (g *generator) cast() {
	r, p := g.r, g.plan
	var ports []string
	for i := range 1 + r.IntN(2) {
		ports = append(ports, fmt.Sprintf("p%d", i))
		for k := range 1 + r.IntN(2) {
			p.Actors = append(p.Actors, Actor{Kind: "counter", Name: fmt.Sprintf("s%d.%d", i, k), Node: g.node(), Port: ports[i],
				Threads: 1 + r.IntN(3), Work: [...]int64{0, 0, 50 * sim.Microsecond, 2 * sim.Millisecond, 20 * sim.Millisecond}[r.IntN(5)],
				Upcall: r.IntN(4) == 0})
		}
	}
	if r.IntN(3) == 0 {
		p.Actors = append(p.Actors, Actor{Kind: "relay", Name: "r", Node: g.node(), Port: "relay", To: "p0", Threads: 1 + r.IntN(3)})
		ports = append(ports, "relay")
	}
	for i := range 1 + r.IntN(3) {
		a := Actor{Kind: "client", Name: fmt.Sprintf("c%d", i), Node: g.node(), Port: ports[r.IntN(len(ports))],
			Threads: 1 + r.IntN(3), N: 3 + r.IntN(10), Think: 10 * sim.Millisecond, Patience: 200 * sim.Second,
			Send: [...]int{0, 1000, 4000, 20_000}[r.IntN(4)], Want: [...]int{0, 1000, 4000, 20_000}[r.IntN(4)]}
		if !p.Strict {
			a.Think = 200 * sim.Millisecond
			a.Patience = [...]int64{sim.Second, 5 * sim.Second, 100 * sim.Second}[r.IntN(3)]
		}
		p.Actors = append(p.Actors, a)
	}
}

// group adds a group of three to five to one history in six. If nobody is to be
// declared dead its resilience is anything, else such that no message can be lost.
//
// It has dice of its own: what other histories are does not depend on it.
func (g *generator) group() {
	p := g.plan
	r := rand.New(rand.NewPCG(p.Seed, 0x67726f7570))
	if r.IntN(6) > 0 {
		return
	}
	size := 3 + r.IntN(3)
	resilience := size - (size/2 + 1)
	if p.Strict {
		resilience = r.IntN(resilience + 1)
	}
	threads := 1 + r.IntN(2)
	for i := range size {
		p.Actors = append(p.Actors, Actor{Kind: "member", Name: fmt.Sprintf("m%d", i), Node: 1 + r.IntN(p.Nodes), Port: "g",
			Threads: threads, N: 2 + r.IntN(4), Think: [...]int64{sim.Millisecond, 20 * sim.Millisecond, 200 * sim.Millisecond}[r.IntN(3)],
			Send: [...]int{0, 1000, 4000}[r.IntN(3)], Resilience: resilience})
	}
}

// moves sends everybody about.
func (g *generator) moves(span int64, life int) {
	r, p := g.r, g.plan
	for range 5 + r.IntN(50) {
		e := Event{At: r.Int64N(span), Op: "migrate", Actor: p.Actors[r.IntN(len(p.Actors))].Name, Node: g.node(),
			Pages: r.IntN(3), Build: r.Int64N(10 * sim.Millisecond)}
		if life != restlessLife && r.IntN(10) == 0 {
			e.Build = r.Int64N(13 * sim.Second) // under BUSY for longer than any silence that means death
		}
		p.Events = append(p.Events, e)
	}
}

func (g *generator) cuts(span int64, most int, longest int64) {
	for range g.r.IntN(most + 1) {
		group := []int{g.node()}
		e := Event{At: g.r.Int64N(span), Op: "cut", Group: group, For: 1 + g.r.Int64N(longest)}
		g.atFrame(&e)
		g.plan.Events = append(g.plan.Events, e)
	}
}

// atFrame makes one event in three happen at a step of whatever is going on.
func (g *generator) atFrame(e *Event) {
	if g.r.IntN(3) == 0 {
		e.At, e.Frame = 0, 1+g.r.IntN(500)
	}
}

func (g *generator) crashes(span int64) {
	for range 1 + g.r.IntN(5) {
		e := Event{At: g.r.Int64N(span), Op: "crash", Node: g.node(), For: 1 + g.r.Int64N(2*sim.Second)}
		g.atFrame(&e)
		g.plan.Events = append(g.plan.Events, e)
	}
}

// quarrels are exits, aborts and signals.
func (g *generator) quarrels(span int64) {
	for range g.r.IntN(10) {
		a := g.plan.Actors[g.r.IntN(len(g.plan.Actors))]
		op := "exit"
		if a.Kind == "client" {
			op = "interrupt"
		}
		g.plan.Events = append(g.plan.Events, Event{At: g.r.Int64N(span), Op: op, Actor: a.Name})
	}
}
