package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc/api"
)

// fifoPair makes a FIFO and a child. In A: 0, and the child writes to the FIFO and the
// parent reads; 1, and it is the other way round. The parent opens it late. Who reads
// copies to descriptor 1.
const fifoLines = 10

var fifoPair = Register(func(u *User) {
	path := u.Put(pathAt, []byte("/tmp/p\x00"))
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysMknod, path, object.ModeFIFO|0o600, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		child := uint64(0)
		if u.Ret == 0 {
			child = 1
			u.Call(3, abi.SysGetpid)
		} else {
			u.Call(3, abi.SysNanosleep, u.Put(sleepAt, timespec(50e6)), 0)
		}
		if u.SetB(0); u.A() != child {
			u.SetB(1)
		}
	case 3:
		mode := uint64(object.ORdonly)
		if u.B() == 1 {
			mode = object.OWronly
		}
		u.Call(4, abi.SysOpen, path, mode)
	case 4:
		if u.SetA(uint64(u.Ret)); u.Ret < 0 {
			u.Print(40, 1, fmt.Sprintf("open: %d\n", u.Ret))
			return
		}
		if u.B() == 0 {
			u.Goto(10)
		} else {
			u.Goto(20)
		}
	case 10:
		u.Call(11, abi.SysRead, u.A(), DataBase+bufAt, 512)
	case 11:
		if u.Ret <= 0 {
			u.Print(40, 1, fmt.Sprintf("end %d\n", u.Ret))
			return
		}
		u.Call(10, abi.SysWrite, 1, DataBase+bufAt, uint64(u.Ret))
	case 20:
		if u.SetB(u.B() + 1); u.B() > fifoLines+1 {
			u.Goto(40)
			return
		}
		u.Print(21, u.A(), fmt.Sprintf("line %d\n", u.B()-1))
	case 21:
		u.Call(20, abi.SysNanosleep, u.Put(sleepAt, timespec(3e6)), 0)
	default:
		u.Call(41, abi.SysExitGroup, 0)
	}
})

// A process moves while its open of a FIFO waits for the other end, and then both move
// while they talk.
func TestFIFO_MovesWhileOpenWaits(t *testing.T) {
	var want strings.Builder
	for i := range fifoLines {
		fmt.Fprintf(&want, "line %d\n", i+1)
	}
	want.WriteString("end 0\n")
	for way := range uint64(2) {
		for seed := range uint64(6) {
			w := New(t, 3, seed)
			p, out := startWay(w, fifoPair, way)
			w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
			child := p.Children[0].PID
			w.Run(int64(seed) * 1e6)
			w.Move(child, 2)
			w.Move(child, 3)
			if seed%2 == 1 {
				w.Move(child, 1)
			}
			if f := w.Nodes[w.On(child)].Tab.Process(child).FDs; !f.Opening(0) {
				t.Fatalf("way %d seed %d: the open does not wait", way, seed)
			}
			w.Run(50e6)
			pids := []int32{p.PID, child}
			for i := 0; !strings.Contains(string(out.Out), "end"); i++ {
				if i > 500 {
					t.Fatalf("way %d seed %d: no end:\n%s\n%s", way, seed, out.Out, w.Describe())
				}
				if on := w.On(pids[i%2]); on != 0 {
					w.Host.Migrate(pids[i%2], on, on%3+1, func(api.MigrateReply) {})
				}
				w.Run(2e6 + int64(w.rng.IntN(4e6)))
			}
			if string(out.Out) != want.String() {
				t.Fatalf("way %d seed %d: output:\n%s", way, seed, out.Out)
			}
			w.Run(20e9)
			w.CheckEmpty()
		}
	}
}
