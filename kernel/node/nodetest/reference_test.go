package nodetest

import (
	"strings"
	"testing"
)

// whole lets all memory of a process arrive.
func (w *World) whole(pid int32) {
	w.T.Helper()
	w.RunUntil(60e9, "all memory to be here", func() bool {
		on := w.On(pid)
		return on != 0 && w.Nodes[on].Tab.Process(pid).Space.Away() == 0
	})
}

// A process that leaves its memory behind has at the target what it had, whatever it does
// to it while it comes: it maps, unmaps, moves and frees it, and reads and writes.
func TestReference_MemoryIsAsItWas(t *testing.T) {
	for _, how := range []string{"reference", "hybrid"} {
		left, seen := 0, 0
		for seed := range uint64(30) {
			w, pid := scribble(t, seed, []int{3, 10, 50}[seed%3])
			w.Host.Strategy = how
			w.Wire.Loss = []float64{0, 0.02}[seed%2]
			w.Wire.Delay = []int64{1e5, 1e6}[seed/2%2]
			for i := range 6 {
				r := w.Move(pid, i%2+2)
				if left += r.Report.Left; r.Report.Strategy != how || r.Report.Left > 0 && r.Report.LeftOn == "" {
					t.Fatalf("%+v", r.Report)
				}
				if w.On(pid) == 0 {
					t.Fatalf("seed %d, move %d: gone: %s %q %q %q", seed, i, w.Describe(), w.Nodes[1].log, w.Nodes[2].log, w.Nodes[3].log)
				}
				if seed%2 == 1 || w.Nodes[w.On(pid)].Tab.Process(pid).Space.Away() == 0 {
					// nothing to be seen, or a lossy network to ask on
				} else if info := w.info(pid); len(info.Residuals) > 0 && strings.Contains(info.Residuals[0], "memory") {
					seen++
				}
				if i%2 == 0 { // else it leaves again before all is there
					w.whole(pid)
					scribbling.check(t, w.Nodes[w.On(pid)].Tab.Process(pid).Space)
				}
			}
			w.whole(pid)
			w.Run(5e9)
			scribbling.check(t, w.Nodes[w.On(pid)].Tab.Process(pid).Space)
			for i := 1; i < len(w.Nodes); i++ {
				if s := w.Nodes[i].Leftovers(); s != "" {
					t.Errorf("%s, seed %d, node %d keeps %s", how, seed, i, s)
				}
			}
		}
		if left == 0 || seen == 0 {
			t.Errorf("%s: %d pages were left, seen %d times by ps: the test looks at little", how, left, seen)
		}
	}
}
