package nodetest

import (
	"strings"
	"testing"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/proc/api"
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
	for _, how := range []string{"reference", "hybrid", "dirty", "flush"} {
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
			if n := len(w.Bullet.Files); n > 0 {
				t.Errorf("%s, seed %d: %d files are left", how, seed, n)
			}
		}
		if left == 0 || seen == 0 {
			t.Errorf("%s: %d pages were left, seen %d times by ps: the test looks at little", how, left, seen)
		}
	}
}

// leftBehind moves a scribbler to node 2 by reference, on a slow network: most of its memory is
// on node 1 yet.
func leftBehind(t *testing.T, seed uint64) (*World, int32) {
	w, pid := scribble(t, seed, 100)
	w.Host.Strategy = "reference"
	w.Wire.Delay = 5e6
	if r := w.Move(pid, 2); r.Report.Left < 50 || w.Nodes[2].Tab.Process(pid).Space.Away() < 50 {
		t.Fatalf("%+v", r.Report)
	}
	return w, pid
}

// The node that has a process's memory dies, or is cut off for long: the process ends as if
// by SIGBUS, and who waits for it is told with which node its memory was lost. That takes
// half a minute, unless the node is back, without it.
func TestReference_SourceIsLost(t *testing.T) {
	const bus = 7 | 0x80
	for what, c := range map[string]struct {
		strike func(w *World)
		at     most // how long it takes
	}{
		"dies":            {func(w *World) { w.Kill(1) }, most(45e9)},
		"is cut off":      {func(w *World) { w.Wire.Cut = func(from, to int) bool { return from == 1 || to == 1 } }, most(45e9)},
		"is started anew": {func(w *World) { w.Kill(1); w.Boot(1) }, most(13e9)},
	} {
		t.Run(what, func(t *testing.T) {
			w, pid := leftBehind(t, 1)
			var end *api.WaitReply
			w.Host.process(pid, api.Wait, func(c rpc.Complete) {
				end = new(api.WaitReply)
				if err := image.Unmarshal(c.Data, end); err != nil {
					t.Error(err, c.Status)
				}
			})
			asked := 2
			for _, command := range []uint32{api.Snapshot, std.Info} { // the former waits for the memory
				w.Host.process(pid, command, func(rpc.Complete) { asked-- })
			}
			w.Run(10e6)
			c.strike(w)
			w.RunUntil(int64(c.at), "the end", func() bool { return end != nil })
			w.RunUntil(20e9, "answers", func() bool { return asked == 0 })
			if end.Status != bus || end.Lost != 1 || w.On(pid) != 0 {
				t.Errorf("%+v", end)
			}
			w.Run(20e9)
			if s := w.Nodes[2].Leftovers(); what != "dies" && s != "" {
				t.Error(s)
			}
			if what == "is cut off" { // it has not heard that nobody wants the memory any more
				w.Wire.Cut = nil
				w.Run(90e9)
				if s := w.Nodes[1].Leftovers(); s != "" {
					t.Error(s)
				}
			}
		})
	}
}

// Who asks when it has ended is told, too.
func TestReference_SourceIsLostAskedLate(t *testing.T) {
	w, pid := scribble(t, 1, 100)
	w.Nodes[1].Tab.Process(pid).Log = object.NewFile(object.NewLog(), object.OWronly, "log:")
	w.Host.Strategy = "reference"
	w.Wire.Delay = 5e6
	w.Move(pid, 2)
	w.Kill(1)
	w.Boot(1)
	w.RunUntil(13e9, "the end", func() bool { return w.On(pid) == 0 })
	var end api.WaitReply
	asked := false
	w.Host.process(pid, api.Wait, func(c rpc.Complete) {
		asked = true
		if err := image.Unmarshal(c.Data, &end); err != nil || end.Lost != 1 {
			t.Errorf("%+v, %v, %v", end, c.Status, err)
		}
	})
	w.RunUntil(5e9, "an answer", func() bool { return asked })
}

type most int64

// It is cut off for a while: the process waits, and goes on.
func TestReference_SourceIsCutOff(t *testing.T) {
	w, pid := leftBehind(t, 2)
	w.Wire.Cut = func(from, to int) bool { return from*to == 2 }
	w.Run(15e9)
	if w.On(pid) != 2 || w.Nodes[2].Tab.Process(pid).Space.Away() == 0 {
		t.Fatalf("%s", w.Describe())
	}
	w.Wire.Cut = nil
	w.whole(pid)
	w.Run(5e9)
	scribbling.check(t, w.Nodes[2].Tab.Process(pid).Space)
	for i := 1; i < len(w.Nodes); i++ {
		if s := w.Nodes[i].Leftovers(); s != "" {
			t.Errorf("node %d keeps %s", i, s)
		}
	}
}

// What was left for a process that has ended, or whose node has died, is given back.
func TestReference_IsGivenBack(t *testing.T) {
	for what, strike := range map[string]func(w *World, pid int32){
		"ended":  func(w *World, pid int32) { w.Nodes[2].Tab.Exit(w.Nodes[2].Tab.Process(pid), 9) },
		"reboot": func(w *World, _ int32) { w.Kill(2); w.Boot(2) },
	} {
		t.Run(what, func(t *testing.T) {
			w, pid := leftBehind(t, 3)
			if s := w.Nodes[1].Leftovers(); !strings.Contains(s, "1 residues") {
				t.Fatal(s)
			}
			strike(w, pid)
			w.Run(10e9)
			if s := w.Nodes[1].Leftovers(); s != "" {
				t.Error(s)
			}
		})
	}
}

// A file server that takes nothing, or that is not there, is no reason to stand still: without
// one the move is refused, and one that fails in the middle leaves the process where it is.
func TestFlush_Fails(t *testing.T) {
	w, pid := scribble(t, 4, 50)
	w.Host.Strategy = "flush"
	move := func() (r *api.MigrateReply) {
		w.Host.Migrate(pid, 1, 2, func(is api.MigrateReply) { r = &is })
		w.RunUntil(30e9, "the answer", func() bool { return r != nil })
		return r
	}
	w.Bullet.Full = true
	if r := move(); !strings.Contains(r.Error, "does not take the pages") || w.On(pid) != 1 {
		t.Errorf("%+v", r)
	}
	w.Run(50e6)
	w.Host.m.Close(w.Now, w.Bullet.ep)
	if r := move(); !strings.Contains(r.Error, "strategy flush needs a file server on another node than 1") || w.On(pid) != 1 || r.Report.FreezeUs != 0 {
		t.Errorf("%+v", r)
	}
	w.Run(50e6)
	scribbling.check(t, w.Nodes[1].Tab.Process(pid).Space)
}

// The file server is cut off for so long that the memory is given up: its file goes all the same.
func TestFlush_ServerIsCutOff(t *testing.T) {
	w, pid := scribble(t, 5, 50)
	w.Host.Strategy = "flush"
	w.Wire.Delay = 5e6
	w.Move(pid, 2)
	w.Wire.Cut = func(from, to int) bool { return from*to == 0 }
	w.RunUntil(60e9, "the end", func() bool { return w.On(pid) == 0 })
	if len(w.Bullet.Files) != 1 {
		t.Fatalf("%d files", len(w.Bullet.Files))
	}
	w.Wire.Cut = nil
	w.Run(90e9)
	if len(w.Bullet.Files) != 0 {
		t.Errorf("%d files", len(w.Bullet.Files))
	}
}

// A move waits for the memory of the one before, however long that takes to come: the target
// hears that its source is there.
func TestReference_MovesOnSlowly(t *testing.T) {
	w, pid := leftBehind(t, 4)
	w.Wire.Cut = func(from, to int) bool { return from*to == 2 }
	w.Host.Strategy = "copy"
	var reply *api.MigrateReply
	w.Host.Migrate(pid, 2, 3, func(r api.MigrateReply) { reply = &r })
	w.Run(20e9)
	w.Wire.Cut = nil
	w.RunUntil(20e9, "the answer", func() bool { return reply != nil })
	if reply.Error != "" || w.On(pid) != 3 {
		t.Fatalf("%+v", reply)
	}
	scribbling.check(t, w.Nodes[3].Tab.Process(pid).Space)
}

// The source owes nothing once the process has gone: it may die.
func TestFlush_SourceMayDie(t *testing.T) {
	w, pid := scribble(t, 5, 50)
	w.Host.Strategy = "flush"
	w.Wire.Delay = 5e6
	if r := w.Move(pid, 2); r.Report.Left == 0 || w.Nodes[2].Tab.Process(pid).Space.Away() == 0 || len(w.Bullet.Files) != 1 {
		t.Fatalf("%+v", r)
	}
	w.Kill(1)
	w.whole(pid)
	w.Run(5e9)
	scribbling.check(t, w.Nodes[2].Tab.Process(pid).Space)
	if n := len(w.Bullet.Files); n > 0 {
		t.Errorf("%d files are left", n)
	}
}
