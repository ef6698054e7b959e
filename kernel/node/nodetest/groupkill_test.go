package nodetest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"motile/ipc/flip"
	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
)

// Real-time signals, of which none is lost and none comes twice.
const (
	groupSignal  = 40
	groupSignals = 200
	countedAt    = 512
)

var groupPause = int64(3e6) // between two signals

// groupSigner has two children that count a signal in their memory. It puts them into a group
// and sends the group that signal, and before each time a signal of 0. The group is in A, how often
// in B.
var groupSigner = Register(func(u *User) {
	call := func(nr uint64, args ...uint64) { u.Call(u.PC()+1, nr, args...) }
	if u.Signal == groupSignal {
		u.Store(DataBase+countedAt, u.Load(DataBase+countedAt)+1)
		u.Return()
		return
	}
	switch u.PC() {
	case 0:
		u.Handle(1, groupSignal, proc.SaRestart)
	case 1:
		call(abi.SysFork)
	case 2, 3:
		if u.Ret == 0 {
			u.Call(90, abi.SysPause)
			return
		}
		if u.PC() == 2 {
			u.SetA(uint64(u.Ret))
			call(abi.SysFork)
			return
		}
		u.SetB(uint64(u.Ret))
		call(abi.SysSetpgid, u.A(), u.A())
	case 4:
		call(abi.SysSetpgid, u.B(), u.A())
	case 5:
		u.SetB(0)
		call(abi.SysNanosleep, u.Put(sleepAt, timespec(100e6)), 0)
	case 6:
		call(abi.SysKill, -u.A(), 0)
	case 7, 8:
		if u.Ret != 0 {
			u.Print(50, 1, fmt.Sprintf("kill %d at %d: %d\n", u.PC(), u.B(), u.Ret))
			return
		}
		if u.PC() == 7 {
			u.SetB(u.B() + 1)
			call(abi.SysKill, -u.A(), groupSignal)
			return
		}
		if u.B() == groupSignals {
			u.Print(50, 1, "done\n")
			return
		}
		u.Call(6, abi.SysNanosleep, u.Put(sleepAt, timespec(groupPause)), 0)
	case 50:
		u.Call(50, abi.SysPause)
	case 90:
		u.Call(90, abi.SysPause)
	}
})

// Each member of a process group gets each signal for it, once, while all move about and the
// network loses and doubles frames.
func TestGroupSignal_AllMove(t *testing.T) {
	for seed := range uint64(48) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 3, seed)
			w.Wire.Loss, w.Wire.Dup = 0.05*float64(seed%2), 0.05*float64(seed%2)
			w.Wire.Delay = 4e6
			rng := rand.New(rand.NewPCG(seed, 7))
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(groupSigner, nil, w.Nodes[1].Remote(out))
			w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 2 })
			pids := []int32{p.PID, p.Children[0].PID, p.Children[1].PID}
			for i := 0; len(out.Out) == 0; i++ {
				if i > 20000 {
					t.Fatalf("never done\n%s", w.Describe())
				}
				who := pids[rng.IntN(3)]
				if on := w.On(who); on != 0 {
					w.Host.Migrate(who, on, (on+rng.IntN(2))%3+1, func(api.MigrateReply) {})
				}
				w.Run(rng.Int64N([]int64{30e6, 200e6}[seed/2%2]))
			}
			w.Run(20e9)
			if string(out.Out) != "done\n" {
				t.Fatalf("%s\n%s", out.Out, w.Describe())
			}
			for _, pid := range pids[1:] {
				c := w.Nodes[w.On(pid)].Tab.Process(pid)
				var b [8]byte
				c.Space.Peek(b[:], DataBase+countedAt)
				if got := binary.LittleEndian.Uint64(b[:]); got != groupSignals {
					t.Errorf("process %d got %d signals of %d", pid, got, groupSignals)
				}
			}
		})
	}
}

// Members on a node of which no hello has been heard for a while are members all the same.
func TestGroupSignal_HellosAreLost(t *testing.T) {
	defer func(was int64) { groupPause = was }(groupPause)
	groupPause = 50e6
	w := New(t, 3, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(groupSigner, nil, w.Nodes[1].Remote(out))
	w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 2 })
	for _, c := range p.Children {
		w.Move(c.PID, 2)
	}
	hello := false
	w.Watch = func(from int, f []byte) {
		var h flip.Header
		_, ok := flip.Decode(&h, f)
		hello = ok && h.Type == flip.MultiData && h.Proto == flip.ProtoRaw
	}
	w.Wire.Cut = func(from, to int) bool { return from == 2 && hello }
	w.RunUntil(20e9, "done", func() bool { return len(out.Out) > 0 })
	if string(out.Out) != "done\n" {
		t.Errorf("%s\n%s", out.Out, w.Describe())
	}
}
