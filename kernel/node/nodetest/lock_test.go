package nodetest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
	"motile/proc/api"
)

// Locks of a file whose holders and waiters move.

const (
	pathAt  = 3000
	flockAt = 3100

	setLK, setLKW, ofdSetLKW = 6, 7, 38
	lockEX, lockUN           = 2, 8
)

func (u *User) flock(kind uint16) uint64 {
	b := make([]byte, 32)
	binary.LittleEndian.PutUint16(b, kind)
	return u.Put(flockAt, b)
}

// turns is run by a parent and a child that share nothing but the file: each, many
// times, takes the lock, says so, sleeps, says so, and gives the lock up. A is the
// way of locking: 0 fcntl, 1 OFD, 2 flock; with forEver there is no end of it.
// Descriptors: 0 nothing, 1 the output.
const (
	turnsRounds = 12
	forEver     = 4
)

var turns = Register(func(u *User) {
	way := u.A() % forEver
	lock := func(pc uint64, on bool) {
		switch {
		case way == 2 && on:
			u.Call(pc, abi.SysFlock, 3, lockEX)
		case way == 2:
			u.Call(pc, abi.SysFlock, 3, lockUN)
		default:
			cmd, kind := uint64(setLKW), uint16(1)
			if way == 1 {
				cmd = ofdSetLKW
			}
			if !on {
				kind = 2
			}
			u.Call(pc, abi.SysFcntl, 3, cmd, u.flock(kind))
		}
	}
	me := u.TID() % 10
	switch u.PC() {
	case 0: // in A: the way of locking
		u.SetA(u.A())
		u.Call(1, abi.SysFork)
	case 1:
		u.Call(2, abi.SysOpen, u.Put(pathAt, []byte("/tmp/f\x00")), object.OCreat|object.ORdwr, 0o600)
	case 2:
		if u.Ret < 0 {
			u.Print(30, 1, fmt.Sprintf("open: %d\n", u.Ret))
			return
		}
		u.Call(3, abi.SysDup2, uint64(u.Ret), 3)
	case 3:
		if u.SetB(u.B() + 1); u.B() > turnsRounds && u.A() < forEver {
			u.Print(31, 1, "done\n")
			return
		}
		lock(4, true)
	case 4:
		if u.Ret != 0 {
			u.Print(30, 1, fmt.Sprintf("lock: %d\n", u.Ret))
			return
		}
		u.Print(5, 1, fmt.Sprintf("in %d\n", me))
	case 5:
		u.Call(6, abi.SysNanosleep, u.Put(sleepAt, timespec(3e6)), 0)
	case 6:
		u.Print(7, 1, fmt.Sprintf("out %d\n", me))
	case 7:
		lock(3, false)
	case 31:
		u.Call(32, abi.SysExitGroup, 0)
	default:
		u.Call(40, abi.SysPause)
	}
})

// startWays starts a program with A set, and a home object for its output.
func startWay(w *World, program int, way uint64) (*proc.Process, *Object) {
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(program, nil, w.Nodes[1].Remote(out))
	p.Leader().Frame.R13 = way
	return p, out
}

// checkTurns: between "in X" and "out X" there is nothing.
func checkTurns(t *testing.T, out string, done int) {
	t.Helper()
	inside, ends, ins := "", 0, 0
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		verb, who, _ := strings.Cut(line, " ")
		switch {
		case verb == "done":
			ends++
		case verb == "in" && inside == "":
			inside = who
			ins++
		case verb == "out" && inside == who:
			inside = ""
		default:
			t.Fatalf("%q while %q has the lock:\n%s", line, inside, out)
		}
	}
	if ends != done || ins != done*turnsRounds {
		t.Fatalf("%d times inside, %d ends:\n%s", ins, ends, out)
	}
}

// Two processes take turns by a lock while both move about: holding it, waiting for it,
// with requests and answers under way. They are never inside together.
func TestLock_HolderAndWaiterMove(t *testing.T) {
	for _, served := range []bool{false, true} {
		testHolderAndWaiterMove(t, served)
	}
}

func testHolderAndWaiterMove(t *testing.T, served bool) {
	const seeds = 24
	moved := 0
	for way := range uint64(3) {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprintf("served %v way %d seed %d", served, way, seed), func(t *testing.T) {
				w := New(t, 3, seed)
				w.Wire.Loss = 0.02 * float64(seed%2)
				if served {
					f := w.fileServer()
					defer func() {
						if n := f.s.Locks(); n > 0 {
							t.Errorf("the file server has %d locks left", n)
						}
					}()
				}
				p, out := startWay(w, turns, way)
				w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
				pids := []int32{p.PID, p.Children[0].PID}
				over := func() bool { return strings.Count(string(out.Out), "done\n") == 2 }
				for i := 0; !over(); i++ {
					if i > 4000 {
						t.Fatalf("never done:\n%s\n%s", out.Out, w.Describe())
					}
					pid := pids[i%2]
					if on := w.On(pid); on != 0 {
						w.Host.migrateResidual(pid, on, on%3+1, func(r api.MigrateReply) {
							if r.Error == "" {
								moved++
							}
						})
					}
					w.Run(1e6 + int64(w.rng.IntN(5e6)))
				}
				checkTurns(t, string(out.Out), 2)
				w.Wire.Loss = 0
				w.Run(20e9)
				for _, nd := range w.Nodes[1:] {
					if nd.K.FS.Locks.Any() {
						t.Errorf("node %d has locks left", nd.n)
					}
				}
				w.CheckEmpty()
			})
		}
	}
	if moved < 5*3*seeds {
		t.Errorf("only %d moves", moved)
	}
}

// A process that has moved away holds its lock while others ask, and gives it up when
// it ends there; when its node loses power, the lock is free after a minute.
func TestLock_EndsWithItsHolder(t *testing.T) {
	for _, how := range []string{"exit", "power", "exit, served", "power, served"} {
		t.Run(how, func(t *testing.T) {
			w := New(t, 2, 1)
			how, served := strings.CutSuffix(how, ", served")
			var f *fileServer
			if served {
				f = w.fileServer()
			}
			p, out := startWay(w, turns, 0)
			w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
			w.RunUntil(1e9, "inside", func() bool { return strings.HasSuffix(string(out.Out), "in "+digit(p.PID)+"\n") })
			var reply *api.MigrateReply
			w.Host.migrateResidual(p.PID, 1, 2, func(r api.MigrateReply) { reply = &r })
			w.RunUntil(10e9, "moved", func() bool { return reply != nil })
			if reply.Error != "" {
				t.Fatal(reply.Error)
			}
			q := w.Nodes[2].Tab.Process(p.PID)
			w.Nodes[2].Tab.Signal(q, proc.Info{Signo: abi.SIGSTOP})
			w.Run(2e9)
			was := len(out.Out)
			if w.Run(20e9); len(out.Out) != was {
				t.Fatalf("somebody passed the lock of a process that is elsewhere:\n%s", out.Out)
			}
			patience := int64(5e9)
			if how == "exit" {
				w.Nodes[2].Tab.Exit(q, abi.SIGKILL)
			} else {
				w.Kill(2)
				patience = 120e9
				if served { // its loop would find that out (servers/file/run.go)
					f.s.Lost(2)
				}
			}
			w.RunUntil(patience, "the other one done", func() bool { return strings.Contains(string(out.Out), "done") })
		})
	}
}

func digit(pid int32) string { return fmt.Sprint(pid % 10) }

func (h *Host) migrateResidual(pid int32, from, to int, done func(api.MigrateReply)) {
	h.migrate(api.MigrateRequest{PID: pid, Target: to, Residual: true}, from, done)
}
