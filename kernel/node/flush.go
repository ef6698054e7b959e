package node

import (
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/migrate/move"
)

// Flushing (Sprite: Douglis and Ousterhout, 1991): the pages of the frozen set are written
// to the file server, here Bullet, and come from there when they are touched at the target.
// So the old node owes nothing once they have gone. The processes depend on the server instead,
// until all is fetched; then the file is removed.

// flush is that of one move.
type flush struct {
	s    *source
	cap  capability.Capability // of the server; of the file, once there is one
	must *along                // pages that go along

	server int  // its node
	made   bool // there is one

	pages []hw.PFN // to be written
	count uint64   // pages, those that are written too
	buf   []byte
}

// serverPatience is how long the server is looked for: it has answered already, and may be busy.
const serverPatience = 10e9

// flushPages is how many pages a request brings to the server.
const flushPages = 32

// serviceBullet is the name of Bullet's servers, each of which has the number of its node.
const serviceBullet = "bullet"

// findServer looks for a file server, before anything stands still.
func (s *source) findServer(then func()) {
	n := s.n
	n.fileServer(func(node int) {
		switch {
		case s.m.State() != move.Sending: // it was given up meanwhile
		case node == 0:
			s.fail("strategy %s", n.noFileServer())
		default:
			s.flush = &flush{s: s, server: node, cap: n.ipc.key.ServiceCap(serviceBullet, node), buf: make([]byte, 0, flushPages*vm.PageBytes)}
			s.report.LeftOn = serverOf(node)
			then()
		}
	})
}

func serverOf(node int) string { return fmt.Sprintf("the file server of node %d", node) }

func (n *Node) noFileServer() string {
	return fmt.Sprintf("flush needs a file server on another node than %d: start one there (motiled bullet &, or motile up --servers), or choose another strategy", n.Number)
}

// fileServer finds a file server that is not on this node, the one that answers first; node 0:
// none does.
func (n *Node) fileServer(found func(node int)) {
	nodes := n.nodes(silentAfter)
	open, over := len(nodes), false
	if open == 0 {
		found(0)
	}
	answered := func(node int, c *rpc.Complete) {
		open--
		switch ok := c.Status == std.OK && c.Header.Status() == std.OK; {
		case over:
		case ok:
			over = true
			found(node)
		case open == 0:
			found(0)
		}
	}
	for _, node := range nodes {
		h := &std.Header{Command: std.Info}
		h.SetCapability(n.ipc.key.ServiceCap(serviceBullet, node))
		n.call(flip.Address{}, h, nil, movePatience, func(c *rpc.Complete) { answered(node, c) })
	}
}

// begin takes the set as it stands.
func (f *flush) begin() { f.must = f.s.set.urgent() }

// along reports whether a page goes along with the set.
func (f *flush) along(process int, r vm.PageRef) bool {
	return f.must.has(process, r)
}

// leave notes a page to be written, and says as which page of the file.
func (f *flush) leave(frame hw.PFN) (page uint64) {
	f.pages = append(f.pages, frame)
	f.count++
	return f.count - 1
}

// write brings pages to the server, and goes on when they are there.
func (f *flush) write(then func()) {
	s := f.s
	if len(f.pages) == 0 {
		then()
		return
	}
	f.buf = f.buf[:0]
	for _, frame := range f.pages[:min(len(f.pages), flushPages)] {
		f.buf = append(f.buf, hw.Page(frame)[:]...)
	}
	h := &std.Header{Command: std.BulletCreate, Size: uint32(len(f.buf))}
	if f.made {
		h.Command, h.Offset = std.BulletModify, (f.count-uint64(len(f.pages)))*vm.PageBytes
	}
	last := len(f.pages) <= flushPages
	if last {
		h.Extra = std.BulletCommit
	}
	h.SetCapability(f.cap)
	s.report.Bytes += int64(len(f.buf))
	s.n.call(flip.Address{}, h, f.buf, serverPatience, func(c *rpc.Complete) {
		if s.m.State() != move.Frozen {
			return // it was given up meanwhile
		}
		if c.Status != std.OK || c.Header.Status() != std.OK {
			s.fail("%s does not take the pages (%v, %v)", s.report.LeftOn, c.Status, c.Header.Status())
			return
		}
		f.cap, f.made = c.Header.Capability(), true
		if f.pages = f.pages[min(len(f.pages), flushPages):]; last {
			then()
			return
		}
		f.write(then)
	})
}

// drop removes the file: the processes stay here, or are lost.
func (f *flush) drop() {
	if f != nil && f.made {
		f.made = false
		f.s.n.destroy(f.cap)
	}
}

// destroy removes a file, as soon as its server hears of it.
func (n *Node) destroy(c capability.Capability) {
	n.untilHeard(func(done func(*rpc.Complete)) {
		h := &std.Header{Command: std.Destroy}
		h.SetCapability(c)
		n.call(flip.Address{}, h, nil, movePatience, done)
	})
}

// file is the capability of the pages' file, for the target; nil if there is none.
func (f *flush) file() []byte {
	if f == nil || !f.made {
		return nil
	}
	return f.cap.Append(nil)
}

// bytes is how much is written.
func (f *flush) bytes() int64 {
	if f == nil {
		return 0
	}
	return int64(f.count) * vm.PageBytes
}

// on is the node that it is on, or 0.
func (f *flush) on() int {
	if f == nil {
		return 0
	}
	return f.server
}

// filed is the origin of a page that is in a file: addresses of nowhere, since
// an origin is an address (vm: SetAway).
func filed(page uint64) (origin uint64) { return fileOrigin + page*vm.PageBytes }

// fileOrigin is above what no process has mapped.
const fileOrigin = 1 << 20
