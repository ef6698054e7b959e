package flip

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"
)

var promiseSeeds = flag.Int("promise.seeds", 40, "seeds of TestPromise")

// TestPromise lets everything happen at once: loss, duplicates, frames that overtake,
// routers that die and come back, networks that are cut, addresses that move. Whatever
// it is told, a sender may rely on it: what was given up as gone away or not found
// has not been delivered, and never will be. And when all is well again, everybody finds
// everybody.
func TestPromise(t *testing.T) {
	given := map[Reason]int{}
	for seed := range uint64(*promiseSeeds) {
		runPromise(t, seed, given)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("given up: %v", given)
	if given[GoneAway] == 0 || given[LocateExpired] == 0 {
		t.Error("nothing was given up: the test shows nothing")
	}
}

// promiseNet returns one of a few topologies: routers are boxes 0 and 1.
func promiseNet(t *testing.T, seed uint64) *inet {
	w := newInet(t, []int{1500, 1500, 9000})
	w.rng = rand.New(rand.NewPCG(seed, 5))
	routers := [][][]int{{{0, 1}, {0, 1}}, {{0, 1}, {1, 2}}, {{0, 1, 2}, {0, 2}}}[seed%3]
	for _, nets := range routers {
		w.add(nets)
	}
	last := 2
	if seed%3 == 0 {
		last = 1
	}
	for _, net := range []int{0, 0, 1, last, last} {
		w.add([]int{net})
	}
	for i := range w.nets {
		w.nets[i].loss, w.nets[i].dup, w.nets[i].jitter = 0.05, 0.3, 60*millisecond
	}
	return w
}

func runPromise(t *testing.T, seed uint64, given map[Reason]int) {
	w := promiseNet(t, seed)
	type place struct {
		addr Address
		box  int
	}
	var places []place
	for box := 2; box < len(w.boxes); box++ {
		places = append(places, place{w.register(box), box}, place{w.register(box), box})
	}
	sizes := []int{8, 8, 8, 100, 3000, 30_000}
	tokens := uint64(0)
	send := func() {
		from, to := &places[w.rng.IntN(len(places))], &places[w.rng.IntN(len(places))]
		tokens++
		data := make([]byte, sizes[w.rng.IntN(len(sizes))])
		binary.BigEndian.PutUint64(data, tokens)
		w.send(from.box, Send{Src: from.addr, Dst: to.addr, Payload: data, Token: tokens, Patience: second / 4,
			Invalidate: w.rng.IntN(8) == 0})
	}
	for range 600 {
		switch w.rng.IntN(20) {
		case 0: // a move, sometimes after a time of being frozen
			p := &places[w.rng.IntN(len(places))]
			to := 2 + w.rng.IntN(len(w.boxes)-2)
			if to == p.box {
				continue
			}
			w.boxes[p.box].Freeze(w.now, p.addr)
			w.wait(w.rng.Int64N(30 * millisecond))
			w.move(p.addr, p.box, to)
			p.box = to
		case 1: // a router dies, or is there again
			if r := w.rng.IntN(2); w.boxes[r].dead {
				w.restart(r)
			} else {
				w.boxes[r].dead = true
			}
		case 2:
			net := &w.nets[w.rng.IntN(len(w.nets))]
			net.down = !net.down
		case 3:
			w.wait(w.rng.Int64N(2 * second))
		default:
			send()
		}
		w.wait(w.rng.Int64N(5 * millisecond))
	}
	for i := range w.nets {
		w.nets[i].down = false
	}
	for r := range 2 {
		if w.boxes[r].dead {
			w.restart(r)
		}
	}
	w.wait(30 * second)
	checkPromise(t, w, given)
	for _, p := range places {
		for _, q := range places {
			if p.box == q.box {
				continue
			}
			n := len(w.boxes[q.box].delivers)
			for try := 0; try < 20 && len(w.boxes[q.box].delivers) == n; try++ {
				w.send(p.box, Send{Src: p.addr, Dst: q.addr, Payload: make([]byte, 8), Invalidate: try > 2, Fleeting: true})
				w.wait(second / 5)
			}
			if len(w.boxes[q.box].delivers) == n {
				t.Errorf("an address on box %d does not find one on box %d", p.box, q.box)
			}
		}
	}
}

// checkPromise compares what was given up with what was delivered, anywhere, ever.
func checkPromise(t *testing.T, w *inet, given map[Reason]int) {
	delivered := map[uint64]bool{}
	for _, x := range w.boxes {
		for _, d := range x.delivers {
			delivered[binary.BigEndian.Uint64(d.data)] = true
		}
		if x.held != 0 && len(x.nets) == 1 {
			t.Errorf("%d messages are kept for ever", x.held)
		}
	}
	for _, x := range w.boxes {
		for _, n := range x.notdelivered {
			given[n.Reason]++
			if n.Reason != Stalled && delivered[n.Token] {
				t.Errorf("message %d was given up: %v; and it was delivered", n.Token, n.Reason)
			}
		}
	}
}
