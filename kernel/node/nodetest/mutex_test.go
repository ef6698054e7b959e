package nodetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
)

const (
	lockers = 6
	forever = ^uint64(0)
)

// locking starts threads that want a mutex one after the other, 20 ms apart, wait for it
// for B ms, keep it for 100 ms, and say what came of it, and when.
var locking = Register(func(u *User) {
	switch u.PC() {
	case 0:
		if u.A() == lockers {
			u.Call(9, abi.SysPause)
			return
		}
		u.SetA(u.A() + 1)
		u.Call(1, abi.SysClone, threadFlags)
	case 1:
		if u.Ret != 0 {
			u.Call(0, abi.SysGetpid)
			return
		}
		u.Call(2, abi.SysNanosleep, u.Put(sleepAt, timespec(int64(u.A())*20e6)), 0)
	case 2:
		u.Call(3, abi.SysMuTrylock, DataBase+muAt, u.B())
	case 3:
		u.SetB(uint64(u.Ret))
		u.Print(4, 1, fmt.Sprintf("%d %v %d\n", u.A(), std.Status(u.Ret), u.Mono()/1e6))
	case 4:
		if u.B() != 0 {
			u.Call(7, abi.SysExit, 0)
			return
		}
		u.Call(5, abi.SysNanosleep, u.Put(sleepAt, timespec(100e6)), 0)
	case 5:
		u.Call(6, abi.SysMuUnlock, DataBase+muAt)
	case 6:
		if u.Ret != 0 {
			u.Print(7, 1, fmt.Sprintf("unlock: %v\n", std.Status(u.Ret)))
			return
		}
		u.Call(7, abi.SysExit, 0)
	}
})

// The mutex is handed on in the order in which threads came, and those who do not get it
// in time are told when that is over, however often the process moves meanwhile.
func TestMutex_MovesWithItsWaiters(t *testing.T) {
	for _, patience := range []uint64{forever, 250} {
		for pause := int64(10e6); pause <= 1e9; pause *= 3 {
			w := New(t, 3, uint64(pause))
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(locking, nil, w.Nodes[1].Remote(out))
			(&User{t: p.Leader()}).SetB(patience)
			began := p.Now() / 1e6
			moves := 0
			w.watch(p.PID)
			for len(strings.Split(string(out.Out), "\n")) <= lockers {
				w.Run(pause)
				if moves++; moves > 200 {
					t.Fatalf("%s\n%s", out.Out, w.Describe())
				}
				w.Move(p.PID, moves%3+1)
			}
			got, at, late := 0, int64(20), 0
			for _, l := range strings.Split(strings.TrimSpace(string(out.Out)), "\n") {
				var i int
				var s string
				var ms int64
				fmt.Sscan(l, &i, &s, &ms)
				ms -= began
				switch {
				case s == "STD_OK":
					if got++; i != got || ms < at || ms > at+40*int64(got) {
						t.Errorf("patience %d, moved every %d ms: %d got it after %d ms, want %d\n%s", int64(patience), pause/1e6, i, ms, at, out.Out)
					}
					at += 100
				case s != "STD_NOTNOW" || ms < int64(20*i)+250 || ms > int64(20*i)+300:
					t.Errorf("patience %d, moved every %d ms: %q after %d ms", int64(patience), pause/1e6, l, ms)
				default:
					late++
				}
			}
			if patience == forever && got != lockers || patience != forever && (got < 3 || late < 1 || got+late != lockers) {
				t.Errorf("%d got it, %d did not\n%s", got, late, out.Out)
			}
		}
	}
}

// mutexHandler waits for a mutex that another thread of it unlocks after 300 ms. Its
// handler of SIGUSR1 takes A ms.
var mutexHandler = Register(func(u *User) {
	if u.Signal != 0 {
		u.Call(50, abi.SysNanosleep, u.Put(sleepAt+16, timespec(int64(u.A())*1e6)), 0)
		return
	}
	switch u.PC() {
	case 0:
		u.Handle(1, abi.SIGUSR1, 0)
	case 1:
		u.Call(2, abi.SysMuTrylock, DataBase+muAt, 0)
	case 2:
		u.Call(3, abi.SysClone, threadFlags)
	case 3:
		if u.Ret == 0 {
			u.t.SetMask(1 << (abi.SIGUSR1 - 1))
			u.Call(10, abi.SysNanosleep, u.Put(sleepAt, timespec(300e6)), 0)
			return
		}
		u.Call(4, abi.SysMuTrylock, DataBase+muAt, forever)
	case 4:
		u.Print(5, 1, fmt.Sprintf("%v, word %d\n", std.Status(u.Ret), u.Get(muAt, 1)[0]))
	case 5:
		u.Call(6, abi.SysMuUnlock, DataBase+muAt)
	case 10:
		u.Call(11, abi.SysMuUnlock, DataBase+muAt)
	case 11:
		u.Print(12, 1, fmt.Sprintf("unlocked: %v\n", std.Status(u.Ret)))
	case 50:
		u.Print(51, 1, "handler\n")
	case 51:
		u.Return()
	default:
		u.Call(6, abi.SysPause)
	}
})

// A handler runs on top of a thread that waits for a mutex, which goes on waiting when
// the handler returns; or gets it, if it was unlocked meanwhile.
func TestMutex_Signal(t *testing.T) {
	for takes, want := range map[uint64]string{
		50:  "handler\nunlocked: STD_OK\nSTD_OK, word 2\n",
		400: "unlocked: STD_OK\nhandler\nSTD_OK, word 2\n",
	} {
		for _, moveAt := range []int64{0, 20e6, 250e6, 320e6, 480e6} {
			w := New(t, 2, 1)
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(mutexHandler, nil, w.Nodes[1].Remote(out))
			pid := p.PID
			(&User{t: p.Leader()}).SetA(takes)
			w.Run(50e6)
			w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGUSR1})
			if moveAt > 0 {
				w.Run(moveAt)
				w.Move(pid, 2)
			}
			w.Run(1e9)
			if got := string(out.Out); sorted(got) != sorted(want) || takes == 400 && got != want {
				t.Errorf("handler of %d ms, moved at %d ms: %q\n%s", takes, moveAt/1e6, got, w.Describe())
			}
			q := w.Nodes[w.On(pid)].Tab.Process(pid)
			if v, _ := q.Space.Load32(DataBase + muAt); v != 0 {
				t.Errorf("handler of %d ms, moved at %d ms: the word is %d at the end", takes, moveAt/1e6, v)
			}
		}
	}
}

func sorted(lines string) string {
	l := strings.Split(lines, "\n")
	slices.Sort(l)
	return strings.Join(l, "\n")
}

// Arguments that make no sense.
func TestMutex_BadArguments(t *testing.T) {
	w := New(t, 1, 1)
	const try, unlock, word = abi.SysMuTrylock, abi.SysMuUnlock, DataBase + muAt
	const argBad, badAddress, notNow = int64(std.ArgBad), int64(std.RPCBadAddress), int64(std.NotNow)
	p := runScript(t, w, []scripted{
		{nr: try, args: args(DataBase+1, 0), want: argBad},
		{nr: try, args: args(0, 0), want: badAddress},
		{nr: try, args: args(1<<63, forever), want: badAddress},
		{nr: unlock, args: args(DataBase + 2), want: argBad},
		{nr: unlock, args: args(1 << 63), want: badAddress},
		{nr: unlock, args: args(word), want: argBad}, // it is free
		{nr: try, args: args(word, forever), want: 0},
		{nr: try, args: args(word, 0), want: notNow},
		{nr: try, args: args(word, 30), want: notNow},
		{nr: unlock, args: args(word), want: 0},
		{nr: unlock, args: args(word), want: argBad},
		{nr: try, args: args(word, 1<<32-1), want: 0},
	})
	w.RunUntil(5e9, "through", func() bool { return p.Leader().Call.Nr == abi.SysPause })
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	w.Run(1e9)
	w.CheckEmpty()
}
