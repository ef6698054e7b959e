package file

import (
	"encoding/binary"
	"slices"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// opening is what a node has open of an inode.
type opening struct {
	node  uint32
	seq   uint64 // of the last open
	write bool
	since int64  // of the last open
	cache uint64 // stamp of the grant by which it may answer reads out of its pages; 0: it may not
	sure  bool   // the node has said since the last open that it has it
	means uint64 // requests for locks under lower numbers may be of owners that have left since
}

// Recall is a node that must forget the pages of an inode before a request is served.
type Recall struct {
	Node   uint32
	Object uint64
	Stamp  uint64
	// doubt: what it says of the file's being open is all there is to know of opens up to
	// this one.
	doubt bool
	upto  uint64
}

// opensWithin is longer than the answer to an open takes.
const opensWithin = 30e9

// Recalled is how a Recall has ended: the node has the inode open, or not.
func (s *Server) Recalled(r Recall, open bool) {
	n := s.inodes[r.Object]
	if n == nil {
		return
	}
	for i := range n.opens {
		if o := &n.opens[i]; o.node == r.Node {
			if o.sure = true; o.cache <= r.Stamp { // else it was granted that anew since
				o.cache = 0
			}
			// The answer to an open may be on its way to the node still.
			if !open && (r.doubt && o.seq <= r.upto || s.now-o.since > opensWithin) {
				n.opens = slices.Delete(n.opens, i, i+1)
				n.leftNode(r.Node)
				s.drop(n)
			}
			return
		}
	}
}

// Lost forgets what a node has had open: it was restarted, or is not there any more.
func (s *Server) Lost(node uint32) {
	var free []*inode
	for _, n := range s.inodes {
		n.opens = slices.DeleteFunc(n.opens, func(o opening) bool { return o.node == node })
		n.leftNode(node)
		if n.nlink <= 0 && len(n.opens) == 0 {
			free = append(free, n)
		}
	}
	for _, n := range free {
		s.drop(n)
	}
	delete(s.boots, node)
}

// Unreached is how a Recall has ended that the node has not answered: it is lost, with all
// that it had open. But if it was granted something after the recall it is there, and will
// be recalled again.
func (s *Server) Unreached(r Recall) (lost bool) {
	for _, n := range s.inodes {
		if slices.ContainsFunc(n.opens, func(o opening) bool { return o.node == r.Node && o.cache > r.Stamp }) {
			return false
		}
	}
	s.Lost(r.Node)
	return true
}

// Openers are the nodes that have something open, in order.
func (s *Server) Openers() (nodes []uint32) {
	for node := range s.boots {
		nodes = append(nodes, node)
	}
	slices.Sort(nodes)
	return nodes
}

// heard: a node speaks. If it was restarted, what it had open before is forgotten.
func (s *Server) heard(o *filesys.Opener) {
	if boot, known := s.boots[o.Node]; known && boot != o.Boot {
		s.Lost(o.Node)
	}
	if s.boots[o.Node] != o.Boot {
		s.boots[o.Node] = o.Boot
		s.book.noteHead()
	}
}

// wantedFor is longer than recalls take, but of nodes that do not answer.
const wantedFor = 1e9

// recall wants all nodes but one to forget the pages of an inode. It reports whether
// that is still to come.
func (s *Server) recall(n *inode, but uint32) bool {
	return s.recallFrom(n, func(o *opening) bool { return o.node != but })
}

func (s *Server) recallFrom(n *inode, which func(*opening) bool) bool {
	for i := range n.opens {
		if o := &n.opens[i]; o.cache > 0 && which(o) {
			n.wanted = s.now + wantedFor
			s.stamp++
			s.recalls = append(s.recalls, Recall{Node: o.node, Object: n.number, Stamp: s.stamp})
		}
	}
	return len(s.recalls) > 0
}

// recallAll is recall of all nodes: the contents change by what no node keeps in step with.
func (s *Server) recallAll(n *inode) bool {
	const nobody = 0
	return s.recall(n, nobody)
}

// shared reports whether an inode is open for writing on one node, and open on another,
// if it is, by write, on this one too.
func (n *inode) shared(node uint32, write bool) bool {
	others := false
	for _, x := range n.opens {
		if x.node != node {
			others = true
		}
		write = write || x.write
	}
	return others && write
}

// grant lets a node keep pages, if nobody stands in the way and it has the file open.
// It returns the stamp of that, or 0.
func (s *Server) grant(n *inode, node uint32) uint64 {
	for i := range n.opens {
		if o := &n.opens[i]; o.node == node && !n.shared(node, false) && s.now >= n.wanted {
			s.stamp++
			o.cache = s.stamp
			return s.stamp
		}
	}
	return 0
}

// admit enters an open by a node and returns the grant. If others must be recalled
// first, it has changed nothing.
func (s *Server) admit(n *inode, o *filesys.Opener, write bool) (grant uint64, wait bool) {
	if n.shared(o.Node, write) && s.recall(n, o.Node) {
		return 0, true
	}
	s.heard(o)
	if n.shared(o.Node, write) {
		n.wanted = 0 // what follows from that is enough
	}
	i := slices.IndexFunc(n.opens, func(x opening) bool { return x.node == o.Node })
	if i < 0 {
		i = len(n.opens)
		n.opens = append(n.opens, opening{node: o.Node, means: o.Seq})
	}
	x := &n.opens[i]
	x.seq, x.since, x.sure = max(x.seq, o.Seq), s.now, false
	x.write = x.write || write
	return s.grant(n, o.Node), false
}

// open opens a file, and makes it if it shall.
func (q *query) open(n *inode) (errno, std.Status) {
	o, rest, ok := filesys.DecodeOpener(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	p, rest, ok := filesys.DecodePlace(rest)
	if !ok || len(rest) > 0 {
		return 0, std.ArgBad
	}
	flags := q.h.Extra
	exclusive := flags&(oCreat|oExcl) == oCreat|oExcl
	pl, e, over := q.lookup(n, &p, 0, flags&oNofollow == 0 && !exclusive)
	if over {
		return e, std.OK
	}
	if e := q.mayOpen(pl, flags, exclusive); e != 0 {
		return e, std.OK
	}
	x := pl.node
	write := flags&oAccMode != 0
	grant := uint64(0)
	if x == nil {
		x = q.make(modeReg | q.h.Size&0o7777)
		pl.dir.add(pl.name, x, q.now)
		pl.node = x
	} else if x.isReg() && flags&oTrunc != 0 && flags&oPath == 0 && q.recallAll(x) {
		return 0, std.OK
	}
	if !x.isLink() && flags&oPath == 0 {
		var wait bool
		if grant, wait = q.admit(x, &o, write); wait {
			return 0, std.OK
		}
		if flags&oTrunc != 0 {
			q.truncate(x, 0)
		}
	}
	q.reply.SetCapability(capability.Derive(
		capability.Owner(q.cfg.Port, x.number, x.secret), x.secret, q.granted(x, flags)))
	q.reply.Size = filesys.KeepsOffsets
	q.found(pl, p.Root, grant)
	return 0, std.OK
}

// granted are the rights of a file's capability, as it was opened.
func (q *query) granted(x *inode, flags uint32) capability.Rights {
	r := filesys.RightAttr
	acc := flags & oAccMode
	if acc != oWronly {
		r |= filesys.RightRead
	}
	if acc != 0 || x.isDir() {
		r |= filesys.RightWrite
	}
	if flags&oDsync == 0 {
		r |= filesys.RightLazy
	}
	return r & q.rights
}

// mayOpen is what open(2) refuses.
func (q *query) mayOpen(pl place, flags uint32, exclusive bool) errno {
	x := pl.node
	write := flags&oAccMode != 0 && flags&oPath == 0
	switch {
	case x == nil && flags&oCreat == 0:
		return enoent
	case flags&oCreat != 0 && pl.mustBeDir:
		return eisdir
	case x == nil:
		return q.mayCreate(pl, false)
	case exclusive:
		return eexist
	case flags&oDirectory != 0 && !x.isDir():
		return enotdir
	case x.isLink() && flags&oPath == 0:
		return eloop
	case x.isDir() && (write || flags&(oCreat|oTrunc) != 0):
		return eisdir
	case (write || flags&oTrunc != 0) && flags&oPath == 0 && !q.may(filesys.RightWrite):
		return erofs
	case x.isDir() || x.isReg() || x.isLink():
		return 0
	}
	return enxio
}

// doubt asks a node whether it has a file open: somebody opened it under its name, and
// was elsewhere when the answer came. It reports whether that is still to come.
func (q *query) doubt(n *inode, h *filesys.Held) bool {
	for _, o := range n.opens {
		if o.node == h.From && o.seq <= h.Upto && !o.sure {
			q.stamp++
			q.recalls = append(q.recalls, Recall{o.node, n.number, q.stamp, true, o.seq})
			return true
		}
	}
	return false
}

// holds serves what a node says of its own accord: files that it has open, or no more.
func (q *query) holds() (errno, std.Status) {
	o, rest, ok := filesys.DecodeOpener(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	q.reply.Size = filesys.KeepsOffsets
	for len(rest) > 0 {
		var h filesys.Held
		if h, rest, ok = filesys.DecodeHeld(rest); !ok {
			return 0, std.ArgBad
		}
		n := q.inodes[h.Object]
		if n == nil { // it is gone, with its last name: whoever has it open finds out
			if q.h.Command == filesys.Hold {
				q.out = binary.BigEndian.AppendUint64(q.out, 0)
			}
			continue
		}
		c := capability.Capability{Port: q.cfg.Port, Object: h.Object, Rights: capability.Rights(h.Rights), Check: h.Check}
		if q.std.Verify(c, n.number, n.secret, 0) != std.OK {
			return 0, std.CapBad
		}
		if q.h.Command == filesys.Hold {
			if q.doubt(n, &h) {
				return 0, std.OK
			}
			grant, wait := q.admit(n, &o, h.Write && n.isReg())
			if wait {
				return 0, std.OK
			}
			n.come(&h, &o)
			q.out = binary.BigEndian.AppendUint64(q.out, grant)
			continue
		}
		i := slices.IndexFunc(n.opens, func(x opening) bool { return x.node == o.Node })
		if i >= 0 && q.boots[o.Node] == o.Boot && n.opens[i].seq <= h.Upto {
			n.opens = slices.Delete(n.opens, i, i+1)
			n.leftNode(o.Node)
			q.drop(n)
		} else if i < 0 && n.former {
			n.leftNode(o.Node)
		}
	}
	return 0, std.OK
}
