package nodetest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
)

// pipeline forks a child that writes lines into a pipe and exits with status 7; the
// parent copies the lines to descriptor 1, then reports what wait4 says.
const (
	fdsAt, sleepAt, bufAt, lineAt, statusAt = 0, 32, 1024, 2048, 64

	pipelineLines = 12
)

var pipeline = Register(func(u *User) {
	fd := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(u.Get(fdsAt+4*i, 4))) }
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Call(20, abi.SysClose, fd(0))
		} else {
			u.SetB(uint64(u.Ret))
			u.Call(10, abi.SysClose, fd(1))
		}
	// the parent
	case 10:
		u.Call(11, abi.SysRead, fd(0), DataBase+bufAt, 512)
	case 11:
		if u.Ret > 0 {
			u.Call(10, abi.SysWrite, 1, DataBase+bufAt, uint64(u.Ret))
		} else {
			u.Call(12, abi.SysWait4, u.B(), DataBase+statusAt, 0, 0)
		}
	case 12:
		line := fmt.Sprintf("wait %v status %x\n", u.Ret == int64(u.B()), u.Get(statusAt, 4))
		u.Call(13, abi.SysWrite, 1, u.Put(lineAt, []byte(line)), uint64(len(line)))
	case 13:
		u.Call(14, abi.SysExitGroup, 0)
	// the child
	case 20:
		if u.SetA(u.A() + 1); u.A() > pipelineLines {
			u.Call(99, abi.SysExitGroup, 7)
			return
		}
		line := fmt.Sprintf("line %d\n", u.A())
		u.Call(21, abi.SysWrite, fd(1), u.Put(lineAt, []byte(line)), uint64(len(line)))
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
