package dissect

import (
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/proc/api"
)

// A class is what kind of object an address is: it says whose commands those are that
// are sent there.
type class uint8

const (
	service    class = iota // a program's, as far as one can see
	node                    // a process server
	process                 // the kernel's side of a process
	object                  // an open file, a pipe, a terminal
	host                    // the services of the host
	numClasses = iota
)

func (c class) String() string { return [...]string{"service", "node", "process", "object", "host"}[c] }

// Pids are read as node × pidsOfNode + n. Those that a cluster's key names are
// looked up among the first of each node that has been seen.
const (
	pidsOfNode = 1_000_000
	maxNode    = 500
	knownPIDs  = 4096
)

// names knows what addresses stand for.
type names struct {
	key   *api.Key // nil: not known
	known map[flip.Address]name
	ports map[capability.Port]string // put-ports of nodes; empty without the key
	seen  map[int]bool               // nodes whose pids are in known
}

type name struct {
	class  class
	text   string
	number int // of a node: its number; of a process: its pid
}

func newNames(key *api.Key) *names {
	n := &names{key: key, known: map[flip.Address]name{{}: {text: "everybody"}}, seen: map[int]bool{}}
	n.ports = map[capability.Port]string{}
	if key != nil {
		n.known[key.HostAddress()] = name{class: host, text: "host"}
		for i := 1; i <= maxNode; i++ {
			n.known[key.NodeAddress(i)] = nodeName(i)
			n.ports[key.NodePort(i).Put()] = fmt.Sprintf("of node %d", i)
		}
	}
	return n
}

func nodeName(i int) name { return name{class: node, text: fmt.Sprintf("node %d", i), number: i} }

// station: a node has been seen, so its processes may be named.
func (n *names) station(i int) {
	if n.key == nil || i < 1 || i > maxNode || n.seen[i] {
		return
	}
	n.seen[i] = true
	for k := range knownPIDs {
		n.process(int32(i*pidsOfNode + k))
	}
}

// process: there is such a pid.
func (n *names) process(pid int32) {
	if n.key != nil && pid > 0 {
		n.known[n.key.ProcessAddress(pid)] = name{class: process, text: fmt.Sprintf("pid %d", pid), number: int(pid)}
	}
}

// hello: the address said that it is a node.
func (n *names) hello(a flip.Address, number int) {
	if n.key == nil {
		n.known[a] = nodeName(number)
	}
}

// text names an address, by its first bytes if nothing better is known.
func (n *names) text(a flip.Address) string {
	if k, ok := n.known[a]; ok {
		return k.text
	}
	return fmt.Sprintf("%x", a[:4])
}

// node is the number of the node that an address is of, or 0.
func (n *names) node(a flip.Address) int {
	if k := n.known[a]; k.class == node {
		return k.number
	}
	return 0
}

// portText names a port.
func (n *names) portText(p capability.Port) string {
	if t, ok := n.ports[p]; ok {
		return t
	}
	return fmt.Sprintf("%x", p[:4])
}
