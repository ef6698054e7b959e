package deadline

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestHeap_AgainstList runs random operations on a heap and on a plain list.
func TestHeap_AgainstList(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h Heap
	timers := make([]Timer, 50)
	armed := map[*Timer]int64{}
	for step := range 20000 {
		timer := &timers[rng.IntN(len(timers))]
		switch rng.IntN(4) {
		case 0, 1:
			at := rng.Int64N(1000)
			h.Set(timer, at)
			armed[timer] = at
		case 2:
			h.Stop(timer)
			delete(armed, timer)
		case 3:
			now := rng.Int64N(1000)
			if got := h.Expired(now); got != nil {
				if at, ok := armed[got]; !ok || at > now {
					t.Fatalf("step %d: a timer for %d (armed: %v) expired at %d", step, at, ok, now)
				}
				delete(armed, got)
			}
		}
		want := Never
		for _, at := range armed {
			want = min(want, at)
		}
		if h.Next() != want {
			t.Fatalf("step %d: next is %d, want %d", step, h.Next(), want)
		}
	}
	for i := range timers {
		if _, ok := armed[&timers[i]]; ok != timers[i].Armed() {
			t.Errorf("timer %d: armed %v", i, timers[i].Armed())
		}
	}
}

func TestHeap_ExpiresInOrder(t *testing.T) {
	var h Heap
	var timers [100]Timer
	var want []int64
	for i := range timers {
		at := int64(i*37%100) / 2 // with ties
		h.Set(&timers[i], at)
		want = append(want, at)
	}
	slices.Sort(want)
	for _, at := range want {
		if h.Expired(at-1) != nil {
			t.Fatalf("something expired before %d", at)
		}
		if got := h.Expired(at); got == nil || got.At() != at || got.Armed() {
			t.Fatalf("at %d expired %+v", at, got)
		}
	}
}
