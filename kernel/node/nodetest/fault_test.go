package nodetest

import (
	"fmt"
	"testing"

	"motile/proc/api"
)

// A fault at every frame of a move: between which two messages it strikes is the
// one thing that matters, so every place is tried.

// faulty starts a counter on node 1, orders its move to node 2, and calls strike
// just before the k-th frame between the two nodes since then. It reports how many
// frames there were.
func faulty(t *testing.T, k int, strike func(w *World, pid int32)) (w *World, pid int32, out *Object, frames int, reply **api.MigrateReply) {
	w = New(t, 3, uint64(k)+100)
	out = w.Host.NewObject()
	pid = Burden(w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))).PID
	w.Run(450e6)
	w.Wire.Cut = func(from, to int) bool {
		between := from+to == 3 && from*to == 2
		if between {
			if frames++; frames == k {
				strike(w, pid)
			}
		}
		return between && w.partitioned
	}
	reply = new(*api.MigrateReply)
	w.Host.Migrate(pid, 1, 2, func(r api.MigrateReply) { *reply = &r })
	return w, pid, out, 0, reply
}

// frameCount is how many frames a move without faults takes.
func frameCount(t *testing.T) int {
	n := 0
	w := New(t, 3, 100)
	out := w.Host.NewObject()
	pid := Burden(w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))).PID
	w.Run(450e6)
	w.Wire.Cut = func(from, to int) bool {
		if from+to == 3 && from*to == 2 {
			n++
		}
		return false
	}
	w.Move(pid, 2)
	return n
}

// A partition between source and target, at every frame, healed after a while: in
// the end there is exactly one copy, and its output is whole.
func TestFault_PartitionAtEveryFrame(t *testing.T) {
	total := frameCount(t)
	if total < 8 {
		t.Fatalf("a move takes %d frames; the test looks at nothing", total)
	}
	for _, heal := range []int64{500e6, 5e9, 20e9, 60e9} {
		if leaves() && heal > 30e9 {
			continue // what it has left is lost then: TestReference_SourceIsLost
		}
		for k := 1; k <= total+2; k++ {
			t.Run(fmt.Sprintf("heal after %d ms, frame %d", heal/1e6, k), func(t *testing.T) {
				w, pid, out, _, reply := faulty(t, k, func(w *World, pid int32) { w.partitioned = true })
				w.watch(pid)
				w.Run(heal)
				w.partitioned = false
				w.RunUntil(120e9, "settled", func() bool { return *reply != nil && len(w.Where(pid)) == 1 })
				before := len(out.Out)
				w.RunUntil(5e9, "printing", func() bool { return len(out.Out) > before })
				w.Run(1e9)
				checkLines(t, out.Out)
				if on := w.On(pid); (*reply).Error == "" && on != 2 || (*reply).Error != "" && on != 1 {
					t.Errorf("on node %d, but the report says %q", on, (*reply).Error)
				}
			})
		}
	}
}

// The target dies at every frame. Before the commit the process runs on at the
// source, within two seconds; after it, it may be lost with the target.
func TestFault_TargetDiesAtEveryFrame(t *testing.T) {
	total := frameCount(t)
	for k := 1; k <= total; k++ {
		t.Run(fmt.Sprintf("frame %d", k), func(t *testing.T) {
			w, pid, out, _, reply := faulty(t, k, func(w *World, pid int32) { w.Kill(2) })
			w.watch(pid)
			w.Run(1900e6)
			n := len(out.Out)
			w.Run(200e6)
			moved := *reply != nil && (*reply).Error == ""
			if !moved && !w.Nodes[1].InDoubt(pid) && len(out.Out) == n {
				t.Errorf("not committed, and silent\n%s", w.Describe())
			}
			checkLines(t, out.Out)
		})
	}
}

// The source dies at every frame: the process is at the target, or lost.
func TestFault_SourceDiesAtEveryFrame(t *testing.T) {
	total := frameCount(t)
	for k := 1; k <= total; k++ {
		t.Run(fmt.Sprintf("frame %d", k), func(t *testing.T) {
			w, pid, out, _, _ := faulty(t, k, func(w *World, pid int32) { w.Kill(1) })
			w.watch(pid)
			w.Run(2e9)
			w.Boot(1)
			w.Run(10e9)
			if p := w.Nodes[2].Tab.Process(pid); p != nil && p.Frozen() {
				t.Errorf("parked at the target although its source was restarted\n%s", w.Describe())
			}
			checkLines(t, out.Out)
		})
	}
}

// Loss and duplication during moves back and forth.
func TestFault_LossyWire(t *testing.T) {
	for seed := range uint64(20) {
		w := New(t, 3, seed)
		w.Wire.Loss, w.Wire.Dup = 0.05, 0.05
		out := w.Host.NewObject()
		pid := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out)).PID
		w.watch(pid)
		w.Run(300e6)
		for i := range 6 {
			w.Move(pid, (i+1)%3+1)
			w.Run(200e6)
		}
		w.RunUntil(10e9, "printing", func() bool { return len(out.Out) > 0 })
		checkLines(t, out.Out)
	}
}

// A node that was restarted is not taken for what it was: what it asks is new.
func TestReboot_MovesAgain(t *testing.T) {
	w := New(t, 2, 7)
	out := w.Host.NewObject()
	pid := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out)).PID
	for range 6 {
		w.Move(pid, 2)
		w.Move(pid, 1)
	}
	w.Kill(1)
	w.Run(1e9)
	w.Boot(1)
	w.Run(1e9)
	pid = w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject())).PID
	w.Move(pid, 2)
	if on := w.On(pid); on != 2 {
		t.Fatalf("on node %d", on)
	}
}

// In doubt, and resolved by hand: the source resumes its copy. A COMMIT that the target
// has not heard by then does not reach it when the network is whole again.
func TestFault_ResumedByHand(t *testing.T) {
	resolved := 0
	for k := 1; k <= frameCount(t); k++ {
		w, pid, out, _, reply := faulty(t, k, func(w *World, pid int32) { w.partitioned = true })
		w.watch(pid)
		w.Run(1e9)
		if w.Nodes[1].InDoubt(pid) && w.Nodes[2].Tab.Process(pid).Frozen() {
			w.Host.tell(1, api.Resolve, api.ResolveRequest{PID: pid, Resume: true})
			resolved++
		}
		w.Run(500e6)
		w.partitioned = false
		w.RunUntil(60e9, "settled", func() bool { return *reply != nil && len(w.Where(pid)) == 1 })
		w.Run(10e9)
		checkLines(t, out.Out)
	}
	if resolved == 0 && *strategy == "copy" {
		t.Error("nothing was ever in doubt; the test looks at nothing")
	}
}
