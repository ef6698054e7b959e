package vm

import (
	"math/rand/v2"
	"testing"

	"motile/kernel/hw"
)

// Pages anywhere, in any order, against a map; cut is tried on an index of one
// page only, since it gives frames back.
func TestPageIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var x pageIndex
	want := map[int]hw.PFN{}
	last := 0
	for n := range 5000 {
		i := rng.IntN(1 << (4 + n%24))
		if n%3 == 0 {
			i = last + 1
		}
		p := hw.PFN(n + 1)
		x.put(i, p)
		want[i] = p
		last = i
	}
	for i, p := range want {
		if got := x.get(i); got != p {
			t.Fatalf("page %d is frame %d, want %d", i, got, p)
		}
	}
	n := 0
	for i, p := x.next(0); p != 0; i, p = x.next(i + 1) {
		if want[i] != p {
			t.Fatalf("next finds page %d in frame %d", i, p)
		}
		n++
	}
	if n != len(want) || x.get(1<<40) != 0 {
		t.Fatalf("next finds %d pages of %d", n, len(want))
	}
}

// One page of a very large file costs the kernel next to nothing.
func TestPageIndex_FarPageIsCheap(t *testing.T) {
	var x pageIndex
	got := testing.AllocsPerRun(1, func() {
		x.put(MaxStore/hw.PageSize-1, 7)
		x.put(0, 8)
	})
	if got > 6 || len(x) != 2 {
		t.Fatalf("%v allocations, %d groups", got, len(x))
	}
}
