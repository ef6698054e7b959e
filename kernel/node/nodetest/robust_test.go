package nodetest

import (
	"encoding/binary"
	"fmt"
	"testing"

	"motile/kernel/abi"
	"motile/proc"
)

// heir forks a child that takes a robust lock in memory that both share, and waits for it.
// Once it is woken, or was not even put to sleep, it says what the lock's word is.
const (
	robustHeadAt = 8192

	futexWaiters = 1 << 31
)

var heir = Register(func(u *User) {
	put := func(off int, words ...uint64) uint64 {
		for i, v := range words {
			u.Store(DataBase+uint64(off+8*i), v)
		}
		return DataBase + uint64(off)
	}
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysMmap, 0, 4096, 3, mapSharedAnonymous, ^uint64(0), 0)
	case 1:
		u.SetB(uint64(u.Ret))
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Goto(20)
			return
		}
		u.Goto(10)
	case 10:
		u.SetA(u.Load(u.B()) & 0xffffffff)
		if u.A() == 0 { // the child has not taken it
			u.Call(10, abi.SysNanosleep, u.Put(sleepAt, timespec(1e6)), 0)
			return
		}
		u.Call(11, abi.SysFutex, u.B(), 0, u.A(), 0)
	case 11:
		word := u.Load(u.B()) & 0xffffffff
		u.Print(12, 1, fmt.Sprintf("woken %d, owner died %v, is waited for %v\n", u.Ret, word&(1<<30) != 0, word&futexWaiters != 0))
	case 12:
		u.Call(13, abi.SysPause)
	// the child: a list of one lock, whose entry is 64 bytes behind its word
	case 20:
		head := put(robustHeadAt, u.B()+64, ^uint64(63), 0)
		u.Store(u.B()+64, head)
		u.Call(21, abi.SysSetRobustList, head, 24)
	case 21:
		if u.Ret != 0 {
			panic(fmt.Sprintf("set_robust_list: %d", u.Ret))
		}
		u.t.Process().Space.CopyOut(u.B(), binary.LittleEndian.AppendUint32(nil, uint32(u.TID())|futexWaiters))
		u.Call(22, abi.SysPause)
	}
})

// Who dies with a robust lock in memory that relatives share wakes him who waits for it,
// wherever the two have moved to together.
func TestRobust_HolderDiesWhereItHasMoved(t *testing.T) {
	for moves := range 4 {
		w := New(t, 3, 1)
		out := w.Host.NewObject()
		p := w.Nodes[1].Start(heir, nil, w.Nodes[1].Remote(out))
		pid := p.PID
		w.RunUntil(1e9, "waiting", func() bool { return len(p.Children) == 1 && p.Leader().Call.Nr == abi.SysFutex })
		child := p.Children[0].PID
		for i := range moves {
			w.MoveTree((i+1)%3+1, pid)
			w.Run(50e6)
		}
		if len(out.Out) > 0 {
			t.Errorf("%d moves: while the holder lives: %s", moves, out.Out)
		}
		on := w.Nodes[w.together([]int32{pid, child})]
		on.Tab.Signal(on.Tab.Process(child), proc.Info{Signo: abi.SIGKILL})
		w.Run(1e9)
		if want := "woken 0, owner died true, is waited for true\n"; string(out.Out) != want {
			t.Errorf("%d moves: %q, want %q\n%s", moves, out.Out, want, w.Describe())
		}
	}
}
