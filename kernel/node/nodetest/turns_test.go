package nodetest

import (
	"encoding/binary"
	"fmt"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc/api"
)

const (
	takenTurns = 12
	backAt     = fdsAt + 16 // the second pipe's descriptors
)

// turnTaker makes two pipes and a child, which share all of their ends. The parent writes a
// number of rounds to the one, the child reads it, turns O_NONBLOCK of the second one's
// reading end over, and says there what it was; the parent says it and what it finds.
var turnTaker = Register(func(u *User) {
	const getFL, setFL = 3, 4
	back := func(i int) uint64 {
		return uint64(binary.LittleEndian.Uint32(u.Get(backAt+4*i, 4)))
	}
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysPipe2, DataBase+backAt, 0)
	case 2:
		u.Call(3, abi.SysFork)
	case 3:
		if u.Ret == 0 {
			u.Goto(20)
			return
		}
		u.SetB(uint64(u.Ret))
		u.Goto(10)
	// the parent
	case 10:
		if u.SetA(u.A() + 1); u.A() > takenTurns {
			u.Call(17, abi.SysKill, u.B(), abi.SIGKILL)
			return
		}
		u.Call(11, abi.SysWrite, u.FD(1), DataBase+bufAt, 1)
	case 11: // while the flag is set there may be nothing yet
		u.Call(12, abi.SysRead, back(0), DataBase+bufAt, 8)
	case 12:
		if u.Ret == -abi.EAGAIN {
			u.Call(11, abi.SysNanosleep, u.Put(sleepAt, timespec(5e6)), 0)
			return
		}
		u.Call(13, abi.SysFcntl, back(0), getFL)
	case 13:
		was := binary.LittleEndian.Uint64(u.Get(bufAt, 8))
		u.Print(10, 1, fmt.Sprintf("%d: %v, now %v\n", u.A(), was&object.ONonblock != 0, u.Ret&object.ONonblock != 0))
	case 17:
		u.Call(18, abi.SysWait4, u.B(), 0, 0, 0)
	case 18:
		u.Call(19, abi.SysExitGroup, 0)
	// the child
	case 20:
		u.Call(21, abi.SysRead, u.FD(0), DataBase+bufAt, 1)
	case 21:
		u.Call(22, abi.SysFcntl, back(0), getFL)
	case 22:
		u.Store(DataBase+bufAt, uint64(u.Ret))
		u.Call(23, abi.SysFcntl, back(0), setFL, uint64(u.Ret)^object.ONonblock)
	case 23:
		u.Call(20, abi.SysWrite, back(1), DataBase+bufAt, 8)
	}
})

func turnsTaken() (out string) {
	for i := range takenTurns {
		out += fmt.Sprintf("%d: %v, now %v\n", i+1, i%2 == 1, i%2 == 0)
	}
	return out
}

// sharedReader makes a pipe and a child, which sleeps again and again. It reads from the
// pipe.
var sharedReader = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Goto(3)
			return
		}
		u.Call(4, abi.SysRead, u.FD(0), DataBase+bufAt, 1)
	case 3:
		u.Call(3, abi.SysNanosleep, u.Put(sleepAt, timespec(50e6)), 0)
	}
})

// A process comes to a node from which a description that it waits for is about to leave
// with another. That move comes to nothing: now the process waits for the description of
// its own node as for one of another. When the description is written down again, the node
// must not go round in circles, having itself ask again.
func TestRestore_WhileTheNodeWaitsForItself(t *testing.T) {
	w := New(t, 3, 1)
	p := w.Nodes[1].Start(sharedReader)
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
	pid, child := p.PID, p.Children[0].PID
	w.Run(10e6)
	w.Move(pid, 2)
	w.Host.Migrate(child, 1, 3, func(api.MigrateReply) {})
	w.RunUntil(1e9, "frozen", func() bool { return w.Nodes[1].Tab.Process(child).Frozen() })
	w.Wire.Cut = func(from, to int) bool { return from+to == 4 }
	w.Move(pid, 1)
	w.RunUntil(60e9, "the move is given up", func() bool { return !w.Nodes[1].Tab.Process(child).Frozen() })
	w.Wire.Cut = nil
	file := w.Nodes[1].Tab.Process(pid).FDs.Entry(0).File
	if _, ok := file.Impl.(*object.Remote); !ok || file == w.Nodes[1].Tab.Process(child).FDs.Entry(0).File {
		t.Fatalf("the descriptor is a %T", file.Impl)
	}
	w.Run(1e9)
	w.Nodes[1].Shake(w.Nodes[1].Tab.Process(child), &api.Shake{Every: 1, By: api.ShakeByRestore})
	w.Run(1e9)
	if s, _, _ := w.shaken(child); s.Restores == 0 {
		t.Fatalf("%+v", s)
	}
	w.Move(child, 3)
}
