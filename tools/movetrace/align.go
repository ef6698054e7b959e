package movetrace

import (
	"math"

	"motile/proc/api"
)

// Every node has a clock of its own, which begins when it boots. A message is heard after
// it was sent, and its answer comes after it was given: with a request that leaves at t1,
// is heard at t2, answered at t3 and over at t4, of which t1 and t4 are times of the
// source and t2 and t3 of the target, the target is ahead of the source by θ with
//
//	t3 - t4 ≤ θ ≤ t2 - t1
//
// Each message of a move says so (OFFER, its pages, COMMIT), and all of them hold at once.
// The middle of what is left is taken, and half its width is how wrong that can be. The
// rates are the same: all nodes count the host's nanoseconds. (Cristian, Probabilistic
// clock synchronization, 1989, takes the best of several such pairs; all together say more.)

// clock is that of one boot of a node.
type clock struct {
	node int
	boot uint64
}

// bounds are what is known of how far a clock is ahead of another.
type bounds struct{ low, high int64 }

func anything() bounds { return bounds{math.MinInt64 / 4, math.MaxInt64 / 4} }

// known reports whether there is a bound on both sides.
func (b *bounds) known() bool { return b.low > anything().low && b.high < anything().high }

func (b *bounds) middle() int64 { return b.low + (b.high-b.low)/2 }

// end is one end of a move, with its clock.
type end struct {
	clock
	*api.MoveTrace
}

// pair is what is known of a message at both ends of a move.
type pair struct{ sent, heard *api.TraceMessage }

// pairs are the messages that both ends of a move have recorded. Requests are numbered alike
// at both ends, but for COMMIT: it is repeated until it is answered, and of several nobody
// knows which one was heard.
func pairs(source, target *api.MoveTrace) (all []pair) {
	type name struct{ command, seq uint32 }
	at := make(map[name]*api.TraceMessage)
	commits := 0
	for i := range target.Messages {
		m := &target.Messages[i]
		at[name{m.Command, m.Seq}] = m
	}
	for i := range source.Messages {
		if source.Messages[i].Command == api.MoveCommit {
			commits++
		}
	}
	for i := range source.Messages {
		m := &source.Messages[i]
		if heard := at[name{m.Command, m.Seq}]; heard != nil && (m.Command != api.MoveCommit || commits == 1) {
			all = append(all, pair{m, heard})
		}
	}
	return all
}

// narrow takes in what the messages of a move say.
func (b *bounds) narrow(messages []pair) {
	for _, p := range messages {
		b.high = min(b.high, p.heard.AtNs-p.sent.AtNs)
		if p.sent.OverNs != 0 && p.heard.OverNs != 0 {
			b.low = max(b.low, p.heard.OverNs-p.sent.OverNs)
		}
	}
}

// axis says what is to be subtracted from a clock's times. A clock that no message
// connects with the first one is in alone.
type axis struct {
	ahead     map[clock]int64
	alone     map[clock]bool
	uncertain int64 // how wrong the worst of them can be, ns
}

// align finds the axis of moves of which some have both ends.
func align(ends []end) axis {
	known := make(map[[2]clock]bounds)
	for _, s := range ends {
		for _, t := range ends {
			if s.Out && !t.Out && s.MoveTrace.Boot == t.MoveTrace.Boot && s.Nr == t.Nr {
				b, ok := known[[2]clock{s.clock, t.clock}]
				if !ok {
					b = anything()
				}
				b.narrow(pairs(s.MoveTrace, t.MoveTrace))
				known[[2]clock{s.clock, t.clock}] = b
			}
		}
	}
	// What a chain of moves back says is what it says forward, the other way round.
	both := make(map[[2]clock]bounds)
	for k, b := range known {
		for _, x := range [...]struct {
			k [2]clock
			b bounds
		}{{k, b}, {[2]clock{k[1], k[0]}, bounds{-b.high, -b.low}}} {
			had, ok := both[x.k]
			if !ok {
				had = anything()
			}
			both[x.k] = bounds{max(had.low, x.b.low), min(had.high, x.b.high)}
		}
	}
	return spread(ends, both)
}

// spread goes from the first clock to all that are connected with it.
func spread(ends []end, known map[[2]clock]bounds) axis {
	a := axis{ahead: make(map[clock]int64), alone: make(map[clock]bool)}
	if len(ends) == 0 {
		return a
	}
	first := ends[0].clock
	a.ahead[first] = ends[0].BeganNs
	wrong := map[clock]int64{first: 0}
	for grown := true; grown; {
		grown = false
		for _, from := range ends {
			for _, to := range ends {
				b, ok := known[[2]clock{from.clock, to.clock}]
				_, has := a.ahead[from.clock]
				if _, had := a.ahead[to.clock]; !ok || !has || had || !b.known() {
					continue
				}
				a.ahead[to.clock] = a.ahead[from.clock] + b.middle()
				wrong[to.clock] = wrong[from.clock] + max(b.high-b.low, 0)/2
				a.uncertain = max(a.uncertain, wrong[to.clock])
				grown = true
			}
		}
	}
	for _, e := range ends {
		if _, ok := a.ahead[e.clock]; !ok {
			a.ahead[e.clock], a.alone[e.clock] = e.BeganNs, true
		}
	}
	a.begin(ends)
	return a
}

// begin moves the axis so that it begins with the first move.
func (a *axis) begin(ends []end) {
	first := int64(math.MaxInt64)
	for _, e := range ends {
		first = min(first, e.BeganNs-a.ahead[e.clock])
	}
	for c := range a.ahead {
		a.ahead[c] += first
	}
}
