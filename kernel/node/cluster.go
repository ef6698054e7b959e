package node

import (
	"sort"

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
	// A node silent for so long is forgotten.
	forgetAfter = 600e9
)

var helloMagic = []byte("hello1")

// neighbour is another node as this one knows it.
type neighbour struct {
	load  api.Load
	heard int64
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
	tag := n.ipc.key.Tag(b)
	msg := append(append(append([]byte(nil), helloMagic...), tag[:]...), b...)
	box := n.ipc.m.Box()
	box.Multicast(&flip.Send{Src: n.ipc.self.Address(), Proto: flip.ProtoRaw, Payload: msg})
	n.ipc.m.Drain(n.Tab.Now)
	n.perform()
}

// delivered takes a message that is not RPC's: a hello.
func (n *Node) delivered(d *flip.Deliver) {
	b := append(append([]byte(nil), d.Head()...), d.Body...)
	if len(b) < len(helloMagic)+16 || string(b[:len(helloMagic)]) != string(helloMagic) {
		return
	}
	tag, body := [16]byte(b[len(helloMagic):]), b[len(helloMagic)+16:]
	var l api.Load
	if n.ipc.key.Tag(body) != tag || image.Unmarshal(body, &l) != nil || l.Node == n.Number {
		n.strangers++
		return
	}
	was, known := n.neighbours[l.Node]
	n.neighbours[l.Node] = neighbour{l, n.Tab.Now}
	if !known {
		n.sayHello() // so that a new node need not wait to see the others
	} else if was.load.Boot != l.Boot {
		n.rebooted(l.Node, was.load.Boot)
	}
}

// rebooted: a node has lost all it had.
func (n *Node) rebooted(node int, boot uint64) {
	for _, x := range n.exports {
		x.dropHolder(node, boot)
	}
	n.movesRebooted(node, boot)
}

// nodes lists the nodes heard of lately, this one excepted, in order.
func (n *Node) nodes() (list []int) {
	for node, b := range n.neighbours {
		if n.Tab.Now-b.heard < silentAfter {
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

// header makes the header of a request to another node's process server.
func (n *Node) nodeHeader(node int, command uint32) *std.Header {
	h := &std.Header{Command: command}
	h.SetCapability(n.ipc.key.NodeCap(node))
	return h
}

// processHeader makes the header of a request to a process.
func (n *Node) processHeader(pid int32, command uint32) *std.Header {
	h := &std.Header{Command: command}
	h.SetCapability(n.ipc.key.ProcessCap(pid))
	return h
}
