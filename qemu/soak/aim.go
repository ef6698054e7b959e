package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/proc/api/movestep"
	"motile/qemu/bridge"
)

// aim is a fault at a step of one move, while all other processes stay where they are. Which
// are tried is drawn so that by and by every program meets every strategy, step and fault, each
// strategy every step and fault, and each step every fault (pairwise testing).
type aim struct {
	program  int
	strategy string
	step     movestep.Step
	fault    fault
}

type fault string

const (
	cutOff    fault = "partition"  // of source and target
	sourceOff fault = "source off" // its power
	targetOff fault = "target off"
)

var faults = []fault{cutOff, sourceOff, targetOff}

// pull is the step after a move in which the target asks for what the source has kept.
var pull = movestep.Step{Name: "pull", Command: api.MovePull}

// aimSteps are those that the moves of small processes take: no node lacks a file here, and
// images are short.
var aimSteps = append(slices.DeleteFunc(slices.Clone(movestep.All), func(s movestep.Step) bool {
	return s.Command == api.MoveFile || s.Command == api.MoveState
}), pull)

// possible: only who has left something behind asks for it.
func (a *aim) possible() bool {
	return a.step.Name != pull.Name || slices.Contains([]string{"reference", "hybrid", "dirty"}, a.strategy)
}

// pairs are what the aim tries together.
func (a *aim) pairs() (all []string) {
	values := []string{fmt.Sprintf("program %d", a.program), a.strategy, a.step.Name, string(a.fault)}
	for i, v := range values {
		for _, w := range values[i+1:] {
			all = append(all, v+", "+w)
		}
	}
	return all
}

// allPairs are those of all possible aims.
var allPairs = func() map[string]bool {
	all := make(map[string]bool)
	for program := range programs {
		for _, strategy := range strategies {
			for _, step := range aimSteps {
				for _, f := range faults {
					if a := (aim{program, strategy, step, f}); a.possible() {
						for _, p := range a.pairs() {
							all[p] = true
						}
					}
				}
			}
		}
	}
	return all
}()

// draw chooses an aim: of some at random the one with most pairs that were not tried.
func draw(rng *rand.Rand, tried map[string]int) (best aim) {
	const some = 50
	most := -1
	for range some {
		a := aim{rng.IntN(len(programs)), strategies[rng.IntN(len(strategies))], aimSteps[rng.IntN(len(aimSteps))], faults[rng.IntN(len(faults))]}
		news := 0
		for _, p := range a.pairs() {
			if tried[p] == 0 {
				news++
			}
		}
		if a.possible() && news > most {
			best, most = a, news
		}
	}
	return best
}

// aimed moves one process, and lets something go wrong just before the frame of a step of
// that is delivered: it is not. It reports which node has been restarted, if one has.
func (s *soak) aimed(ctx context.Context) (dead int, err error) {
	a := draw(s.rng, s.tally.Pairs)
	p := s.processes[a.program]
	from, to := p.node, (p.node+s.rng.IntN(nodes-1))%nodes+1
	lasts := time.Duration(100+s.rng.IntN(2500)) * time.Millisecond
	asks := from
	if a.step.Name == pull.Name {
		asks = to
	}
	b, cut := s.cluster.Bridge(), false
	struck := At(b, a.step, asks, func() {
		_, err := b.SetFaults(bridge.Faults{Partition: fmt.Sprintf("%d/%d", from, to)})
		cut = err == nil
	})
	defer b.Watch(nil)

	done := make(chan error, 1)
	go func() {
		_, err := p.Migrate(ctx, client.Move{Target: to, Strategy: a.strategy})
		done <- err
	}()
	s.tally.Asked++
	seen := false
	select {
	case <-struck:
		seen = cut
	case <-time.After(stepTime): // another number of messages will do for this move
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	s.conf.Say("  %s, %s, from node %d to %d, at %q: %s for %v (seen: %v)", programs[a.program][0], a.strategy, from, to, a.step.Name, a.fault, lasts, seen)
	if seen {
		if dead, err = s.suffer(ctx, a.fault, from, to, lasts); err != nil {
			return dead, err
		}
		if s.tally.Pairs == nil {
			s.tally.Pairs = make(map[string]int)
		}
		for _, p := range a.pairs() {
			s.tally.Pairs[p]++
		}
	}
	if err := <-done; err != nil {
		s.conf.Say("  process %d: %v", p.PID, err)
	} else {
		p.node = to
		s.tally.Moves++
	}
	return dead, nil
}

// stepTime is how long a step is waited for.
const stepTime = 3 * time.Second

// At calls strike once, just before the frame of a step that a node asks for is
// delivered: with faults that strike sets, it may not be. The channel is closed when that
// has happened.
func At(b *bridge.Bridge, step movestep.Step, asks int, strike func()) <-chan struct{} {
	var mu sync.Mutex
	look, struck := movestep.Spotter{Step: step}, false
	asking := fmt.Sprintf("n%d", asks)
	done := make(chan struct{})
	b.Watch(func(port string, frame []byte) {
		mu.Lock()
		defer mu.Unlock()
		if !struck && look.Is(port == asking, frame) {
			struck = true
			strike()
			close(done)
		}
	})
	return done
}

// suffer has the fault last, and ends it.
func (s *soak) suffer(ctx context.Context, f fault, from, to int, lasts time.Duration) (dead int, err error) {
	switch f {
	case cutOff:
		err = pause(ctx, lasts)
	case sourceOff:
		dead = from
	case targetOff:
		dead = to
	}
	if dead != 0 {
		err = s.restart(ctx, dead)
	}
	if err != nil {
		return dead, err
	}
	_, err = s.cluster.Bridge().SetFaults(bridge.Faults{})
	return dead, err
}
