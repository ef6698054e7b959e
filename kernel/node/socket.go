package node

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/kernel/object"
	"motile/migrate/image"
)

// Sockets of processes here. Each is an object of the TCP/IP server; what the node has is
// a Remote, by which the server is asked, and one Wait at the server for all of them.

// sockets is the node's side of the conversation with the TCP/IP server.
type sockets struct {
	node    int                   // that has the server; 0: none
	server  capability.Capability // null: there is none
	waiting bool                  // a Wait is there
}

func (n *Node) initSockets(node int) {
	if node < 1 || node > maxNode {
		return
	}
	n.sockets.node, n.sockets.server = node, n.ipc.key.ServiceCap("ip", node)
	n.K.Network = n
}

// Server implements linux.Network.
func (n *Node) Server() capability.Capability { return n.sockets.server }

// Open implements linux.Network: it makes the node's end of a socket that a process here
// was given.
func (n *Node) Open(c capability.Capability, s object.Socket) *object.Remote {
	r := &object.Remote{Addr: serviceAddress(c), Service: c, Mode: object.ModeSocket | 0o777, Counted: true,
		Home: n.sockets.node, Socket: &s}
	n.adoptRemote(r)
	n.acquire(r, func(bool) {})
	return r
}

// Missing implements linux.Network.
func (n *Node) Missing() {
	n.Log("motile: no TCP/IP server answers: start ipd on node %d", n.sockets.node)
}

// serviceAddress tells an object that a program serves from all others, on whatever node.
func serviceAddress(c capability.Capability) flip.Address {
	return flip.Address(capability.OneWay("motile service object", c.Append(nil)))
}

// adoptSocket connects one to the server.
func (n *Node) adoptSocket(r *object.Remote) {
	if n.sockets.node == 0 {
		n.initSockets(r.Home) // nobody has told this node of a server, but the process knows
	}
	r.Socket.Caller = n.caller()
	r.Ask = n.pollSocket
	n.awaitSockets()
}

func (n *Node) caller() sockio.Caller {
	return sockio.Caller{Node: uint32(n.Number), Boot: n.ipc.boot}
}

// pollSocket asks the server what of a socket is ready, and to watch it if nothing is.
func (n *Node) pollSocket(r *object.Remote, events object.Events, wait bool) {
	h := &std.Header{Command: sockio.Poll, Size: uint32(events)}
	if wait {
		h.Extra = 1
	}
	to := r.Route(h)
	n.call(to, h, n.caller().Append(nil), patience, func(c *rpc.Complete) {
		if n.usesRemote(r.Addr) {
			failed := c.Status != std.OK || c.Header.Status() != std.OK
			r.Polled(c.Header.Offset, events, wait, failed)
		}
	})
}

// awaitSockets keeps a Wait at the server while processes here have sockets.
func (n *Node) awaitSockets() {
	if n.sockets.waiting {
		return
	}
	n.sockets.waiting = true
	h := &std.Header{Command: sockio.Wait}
	h.SetCapability(n.sockets.server)
	n.call(flip.Address{}, h, n.caller().Append(nil), patience, n.socketsHappened)
}

// socketsHappened is the answer to a Wait.
func (n *Node) socketsHappened(c *rpc.Complete) {
	n.sockets.waiting = false
	mine := n.openSockets()
	if len(mine) == 0 {
		return
	}
	switch {
	case c.Status == std.OK && (c.Header.Status() == std.OK || c.Header.Status() == std.NotNow):
		n.awaitSockets()
	default:
		n.Log("motile: the TCP/IP server of node %d does not answer: %d sockets are lost", n.sockets.node, len(mine))
		for _, r := range mine {
			r.Told(0, true, true)
		}
		return
	}
	happened := make(map[uint64]sockio.Event)
	for _, e := range sockio.DecodeEvents(c.Data) {
		happened[e.Object] = e
	}
	for _, r := range mine {
		if e, ok := happened[r.Service.Object]; ok {
			r.Happened(object.Events(e.Events), e.Seq)
		}
	}
}

func (n *Node) openSockets() (list []*object.Remote) {
	for _, r := range n.remotes {
		if r.Socket != nil {
			list = append(list, r)
		}
	}
	return list
}

// captureSocket writes down what a Remote of an object that a program serves has beside.
func captureSocket(r *object.Remote, m *image.File) {
	if !r.Service.IsNull() {
		m.Service = r.Service.Append(nil)
	}
	if s := r.Socket; s != nil {
		m.Socket = []uint16{s.Domain, s.Type, s.Protocol}
	}
}

// adoptService makes it again.
func adoptService(r *object.Remote, m *image.File) {
	if len(m.Service) > 0 {
		r.Service, _ = capability.Decode(m.Service)
		r.Addr = serviceAddress(r.Service)
	}
	if len(m.Socket) == 3 {
		r.Socket = &object.Socket{Domain: m.Socket[0], Type: m.Socket[1], Protocol: m.Socket[2]}
	}
}
