package group

import (
	"flag"
	"fmt"
	"testing"

	"motile/ipc/std"
)

var seeds = flag.Int("seeds", 60, "number of random worlds")
var firstSeed = flag.Int("seed", 1, "first of them")

// chaos is what may happen in a random world.
type chaos struct {
	crashes    int // at most so many, far enough apart for a reset
	partitions bool
	leaves     bool
	resilience int
}

// play runs one random world to its end.
func play(seed uint64, c chaos, mutate func(*MemberState), trace func(string)) *world {
	w := newWorld(seed, 5)
	w.trace, w.mutate = trace, mutate
	r := w.rng
	w.wire.delay = 50_000 + r.Int64N(2e6)
	w.wire.jitter = r.Int64N(3e6) + 1
	w.wire.loss = []float64{0, 0.02, 0.1}[r.IntN(3)]
	w.wire.dup = []float64{0, 0.02, 0.1}[r.IntN(3)]
	w.wire.reorder = []float64{0, 0.1}[r.IntN(2)]
	params := Params{Resilience: c.resilience, MaxGroup: 8, LogBuffers: 4 + r.IntN(3), LogMaxMessage: 13, Large: 800}
	n := 3 + r.IntN(2)
	for i := range n {
		p := w.spawn(fmt.Sprintf("p%d", i), w.nodes[i])
		w.live(p, c)
		if i == 0 {
			p.create(params)
		} else {
			w.after(int64(i)*200e6, p.join)
		}
	}
	w.run(2e9)
	end := w.now + 20e9
	nextCrash := w.now + 2e9 + r.Int64N(4e9)
	for w.now < end {
		w.run(20e6 + r.Int64N(150e6))
		p := w.procs[r.IntN(len(w.procs))]
		to := w.nodes[r.IntN(len(w.nodes))]
		switch k := r.IntN(20); {
		case k < 8:
			p.move(to, r.Int64N(200e6), r.Int64N(50e6), r.Int64N(50e6), r.IntN(4) == 0)
		case k == 8:
			p.move(to, 5e9+r.Int64N(3e9), 1e6, 1e6, false)
		case k == 9:
			p.paused = true
			w.after(r.Int64N(2e9), func() { p.paused = false; p.do(p.receive) })
		case k == 10 && c.leaves && w.now < end-6e9:
			w.leaveAndReturn(p)
		case k == 11 && c.partitions && w.now < end-8e9:
			to.part = 1
			w.after(r.Int64N(3e9), func() { to.part = 0 })
		}
		if c.crashes > 0 && w.now > nextCrash && w.now < end-2e9 {
			if victim := w.crashable(); victim != nil {
				victim.crash()
				c.crashes--
				nextCrash = w.now + 12e9
			}
		}
	}
	w.settle()
	return w
}

// crashable returns a node with at most one member on it, and no member on its way.
func (w *world) crashable() *node {
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	here := 0
	for _, p := range w.procs {
		if p.moving {
			return nil
		}
		if p.node == n && p.alive {
			here++
		}
	}
	if !n.up || here != 1 {
		return nil
	}
	return n
}

// live makes a process send all the time, and call for a reset when it must.
func (w *world) live(p *proc, c chaos) {
	i := 0
	var send func()
	send = func() {
		if !p.alive || w.now > 22e9 {
			return
		}
		p.do(func() {
			if p.joined && !p.aborted && len(p.sends) < 2 {
				i++
				pad := 0
				if w.rng.IntN(5) == 0 {
					pad = 1000 + w.rng.IntN(3000)
				}
				p.sendLong(fmt.Sprintf("%s.%d", p.name, i), pad)
			}
		})
		w.after(5e6+w.rng.Int64N(60e6), send)
	}
	w.after(w.rng.Int64N(1e9), send)
	again := func() {
		w.after(10e6+w.rng.Int64N(500e6), func() {
			p.do(func() {
				if p.aborted {
					nmin := 1
					if c.partitions {
						nmin = p.mb.Info().Total/2 + 1
					}
					p.reset(nmin)
				}
			})
		})
	}
	p.onAbort = again
	p.onReset = func(s std.Status, _ int) {
		if s != std.OK && p.aborted {
			again()
		}
	}
}

// leaveAndReturn makes a process leave, and another one join in its stead.
func (w *world) leaveAndReturn(p *proc) {
	members := 0
	for _, q := range w.procs {
		if q.alive && q.joined {
			members++
		}
	}
	if members < 3 || !p.alive || !p.joined {
		return
	}
	p.do(func() {
		if p.node.m.Leave(w.now, p.mb, 9) == std.OK {
			p.die()
		}
	})
	w.after(w.rng.Int64N(2e9), func() {
		if p.alive && p.moving || !p.node.up {
			return
		}
		q := w.spawn(fmt.Sprintf("p%d", len(w.procs)), p.node)
		w.live(q, chaos{})
		q.join()
	})
}

// settle lets the world come to rest on a good wire, and looks at the outcome.
func (w *world) settle() {
	w.wire.loss, w.wire.dup, w.wire.reorder = 0, 0, 0
	for _, n := range w.nodes {
		n.part = 0
	}
	for _, p := range w.procs {
		p.paused = false
		p.do(p.receive)
	}
	w.run(60e9)
	var longest *proc
	for _, p := range w.procs {
		if p.alive && len(p.log) > 0 && (longest == nil || p.last > longest.last) {
			longest = p
		}
	}
	for _, p := range w.procs {
		if !p.alive {
			continue
		}
		if p.frozen || !p.joined || p.aborted || len(p.sends) > 0 {
			w.violated("%s does not come to rest: frozen %v joined %v aborted %v sends %d phase %s", p.name, p.frozen, p.joined, p.aborted, len(p.sends), p.mb.Phase())
		} else if longest != nil && p.last < longest.last {
			w.violated("%s ends at %d, %s at %d", p.name, p.last, longest.name, longest.last)
		}
	}
}

// checkSends: what a send has returned OK for is in the order.
func (w *world) checkSends() {
	for _, p := range w.procs {
		for text, s := range p.sent {
			if s != std.OK {
				continue
			}
			for _, q := range w.procs {
				if q.alive && q.joined && q.started == 0 && !q.seen[text] {
					w.violated("send of %q returned OK, and %s has not received it", text, q.name)
				}
			}
		}
	}
}

func runSeeds(t *testing.T, c chaos) {
	total, moves := 0, 0
	n := *seeds
	if testing.Short() {
		n = 20
	}
	for seed := *firstSeed; seed < *firstSeed+n; seed++ {
		var trace func(string)
		if *seeds == 1 {
			trace = func(s string) { t.Log(s) }
		}
		w := play(uint64(seed), c, nil, trace)
		if c.resilience > 0 || c.crashes == 0 && !c.partitions {
			w.checkSends()
		}
		for i, e := range w.errors {
			if i < 5 {
				t.Errorf("seed %d: %s", seed, e)
			}
		}
		if t.Failed() {
			t.Fatalf("repeat with: go test ./ipc/group -run '%s' -seeds 1 -seed %d -v", t.Name(), seed)
		}
		total += len(w.canon)
		moves += w.moves
	}
	t.Logf("%d worlds, %d messages, %d moves", n, total, moves)
	if total < 20*n || moves < 5*n {
		t.Error("nothing much has happened")
	}
}

func TestRandom_Moves(t *testing.T)          { runSeeds(t, chaos{}) }
func TestRandom_MovesResilient(t *testing.T) { runSeeds(t, chaos{resilience: 2}) }
func TestRandom_Leaves(t *testing.T)         { runSeeds(t, chaos{leaves: true}) }
func TestRandom_LeavesResilient(t *testing.T) {
	runSeeds(t, chaos{leaves: true, resilience: 2})
}
func TestRandom_Crashes(t *testing.T) { runSeeds(t, chaos{crashes: 1}) }
func TestRandom_CrashesResilient(t *testing.T) {
	runSeeds(t, chaos{crashes: 1, resilience: 1})
}
func TestRandom_Partitions(t *testing.T) {
	runSeeds(t, chaos{partitions: true, resilience: 1})
}
