package nodetest

import (
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
)

// lastWriter makes a pipe and two children that have only its writing end and end when
// descriptor 0 says so. The parent reads until the end and says so.
var lastWriter = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Call(20, abi.SysClose, u.FD(0))
			return
		}
		u.Call(3, abi.SysFork)
	case 3:
		if u.Ret == 0 {
			u.Call(20, abi.SysClose, u.FD(0))
			return
		}
		u.Call(4, abi.SysClose, u.FD(1))
	case 4:
		u.Call(5, abi.SysRead, u.FD(0), DataBase+bufAt, 512)
	case 5:
		if u.Ret <= 0 {
			u.Print(6, 1, "end\n")
			return
		}
		u.Call(4, abi.SysWrite, 1, DataBase+bufAt, uint64(u.Ret))
	case 6:
		u.Call(7, abi.SysExitGroup, 0)
	case 20:
		u.Call(21, abi.SysRead, 0, DataBase+bufAt, 1)
	case 21:
		u.Print(22, u.FD(1), "bye\n")
	case 22:
		u.Call(23, abi.SysExitGroup, 0)
	}
})

func startLastWriter(w *World) (p *proc.Process, in, out *Object) {
	in, out = w.Host.NewObject(), w.Host.NewObject()
	p = w.Nodes[1].Start(lastWriter, w.Nodes[1].Remote(in), w.Nodes[1].Remote(out))
	w.RunUntil(1e9, "forked twice", func() bool { return len(p.Children) == 2 })
	return p, in, out
}

// The last writer ends on a node that is cut off for a time, longer than a message is
// repeated for; then the reader sees the end.
func TestHold_ReleaseIsRepeated(t *testing.T) {
	for _, cut := range []int64{2e9, 20e9, 200e9, 1000e9} {
		w := New(t, 3, uint64(cut))
		p, in, out := startLastWriter(w)
		children := []int32{p.Children[0].PID, p.Children[1].PID}
		w.Move(children[0], 2)
		w.Move(children[1], 3)
		w.Run(100e6)
		w.Wire.Cut = func(from, to int) bool { return from == 2 && to != 0 || to == 2 && from != 0 }
		for _, nd := range w.Nodes[1:] {
			for _, c := range children {
				if q := nd.Tab.Process(c); q != nil {
					nd.Tab.Exit(q, abi.SIGKILL)
				}
			}
		}
		w.Run(cut)
		if out := string(out.Out); strings.Contains(out, "end") {
			t.Fatalf("output while a writer's node is cut off:\n%s", out)
		}
		w.Wire.Cut = nil
		w.RunUntil(30e9, "told of the end", func() bool { return string(out.Out) == "end\n" })
		in.Feed("xx")
		w.Run(15e9)
		w.CheckEmpty()
	}
}

// A move to a node that holds the object already is given up. What that node holds, it
// still holds.
func TestHold_SurvivesAFailedMove(t *testing.T) {
	for seed := range uint64(8) {
		w := New(t, 2, seed)
		p, in, out := startLastWriter(w)
		first, second := p.Children[0].PID, p.Children[1].PID
		w.Move(first, 2)
		w.Run(100e6)
		failed := false
		w.Host.Migrate(second, 1, 2, func(r api.MigrateReply) { failed = r.Error != "" })
		w.RunUntil(1e9, "frozen", func() bool { q := w.Nodes[1].Tab.Process(second); return q == nil || q.Frozen() })
		w.Wire.Cut = func(from, to int) bool { return from+to == 3 }
		w.Run(3e9)
		w.Wire.Cut = nil
		w.RunUntil(10e9, "given up", func() bool { return failed })
		w.Nodes[1].Tab.Exit(w.Nodes[1].Tab.Process(second), abi.SIGKILL)
		w.Run(1e9)
		in.Feed("x")
		w.RunUntil(30e9, "finished", func() bool { return strings.Contains(string(out.Out), "end") })
		if string(out.Out) != "bye\nend\n" {
			t.Fatalf("seed %d: output:\n%s", seed, out.Out)
		}
		w.Run(15e9)
		w.CheckEmpty()
	}
}
