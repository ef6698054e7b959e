package soak

import (
	"fmt"
	"math"
)

// Tally is what a run has come to so far.
type Tally struct {
	Asked      int `json:"asked"`      // moves that were asked for
	Moves      int `json:"moves"`      // that came about
	Cuts       int `json:"cuts"`       // of a node's power
	WithNode   int `json:"with_node"`  // processes that were lost with the node that held them
	Lost       int `json:"lost"`       // that were lost though no node was
	Duplicated int `json:"duplicated"` // that ran twice, or whose output did not come once

	Pairs map[string]int `json:"pairs,omitempty"` // how often a fault was aimed at each (aim.pairs)
}

// String says what came of the run, and what it proves: the chance that a move loses or
// doubles its process is below the upper end of Wilson's interval at 95 %.
func (t Tally) String() string {
	return fmt.Sprintf("%d moves, %d lost, %d duplicated: at 95 %% confidence fewer than %.2g of a move's processes are (Wilson); "+
		"%d moves were asked for; %d power cuts took %d processes with them; "+
		"faults at steps of moves: %d of %d pairs of program, strategy, step and fault",
		t.Moves, t.Lost, t.Duplicated, Wilson(t.Lost+t.Duplicated, t.Moves), t.Asked, t.Cuts, t.WithNode, len(t.Pairs), len(allPairs))
}

// Wilson is the upper end of the score interval at 95 % for the probability of
// something that happened k times in n (Wilson 1927).
func Wilson(k, n int) float64 {
	if n == 0 {
		return 1
	}
	const z = 1.959964
	p, m := float64(k)/float64(n), float64(n)
	return (p + z*z/(2*m) + z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))) / (1 + z*z/m)
}
