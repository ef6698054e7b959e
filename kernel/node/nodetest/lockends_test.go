package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
	"motile/proc/api"
)

// openFile opens the file of turns and keeps it open.
var openFile = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(pathAt, []byte("/tmp/f\x00")), object.OCreat|object.ORdwr, 0o600)
	default:
		u.Call(2, abi.SysPause)
	}
})

// Nothing is locked when all who have taken turns are dead, wherever they were and whatever
// was under way: requests, moves that come about and moves that do not. All nodes have the
// file open all the time, so that the server frees nothing by itself.
func TestLock_EndsWithItsHolders(t *testing.T) {
	const seeds = 6
	moved, held, aborted := 0, 0, 0
	for way := range uint64(3) {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprintf("way %d seed %d", way, seed), func(t *testing.T) {
				w := New(t, 3, seed)
				w.Wire.Loss, w.Wire.Dup = 0.15*float64(seed%3)/2, 0.05*float64(seed%2)
				f := w.fileServer()
				for _, nd := range w.Nodes[1:] {
					nd.Start(openFile)
				}
				p, _ := startWay(w, turns, way+forEver)
				w.RunUntil(60e9, "forked", func() bool { return len(p.Children) == 1 })
				pids := []int32{p.PID, p.Children[0].PID}
				end := 20 + w.rng.IntN(60)
				for i := 0; len(pids) > 0; i++ {
					pid := pids[i%len(pids)]
					on := w.On(pid)
					switch {
					case i > 4000:
						t.Fatalf("they do not end:\n%s", w.Describe())
					case w.gone(pid):
						pids = without(pids, pid)
					case on == 0:
					case i >= end:
						nd := w.Nodes[on]
						nd.Tab.Signal(nd.Tab.Process(pid), proc.Info{Signo: abi.SIGKILL})
						pids = without(pids, pid)
					default:
						w.Host.migrateResidual(pid, on, on%3+1, func(r api.MigrateReply) {
							if moved++; r.Error != "" {
								aborted++
							}
						})
					}
					held += f.s.Locks()
					w.Run(1e6 + int64(w.rng.IntN(3e6))<<w.rng.IntN(6))
					if w.rng.IntN(8) == 0 { // somebody hears nobody, or not the server: a move to him is given up
						deaf, server := 1+w.rng.IntN(3), w.rng.IntN(2) == 0
						w.Wire.Cut = func(from, to int) bool { return to == deaf && (from == 0) == server }
						w.Run(int64(w.rng.IntN(5e9)))
						w.Wire.Cut = nil
					}
				}
				w.Wire.Cut, w.Wire.Loss = nil, 0
				w.Run(60e9)
				if n := f.s.Locks(); n > 0 {
					t.Errorf("the file server has %d locks left", n)
				}
			})
		}
	}
	if aborted == 0 || held == 0 || moved < 2*aborted {
		t.Errorf("%d moves, %d of them given up, %d locks seen", moved, aborted, held)
	}
}

// A move is given up while the server has not heard that the lock is coming. When it hears
// that, after the node's farewell, it is not true any more.
func TestLock_HoldIsSlowerThanTheFarewell(t *testing.T) {
	for way := range uint64(3) {
		t.Run(fmt.Sprint("way ", way), func(t *testing.T) {
			w := New(t, 2, 1)
			f := w.fileServer()
			for _, nd := range w.Nodes[1:] {
				nd.Start(openFile)
			}
			p, out := startWay(w, turns, way+forEver)
			w.RunUntil(1e9, "inside", func() bool { return strings.Contains(string(out.Out), "in ") })
			child := w.Nodes[1].Tab.Process(p.Children[0].PID)
			w.Nodes[1].Tab.Signal(child, proc.Info{Signo: abi.SIGKILL})
			w.RunUntil(1e9, "inside", func() bool { return strings.HasSuffix(string(out.Out), "in "+digit(p.PID)+"\n") })
			w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGSTOP})
			w.Wire.Cut = func(from, to int) bool { return from == 2 && to == 0 }
			var reply *api.MigrateReply
			w.Host.migrateResidual(p.PID, 1, 2, func(r api.MigrateReply) { reply = &r })
			w.RunUntil(20e9, "given up", func() bool { return reply != nil })
			if reply.Error == "" {
				t.Fatal("it has moved")
			}
			w.Wire.Cut = nil
			if w.Run(30e9); f.s.Locks() != 1 {
				t.Fatalf("the process that stays has %d locks", f.s.Locks())
			}
			w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
			w.Run(30e9)
			if n := f.s.Locks(); n > 0 {
				t.Errorf("the file server has %d locks left", n)
			}
		})
	}
}

func without(pids []int32, pid int32) (rest []int32) {
	for _, p := range pids {
		if p != pid {
			rest = append(rest, p)
		}
	}
	return rest
}
