package lab

import (
	"slices"

	"motile/ipc/sim"
)

// Shrink takes out of a plan what is not needed to break an invariant: processes,
// transactions, events, chances, long times and data, until nothing more can go or
// so many runs are spent. The result breaks the same invariant, and throws no dice
// if it can do without.
func Shrink(p *Plan, broken string, runs int) (small *Plan, spent int) {
	s := &shrinker{plan: p.Clone(), broken: broken, runs: runs}
	s.times()
	s.actors()
	s.events()
	s.fix()
	for size := s.size() + 1; s.size() < size && s.runs > 0; {
		size = s.size()
		s.actors()
		s.events()
		s.numbers()
	}
	return s.plan, runs - s.runs
}

type shrinker struct {
	plan   *Plan // the smallest that fails, so far
	broken string
	runs   int // that may still be spent
}

// try takes a plan over if it fails.
func (s *shrinker) try(q *Plan) bool {
	if s.runs == 0 || !q.served() {
		return false
	}
	s.runs--
	if Judge(q).Broken != s.broken {
		return false
	}
	s.plan = q
	return true
}

// served reports whether there is a server for every port that is asked for: without
// one a transaction fails, and that is no finding.
func (p *Plan) served() bool {
	for _, a := range p.Actors {
		asks := a.Port
		switch a.Kind {
		case "counter":
			continue
		case "relay":
			asks = a.To
		}
		if !slices.ContainsFunc(p.Actors, func(s Actor) bool { return s.Kind != "client" && s.Port == asks }) {
			return false
		}
	}
	return true
}

// change tries the plan with a difference.
func (s *shrinker) change(f func(*Plan)) bool {
	q := s.plan.Clone()
	f(q)
	return s.try(q)
}

// size is what gets smaller.
func (s *shrinker) size() int {
	n := len(s.plan.Events) + s.plan.Nodes
	for _, a := range s.plan.Actors {
		n += 10 + a.N + a.Threads + a.Send + a.Want + int(a.Work/1000) + int(a.Think/1000)
	}
	return n
}

// fix writes down what the dice did, in their place. Without the jitter if that will
// do: it befalls every frame.
func (s *shrinker) fix() {
	if !s.plan.byChance() {
		return
	}
	for _, jitter := range []bool{false, true} {
		q := s.plan.Clone()
		q.Events = append(q.Events, chances(q, jitter)...)
		q.Wire = sim.Wire{Delay: q.Wire.Delay}
		if s.try(q) {
			return
		}
	}
}

// times gives events that wait for a frame the time at which that is sent, if they still
// do harm then: the number of a frame depends on all that is to be taken out.
func (s *shrinker) times() {
	struck := Run(s.plan, nil).Struck
	for i, e := range s.plan.Events {
		if at, ok := struck[e.Frame]; ok && (e.Op == "crash" || e.Op == "cut") {
			s.change(func(q *Plan) { q.Events[i].Frame, q.Events[i].At = 0, at+1 }) // not before it is sent
		}
	}
}

// actors takes out one process after the other, with what befalls it.
func (s *shrinker) actors() {
	for i := len(s.plan.Actors) - 1; i >= 0; i-- {
		s.change(func(q *Plan) {
			name := q.Actors[i].Name
			q.Actors = slices.Delete(q.Actors, i, i+1)
			q.Events = slices.DeleteFunc(q.Events, func(e Event) bool { return e.Actor == name })
		})
	}
}

// events takes out events and chances: many at a time, then fewer.
func (s *shrinker) events() {
	for chunk := len(s.plan.Events); chunk > 0 && s.runs > 0; chunk /= 2 {
		for from := 0; from < len(s.plan.Events) && s.runs > 0; {
			to := min(from+chunk, len(s.plan.Events))
			if !s.change(func(q *Plan) { q.Events = slices.Delete(q.Events, from, to) }) {
				from = to
			}
		}
	}
}

// numbers makes what is left plainer.
func (s *shrinker) numbers() {
	if s.plan.Staff {
		s.change(func(q *Plan) { q.Staff = false })
	}
	if s.plan.Nodes > 2 {
		s.change(withoutLastNode)
	}
	for i := range s.plan.Actors {
		simpler := []func(a *Actor){
			func(a *Actor) { a.Threads = 1 },
			func(a *Actor) { a.N = 1 },
			func(a *Actor) { a.N /= 2 },
			func(a *Actor) { a.N = max(a.N-1, 0) },
			func(a *Actor) { a.Send = 0 },
			func(a *Actor) { a.Want = 0 },
			func(a *Actor) { a.Work = 0 },
			func(a *Actor) { a.Think = 0 },
			func(a *Actor) { a.Upcall = false },
		}
		for _, f := range simpler {
			a := s.plan.Actors[i]
			if f(&a); a != s.plan.Actors[i] && (a.Kind != "client" || a.N > 0) {
				s.change(func(q *Plan) { q.Actors[i] = a })
			}
		}
	}
	for i := range s.plan.Events {
		for _, f := range []func(e *Event){
			func(e *Event) { e.Pages = 0 },
			func(e *Event) { e.Build = 0 },
			func(e *Event) { e.At -= e.At % sim.Millisecond },
			func(e *Event) { e.For -= e.For % sim.Millisecond },
			func(e *Event) { e.Build -= e.Build % sim.Millisecond },
		} {
			e := s.plan.Events[i]
			if f(&e); !same(e, s.plan.Events[i]) && (e.For > 0 || s.plan.Events[i].For == 0) {
				s.change(func(q *Plan) { q.Events[i] = e })
			}
		}
	}
}

func same(a, b Event) bool {
	return a.At == b.At && a.For == b.For && a.Pages == b.Pages && a.Build == b.Build
}

// withoutLastNode puts what is on the last node on the first.
func withoutLastNode(q *Plan) {
	last := q.Nodes
	q.Nodes--
	for i := range q.Actors {
		if q.Actors[i].Node == last {
			q.Actors[i].Node = 1
		}
	}
	for i := range q.Events {
		if q.Events[i].Node == last {
			q.Events[i].Node = 1
		}
	}
	for i := range q.Networks {
		q.Networks[i].Nodes = slices.DeleteFunc(slices.Clone(q.Networks[i].Nodes), func(id int) bool { return id == last })
	}
	q.Networks = slices.DeleteFunc(q.Networks, func(n sim.Network) bool { return len(n.Nodes) == 0 })
}
