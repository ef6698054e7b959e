package node

import (
	"slices"
	"sort"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/proc/api"
)

// Nodes tell each other that they are there: a broadcast every two seconds, with
// their load, tagged with the cluster's key. From it each node keeps its own list
// of the others; nobody keeps one for all.

const (
	helloEvery = 2e9
	// A node not heard of for so long is shown as silent, and nothing is asked
	// of it that need not be.
	silentAfter = 7e9
	// But who wants to know of all members of something asks for longer: where frames are lost,
	// three hellos in a row sometimes are. One that has lost its power costs such a question
	// its patience for so long.
	missedAfter = 30e9
	maxNode     = 500 // numbers go from 1 to this

	// A node silent for so long is forgotten.
	forgetAfter = 600e9
)

// neighbour is another node as this one knows it.
type neighbour struct {
	load   api.Load
	heard  int64
	former uint64 // the boot before this one, 0 if none is known
}

// helloTimer implements the table's timer: it says hello, again and again.
type helloTimer struct{ n *Node }

func (h *helloTimer) Expire(now int64) {
	n := h.n
	n.measureLoad()
	n.sayHello()
	n.tickTime()
	n.wantRehome = len(n.exports) > 0
	n.lookForChildren()
	if n.nextAge <= now {
		n.nextAge = now + segmentsAge
		n.ageSegments()
	}
	n.Tab.StartTimer(&n.hello, now+helloEvery)
}

func (n *Node) startHello() {
	n.hello.Init(&helloTimer{n})
	n.sayHello()
	n.Tab.StartTimer(&n.hello, n.Tab.Now+helloEvery)
}

func (n *Node) sayHello() {
	b, err := image.Marshal(n.load())
	if err != nil || len(n.ipc.links) == 0 {
		return
	}
	box := n.ipc.m.Box()
	box.Multicast(&flip.Send{Src: n.ipc.self.Address(), Proto: flip.ProtoRaw, Payload: n.ipc.key.Hello(b)})
	n.ipc.m.Drain(n.Tab.Now)
	n.perform()
}

// gotHello takes a broadcast that may be a node's. It reports whether it is.
func (n *Node) gotHello(d *flip.Deliver) bool {
	b := append(append([]byte(nil), d.Head()...), d.Body...)
	if !api.IsHello(b) {
		return false
	}
	body, ok := n.ipc.key.Hears(b)
	var l api.Load
	if !ok || image.Unmarshal(body, &l) != nil || l.Node == n.Number {
		n.strangers++
		return false
	}
	if l.Node < 1 || l.Node > maxNode {
		n.strangers++
		return false
	}
	n.heardOf(l)
	return true
}

// heardOf notes what another node says of itself.
func (n *Node) heardOf(l api.Load) {
	was, known := n.neighbours[l.Node]
	if known && was.former == l.Boot && l.Boot != was.load.Boot {
		return // it was under way for a long time: that node has been restarted since
	}
	is := neighbour{load: l, heard: n.Tab.Now, former: was.former}
	if known && was.load.Boot != l.Boot {
		is.former = was.load.Boot
	}
	n.neighbours[l.Node] = is
	if !known {
		n.sayHello() // so that a new node need not wait to see the others
	} else if was.load.Boot != l.Boot {
		n.movesRebooted(l.Node, was.load.Boot)
	}
	for _, x := range slices.Clone(n.exports) {
		x.dropLost(l.Node, l.Boot)
	}
	if !known || was.load.Boot != l.Boot || n.Tab.Now-was.heard >= silentAfter {
		n.nodeAppeared()
	}
}

// nodes lists the nodes heard of within such a time, this one excepted, in order.
func (n *Node) nodes(within int64) (list []int) {
	for node, b := range n.neighbours {
		if n.Tab.Now-b.heard < within {
			list = append(list, node)
		}
	}
	sort.Ints(list)
	return list
}

// cluster lists all nodes, this one included.
func (n *Node) cluster() (list []api.Load) {
	list = append(list, n.load())
	for node, b := range n.neighbours {
		if n.Tab.Now-b.heard > forgetAfter {
			delete(n.neighbours, node)
			continue
		}
		l := b.load
		l.HeardMs = (n.Tab.Now - b.heard) / 1e6
		list = append(list, l)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Node < list[j].Node })
	return list
}

// measureLoad keeps an average of the runnable threads over about ten seconds, in
// thousandths.
func (n *Node) measureLoad() {
	n.loadMilli += (n.Tab.Runnable()*1000 - n.loadMilli) / 5
}

// whereabouts is how to reach a node's process server: four hashes of the key and its
// number, and a move asks it hundreds of times.
type whereabouts struct {
	address flip.Address
	cap     capability.Capability
}

func (n *Node) nodeAt(node int) *whereabouts {
	w := n.ipc.nodes[node]
	if w == nil {
		w = &whereabouts{n.ipc.key.NodeAddress(node), n.ipc.key.NodeCap(node)}
		if node >= 1 && node <= maxNode { // others are what somebody made up
			n.ipc.nodes[node] = w
		}
	}
	return w
}

// nodeHeader makes the header of a request to another node's process server.
func (n *Node) nodeHeader(node int, command uint32) *std.Header {
	h := &std.Header{Command: command}
	h.SetCapability(n.nodeAt(node).cap)
	return h
}

// processHeader makes the header of a request to a process.
func (n *Node) processHeader(pid int32, command uint32) *std.Header {
	h := &std.Header{Command: command}
	h.SetCapability(n.ipc.key.ProcessCap(pid))
	return h
}
