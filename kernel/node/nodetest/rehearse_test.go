package nodetest

import (
	"slices"
	"strings"
	"testing"
)

func TestRehearse_SucceedsAndLeavesNothing(t *testing.T) {
	w := New(t, 1, 1)
	nd := w.Nodes[1]
	sealed := 0 // whoever seals something needs something random
	random := nd.K.Random
	nd.K.Random = func(b []byte) { sealed++; random(b) }
	w.Run(3e9)
	if sealed != 0 {
		t.Fatalf("a node without processes has sealed %d images", sealed)
	}
	nd.Rehearse()
	w.Run(3e9)
	if sealed != 1 {
		t.Errorf("%d images were sealed, want that of the rehearsal", sealed)
	}
	if i := slices.IndexFunc(nd.log, func(line string) bool { return strings.Contains(line, "rehearsal") }); i >= 0 {
		t.Error(nd.log[i])
	}
	if left := nd.Leftovers(); left != "" {
		t.Error(left)
	}
}
