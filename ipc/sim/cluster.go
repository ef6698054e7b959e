package sim

import (
	"math/rand/v2"
	"slices"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/group"
	"motile/ipc/internal/agenda"
	"motile/ipc/rpc"
)

// Cluster is the whole world.
type Cluster struct {
	Now    int64
	Nodes  []*Node
	Wire   Wire
	Fault  Fault
	Lost   func(p *Process)  // a process is gone with a node; may be nil
	Carry  Carry             // nil: the wire delivers by itself
	Frames int               // sent so far
	Copies int               // of frames, one for each node that hears one
	Moves  int               // completed so far
	Trace  func(line string) // nil: none
	Errors []string          // broken invariants
	Broken string            // which one was broken first; "" while none is

	PartBytes int // rpc.Config.PartBytes of nodes that start

	networks  []Network
	seed      uint64
	apart     bool // each boot of a node draws from a source of its own
	rng       *rand.Rand
	events    agenda.Agenda[func()]
	processes []*Process
	kernels   bool                    // nodes have a process server
	addresses map[flip.Address]string // for the trace
	numbers   map[numbered]numberOf
	ports     map[capability.Port]string
}

// Network is one broadcast network. A node that is on several is a router.
type Network struct {
	flip.Link       // what its nodes know of it; the MAC is theirs
	Nodes     []int // IDs
}

// mtu is that of an Ethernet.
const mtu = 1500

// Node is one machine of the cluster.
type Node struct {
	ID      int // from 1
	Up      bool
	cluster *Cluster
	machine *rpc.Machine
	groups  *group.Machine                  // on the same box
	members map[*rpc.Endpoint]*group.Member // of the processes with these endpoints
	links   []plug
	boot    int // how often it was started
	kernel  *kernel

	// Effects being performed.
	performing bool
	completes  []rpc.Complete
	requests   []rpc.Incoming
	signals    []rpc.Signal
	delivers   []flip.Deliver
	lost       []flip.NotDelivered
	ended      []group.Complete
}

// plug is where a node is attached to a network.
type plug struct {
	net   int // index in Cluster.networks
	mac   flip.MAC
	group int // partition of the network it is in
}

// owner is whoever has an endpoint: a process, or a node's kernel.
type owner interface {
	completed(*rpc.Complete)
	incoming(*rpc.Incoming)
	signalled(*rpc.Signal)
}

// New returns a cluster of running nodes on one network.
func New(seed uint64, nodes int) *Cluster {
	c := empty(seed)
	one := Network{Link: flip.Link{MTU: mtu}}
	for i := range nodes {
		one.Nodes = append(one.Nodes, i+1)
	}
	c.build(nodes, []Network{one})
	return c
}

// NewOn returns a cluster of running nodes on several networks. Each node draws its
// random numbers from a source of its own, so that what changes at one of them
// changes little elsewhere.
func NewOn(seed uint64, nodes int, networks []Network) *Cluster {
	c := empty(seed)
	c.apart = true
	c.build(nodes, networks)
	return c
}

func empty(seed uint64) *Cluster {
	return &Cluster{
		seed:      seed,
		rng:       rand.New(rand.NewPCG(seed, 0x6d6f74696c65)),
		addresses: make(map[flip.Address]string),
		numbers:   make(map[numbered]numberOf),
		ports:     make(map[capability.Port]string),
	}
}

func (c *Cluster) build(nodes int, networks []Network) {
	c.networks = networks
	for i := range nodes {
		n := &Node{ID: i + 1, cluster: c}
		for k := range networks {
			if slices.Contains(networks[k].Nodes, n.ID) {
				n.links = append(n.links, plug{net: k, mac: flip.MAC{2, 0, 0, 0, byte(k), byte(n.ID)}})
			}
		}
		c.Nodes = append(c.Nodes, n)
		n.Start()
	}
}

// Node returns the node with an ID, which counts from 1.
func (c *Cluster) Node(id int) *Node { return c.Nodes[id-1] }

// groupDice keeps the dice of the group machines apart from the others.
const groupDice = 0x67726f7570

// Rand returns the source of everything random in the cluster.
func (c *Cluster) Rand() *rand.Rand { return c.rng }

// Machine returns the node's RPC machine.
func (n *Node) Machine() *rpc.Machine { return n.machine }

// Start boots a node. It knows nothing of an earlier life.
func (n *Node) Start() {
	c := n.cluster
	n.boot++
	n.Up = true
	dice := c.rng.Uint64
	if c.apart {
		dice = rand.New(rand.NewPCG(c.seed, uint64(n.ID)<<32|uint64(n.boot))).Uint64
	}
	cfg := flip.Config{Rand: dice}
	for _, at := range n.links {
		link := c.networks[at.net].Link
		link.MAC = at.mac
		cfg.Links = append(cfg.Links, link)
	}
	box := flip.NewBox(cfg)
	n.machine = rpc.New(c.Now, rpc.Config{Box: box, Rand: dice, PartBytes: c.PartBytes})
	n.members = make(map[*rpc.Endpoint]*group.Member)
	// Its dice are its own: a history without groups is the same as if there were none.
	n.groups = group.New(group.Config{Box: box, Rand: rand.New(rand.NewPCG(c.seed^groupDice, uint64(n.ID)<<32|uint64(n.boot))).Uint64})
	n.kernel = nil
	if c.kernels {
		n.openKernel()
	}
}

// Crash cuts a node's power. What it had of processes is gone.
func (n *Node) Crash() {
	n.Up = false
	for _, p := range n.cluster.processes {
		p.lose(n)
	}
}

// Partition puts nodes into groups that cannot reach each other, on any network.
// Nodes not named form one more group.
func (c *Cluster) Partition(groups ...[]int) {
	for net := range c.networks {
		c.PartitionOf(net, groups...)
	}
}

// PartitionOf does so on one network only.
func (c *Cluster) PartitionOf(net int, groups ...[]int) {
	for _, n := range c.Nodes {
		for k := range n.links {
			if n.links[k].net != net {
				continue
			}
			n.links[k].group = 0
			for i, ids := range groups {
				if slices.Contains(ids, n.ID) {
					n.links[k].group = i + 1
				}
			}
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
		m.Drain(c.Now) // what a protocol beside RPC has the box do shows up there only
		frames := m.Frames()
		for i := range frames {
			c.transmit(n, &frames[i])
		}
		n.completes = append(n.completes[:0], m.Out.Completes...)
		n.requests = append(n.requests[:0], m.Out.Requests...)
		n.signals = append(n.signals[:0], m.Out.Signals...)
		n.delivers = append(n.delivers[:0], m.Out.Delivers...)
		n.lost = append(n.lost[:0], m.Out.NotDelivered...)
		n.ended = append(n.ended[:0], n.groups.Out.Completes...)
		m.Reset()
		n.groups.Reset()
		again = len(n.completes)+len(n.requests)+len(n.signals)+len(n.delivers)+len(n.lost)+len(n.ended) > 0
		for i := range n.completes {
			n.completes[i].Endpoint.Owner.(owner).completed(&n.completes[i])
		}
		for i := range n.requests {
			n.requests[i].Endpoint.Owner.(owner).incoming(&n.requests[i])
		}
		for i := range n.signals {
			n.signals[i].Endpoint.Owner.(owner).signalled(&n.signals[i])
		}
		n.performGroups()
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
		if n.Up && n.nextDeadline() <= c.Now {
			n.machine.Tick(c.Now)
			n.groups.Tick(c.Now)
			c.perform(n)
			c.check()
			return true
		}
	}
	c.events.Take()()
	c.check()
	return true
}

// next returns the time of the next thing.
func (c *Cluster) next() int64 {
	next := c.events.Next()
	for _, n := range c.Nodes {
		if n.Up {
			next = min(next, n.nextDeadline())
		}
	}
	return next
}

// nextDeadline is when the node's machines have something to do by themselves.
func (n *Node) nextDeadline() int64 {
	return min(n.machine.NextDeadline(), n.groups.NextDeadline())
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

func (c *Cluster) at(t int64, f func()) { c.events.Add(t, f) }
