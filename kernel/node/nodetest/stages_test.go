package nodetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc/api"
)

// stages is a shell's pipeline of three: the first forks the others, as a shell
// does, closes its ends and waits. The writer writes lines into one pipe, the middle
// copies them to another, the last to descriptor 1.
var stages = Register(func(u *User) {
	copying := func(pc, from, to uint64) {
		switch u.PC() - pc {
		case 0:
			u.Call(pc+1, abi.SysRead, from, DataBase+bufAt, 512)
		case 1:
			if u.Ret <= 0 {
				u.Call(99, abi.SysExitGroup, 0)
				return
			}
			u.Call(pc, abi.SysWrite, to, DataBase+bufAt, uint64(u.Ret))
		}
	}
	// closing closes all ends of the pipes but one or two.
	closing := func(pc, then uint64, keep ...int) {
		i := int(u.PC() - pc)
		for _, k := range keep {
			if k == i {
				u.Goto(u.PC() + 1)
				u.Call(u.PC(), abi.SysGetpid)
				return
			}
		}
		if i == 4 {
			u.Call(then, abi.SysGetpid)
			return
		}
		u.Call(u.PC()+1, abi.SysClose, u.FD(i))
	}
	switch pc := u.PC(); {
	case pc == 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case pc == 1:
		u.Call(2, abi.SysPipe2, DataBase+fdsAt+8, 0)
	case pc == 2:
		u.Call(3, abi.SysFork)
	case pc == 3:
		if u.Ret == 0 {
			u.Call(30, abi.SysGetpid)
			return
		}
		u.Call(4, abi.SysFork)
	case pc == 4:
		if u.Ret == 0 {
			u.Call(40, abi.SysGetpid)
			return
		}
		u.Call(5, abi.SysFork)
	case pc == 5:
		if u.Ret == 0 {
			u.Call(50, abi.SysGetpid)
			return
		}
		u.Call(60, abi.SysGetpid)
	case pc >= 60 && pc <= 64: // the shell
		closing(60, 6)
	case pc == 6:
		u.Call(7, abi.SysWait4, ^uint64(0), 0, 0, 0)
	case pc == 7:
		if u.Ret < 0 {
			u.Print(8, 1, "end\n")
			return
		}
		u.Call(7, abi.SysWait4, ^uint64(0), 0, 0, 0)
	case pc == 8:
		u.Call(99, abi.SysExitGroup, 0)
	case pc >= 30 && pc <= 34: // the writer
		closing(30, 10, 1)
	case pc == 10:
		if u.SetA(u.A() + 1); u.A() > stageLines {
			u.Call(99, abi.SysExitGroup, 0)
			return
		}
		line := fmt.Sprintf("line %d\n", u.A())
		u.Print(11, u.FD(1), line)
	case pc == 11:
		u.Call(10, abi.SysNanosleep, u.Put(sleepAt, timespec(20e6)), 0)
	case pc >= 40 && pc <= 44: // the middle
		closing(40, 20, 0, 3)
	case pc == 20 || pc == 21:
		copying(20, u.FD(0), u.FD(3))
	case pc >= 50 && pc <= 54: // the last
		closing(50, 25, 2)
	case pc == 25 || pc == 26:
		copying(25, u.FD(2), 1)
	}
})

const stageLines = 60

// A pipeline is moved as a job is: its processes one after the other, all to the same
// node; and then apart. No line is lost, none comes twice, whether its output goes to
// the host or to the log of the first, which goes along with that one while the others
// write.
func TestMove_Job(t *testing.T) {
	for seed := range uint64(60) {
		moveJob(t, seed, seed%2 == 0)
	}
}

func moveJob(t *testing.T, seed uint64, logged bool) {
	w := New(t, 3, seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	out := w.Host.NewObject()
	file := w.Nodes[1].Remote(out)
	if logged {
		file = object.NewFile(object.NewLog(), object.OWronly, "log:")
	}
	p := w.Nodes[1].Start(stages, nil, file)
	output := func() string { return string(out.Out) }
	if logged {
		file.Retain()
		p.Log = file
		read := w.Key.ProcessCap(p.PID)
		output = func() string { return string(w.ask(read, std.Header{Command: api.ReadLog, Size: 1 << 16}, nil).Data) }
	}
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 3 })
	w.Run(30e6)
	pids := []int32{p.PID}
	for _, c := range p.Children {
		pids = append(pids, c.PID)
	}
	for round := range 4 {
		w.Run(rng.Int64N(60e6))
		to := 2 + round%2
		if round == 3 {
			to = 1 + rng.IntN(3)
		}
		for _, pid := range pids {
			if w.On(pid) != 0 {
				w.Move(pid, to)
			}
			if round == 2 {
				to = 1 + rng.IntN(3)
			}
		}
	}
	got := ""
	for end := w.Now + 20e9; w.Now < end && !strings.HasSuffix(got, "end\n"); got = output() {
		w.Run(50e6)
	}
	var want strings.Builder
	for i := range stageLines {
		fmt.Fprintf(&want, "line %d\n", i+1)
	}
	if got != want.String()+"end\n" {
		t.Errorf("seed %d, logged: %v: output:\n%s", seed, logged, got)
	}
}
