package nodetest

import (
	"encoding/binary"
	"testing"

	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
)

// A process whose threads wait on a futex while it moves.

const (
	wordAt   = 4096 // the futex word, 0 for ever
	countAt  = 4104 // how many wake-ups
	orderAt  = 4112 // who was woken, a byte each
	ringSize = 4
	ringTurn = 60

	futexWaitPrivate, futexWakePrivate = 128, 129
	threadFlags                        = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
)

// futexRing has threads that wait at one word; the first thread wakes one every two
// milliseconds, and counts in B the times when nobody was there.
var futexRing = Register(func(u *User) {
	switch u.PC() {
	case 0:
		if u.SetA(u.A() + 1); u.A() > ringSize {
			u.SetA(0)
			u.Goto(3)
			return
		}
		u.Call(1, abi.SysClone, threadFlags)
	case 1:
		if u.Ret == 0 {
			u.Goto(20)
			return
		}
		u.Goto(0)
	case 3:
		if u.SetA(u.A() + 1); u.A() > ringTurn {
			u.Call(9, abi.SysPause)
			return
		}
		u.Call(4, abi.SysNanosleep, u.Put(sleepAt, timespec(2e6)), 0)
	case 4:
		u.Call(5, abi.SysFutex, DataBase+wordAt, futexWakePrivate, 1)
	case 5:
		if u.Ret != 1 {
			u.SetB(u.B() + 1)
		}
		u.Goto(3)
	case 20: // A is the thread's number
		u.Call(21, abi.SysFutex, DataBase+wordAt, futexWaitPrivate, 0, 0)
	case 21:
		n := binary.LittleEndian.Uint32(u.Get(countAt, 4))
		u.Put(orderAt+int(n), []byte{byte(u.A())})
		u.Put(countAt, binary.LittleEndian.AppendUint32(nil, n+1))
		u.Goto(20)
	}
})

// Every wake-up finds the longest waiting thread, also the one that comes first thing
// after a move, or while the process was frozen.
func TestFutex_WaitersKeepTheirOrder(t *testing.T) {
	for seed := range uint64(6) {
		w := New(t, 3, seed)
		p := w.Nodes[1].Start(futexRing)
		pid, moved := p.PID, 0
		leader := func() *abi.Frame {
			if on := w.On(pid); on != 0 {
				return w.Nodes[on].Tab.Process(pid).Leader().Frame
			}
			return nil
		}
		w.Run(5e6)
		for i := 0; ; i++ {
			if i > 2000 {
				t.Fatalf("never done\n%s", w.Describe())
			}
			if f := leader(); f != nil && f.R14 == 9 {
				break
			}
			if on := w.On(pid); on != 0 {
				w.Host.Migrate(pid, on, on%3+1, func(r api.MigrateReply) {
					if r.Error == "" {
						moved++
					}
				})
			}
			w.Run(1e6 + int64(w.rng.IntN(3e6)))
		}
		w.RunUntil(10e9, "at rest", func() bool { return leader() != nil })
		if lost := leader().R12; lost != 0 {
			t.Errorf("seed %d: %d of %d wake-ups found nobody, in %d moves", seed, lost, ringTurn, moved)
		}
		q := w.Nodes[w.On(pid)].Tab.Process(pid)
		checkRing(t, q)
		if moved < 5 {
			t.Errorf("only %d moves", moved)
		}
		q.Table().Exit(q, abi.SIGKILL)
	}
}

func checkRing(t *testing.T, p *proc.Process) {
	t.Helper()
	order := make([]byte, ringTurn)
	p.Space.CopyIn(order, DataBase+orderAt)
	for i := range order {
		if i >= ringSize && order[i] != order[i-ringSize] {
			t.Fatalf("woken in the order %v", order)
		}
	}
}

// sleeper waits on a futex for ever, alone.
var sleeper = Register(func(u *User) {
	u.Call(0, abi.SysFutex, DataBase+wordAt, futexWaitPrivate, 0, 0)
})

// A process none of whose threads has anything to do after its move has arrived
// nevertheless.
func TestFutex_NobodyRuns(t *testing.T) {
	w := New(t, 2, 1)
	p := w.Nodes[1].Start(sleeper)
	w.Run(1e6)
	if r := w.Move(p.PID, 2); r.Report.TotalUs > 1e6 {
		t.Errorf("the move took %d us", r.Report.TotalUs)
	}
	q := w.Nodes[2].Tab.Process(p.PID)
	if q.Leader().State() != proc.Waiting {
		t.Errorf("it is in state %d", q.Leader().State())
	}
}
