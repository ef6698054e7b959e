package run

import (
	"errors"
	"testing"
	"time"

	"motile/proc/api"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func hosts(loads ...api.Load) *Hosts {
	h := NewHosts()
	for i, l := range loads {
		l.Node = i + 1
		h.Heard(l, start)
	}
	return h
}

func first(int) int { return 0 }

func TestChoose_Score(t *testing.T) {
	const mb = 1 << 10
	for _, test := range []struct {
		name  string
		loads []api.Load
		need  Need
		want  int // 0: none
	}{
		{"the idle one", []api.Load{{FreeKB: 50 * mb, LoadMilli: 1000}, {FreeKB: 50 * mb}}, Need{MemoryKB: mb}, 2},
		{"memory", []api.Load{{FreeKB: 10 * mb}, {FreeKB: 40 * mb}}, Need{MemoryKB: 4 * mb}, 2},
		{"memory nobody needs", []api.Load{{FreeKB: 200 * mb}, {FreeKB: 100 * mb}}, Need{MemoryKB: mb}, 1},
		{"text that is there", []api.Load{{FreeKB: 50 * mb}, {FreeKB: 50 * mb}}, Need{MemoryKB: mb, TextKB: mb, Cached: map[int]bool{2: true}}, 2},
		{"text outweighs a load of one", []api.Load{{FreeKB: 50 * mb}, {FreeKB: 50 * mb, LoadMilli: 1000}}, Need{MemoryKB: mb, TextKB: mb, Cached: map[int]bool{2: true}}, 2},
		{"no room", []api.Load{{FreeKB: 3 * mb}, {FreeKB: 2 * mb}}, Need{MemoryKB: 4 * mb}, 0},
	} {
		h := hosts(test.loads...)
		node, err := h.Choose(&test.need, first)
		if node != test.want || (err == nil) != (test.want != 0) {
			t.Errorf("%s: node %d, %v; want %d", test.name, node, err, test.want)
		}
		if test.want == 0 && !errors.Is(err, ErrNoHost) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// Programs that come one after the other are spread, although no node has been asked
// again; then the charges go.
func TestChoose_Charges(t *testing.T) {
	l := api.Load{FreeKB: 60 << 10}
	h := hosts(l, l, l)
	count := make(map[int]int)
	for range 6 {
		node, err := h.Choose(&Need{MemoryKB: 1 << 10}, first)
		if err != nil {
			t.Fatal(err)
		}
		count[node]++
	}
	if count[1] != 2 || count[2] != 2 || count[3] != 2 {
		t.Errorf("%v", count)
	}
	l.Node = 2
	h.Heard(l, start.Add(time.Second))
	if node, _ := h.Choose(&Need{MemoryKB: 1 << 10}, first); node != 2 {
		t.Errorf("node %d", node)
	}
}

func TestHosts_Polls(t *testing.T) {
	h := NewHosts()
	h.Add([]int{1, 2})
	now := start
	due, _ := h.Due(now)
	if len(due) != 2 {
		t.Fatalf("%v", due)
	}
	h.Heard(api.Load{Node: 1, FreeKB: 1 << 20}, now)
	h.Silent(2, now)
	asked := map[int]int{}
	for ; now.Sub(start) < 5*time.Minute; now = now.Add(time.Second) {
		due, next := h.Due(now)
		if len(due) == 0 && !next.After(now) {
			t.Fatal("it would ask for ever")
		}
		for _, n := range due {
			asked[n]++
			if n == 1 {
				h.Heard(api.Load{Node: 1, FreeKB: 1 << 20}, now)
			} else {
				h.Silent(2, now)
			}
		}
	}
	// Six times in its first minute and some seconds, then once a minute.
	if asked[1] != 59 || asked[2] < 9 || asked[2] > 12 {
		t.Errorf("%v", asked)
	}
	if node, err := h.Choose(&Need{}, first); node != 1 || err != nil {
		t.Errorf("node %d, %v", node, err)
	}
}
