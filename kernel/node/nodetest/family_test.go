package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/proc/api"
)

// pipeline forks a child that writes lines into a pipe and exits with status 7; the
// parent copies the lines to descriptor 1, then reports what wait4 says.
const (
	sleepAt, bufAt, statusAt = 32, 1024, 64

	pipelineLines = 12
)

var pipeline = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Call(20, abi.SysClose, u.FD(0))
		} else {
			u.SetB(uint64(u.Ret))
			u.Call(10, abi.SysClose, u.FD(1))
		}
	// the parent
	case 10:
		u.Call(11, abi.SysRead, u.FD(0), DataBase+bufAt, 512)
	case 11:
		if u.Ret > 0 {
			u.Call(10, abi.SysWrite, 1, DataBase+bufAt, uint64(u.Ret))
		} else {
			u.Call(12, abi.SysWait4, u.B(), DataBase+statusAt, 0, 0)
		}
	case 12:
		line := fmt.Sprintf("wait %v status %x\n", u.Ret == int64(u.B()), u.Get(statusAt, 4))
		u.Print(13, 1, line)
	case 13:
		u.Call(14, abi.SysExitGroup, 0)
	// the child
	case 20:
		if u.SetA(u.A() + 1); u.A() > pipelineLines {
			u.Call(99, abi.SysExitGroup, 7)
			return
		}
		line := fmt.Sprintf("line %d\n", u.A())
		u.Print(21, u.FD(1), line)
	case 21:
		if u.Ret < 0 {
			u.Call(99, abi.SysExitGroup, 1)
			return
		}
		u.Call(20, abi.SysNanosleep, u.Put(sleepAt, timespec(50e6)), 0)
	}
})

func pipelineOutput() string {
	var b strings.Builder
	for i := range pipelineLines {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	return b.String() + "wait true status 00070000\n"
}

// Who moves where, while the pipeline runs: every way for a pipe's ends and a
// parent and its child to come apart and together again.
func TestMove_PipelineAcrossNodes(t *testing.T) {
	type step struct {
		who string // parent or child
		to  int
	}
	for name, steps := range map[string][]step{
		"nobody moves":               nil,
		"parent leaves":              {{"parent", 2}},
		"child leaves":               {{"child", 2}},
		"both, parent first":         {{"parent", 2}, {"child", 2}},
		"both, child first":          {{"child", 3}, {"parent", 3}},
		"to different nodes":         {{"parent", 2}, {"child", 3}},
		"apart and back":             {{"parent", 2}, {"parent", 1}},
		"child away and parent back": {{"child", 2}, {"parent", 2}, {"child", 1}, {"parent", 1}},
		"round and round":            {{"parent", 2}, {"child", 3}, {"parent", 3}, {"child", 1}, {"parent", 2}, {"child", 2}},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(t, 3, 7)
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(pipeline, nil, w.Nodes[1].Remote(out))
			pid := p.PID
			w.RunUntil(1e9, "forked", func() bool { return strings.Count(string(out.Out), "\n") >= 1 })
			child := p.Children[0].PID
			for _, s := range steps {
				who := pid
				if s.who == "child" {
					who = child
				}
				w.Move(who, s.to)
				w.Run(60e6)
			}
			w.RunUntil(20e9, "finished", func() bool { return strings.Contains(string(out.Out), "wait") })
			if string(out.Out) != pipelineOutput() {
				t.Errorf("output:\n%s", out.Out)
			}
			w.Run(5e9)
			w.CheckEmpty()
		})
	}
}

// The node a pipe was made on may go, once nobody there holds it.
func TestMove_PipeLeavesWithItsLastHolder(t *testing.T) {
	w := New(t, 3, 3)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(pipeline, nil, w.Nodes[1].Remote(out))
	pid := p.PID
	w.RunUntil(1e9, "forked", func() bool { return strings.Count(string(out.Out), "\n") >= 2 })
	child := p.Children[0].PID
	w.Move(pid, 2)
	w.Move(child, 3)
	w.Run(100e6) // the pipe follows
	w.Kill(1)
	w.RunUntil(20e9, "finished", func() bool { return strings.Contains(string(out.Out), "wait") })
	if string(out.Out) != pipelineOutput() {
		t.Errorf("output:\n%s", out.Out)
	}
}

// parentOf is a program that forks a child and reports what wait4 says of it. The child
// begins with start, and goes on at 20.
func parentOf(start func(u *User), rest Program) Program {
	return func(u *User) {
		switch u.PC() {
		case 0:
			u.Call(1, abi.SysFork)
		case 1:
			if u.Ret == 0 {
				start(u)
				return
			}
			u.SetB(uint64(u.Ret))
			u.Call(2, abi.SysWait4, u.B(), DataBase+statusAt, 0, 0)
		case 2:
			u.Print(3, 1, fmt.Sprintf("wait %v status %x\n", u.Ret == int64(u.B()), u.Get(statusAt, 4)))
		case 3:
			u.Call(4, abi.SysExitGroup, 0)
		default:
			rest(u)
		}
	}
}

// orphanage has a child that sleeps for ever; quitter one that sleeps for two seconds and
// exits with status 7.
var (
	orphanage = Register(parentOf(func(u *User) { u.Call(20, abi.SysPause) }, nil))
	quitter   = Register(parentOf(
		func(u *User) { u.Call(20, abi.SysNanosleep, u.Put(sleepAt, timespec(2e9)), 0) },
		func(u *User) { u.Call(21, abi.SysExitGroup, 7) }))
)

// A child that is lost with its node is reported as killed.
func TestFamily_ChildLostWithItsNode(t *testing.T) {
	w := New(t, 3, 7)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(orphanage, nil, w.Nodes[1].Remote(out))
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
	w.Move(p.Children[0].PID, 3)
	w.Run(70e9)
	if len(out.Out) > 0 {
		t.Fatalf("while the child lives: %q", out.Out)
	}
	w.Kill(3)
	w.RunUntil(120e9, "reported", func() bool { return len(out.Out) > 0 })
	if want := "wait true status 09000000\n"; string(out.Out) != want {
		t.Errorf("output %q, want %q", out.Out, want)
	}
}

// spawner has an epoll set and makes a child with vfork that ends, as it could call exec,
// after A() ms, while the parent waits.
var spawner = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysEpollCreate1, 0)
	case 1:
		u.Call(2, abi.SysVfork)
	case 2:
		if u.Ret == 0 {
			u.Call(20, abi.SysNanosleep, u.Put(sleepAt, timespec(int64(u.A())*1e6)), 0)
			return
		}
		u.Call(3, abi.SysPause)
	case 20:
		u.Call(21, abi.SysExitGroup, 0)
	}
})

// Between vfork and exec a process gets a second, whatever it shares with its child then.
// After that the move is refused and nothing has changed.
func TestMove_Vfork(t *testing.T) {
	for ms, moves := range map[uint64]bool{30: true, 700: true, 5000: false} {
		w := New(t, 2, 7)
		p := w.Nodes[1].Start(spawner, nil)
		u := User{t: p.Leader()}
		u.SetA(ms)
		w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
		for _, pid := range []int32{p.PID, p.Children[0].PID} {
			if pid != p.PID && moves {
				continue // it ends
			}
			var reply *api.MigrateReply
			w.Host.Migrate(pid, 1, 2, func(r api.MigrateReply) { reply = &r })
			w.RunUntil(10e9, "answered", func() bool { return reply != nil })
			if moved := reply.Error == ""; moved != moves {
				t.Errorf("exec after %d ms: %+v", ms, reply)
			}
			if !moves && !strings.Contains(reply.Error, "vfork") {
				t.Errorf("refused for another reason: %s", reply.Error)
			}
			if moves && w.On(pid) != 2 || !moves && w.On(pid) != 1 {
				t.Errorf("it is on node %d", w.On(pid))
			}
		}
	}
}

// survivor makes a pipe and forks a child that writes to it and ends after 300 ms. It
// keeps both ends itself for B ns, then closes the one for writing and reads to the end.
var survivor = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Call(20, abi.SysNanosleep, u.Put(sleepAt, timespec(300e6)), 0)
		} else {
			u.Call(10, abi.SysNanosleep, u.Put(sleepAt, timespec(int64(u.B()))), 0)
		}
	// the parent
	case 10:
		u.Call(11, abi.SysClose, u.FD(1))
	case 11:
		u.Call(12, abi.SysRead, u.FD(0), DataBase+bufAt, 512)
	case 12:
		if u.Ret > 0 {
			u.Call(11, abi.SysWrite, 1, DataBase+bufAt, uint64(u.Ret))
			return
		}
		line := fmt.Sprintf("end %d\n", u.Ret)
		u.Print(13, 1, line)
	case 13:
		u.Call(14, abi.SysExitGroup, 0)
	// the child
	case 20:
		u.Print(21, u.FD(1), "last words\n")
	case 21:
		u.Call(22, abi.SysExitGroup, 0)
	}
})

// Both ends of a pipe are open on one other node when the last process here that
// has it open ends: the pipe goes there once, with both, whatever its holder does
// meanwhile.
func TestMove_PipeLeavesWithBothEnds(t *testing.T) {
	for sleep := int64(298e6); sleep < 310e6; sleep += 200e3 {
		w := New(t, 2, uint64(sleep))
		out := w.Host.NewObject()
		p := w.Nodes[1].Start(survivor, nil, w.Nodes[1].Remote(out))
		p.Leader().Frame.R12 = uint64(sleep)
		pid := p.PID
		w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
		w.Move(pid, 2)
		w.Run(2e9)
		if string(out.Out) != "last words\nend 0\n" {
			t.Fatalf("it sleeps for %d us; output:\n%s\n%s", sleep/1000, out.Out, w.Describe())
		}
		if log := strings.Join(w.Nodes[2].log, "\n"); strings.Contains(log, "did not arrive") {
			t.Fatalf("it sleeps for %d us; node 2 says:\n%s", sleep/1000, log)
		}
		w.Run(5e9)
		w.CheckEmpty()
	}
}

// A child that ends while its parent cannot be reached is heard of later, with the
// status it had.
func TestFamily_ChildEndsDuringPartition(t *testing.T) {
	w := New(t, 2, 7)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(quitter, nil, w.Nodes[1].Remote(out))
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
	w.Move(p.Children[0].PID, 2)
	w.Wire.Cut = func(from, to int) bool { return from+to == 3 }
	w.Run(20e9)
	if len(out.Out) > 0 {
		t.Fatalf("while nothing passes: %q", out.Out)
	}
	w.Wire.Cut = nil
	w.RunUntil(10e9, "reported", func() bool { return len(out.Out) > 0 })
	if want := "wait true status 00070000\n"; string(out.Out) != want {
		t.Errorf("output %q, want %q", out.Out, want)
	}
}
