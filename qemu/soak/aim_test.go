package soak

import (
	"math/rand/v2"
	"testing"
)

// All pairs are tried soon.
func TestDraw_CoversPairs(t *testing.T) {
	tried := make(map[string]int)
	rng := rand.New(rand.NewPCG(1, 2))
	const enough = 100 // strategies times steps are 51
	for n := 0; len(tried) < len(allPairs); n++ {
		if n == enough {
			for p := range allPairs {
				if tried[p] == 0 {
					t.Errorf("after %d aims nobody has tried %s", n, p)
				}
			}
			return
		}
		a := draw(rng, tried)
		if !a.possible() {
			t.Fatalf("%+v", a)
		}
		for _, p := range a.pairs() {
			if !allPairs[p] {
				t.Fatalf("%q is no pair", p)
			}
			tried[p]++
		}
	}
}
