package nodetest

import (
	"fmt"
	"testing"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
	"motile/proc/api"
)

// What can happen to a process while it moves, at every frame of the move. Nodes
// act on what they have of it: the copy that is leaving, the one that is arriving.

// during starts a process on node 1, orders its move to node 2, and has happen done
// between the two steps around the k-th frame between the two nodes since then. It
// reports false when the move does not take so many.
func during(t *testing.T, k int, start func(w *World) *proc.Process, happen func(w *World, pid int32)) (w *World, pid int32, struck bool) {
	w = New(t, 3, uint64(k))
	pid = start(w).PID
	w.watch(pid)
	w.Run(450e6)
	frames := 0
	w.Wire.Cut = func(from, to int) bool {
		if from+to == 3 && from*to == 2 {
			if frames++; frames == k {
				struck = true
				w.due = append(w.due, func() { happen(w, pid) })
			}
		}
		return false
	}
	answered := false
	w.Host.Migrate(pid, 1, 2, func(api.MigrateReply) { answered = true })
	w.RunUntil(100e9, "answered", func() bool { return answered })
	w.Wire.Cut = nil
	return w, pid, struck
}

// atEveryFrame does that for each frame there is.
func atEveryFrame(t *testing.T, start func(w *World) *proc.Process, happen func(w *World, pid int32), check func(t *testing.T, w *World, pid int32)) {
	for k := 1; ; k++ {
		more := false
		t.Run(fmt.Sprintf("frame %d", k), func(t *testing.T) {
			w, pid, struck := during(t, k, start, happen)
			if more = struck; struck {
				check(t, w, pid)
			}
		})
		if !more {
			if k < 8 {
				t.Errorf("a move takes %d frames; the test looks at nothing", k)
			}
			return
		}
	}
}

func startCounter(w *World) *proc.Process {
	return w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
}

// ended checks that a process is nowhere, and that nothing of it is left.
func ended(t *testing.T, w *World, pid int32) {
	w.RunUntil(10e9, "ended", func() bool {
		for _, nd := range w.Nodes[1:] {
			if nd.Tab.Process(pid) != nil {
				return false
			}
		}
		return true
	})
	w.Run(1e9)
	w.CheckEmpty()
}

// A signal that a node sends by its own table, to a group or a thread, reaches a
// process that moves where it goes on, and does nothing to the copies.
func TestDuring_KilledByANode(t *testing.T) {
	kill := proc.Info{Signo: abi.SIGKILL}
	for _, node := range []int{1, 2} {
		for name, send := range map[string]func(tb *proc.Table, p *proc.Process){
			"group":  func(tb *proc.Table, p *proc.Process) { tb.SignalGroup(p.PGID, kill) },
			"all":    func(tb *proc.Table, p *proc.Process) { tb.SignalAll(nil, kill) },
			"thread": func(tb *proc.Table, p *proc.Process) { tb.SignalThread(p.Leader(), kill) },
		} {
			t.Run(fmt.Sprintf("%s, node %d", name, node), func(t *testing.T) {
				sent := false
				atEveryFrame(t, startCounter, func(w *World, pid int32) {
					sent = false
					if p := w.Nodes[node].Tab.Process(pid); p != nil {
						send(w.Nodes[node].Tab, p)
						sent = true
					}
				}, func(t *testing.T, w *World, pid int32) {
					if sent {
						ended(t, w, pid)
					}
				})
			})
		}
	}
}

// A detached process that ends keeps its address for those who ask late. It may end
// while its move is being negotiated.
func TestDuring_DetachedProcessEnds(t *testing.T) {
	start := func(w *World) *proc.Process {
		p := startCounter(w)
		p.Log = object.NewFile(object.NewLog(), object.OWronly, "log:")
		return p
	}
	atEveryFrame(t, start, func(w *World, pid int32) {
		for _, nd := range w.Nodes[1:] {
			if p := nd.Tab.Process(pid); p != nil {
				nd.Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
				return
			}
		}
	}, ended)
}

// A process ends, or is stunned, where it has just arrived, before any thread of it
// has run there. The source hears that it came all the same.
func TestDuring_NeverRunsWhereItArrives(t *testing.T) {
	for name, strike := range map[string]func(w *World, p *proc.Process){
		"killed": func(w *World, p *proc.Process) {
			w.Nodes[2].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
		},
		"stopped": func(w *World, p *proc.Process) {
			w.Nodes[2].Tab.Signal(p, proc.Info{Signo: abi.SIGSTOP})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(t, 2, 1)
			pid := startCounter(w).PID
			w.Run(450e6)
			w.Nodes[2].next = func() {
				if p := w.Nodes[2].Tab.Process(pid); p != nil && !p.Frozen() {
					w.Nodes[2].next = nil
					strike(w, p)
				}
			}
			if r := w.Move(pid, 2); r.Node != 2 {
				t.Errorf("the report says node %d", r.Node)
			}
			if s := w.Nodes[2].Leftovers(); name == "killed" && s != "" {
				t.Error(s)
			}
		})
	}
}

// A process is killed by its address, as soon as it can be reached there.
func TestDuring_KilledByAddress(t *testing.T) {
	atEveryFrame(t, startCounter, func(w *World, pid int32) {
		w.Host.process(pid, std.Destroy, func(rpc.Complete) {})
	}, ended)
}

// A process that is told to stop where it is does not move on, or stands still where
// it arrives.
func TestDuring_Stunned(t *testing.T) {
	done := false
	atEveryFrame(t, startCounter, func(w *World, pid int32) {
		done = false
		w.Host.process(pid, api.Stun, func(rpc.Complete) { done = true })
	}, func(t *testing.T, w *World, pid int32) {
		w.RunUntil(10e9, "stunned", func() bool { return done })
		w.Run(1e9)
		if l := w.Where(pid); len(l) != 0 {
			t.Fatalf("it was stunned and runs on %v", l)
		}
		done = false
		w.Host.process(pid, api.Resume, func(rpc.Complete) { done = true })
		w.RunUntil(10e9, "resumed", func() bool { return done })
		if len(w.Where(pid)) != 1 {
			t.Fatalf("it was resumed and does not run\n%s", w.Describe())
		}
	})
}

// Everybody asks for a move: of the copy that leaves, and of the one that arrives.
func TestDuring_MovedByTwo(t *testing.T) {
	for _, node := range []int{1, 2} {
		t.Run(fmt.Sprintf("node %d", node), func(t *testing.T) {
			answered := false
			atEveryFrame(t, startCounter, func(w *World, pid int32) {
				answered = false
				w.Host.Migrate(pid, node, 3, func(api.MigrateReply) { answered = true })
			}, func(t *testing.T, w *World, pid int32) {
				w.RunUntil(60e9, "answered", func() bool { return answered })
				w.Run(20e9)
				if len(w.Where(pid)) != 1 {
					t.Fatalf("runs on %v\n%s", w.Where(pid), w.Describe())
				}
				for _, nd := range w.Nodes[1:] {
					if p := nd.Tab.Process(pid); p != nil && p.Frozen() {
						t.Errorf("a copy is left on node %d", nd.n)
					}
				}
			})
		})
	}
}

// A partition that begins when the second copy is about to be moved on itself: the
// source may thaw its copy, so the other must not have gone anywhere.
func TestDuring_ArrivingCopyStays(t *testing.T) {
	if leaves() {
		t.Skip("what it has left behind is out of reach")
	}
	for k := 1; k <= frameCount(t); k++ {
		w, pid, _, _, reply := faulty(t, k, func(w *World, pid int32) {
			w.partitioned = true
			w.due = append(w.due, func() { w.Host.Migrate(pid, 2, 3, func(api.MigrateReply) {}) })
		})
		w.watch(pid)
		w.Run(20e9)
		w.partitioned = false
		w.RunUntil(120e9, "settled", func() bool { return *reply != nil && len(w.Where(pid)) == 1 })
		w.Run(5e9)
		if w.On(pid) == 0 {
			t.Fatalf("frame %d: lost\n%s", k, w.Describe())
		}
	}
}
