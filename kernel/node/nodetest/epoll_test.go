package nodetest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc/api"
)

// Epoll sets that move, and what they watch.

const (
	epollAt  = 3200
	edgeRuns = 40
)

// watcher makes a pipe and an epoll set that watches its reading end, with the events
// in A. In B: 0, it keeps the descriptor; 1, it has a second one and closes the first;
// 2, a child has the description, and the process closes its own. Then, again and again,
// it writes a byte and says what epoll_wait gives, twice; with a descriptor left it
// reads the byte every other time.
var watcher = Register(func(u *User) {
	const set, twin = 10, 11
	reads := u.B()&3 != 2
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, object.ONonblock)
	case 1:
		u.Call(2, abi.SysEpollCreate1, 0)
	case 2:
		u.Call(3, abi.SysDup2, uint64(u.Ret), set)
	case 3:
		ev := binary.LittleEndian.AppendUint32(nil, uint32(u.A()))
		ev = binary.LittleEndian.AppendUint64(ev, 77)
		u.Call(4, abi.SysEpollCtl, set, 1, u.FD(0), u.Put(epollAt, ev))
	case 4:
		u.Call(5, abi.SysDup2, u.FD(0), twin)
	case 5:
		if u.B() == 2 {
			u.Call(30, abi.SysFork)
			return
		}
		u.Goto(6)
	case 6:
		if u.B() == 1 {
			u.Call(10, abi.SysClose, u.FD(0))
			return
		}
		u.Goto(10)
	case 10: // the rounds are counted in A from here on
		u.SetA(0)
		u.Goto(11)
	case 11:
		if u.SetA(u.A() + 1); u.A() > edgeRuns {
			u.Call(40, abi.SysExitGroup, 0)
			return
		}
		u.Print(12, u.FD(1), "x")
	case 12, 14:
		u.Call(u.PC()+1, abi.SysEpollWait, set, u.Put(epollAt, make([]byte, 48)), 4, 3)
	case 13, 15:
		text := fmt.Sprintf("%d ", u.Ret)
		if u.PC() == 15 {
			text = fmt.Sprintf("%d\n", u.Ret)
		}
		u.Print(u.PC()+1, 1, text)
	case 16:
		if reads && u.A()%2 == 0 {
			u.Call(11, abi.SysRead, twin, DataBase+bufAt, 64)
			return
		}
		u.Goto(11)
	case 30:
		if u.Ret == 0 {
			u.Call(31, abi.SysClose, set)
			return
		}
		u.Call(34, abi.SysClose, twin)
	case 31:
		u.Call(32, abi.SysCloseRange, 3, 100, 0)
	case 32:
		u.Call(33, abi.SysClose, u.FD(1))
	case 33:
		u.Call(33, abi.SysPause)
	case 34:
		u.Call(35, abi.SysClose, u.FD(0))
	case 35:
		u.Call(10, abi.SysNanosleep, u.Put(sleepAt, timespec(100e6)), 0)
	default:
		u.Call(41, abi.SysPause)
	}
})

// Every edge, and every readiness, is reported as often as without moves, whether the
// watched descriptor is open or another one for the same description.
func TestEpoll_EdgesSurviveMoves(t *testing.T) {
	for _, events := range []uint32{1, 1 | object.EpollET, 1 | object.EpollOneshot, 1 | object.EpollExclusive} {
		for kind := range uint64(2) {
			run := func(seed uint64, moves bool) string {
				w := New(t, 3, seed)
				out := w.Host.NewObject()
				p := w.Nodes[1].Start(watcher, nil, w.Nodes[1].Remote(out))
				p.Leader().Frame.R13, p.Leader().Frame.R12 = uint64(events), kind
				pid, moved := p.PID, 0
				for i := 0; strings.Count(string(out.Out), "\n") < edgeRuns; i++ {
					if i > 3000 {
						t.Fatalf("events %#x kind %d: never done:\n%s\n%s", events, kind, out.Out, w.Describe())
					}
					if on := w.On(pid); on != 0 && moves {
						w.Host.Migrate(pid, on, on%3+1, func(r api.MigrateReply) {
							if r.Error == "" {
								moved++
							}
						})
					}
					w.Run(1e6 + int64(w.rng.IntN(3e6)))
				}
				if moves && moved < 5 {
					t.Errorf("only %d moves", moved)
				}
				return string(out.Out)
			}
			want := run(1, false)
			for seed := range uint64(2) {
				if got := run(seed, true); got != want {
					t.Fatalf("events %#x kind %d seed %d: moved:\n%s\nunmoved:\n%s", events, kind, seed, got, want)
				}
			}
		}
	}
}

// A set watches what only a child has open any more. The set does not move, and says
// why; the child does, and what it has open stays where it is watched.
func TestEpoll_WatchOfAnothersFile(t *testing.T) {
	run := func(move bool) string {
		w := New(t, 2, 1)
		out := w.Host.NewObject()
		p := w.Nodes[1].Start(watcher, nil, w.Nodes[1].Remote(out))
		p.Leader().Frame.R13, p.Leader().Frame.R12 = 1, 2
		w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
		w.Run(20e6)
		if move {
			w.Move(p.Children[0].PID, 2)
			var reply *api.MigrateReply
			w.Host.Migrate(p.PID, 1, 2, func(r api.MigrateReply) { reply = &r })
			w.RunUntil(1e9, "answered", func() bool { return reply != nil })
			if !strings.Contains(reply.Error, "only another process has open") {
				t.Errorf("the move of the set: %q", reply.Error)
			}
		}
		w.RunUntil(10e9, "done", func() bool { return strings.Count(string(out.Out), "\n") == edgeRuns })
		return string(out.Out)
	}
	if want, got := run(false), run(true); got != want || !strings.HasPrefix(want, "1 1\n") {
		t.Errorf("output:\n%s\nunmoved:\n%s", got, want)
	}
}
