package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
	"motile/proc/api"
)

// shakenProgram is one that ends by itself and says on descriptor 1 what it saw.
type shakenProgram struct {
	name  string
	start func(w *World, out *object.File) *proc.Process
	says  string
	every []uint32
	alone bool // nobody else is there who stays
}

func shakenPrograms() []shakenProgram {
	plain := func(program int) func(*World, *object.File) *proc.Process {
		return func(w *World, out *object.File) *proc.Process {
			return w.Nodes[1].Start(program, nil, out)
		}
	}
	return []shakenProgram{
		{"pipeline", plain(pipeline), pipelineOutput(), []uint32{1, 3}, true},
		{"stages", plain(stages), numbered("line %d\n", stageLines), []uint32{1, 3}, true},
		{"stream", plain(stream), numbered("%d\n", streamCount), []uint32{2}, true},
		{"takes turns", plain(turnTaker), turnsTaken(), []uint32{1, 3}, true},
		{"groups of children", plain(groupMaker), groupsMade, []uint32{1, 2, 3}, true},
		{"rpc client", func(w *World, out *object.File) *proc.Process {
			w.Nodes[2].Start(addServer)
			return w.Nodes[1].Start(addClient, nil, out)
		}, "done 0 failed\n", []uint32{7}, false},
		{"rpc client, and a server beside it", func(w *World, out *object.File) *proc.Process {
			w.Nodes[1].Start(addServer)
			return w.Nodes[1].Start(addClient, nil, out)
		}, "done 0 failed\n", []uint32{7}, false},
		{"rpc client, and a server that is shaken too", func(w *World, out *object.File) *proc.Process {
			server := w.Nodes[2].Start(addServer)
			w.Nodes[2].Shake(server, &api.Shake{Every: 2, By: api.ShakeByRestore})
			return w.Nodes[1].Start(addClient, nil, out)
		}, "done 0 failed\n", []uint32{7}, false},
	}
}

func numbered(line string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line, i+1)
	}
	return b.String() + "end\n"
}

// Whatever a program does, it says the same if it is moved, or written down and made
// anew, after each of its system calls, and nothing is left of it.
func TestShake_NobodyNotices(t *testing.T) {
	for _, prog := range shakenPrograms() {
		for by, name := range map[api.ShakeBy]string{
			api.ShakeByMove: "move", api.ShakeByRestore: "restore", api.ShakeByBoth: "both"} {
			for _, every := range prog.every {
				t.Run(fmt.Sprintf("%s/%s/%d", prog.name, name, every), func(t *testing.T) {
					w := New(t, 3, uint64(every))
					out := w.Host.NewObject()
					p := prog.start(w, w.Nodes[1].Remote(out))
					w.Nodes[1].Shake(p, &api.Shake{Every: every, By: by, Seed: 1})
					pid := p.PID
					w.watch(pid)
					var last api.Shaken
					w.RunUntil(300e9, "ended", func() bool {
						if s, _, ok := w.shaken(pid); ok {
							last = s
						}
						return w.gone(pid)
					})
					if string(out.Out) != prog.says {
						t.Errorf("it says %q, want %q", out.Out, prog.says)
					}
					if by&api.ShakeByMove != 0 && last.Moves == 0 || by&api.ShakeByRestore != 0 && last.Restores == 0 {
						t.Errorf("%+v", last)
					}
					if prog.alone {
						w.Run(1e9)
						w.CheckEmpty()
					}
				})
			}
		}
	}
}

func (w *World) gone(pid int32) bool {
	for _, nd := range w.Nodes[1:] {
		if nd.Tab.Process(pid) != nil {
			return false
		}
	}
	return true
}

// shaken is what has come of the shaking of a process, as ps would show it.
func (w *World) shaken(pid int32) (s api.Shaken, moves int, ok bool) {
	for _, nd := range w.Nodes[1:] {
		if p := nd.Tab.Process(pid); p != nil && !p.Frozen() {
			return *nd.Shaken(p), p.Moves, true
		}
	}
	return
}

// A process that has nowhere to go runs on where it is, and says how often it was so.
func TestShake_NowhereToGo(t *testing.T) {
	w := New(t, 1, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(pipeline, nil, w.Nodes[1].Remote(out))
	w.Nodes[1].Shake(p, &api.Shake{Every: 1, By: api.ShakeByMove})
	var last api.Shaken
	w.RunUntil(60e9, "ended", func() bool {
		if s, _, ok := w.shaken(p.PID); ok {
			last = s
		}
		return w.gone(p.PID)
	})
	if string(out.Out) != pipelineOutput() || last.Moves != 0 || last.Refused < 20 {
		t.Errorf("%+v; it says %q", last, out.Out)
	}
}

// Nor does one whose move is refused when it stands still already.
func TestShake_RefusedByTheTarget(t *testing.T) {
	w := New(t, 2, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(pipeline, nil, w.Nodes[1].Remote(out))
	full := true
	w.Nodes[2].K.Pressure = func() bool { return full }
	w.Nodes[1].Shake(p, &api.Shake{Every: 1, By: api.ShakeByMove})
	w.Run(300e6)
	if s, moves, ok := w.shaken(p.PID); !ok || moves != 0 || s.Refused == 0 {
		t.Fatalf("%+v, %d moves, %v", s, moves, ok)
	}
	full = false
	var last api.Shaken
	w.RunUntil(60e9, "ended", func() bool {
		if s, _, ok := w.shaken(p.PID); ok {
			last = s
		}
		return w.gone(p.PID)
	})
	if string(out.Out) != pipelineOutput() || last.Moves == 0 {
		t.Errorf("%+v; it says %q", last, out.Out)
	}
}

// What a process forks is shaken too, with a count of its own.
func TestShake_ChildrenInherit(t *testing.T) {
	w := New(t, 2, 1)
	p := w.Nodes[1].Start(pipeline, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	w.Nodes[1].Shake(p, &api.Shake{Every: 1, By: api.ShakeByMove})
	child := int32(0)
	w.RunUntil(10e9, "forked, and the child has moved", func() bool {
		for _, nd := range w.Nodes[1:] {
			if q := nd.Tab.Process(p.PID); q != nil && len(q.Children) == 1 {
				child = q.Children[0].PID
			}
		}
		s, moves, ok := w.shaken(child)
		return ok && s.Moves >= 3 && moves == s.Moves
	})
}

// spinner has two threads: the first yields the CPU until the second, which makes calls
// of its own first, says so in memory.
var spinner = Register(func(u *User) {
	const flagAt, threadFlags = 512, 0x10f00 // CLONE_VM | FS | FILES | SIGHAND | THREAD
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysClone, threadFlags, DataBase+DataSize-4096)
	case 1:
		if u.Ret == 0 {
			u.Call(20, abi.SysGetpid)
		} else {
			u.Call(2, abi.SysSchedYield)
		}
	case 2:
		if u.Get(flagAt, 1)[0] == 0 {
			u.Call(2, abi.SysSchedYield)
		} else {
			u.Print(3, 1, "end\n")
		}
	case 3:
		u.Call(4, abi.SysExitGroup, 0)
	case 20:
		if u.SetA(u.A() + 1); u.A() < 10 {
			u.Call(20, abi.SysGetpid)
			return
		}
		u.Put(flagAt, []byte{1})
		u.Call(21, abi.SysPause)
	}
})

// All threads of a process get their turn, although it stops at each call of whichever
// runs, and goes on elsewhere.
func TestShake_EveryThreadGetsItsTurn(t *testing.T) {
	for _, by := range []api.ShakeBy{api.ShakeByMove, api.ShakeByRestore} {
		w := New(t, 2, 1)
		out := w.Host.NewObject()
		p := w.Nodes[1].Start(spinner, nil, w.Nodes[1].Remote(out))
		w.Nodes[1].Shake(p, &api.Shake{Every: 1, By: by})
		pid := p.PID
		w.RunUntil(20e9, "ended", func() bool { return w.gone(pid) })
		if string(out.Out) != "end\n" {
			t.Errorf("%v: it says %q", by, out.Out)
		}
	}
}
