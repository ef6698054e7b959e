package node

import (
	"fmt"
	"slices"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/object"
)

// Files of servers: what the node says of them by itself, and is told. What processes do
// with them they ask for themselves (kernel/linux/served.go).

func (n *Node) initFiles() {
	n.K.Files = object.Files{Node: uint32(n.Number), Boot: n.ipc.boot, Tell: n.tellServer, Call: n.callServer}
}

func (n *Node) callServer(h *std.Header, data []byte, done func(a *object.Answer)) {
	n.call(flip.Address{}, h, data, patience, func(c *rpc.Complete) {
		done(&object.Answer{Status: c.Status, Header: c.Header, Data: c.Data, At: n.Tab.Now})
	})
}

// tellServer sends what needs no answer. A server that cannot be reached finds out by
// itself, when it asks.
func (n *Node) tellServer(c capability.Capability, command uint32, data []byte) {
	h := std.Header{Command: command}
	h.SetCapability(c)
	n.call(flip.Address{}, &h, data, patience, func(*rpc.Complete) {})
}

// holdServed tells servers of files that have come with a process: begun is called for
// each of them, lockers are the processes that may have locked some, and done when it has answered, with what is wrong, or "".
func (n *Node) holdServed(list []*object.Served, lockers []int32, begun func(), done func(why string)) {
	list = slices.Clone(list)
	for len(list) > 0 {
		port := list[0].Cap.Port
		var some, rest []*object.Served
		for _, s := range list {
			if s.Cap.Port == port {
				some = append(some, s)
			} else {
				rest = append(rest, s)
			}
		}
		list = rest
		h := std.Header{Command: filesys.Hold}
		h.SetCapability(some[0].Cap)
		begun()
		data, tickets, said := n.K.Files.Hold(n.Tab.Now, some, lockers)
		n.call(flip.Address{}, &h, data, patience, func(c *rpc.Complete) {
			why := ""
			switch st := c.Header.Status(); {
			case c.Status != std.OK:
				why = fmt.Sprintf("the server of a file that the process has open does not answer: %v", c.Status)
			case st != std.OK:
				why = fmt.Sprintf("the server of a file that the process has open refuses it: %v", st)
			default:
				n.K.Files.Heard(port, n.Tab.Now)
				n.K.Files.Held(some, tickets, &c.Header, c.Data)
			}
			n.K.Files.Overtaken(some, lockers, said)
			done(why)
		})
	}
}

// serveRecall forgets what is known of a file, for its server.
func (n *Node) serveRecall(r *rpc.Incoming) {
	q, ok := filesys.DecodeRecalled(r.Data)
	if !ok {
		n.reply(r, std.ArgBad, nil)
		return
	}
	h := std.Header{}
	if n.K.Files.Recall(q.Port, r.Header.Offset, q.Stamp) {
		h.Extra = 1
	}
	n.replyHeader(r, &h, nil)
}

// shareOffset has the server keep the offset of a description from now on, if processes
// that stay have it too: who is where then makes no difference. The server is not told:
// the first who uses the offset does that.
func (n *Node) shareOffset(c *captured, f *object.File) {
	s, ok := f.Impl.(*object.Served)
	if !ok || s.Shared != nil || c.copy || s.IsDir() || c.census.exclusive(f) {
		return
	}
	s.Shared = &filesys.Shared{Start: f.Offset}
	n.K.Random(s.Shared.ID[:])
}
