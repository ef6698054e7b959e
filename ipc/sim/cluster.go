package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
)

// Cluster is the whole world.
type Cluster struct {
	Now    int64
	Nodes  []*Node
	Wire   Wire
	Fault  Fault
	Frames int               // sent so far
	Moves  int               // completed so far
	Trace  func(line string) // nil: none
	Errors []string          // broken invariants

	rng       *rand.Rand
	events    eventHeap
	seq       uint64
	processes []*Process
	addresses map[flip.Address]string // for the trace
	ports     map[capability.Port]string
}

// Node is one machine of the cluster.
type Node struct {
	ID      int // from 1
	Up      bool
	cluster *Cluster
	machine *rpc.Machine
	mac     flip.MAC
	boot    int // how often it was started
	group   int // partition it is in

	// Effects being performed.
	performing bool
	completes  []rpc.Complete
	requests   []rpc.Incoming
	signals    []rpc.Signal
}

// New returns a cluster of running nodes.
func New(seed uint64, nodes int) *Cluster {
	c := &Cluster{
		rng:       rand.New(rand.NewPCG(seed, 0x6d6f74696c65)),
		addresses: make(map[flip.Address]string),
		ports:     make(map[capability.Port]string),
	}
	for i := range nodes {
		n := &Node{ID: i + 1, cluster: c, mac: flip.MAC{2, 0, 0, 0, 0, byte(i + 1)}}
		c.Nodes = append(c.Nodes, n)
		n.Start()
	}
	return c
}

// Node returns the node with an ID, which counts from 1.
func (c *Cluster) Node(id int) *Node { return c.Nodes[id-1] }

// Rand returns the source of everything random in the cluster.
func (c *Cluster) Rand() *rand.Rand { return c.rng }

// Machine returns the node's RPC machine.
func (n *Node) Machine() *rpc.Machine { return n.machine }

// Start boots a node. It knows nothing of an earlier life.
func (n *Node) Start() {
	c := n.cluster
	n.boot++
	n.Up = true
	box := flip.NewBox(flip.Config{
		Rand:  c.rng.Uint64,
		Links: []flip.Link{{MAC: n.mac, MTU: 1500}},
	})
	n.machine = rpc.New(c.Now, rpc.Config{Box: box, Rand: c.rng.Uint64})
}

// Crash cuts a node's power. Its processes are gone.
func (n *Node) Crash() {
	n.Up = false
	for _, p := range n.cluster.processes {
		if p.node == n {
			p.die()
		}
	}
}

// Partition puts nodes into groups that cannot reach each other. Nodes not named
// form one more group.
func (c *Cluster) Partition(groups ...[]int) {
	for _, n := range c.Nodes {
		n.group = 0
	}
	for i, ids := range groups {
		for _, id := range ids {
			c.Node(id).group = i + 1
		}
	}
}

// perform carries out what a node's machine wants done, frames first. Programs
// act in the middle of it; what comes of that is performed in the next round.
func (c *Cluster) perform(n *Node) {
	if n.performing {
		return
	}
	n.performing = true
	m := n.machine
	for again := true; again; {
		frames := m.Frames()
		for i := range frames {
			c.transmit(n, &frames[i])
		}
		n.completes = append(n.completes[:0], m.Out.Completes...)
		n.requests = append(n.requests[:0], m.Out.Requests...)
		n.signals = append(n.signals[:0], m.Out.Signals...)
		m.Reset()
		again = len(n.completes)+len(n.requests)+len(n.signals) > 0
		for i := range n.completes {
			n.completes[i].Endpoint.Owner.(*Process).completed(&n.completes[i])
		}
		for i := range n.requests {
			n.requests[i].Endpoint.Owner.(*Process).incoming(&n.requests[i])
		}
		for i := range n.signals {
			n.signals[i].Endpoint.Owner.(*Process).signalled(&n.signals[i])
		}
	}
	n.performing = false
}

// Step lets the next thing happen, and reports false if nothing is left to.
func (c *Cluster) Step() bool {
	next := c.next()
	if next == rpc.Forever {
		return false
	}
	c.Now = max(c.Now, next)
	for _, n := range c.Nodes {
		if n.Up && n.machine.NextDeadline() <= c.Now {
			n.machine.Tick(c.Now)
			c.perform(n)
			return true
		}
	}
	heap.Pop(&c.events).(*event).run()
	return true
}

// next returns the time of the next thing.
func (c *Cluster) next() int64 {
	next := rpc.Forever
	if len(c.events) > 0 {
		next = c.events[0].at
	}
	for _, n := range c.Nodes {
		if n.Up {
			next = min(next, n.machine.NextDeadline())
		}
	}
	return next
}

// Run lets time pass.
func (c *Cluster) Run(d int64) {
	end := c.Now + d
	for c.next() <= end {
		c.Step()
	}
	c.Now = end
}

// Until runs until the condition holds, and reports whether it did before so much
// time had passed.
func (c *Cluster) Until(d int64, cond func() bool) bool {
	for end := c.Now + d; !cond(); {
		if c.next() > end || !c.Step() {
			return false
		}
	}
	return true
}

// After calls f when d has passed.
func (c *Cluster) After(d int64, f func()) { c.at(c.Now+d, f) }

func (c *Cluster) at(t int64, f func()) {
	c.seq++
	heap.Push(&c.events, &event{at: t, seq: c.seq, run: f})
}

// violated notes a broken invariant.
func (c *Cluster) violated(format string, args ...any) {
	c.Errors = append(c.Errors, fmt.Sprintf("%v: ", clock(c.Now))+fmt.Sprintf(format, args...))
	c.tracef("VIOLATED: "+format, args...)
}

// event is something that happens at a time.
type event struct {
	at  int64
	seq uint64 // order among equals
	run func()
}

type eventHeap []*event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(*event)) }
func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
