package movestep_test

import (
	"testing"

	"motile/proc/api"
	"motile/proc/api/movestep"
)

// Every command between two nodes for a move is a step, asked and answered, but for
// those of a move that has gone wrong: no message is forgotten when faults strike.
func TestAll_CoversTheProtocol(t *testing.T) {
	seen := map[uint32]int{}
	for i, s := range movestep.All {
		if seen[s.Command]++; s.Answer != (i%2 == 1) || s.Answer && movestep.All[i-1].Command != s.Command {
			t.Errorf("step %d is %+v: a request and its answer are a pair", i, s)
		}
	}
	for c := uint32(api.MoveOffer); c <= api.MoveState; c++ {
		want := 2
		if c == api.MoveAbort || c == api.MoveStatus {
			want = 0
		}
		if seen[c] != want {
			t.Errorf("command %d is in %d steps, want %d", c, seen[c], want)
		}
		delete(seen, c)
	}
	if len(seen) != 0 {
		t.Errorf("these are no commands of a move: %v", seen)
	}
}
