package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/proc/api"
)

// Objects that several nodes hold, when holders come, go, and are lost.

// threePipes makes three pipes and a child that has them too, and waits for ever.
var threePipes = Register(func(u *User) {
	switch pc := u.PC(); pc {
	case 0, 1, 2:
		u.Call(pc+1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 3:
		u.Call(4, abi.SysFork)
	default:
		u.Call(5, abi.SysPause)
	}
})

// A node that lost power holds nothing any more: each of the things it held is let go
// of, once.
func TestExport_HolderLosesPower(t *testing.T) {
	w := New(t, 2, 1)
	p := w.Nodes[1].Start(threePipes)
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
	w.Move(p.Children[0].PID, 2)
	for fd := range int32(6) {
		if refs := p.FDs.Get(fd).Refs(); refs != 2 {
			t.Fatalf("fd %d has %d references while another node holds it", fd, refs)
		}
	}
	w.Kill(2)
	w.Run(100e6)
	w.Boot(2)
	w.Run(5e9)
	for fd := range int32(6) {
		if refs := p.FDs.Get(fd).Refs(); refs != 1 {
			t.Errorf("fd %d has %d references", fd, refs)
		}
	}
	if s := w.Nodes[1].Leftovers(); s != "" {
		t.Error(s)
	}
}

// fanout makes a pipe and two children who have it: one that ends when its descriptor
// 0 says so, and one that copies from the pipe to descriptor 1. The parent writes
// lines.
const fanoutLines = 30

var fanout = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Call(21, abi.SysRead, 0, DataBase+bufAt, 1)
			return
		}
		u.Call(3, abi.SysFork)
	case 3:
		if u.Ret == 0 {
			u.Call(30, abi.SysClose, u.FD(1))
			return
		}
		u.Goto(10)
	case 10:
		if u.SetA(u.A() + 1); u.A() > fanoutLines {
			u.Call(12, abi.SysExitGroup, 0)
			return
		}
		line := fmt.Sprintf("%d\n", u.A())
		u.Print(11, u.FD(1), line)
	case 11:
		u.Call(10, abi.SysNanosleep, u.Put(sleepAt, timespec(100e6)), 0)
	case 21:
		u.Call(22, abi.SysExitGroup, 0)
	case 30:
		u.Call(31, abi.SysRead, u.FD(0), DataBase+bufAt, 512)
	case 31:
		if u.Ret <= 0 {
			line := fmt.Sprintf("end %d\n", u.Ret)
			u.Print(32, 1, line)
			return
		}
		u.Call(30, abi.SysWrite, 1, DataBase+bufAt, uint64(u.Ret))
	case 32:
		u.Call(33, abi.SysExitGroup, 0)
	}
})

// A node holds an object until the last of its processes has closed it.
func TestExport_TwoHoldersOnOneNode(t *testing.T) {
	w := New(t, 2, 1)
	in, out := w.Host.NewObject(), w.Host.NewObject()
	p := w.Nodes[1].Start(fanout, w.Nodes[1].Remote(in), w.Nodes[1].Remote(out))
	w.RunUntil(1e9, "forked twice", func() bool { return len(p.Children) == 2 })
	for _, c := range []int32{p.Children[0].PID, p.Children[1].PID} {
		w.Move(c, 2)
	}
	w.Run(300e6)
	in.Feed("x") // the first ends
	w.RunUntil(20e9, "finished", func() bool { return strings.Contains(string(out.Out), "end") })
	var want strings.Builder
	for i := range fanoutLines {
		fmt.Fprintf(&want, "%d\n", i+1)
	}
	if want.WriteString("end 0\n"); string(out.Out) != want.String() {
		t.Errorf("output:\n%s", out.Out)
	}
	w.Run(15e9)
	w.CheckEmpty()
}

// A holder arrives on the node that a pipe is about to leave, at every stage of that.
func TestExport_HolderArrivesWhileThePipeLeaves(t *testing.T) {
	for d := int64(0); d < 3e6; d += 60e3 {
		w := New(t, 3, uint64(d))
		out := w.Host.NewObject()
		p := w.Nodes[1].Start(pipeline, nil, w.Nodes[1].Remote(out))
		pid := p.PID
		w.RunUntil(1e9, "forked", func() bool { return strings.Count(string(out.Out), "\n") >= 2 })
		child := p.Children[0].PID
		w.Move(child, 2)
		answers := 0
		heard := func(api.MigrateReply) { answers++ }
		w.Host.Migrate(pid, 1, 3, heard)
		w.Run(d % 1e6)
		w.Host.Migrate(child, 2, 1, heard)
		if d >= 1e6 { // and the other way round
			w.Run(d - 1e6)
		}
		w.RunUntil(20e9, "finished", func() bool { return strings.Contains(string(out.Out), "wait") && answers == 2 })
		if string(out.Out) != pipelineOutput() {
			t.Fatalf("%d ns apart: output:\n%s", d, out.Out)
		}
		w.Run(15e9)
		w.CheckEmpty()
	}
}

// stream forks a child that writes numbers into a pipe as fast as it can; the parent
// copies them to descriptor 1.
const streamCount = 600

var stream = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Call(20, abi.SysClose, u.FD(0))
		} else {
			u.Call(10, abi.SysClose, u.FD(1))
		}
	case 10:
		u.Call(11, abi.SysRead, u.FD(0), DataBase+bufAt, 512)
	case 11:
		if u.Ret <= 0 {
			u.Print(12, 1, "end\n")
			return
		}
		u.Call(10, abi.SysWrite, 1, DataBase+bufAt, uint64(u.Ret))
	case 12:
		u.Call(13, abi.SysExitGroup, 0)
	case 20:
		if u.SetA(u.A() + 1); u.A() > streamCount {
			u.Call(21, abi.SysExitGroup, 0)
			return
		}
		line := fmt.Sprintf("%d\n", u.A())
		u.Print(22, u.FD(1), line)
	case 22:
		u.Call(20, abi.SysNanosleep, u.Put(sleepAt, timespec(100e3)), 0)
	}
})

// A process comes to the node of the pipe it reads or writes, while the answer to its
// last request is on the way: what that took or brought counts, once.
func TestExport_AnswerComesWhenTheObjectIsHere(t *testing.T) {
	var want strings.Builder
	for i := range streamCount {
		fmt.Fprintf(&want, "%d\n", i+1)
	}
	want.WriteString("end\n")
	for _, who := range []string{"reader", "writer"} {
		for seed := range uint64(15) {
			w := New(t, 2, seed)
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(stream, nil, w.Nodes[1].Remote(out))
			pid := p.PID
			w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
			if who == "writer" {
				pid = p.Children[0].PID
			}
			for i := 0; !strings.Contains(string(out.Out), "end"); i++ {
				if i > 200 {
					t.Fatalf("%s moves, seed %d: no end\n%s", who, seed, w.Describe())
				}
				if on := w.On(pid); on != 0 {
					w.Host.Migrate(pid, on, 3-on, func(api.MigrateReply) {})
				}
				w.Run(2e6 + int64(w.rng.IntN(3e6)))
			}
			if string(out.Out) != want.String() {
				t.Fatalf("%s moves, seed %d: output:\n%s", who, seed, out.Out)
			}
		}
	}
}
