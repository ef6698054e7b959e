package nodetest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
)

// A random walk: processes that depend on each other in every way there is are moved
// about by everybody, while the network loses, repeats, and falls apart for a while,
// and, in some walks, nodes lose power. After each step no process runs twice. In the
// end, nobody is in doubt, what was said was said once and in order, and nothing is
// left of those who have ended.

// walkClient calls the add server, again and again: A counts what it added, B what
// failed.
var walkClient = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysTrans, u.putHeader(std.Header{Port: addPort.Put(), Offset: 1}), DataBase+dataAt, 16, DataBase+dataAt, 64)
	case 1:
		if u.Ret == 8 {
			u.SetA(u.A() + 1)
		} else {
			u.SetB(u.B() + 1)
		}
		u.Call(0, abi.SysNanosleep, u.Put(sleepAt, timespec(7e6)), 0)
	}
})

// signals is a parent and its child who send each other a signal, in turns, and
// wait for it. Each says how many it got.
const ping = 40 // a real-time signal: each one counts

var signals = Register(func(u *User) {
	set := func() uint64 {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], 1<<(ping-1))
		return u.Put(fdsAt, b[:])
	}
	switch u.PC() {
	case 0: // block it, so that it waits to be asked for
		u.Call(1, abi.SysRtSigprocmask, 0, set(), 0, 8)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Call(3, abi.SysGetppid)
			return
		}
		u.SetB(uint64(u.Ret))
		u.Goto(5)
	case 3:
		u.SetB(uint64(u.Ret))
		u.Goto(6)
	case 5:
		u.Call(6, abi.SysKill, u.B(), ping)
	case 6:
		u.Call(7, abi.SysRtSigtimedwait, set(), 0, 0, 8)
	case 7:
		if u.Ret == ping {
			u.SetA(u.A() + 1)
			u.Call(5, abi.SysNanosleep, u.Put(sleepAt, timespec(3e6)), 0)
			return
		}
		u.Goto(6)
	}
})

// cut is a pair of nodes that do not reach each other for a while: less than the three
// seconds for which RPC has a server looked for that has fallen silent, after which
// transactions may end in FAILURE.
type cut struct {
	a, b  int
	since int64
}

const maxCut = 1500e6

// walk is one of them.
type walk struct {
	*World
	t       *testing.T
	r       *rand.Rand
	all     []int32 // everybody who was ever started
	outs    []*Object
	pipe    *Object
	server  int32
	clients []int32
	pair    []int32
	crashes bool // nodes lose power
	lost    bool // one did
	cuts    []cut
}

func newWalk(t *testing.T, seed uint64) *walk {
	const nodes = 4
	w := &walk{World: New(t, nodes, seed), t: t, r: rand.New(rand.NewPCG(seed, 3)), crashes: seed%3 == 0}
	w.Wire.Loss, w.Wire.Dup = 0.02*float64(seed%4), 0.02*float64(seed%3)
	w.Wire.Cut = func(from, to int) bool {
		for _, c := range w.cuts {
			if c.a == from && c.b == to || c.a == to && c.b == from {
				return true
			}
		}
		return false
	}
	start := func(program int) *proc.Process {
		nd := w.Nodes[w.r.IntN(nodes)+1]
		out := w.Host.NewObject()
		w.outs = append(w.outs, out)
		p := nd.Start(program, nil, nd.Remote(out))
		w.all = append(w.all, p.PID)
		return p
	}
	start(counter)
	start(counter)
	parents := []*proc.Process{start(pipeline), start(orphanage), start(signals)}
	w.pipe = w.outs[2]
	w.server = start(addServer).PID
	for range 2 {
		w.clients = append(w.clients, start(walkClient).PID)
	}
	w.Run(20e6)
	for i, p := range parents {
		if len(p.Children) != 1 {
			t.Fatalf("parent %d has %d children", i, len(p.Children))
		}
		w.all = append(w.all, p.Children[0].PID)
	}
	w.pair = []int32{parents[2].PID, parents[2].Children[0].PID}
	for _, pid := range w.all {
		w.watch(pid)
	}
	return w
}

func (w *walk) node() int { return w.r.IntN(len(w.Nodes)-1) + 1 }

// step does one thing, and lets some time pass.
func (w *walk) step() {
	if len(w.cuts) > 0 && w.Now-w.cuts[0].since > maxCut {
		w.cuts = w.cuts[1:]
	}
	switch k := w.r.IntN(20); {
	case k < 14:
		pid := w.all[w.r.IntN(len(w.all))]
		for range 1 + w.r.IntN(2) { // sometimes two order it
			at := w.On(pid)
			if at == 0 || w.r.IntN(5) == 0 {
				at = w.node()
			}
			w.Host.Migrate(pid, at, w.node(), func(api.MigrateReply) {})
		}
	case k < 16 && len(w.cuts) == 0:
		w.cuts = append(w.cuts, cut{w.node(), w.node(), w.Now})
	case k < 18 && len(w.cuts) > 0:
		w.cuts = w.cuts[1:]
	case k == 19 && w.crashes && !w.lost:
		n := w.node()
		w.lost, w.cuts = true, nil
		w.Kill(n)
		w.Run(w.r.Int64N(4e9))
		w.Boot(n)
	}
	w.Run([]int64{1e6, 5e6, 30e6, 200e6, 900e6}[w.r.IntN(5)])
}

// settled reports whether everybody is somewhere, and nobody in two places.
func (w *walk) settled() bool {
	for _, nd := range w.Nodes[1:] {
		for _, p := range nd.Tab.Processes() {
			if p.Frozen() {
				return false
			}
		}
	}
	return true
}

func (w *walk) check() {
	for i := range 2 {
		out := w.outs[i]
		before := len(out.Out)
		w.Run(1e9)
		if !w.lost && len(out.Out) == before {
			w.t.Errorf("counter %d is silent\n%s", i, w.Describe())
		}
		if len(out.Out) > 0 {
			checkLines(w.t, out.Out)
		}
	}
	if w.lost {
		return
	}
	w.RunUntil(20e9, "the pipeline through", func() bool { return strings.Contains(string(w.pipe.Out), "wait") })
	if string(w.pipe.Out) != pipelineOutput() {
		w.t.Errorf("pipeline:\n%s", w.pipe.Out)
	}
	w.RunUntil(10e9, "the signals going on", w.more(w.pair))
	w.RunUntil(10e9, "the sums going on", w.more(w.clients))
	for _, pid := range w.clients {
		w.Nodes[w.On(pid)].Tab.Freeze(w.process(pid))
	}
	w.Run(100e6)
	var added, failed uint64
	for _, pid := range w.clients {
		f := w.processAt(pid).Leader().Frame
		added, failed = added+f.R13, failed+f.R12
	}
	total := w.process(w.server).Leader().Frame.R13
	if total < added || total > added+failed+uint64(len(w.clients)) {
		w.t.Errorf("the server added %d times, its clients asked it %d times and %d times in vain", total, added, failed)
	}
	a, b := w.process(w.pair[0]).Leader().Frame.R13, w.process(w.pair[1]).Leader().Frame.R13
	if d := int64(b - a); d < 0 || d > 1 {
		w.t.Errorf("parent and child got %d and %d signals", a, b)
	}
	for _, pid := range w.clients {
		p := w.processAt(pid)
		p.Table().Thaw(p)
	}
}

// process is the running copy of one, processAt any.
func (w *walk) process(pid int32) *proc.Process { return w.Nodes[w.On(pid)].Tab.Process(pid) }

func (w *walk) processAt(pid int32) *proc.Process {
	for _, nd := range w.Nodes[1:] {
		if p := nd.Tab.Process(pid); p != nil {
			return p
		}
	}
	w.t.Fatalf("process %d is nowhere", pid)
	return nil
}

// more reports whether all of some processes have counted on since it was made.
func (w *walk) more(pids []int32) func() bool {
	count := func(pid int32) uint64 { return w.process(pid).Leader().Frame.R13 }
	was := make(map[int32]uint64)
	for _, pid := range pids {
		was[pid] = count(pid)
	}
	return func() bool {
		for _, pid := range pids {
			if count(pid) <= was[pid]+2 {
				return false
			}
		}
		return true
	}
}

func TestWalk_Random(t *testing.T) {
	for _, seed := range seeds(t, 6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("again: MOTILE_SEED=%d go test ./kernel/node/nodetest -run TestWalk_Random", seed)
				}
			}()
			w := newWalk(t, seed)
			for range 40 {
				w.step()
			}
			w.cuts, w.Wire.Loss, w.Wire.Dup = nil, 0, 0
			w.RunUntil(120e9, "settled", w.settled)
			w.check()
			for _, nd := range w.Nodes[1:] {
				nd.Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
			}
			w.Run(20e9)
			w.CheckEmpty()
		})
	}
}
