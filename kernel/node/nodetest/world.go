package nodetest

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"motile/kernel/fs"
	"motile/kernel/node"
	"motile/kernel/vm"
	"motile/netdev"
	"motile/proc"
	"motile/proc/api"
)

// Wire says what happens to frames.
type Wire struct {
	Loss, Dup float64 // probabilities
	Delay     int64   // ns, plus up to as much again
	// Cut reports whether a frame between two parties is lost; 0 is the host.
	Cut func(from, to int) bool
}

// World is the cluster, its clock and its wire. Party 0 is the host.
type World struct {
	T      testing.TB
	Now    int64
	Wire   Wire
	Key    api.Key
	Nodes  []*Node // by number; index 0 is nil
	Bullet *Bullet
	Host   *Host

	// Watch, unless nil, sees every frame that a party sends.
	Watch func(from int, frame []byte)

	// BootTakes is what the clock of a node says when it has booted.
	BootTakes int64

	disks map[int]*Disk // by node

	partitioned bool     // nothing passes between nodes 1 and 2
	watched     []int32  // processes that must never run twice
	due         []func() // to be done between two steps

	rng    *rand.Rand
	frames []frame // under way, by time
	seq    int
}

type frame struct {
	at   int64
	seq  int
	to   int
	data []byte
}

// Node is one simulated machine.
type Node struct {
	*node.Node
	w     *World
	n     int
	boot  int64 // world time at power-on
	boots uint32
	inbox [][]byte
	dead  bool
	log   []string // lines of its kernel
	next  func()   // called after each frame the node has taken, before a thread runs
	away  []absent // see Loose
}

// All worlds of a test binary have their memory from one machine, which is switched off
// and on when there is none: where a node dies, so does whoever would have given memory
// back. worlds is how many there are.
var worlds int

// powerOn switches the machine on.
var powerOn = vm.Init

// New makes a world of n nodes and a host.
func New(t testing.TB, n int, seed uint64) *World {
	if worlds++; worlds == 1 {
		powerOn()
	}
	w := &World{T: t, rng: rand.New(rand.NewPCG(seed, 1)), Key: api.Key{1, 2, 3}, Wire: Wire{Delay: 50_000}}
	w.Nodes = make([]*Node, n+1)
	w.Host = newHost(w)
	w.Bullet = w.Host.Bullet(n)
	for i := 1; i <= n; i++ {
		w.Boot(i)
	}
	t.Cleanup(w.end)
	w.Run(50e6)
	return w
}

// end switches everything off.
func (w *World) end() {
	worlds--
	for _, nd := range w.Nodes[1:] {
		if !nd.dead {
			w.Kill(nd.n)
		}
	}
}

// Boot powers a node on, for the first time or again.
func (w *World) Boot(i int) {
	nd := &Node{w: w, n: i, boot: w.Now - w.BootTakes}
	if was := w.Nodes[i]; was != nil {
		nd.boots = was.boots + 1
	}
	w.Nodes[i] = nd
	var cpu [3]node.CPUID
	cfg := node.Config{
		Number: i, Epoch: nd.boots, FirstPID: int32(w.Now / 1e6 % 100_000), WallBase: 1_700_000_000e9,
		Random: func(b []byte) {
			for k := range b {
				b[k] = byte(w.rng.Uint32())
			}
		},
		Files: fs.New(), Key: w.Key, Links: []netdev.Link{nd}, CPU: cpu,
		Print: func(line string) { nd.log = append(nd.log, line) },
	}
	if d := w.disks[i]; d != nil {
		cfg.Disk = d
	}
	nd.Node = node.New(cfg, nd)
	nd.Devices(nil)
	nd.K.TotalPages = func() uint64 { return 1 << 15 }
	nd.K.FreePages = func() uint64 { return 1 << 14 }
	nd.loosen()
}

// Kill cuts a node's power.
func (w *World) Kill(i int) {
	w.Nodes[i].dead = true
	if d := w.disks[i]; d != nil {
		d.powerOff()
	}
	for _, p := range w.Nodes[i].Tab.Processes() {
		w.Nodes[i].Tab.Freeze(p) // the node may be in the middle of a step, which it ends
		if p.Space != nil {      // the memory is shared with the other nodes' in this simulation
			p.Space.Release()
			p.Space = nil
		}
	}
}

// The node's machine: node.Machine.

func (nd *Node) Now() int64 { return nd.w.Now - nd.boot + int64(nd.n)*1e9 }
func (nd *Node) Pending() bool {
	nd.bringBack()
	return len(nd.inbox) > 0 || nd.diskEnded()
}

func (nd *Node) Flush()     {}
func (nd *Node) Wait(int64) {}

func (nd *Node) Poll() {
	for len(nd.inbox) > 0 {
		f := nd.inbox[0]
		nd.inbox = nd.inbox[1:]
		nd.Input(0, f)
		if nd.next != nil {
			nd.next()
		}
	}
	if nd.diskEnded() {
		nd.DiskInterrupt()
	}
}

// diskEnded reports whether the node's disk has done something.
func (nd *Node) diskEnded() bool {
	d := nd.w.disks[nd.n]
	return d != nil && d.next(nd.w.Now+1) <= nd.w.Now
}

func (nd *Node) RunUser(t *proc.Thread, deadline int64) {
	nd.w.Now += 1000
	nd.bringBack()
	run(t)
	nd.takeAway(t.Process())
}

// The node's link: netdev.Link.

func (nd *Node) Send(pieces [][]byte) bool {
	if nd.dead {
		return false
	}
	data := join(pieces)
	nd.w.send(nd.n, data)
	return true
}

func join(pieces [][]byte) (out []byte) {
	for _, p := range pieces {
		out = append(out, p...)
	}
	return out
}

func (nd *Node) Recv() []byte  { return nil }
func (nd *Node) MTU() int      { return 9000 }
func (nd *Node) Addr() [6]byte { return mac(nd.n) }

func mac(n int) [6]byte { return [6]byte{0x52, 0x54, 0, 0x4d, 0, byte(n)} }

// send puts a frame on the wire to everybody it is for.
func (w *World) send(from int, data []byte) {
	if w.Watch != nil {
		w.Watch(from, data)
	}
	for to := range w.Nodes {
		if to == from || [6]byte(data[:6]) != mac(to) && data[0]&1 == 0 {
			continue
		}
		if w.Wire.Cut != nil && w.Wire.Cut(from, to) || from > 0 && w.Nodes[from].dead || w.rng.Float64() < w.Wire.Loss {
			continue
		}
		w.arrive(to, data)
		if w.rng.Float64() < w.Wire.Dup {
			w.arrive(to, data)
		}
	}
}

func (w *World) arrive(to int, data []byte) {
	at := w.Now + w.Wire.Delay + w.rng.Int64N(w.Wire.Delay+1)
	w.seq++
	i := sort.Search(len(w.frames), func(i int) bool { return w.frames[i].at > at })
	w.frames = append(w.frames, frame{})
	copy(w.frames[i+1:], w.frames[i:])
	w.frames[i] = frame{at, w.seq, to, data}
}

// Run lets time pass.
func (w *World) Run(d int64) { w.until(w.Now+d, func() bool { return false }) }

// RunUntil lets time pass until a condition holds. It fails the test if that takes
// more than d.
func (w *World) RunUntil(d int64, what string, cond func() bool) {
	w.T.Helper()
	if !w.until(w.Now+d, cond) {
		w.T.Fatalf("after %d ms of waiting: not %s\n%s", d/1e6, what, w.Describe())
	}
}

func (w *World) until(end int64, cond func() bool) bool {
	for {
		w.deliver()
		for len(w.due) > 0 {
			f := w.due[0]
			w.due = w.due[1:]
			f()
		}
		busy := w.settle()
		switch {
		case cond():
			return true
		case w.Now >= end:
			return false
		case !busy:
			w.Now = max(w.Now+1, w.next(end))
		}
	}
}

// next is when something happens by itself.
func (w *World) next(end int64) int64 {
	next := end
	if len(w.frames) > 0 {
		next = min(next, w.frames[0].at)
	}
	for _, nd := range w.Nodes[1:] {
		if d := nd.Deadline(); !nd.dead && d != 0 {
			next = min(next, w.Now+max(d-nd.Now(), 0))
		}
		if d := w.disks[nd.n]; d != nil && !nd.dead {
			next = d.next(next)
		}
	}
	return min(next, w.Host.m.NextDeadline())
}

// deliver brings the frames that are due.
func (w *World) deliver() {
	for len(w.frames) > 0 && w.frames[0].at <= w.Now {
		f := w.frames[0]
		w.frames = w.frames[1:]
		if f.to == 0 {
			w.Host.input(f.data)
		} else if nd := w.Nodes[f.to]; !nd.dead {
			nd.inbox = append(nd.inbox, f.data)
		}
	}
}

// watch makes the world check, after every step, that a process runs at most once.
func (w *World) watch(pid int32) { w.watched = append(w.watched, pid) }

// settle lets every node do one round; it reports whether any had a thread to run.
func (w *World) settle() bool {
	busy := false
	w.Host.tick()
	for _, nd := range w.Nodes[1:] {
		if !nd.dead && nd.Step() {
			busy = true
		}
		nd.bringBack()
	}
	for _, pid := range w.watched {
		w.On(pid)
	}
	return busy
}

// Where returns the nodes on which a process can run: at most one, always.
func (w *World) Where(pid int32) (runnable []int) {
	for _, nd := range w.Nodes[1:] {
		if nd.dead {
			continue
		}
		if p := nd.Tab.Process(pid); p != nil && !p.Frozen() {
			runnable = append(runnable, nd.n)
		}
	}
	return runnable
}

// On is the node a process runs on, 0 if none.
func (w *World) On(pid int32) int {
	if l := w.Where(pid); len(l) == 1 {
		return l[0]
	} else if len(l) > 1 {
		w.T.Fatalf("process %d runs on nodes %v", pid, l)
	}
	return 0
}

// Describe lists who is where, for failures.
func (w *World) Describe() string {
	var b strings.Builder
	for _, nd := range w.Nodes[1:] {
		fmt.Fprintf(&b, "node %d", nd.n)
		if nd.dead {
			b.WriteString(" dead\n")
			continue
		}
		b.WriteByte('\n')
		for _, p := range nd.Tab.Processes() {
			fmt.Fprintf(&b, "  %d %s frozen=%v stopped=%v", p.PID, nd.State(p), p.Frozen(), p.Stopped())
			for _, t := range p.Threads {
				fmt.Fprintf(&b, " [%d state %d call %v %d slot %d answer %v]", t.TID, t.State(), t.Call.Active, t.Call.Nr, t.Call.Slot, t.Call.Answer != nil)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// CheckEmpty fails the test if anything is left of processes that have ended.
func (w *World) CheckEmpty() {
	w.T.Helper()
	for _, nd := range w.Nodes[1:] {
		if nd.dead {
			continue
		}
		if n := len(nd.Tab.Processes()); n != 0 {
			w.T.Errorf("node %d has %d processes\n%s", nd.n, n, w.Describe())
		}
		if s := nd.Leftovers(); s != "" {
			w.T.Errorf("node %d: %s", nd.n, s)
		}
	}
}
