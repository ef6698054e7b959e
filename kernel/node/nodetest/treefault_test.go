package nodetest

import (
	"fmt"
	"testing"

	"motile/proc/api"
)

// A fault at every frame of a move of several processes: there is one commit line for
// all of them, so they are all on one node or all on the other, or all lost with one.

// treeFault starts kin on node 1, orders its move to node 2, and strikes just before the
// k-th frame between the two nodes since then.
func treeFault(t *testing.T, k int, strike func(w *World), more ...uint64) (w *World, pids []int32, out *Object, frames *int, reply **api.MigrateReply) {
	seed := uint64(k) + 100
	for _, n := range more {
		seed += 100 * n
	}
	w = New(t, 3, seed)
	pids, out = kinOn(t, w)
	frames, reply = new(int), new(*api.MigrateReply)
	w.Wire.Cut = func(from, to int) bool {
		between := from+to == 3 && from*to == 2
		if between && (*reply == nil || k == 0) {
			if *frames++; *frames == k {
				strike(w)
			}
		}
		return between && w.partitioned
	}
	w.Host.MigrateTree(pids[:1], 1, 2, func(r api.MigrateReply) { *reply = &r })
	return w, pids, out, frames, reply
}

func treeFrames(t *testing.T) int {
	w, _, _, frames, reply := treeFault(t, 0, nil)
	w.RunUntil(5e9, "moved", func() bool { return *reply != nil })
	if *frames < 20 && !leaves() {
		t.Fatalf("a move takes %d frames; the test looks at nothing", *frames)
	}
	return *frames + 8 // another one may take more
}

// goesOn checks that all three run where they are, and that their turns were taken once
// each.
func goesOn(t *testing.T, w *World, pids []int32, out *Object) {
	t.Helper()
	before := len(out.Out)
	w.RunUntil(5e9, "going on", func() bool { return len(out.Out) > before+8 })
	node := w.Nodes[w.together(pids)]
	said, heard := node.Tab.Process(pids[0]).Leader().Frame.R13, node.Tab.Process(pids[2]).Leader().Frame.R13
	if heard+2 < said || heard > said {
		t.Errorf("the grandchild heard of %d turns of %d", heard, said)
	}
	checkLines(t, out.Out)
}

func TestTreeFault_Partition(t *testing.T) {
	total := treeFrames(t)
	for _, heal := range []int64{500e6, 20e9} {
		for k := 1; k <= total+2; k++ {
			t.Run(fmt.Sprintf("heal after %d ms, frame %d", heal/1e6, k), func(t *testing.T) {
				w, pids, out, _, reply := treeFault(t, k, func(w *World) { w.partitioned = true })
				w.Run(heal)
				w.partitioned = false
				w.RunUntil(120e9, "settled", func() bool { return *reply != nil && len(w.Where(pids[0])) == 1 })
				goesOn(t, w, pids, out)
				if on := w.together(pids); (*reply).Error == "" && on != 2 || (*reply).Error != "" && on != 1 {
					t.Errorf("on node %d, but the report says %q", on, (*reply).Error)
				}
			})
		}
	}
}

func TestTreeFault_TargetDies(t *testing.T) {
	for k := 1; k <= treeFrames(t); k++ {
		t.Run(fmt.Sprintf("frame %d", k), func(t *testing.T) {
			w, pids, out, frames, reply := treeFault(t, k, func(w *World) { w.Kill(2) })
			w.Run(1900e6)
			if *frames < k {
				return // the move had fewer
			}
			doubt := 0
			for _, pid := range pids {
				if w.Nodes[1].InDoubt(pid) {
					doubt++
				}
			}
			moved := *reply != nil && (*reply).Error == ""
			switch {
			case doubt != 0 && doubt != len(pids):
				t.Errorf("%d of %d are in doubt", doubt, len(pids))
			case doubt == 0 && !moved:
				goesOn(t, w, pids, out)
			case doubt > 0: // when the target is back, it is known that they are lost
				w.Boot(2)
				w.RunUntil(120e9, "the report", func() bool { return *reply != nil })
				w.Run(5e9)
				if (*reply).Error == "" {
					t.Errorf("%+v", *reply)
				}
				for _, pid := range pids {
					if w.has(pid) != 0 {
						t.Errorf("process %d is on node %d", pid, w.has(pid))
					}
				}
			}
			checkLines(t, out.Out)
		})
	}
}

func TestTreeFault_SourceDies(t *testing.T) {
	if leaves() {
		t.Skip("what they have left behind is lost then")
	}
	for k := 1; k <= treeFrames(t); k++ {
		t.Run(fmt.Sprintf("frame %d", k), func(t *testing.T) {
			w, pids, out, frames, _ := treeFault(t, k, func(w *World) { w.Kill(1) })
			w.Run(2e9)
			if *frames < k {
				return // the move had fewer
			}
			w.Boot(1)
			w.Run(10e9)
			here := 0
			for _, pid := range pids {
				if p := w.Nodes[2].Tab.Process(pid); p != nil {
					here++
					if p.Frozen() {
						t.Errorf("parked at the target although its source was restarted\n%s", w.Describe())
					}
				}
			}
			if here == len(pids) {
				goesOn(t, w, pids, out)
			} else if here != 0 {
				t.Errorf("%d of %d are at the target\n%s", here, len(pids), w.Describe())
			}
			checkLines(t, out.Out)
		})
	}
}

// In doubt, and resolved by hand, by the pid of any of them: all go on.
func TestTreeFault_Resolved(t *testing.T) {
	resolved := 0
	total := treeFrames(t)
	for i := range 3 * total { // in doubt it is for one frame only
		k := 1 + i/3
		w, pids, out, _, reply := treeFault(t, k, func(w *World) { w.partitioned = true }, uint64(i%3))
		w.Run(1e9)
		who := pids[k%len(pids)]
		if w.Nodes[1].InDoubt(who) && w.Nodes[2].Tab.Process(who).Frozen() {
			w.Host.tell(1, api.Resolve, api.ResolveRequest{PID: who, Resume: true})
			resolved++
		}
		w.Run(500e6)
		w.partitioned = false
		w.RunUntil(60e9, "settled", func() bool { return *reply != nil && len(w.Where(pids[0])) == 1 })
		w.Run(10e9)
		goesOn(t, w, pids, out)
	}
	if resolved == 0 && *strategy == "copy" {
		t.Error("nothing was ever in doubt; the test looks at nothing")
	}
}

func TestTreeFault_LossyWire(t *testing.T) {
	for seed := range uint64(20) {
		w := New(t, 3, seed)
		w.Wire.Loss, w.Wire.Dup = 0.05, 0.05
		pids, out := kinOn(t, w)
		for range 6 {
			w.MoveTree(w.together(pids)%3+1, pids[0])
			w.Run(100e6)
		}
		goesOn(t, w, pids, out)
	}
}
