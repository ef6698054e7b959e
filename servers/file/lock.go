package file

import (
	"math"
	"slices"

	"motile/ipc/fileio"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// locks are those on one inode. A lock lasts as long as its owner is on a node that has
// the file open: nodes say when a process has closed the file, when a description is
// gone, and who has come to them; what a node had that is lost is given up. Nobody waits
// here: who is refused asks again.
type locks struct {
	records []lock // fcntl(2)'s
	whole   []lock // flock(2)'s
	holders []holder
}

type lock struct {
	owner      filesys.LockOwner
	kind       uint8
	start, end int64 // both included
	at         int64 // the process's own clock when it took it
}

// holder is a node that an owner of locks is on. A description may be on several.
type holder struct {
	owner filesys.LockOwner
	node  uint32
	seq   uint64 // what the node has said under a lower number does not mean this one
}

// maxLocks bounds the locks of a file.
const maxLocks = 4096

// Locks is how many there are, for tests.
func (s *Server) Locks() (held int) {
	for _, n := range s.inodes {
		if n.locks != nil {
			held += len(n.locks.records) + len(n.locks.whole)
		}
	}
	return held
}

// lock serves Lock.
func (q *query) lock(n *inode) (errno, std.Status) {
	o, rest, ok := filesys.DecodeOpener(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	a, ok := filesys.DecodeLock(rest)
	if !ok || a.PID < 0 || (a.PID != 0) == (a.ID != [16]byte{}) && !a.Test {
		return 0, std.ArgBad
	}
	l, e := n.place(&a)
	switch {
	case e != 0:
		return e, std.OK
	case !n.isReg() && !n.isDir():
		return enolck, std.OK
	}
	if n.locks == nil {
		n.locks = new(locks)
	}
	defer n.tidy()
	list := &n.locks.records
	if a.Whole {
		list = &n.locks.whole
	}
	at := slices.IndexFunc(*list, func(h lock) bool { return h.blocks(&l) })
	if a.Test {
		q.answer(*list, at)
		return 0, std.OK
	}
	switch {
	case !q.means(n, &o):
		return filesys.NotHere, std.OK
	case at >= 0 && a.Whole:
		n.locks.set(list, lock{owner: l.owner, kind: fileio.Unlocked, end: math.MaxInt64}) // to change a lock is to give it up first
		return eagain, std.OK
	case at >= 0:
		return eagain, std.OK
	case l.kind != fileio.Unlocked && len(n.locks.records)+len(n.locks.whole) >= maxLocks:
		return enolck, std.OK
	}
	n.locks.set(list, l)
	if l.kind != fileio.Unlocked {
		n.locks.hold(l.owner, o.Node, o.Seq)
	}
	return 0, std.OK
}

// means reports whether a node still means it when it asks for a lock: it has the file
// open, and no owner has left it since. Which one that was is not remembered: a request
// that was overtaken by somebody else's farewell is made again.
func (s *Server) means(n *inode, o *filesys.Opener) bool {
	if boot, known := s.boots[o.Node]; known && boot != o.Boot {
		return false
	}
	i := slices.IndexFunc(n.opens, func(x opening) bool { return x.node == o.Node })
	if i < 0 {
		return n.former
	}
	return o.Seq >= n.opens[i].means
}

// place finds out what range is meant.
func (n *inode) place(a *filesys.LockAsk) (l lock, e errno) {
	l = lock{owner: a.LockOwner, kind: a.Type, end: math.MaxInt64, at: a.At}
	if a.Whole {
		return l, 0
	}
	start := a.Start
	if a.End {
		if start += n.size; a.Start > 0 && start < 0 {
			return l, eoverflow
		}
	}
	first, last, wrong := fileio.LockSpan(start, a.Len)
	l.start, l.end = first, last
	return l, errno(wrong)
}

// blocks reports whether h is in the way of l.
func (h *lock) blocks(l *lock) bool {
	return l.kind != fileio.Unlocked && h.owner != l.owner && h.start <= l.end && l.start <= h.end &&
		(h.kind == fileio.ExclusiveLock || l.kind == fileio.ExclusiveLock)
}

// answer says what is in the way, as fcntl(F_GETLK) does.
func (q *query) answer(list []lock, at int) {
	a := filesys.LockAsk{Type: fileio.Unlocked}
	if at >= 0 {
		h := &list[at]
		a.Type, a.Start, a.Len = h.kind, h.start, fileio.LockLength(h.start, h.end)
		if a.PID = h.owner.PID; a.PID == 0 {
			a.PID = -1
		}
	}
	q.out = a.Append(nil)
}

// set gives a range of an owner's locks another type, and joins it with neighbours of
// that type.
func (*locks) set(list *[]lock, l lock) {
	var rest []lock
	for _, h := range *list {
		switch {
		case h.owner != l.owner || h.end < l.start && (h.kind != l.kind || h.end+1 < l.start) ||
			h.start > l.end && (h.kind != l.kind || l.end+1 < h.start):
			rest = append(rest, h)
			continue
		case h.kind == l.kind:
			l.start, l.end = min(l.start, h.start), max(l.end, h.end)
			continue
		}
		if h.start < l.start {
			left := h
			left.end = l.start - 1
			rest = append(rest, left)
		}
		if h.end > l.end {
			h.start = l.end + 1
			rest = append(rest, h)
		}
	}
	if l.kind != fileio.Unlocked {
		rest = append(rest, l)
	}
	*list = rest
}

// hold notes that an owner is on a node.
func (k *locks) hold(o filesys.LockOwner, node uint32, seq uint64) {
	for i := range k.holders {
		if h := &k.holders[i]; h.owner == o && h.node == node {
			h.seq = max(h.seq, seq)
			return
		}
	}
	k.holders = append(k.holders, holder{o, node, seq})
}

// come: owners have come to a node with an inode that it holds.
func (n *inode) come(h *filesys.Held, o *filesys.Opener) {
	if n.locks == nil {
		return
	}
	owners := []filesys.LockOwner{{ID: h.Lock}}
	for _, pid := range h.PIDs {
		owners = append(owners, filesys.LockOwner{PID: pid})
	}
	for _, w := range owners {
		if slices.ContainsFunc(n.locks.holders, func(x holder) bool { return x.owner == w }) {
			n.locks.hold(w, o.Node, o.Seq)
		}
	}
}

// left: holders are no more of whom that is said.
func (n *inode) left(which func(holder) bool) {
	if n.locks == nil {
		return
	}
	n.locks.holders = slices.DeleteFunc(n.locks.holders, which)
	n.tidy()
}

// leftNode: a node has an inode open no more.
func (n *inode) leftNode(node uint32) { n.left(func(h holder) bool { return h.node == node }) }

// tidy gives up the locks of owners that are nowhere, and forgets owners without locks.
func (n *inode) tidy() {
	k := n.locks
	has := func(o filesys.LockOwner) func(holder) bool {
		return func(h holder) bool { return h.owner == o }
	}
	nowhere := func(l lock) bool { return !slices.ContainsFunc(k.holders, has(l.owner)) }
	k.records, k.whole = slices.DeleteFunc(k.records, nowhere), slices.DeleteFunc(k.whole, nowhere)
	k.holders = slices.DeleteFunc(k.holders, func(h holder) bool {
		owns := func(l lock) bool { return l.owner == h.owner }
		return !slices.ContainsFunc(k.records, owns) && !slices.ContainsFunc(k.whole, owns)
	})
	if len(k.holders) == 0 {
		n.locks = nil
	}
}

// unlock serves Unlock, which a node says of its own accord.
func (q *query) unlock(n *inode) (errno, std.Status) {
	o, rest, ok := filesys.DecodeOpener(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	u, ok := filesys.DecodeUnlocked(rest)
	if !ok {
		return 0, std.ArgBad
	}
	if q.boots[o.Node] != o.Boot {
		return 0, std.OK
	}
	for i := range n.opens {
		if x := &n.opens[i]; x.node == o.Node {
			x.means = max(x.means, o.Seq)
		}
	}
	if n.locks == nil {
		return 0, std.OK
	}
	if u.PID == 0 || u.Upto < 0 {
		n.left(func(h holder) bool { return h.owner == u.LockOwner && h.node == o.Node && h.seq <= o.Seq })
		return 0, std.OK
	}
	n.locks.records = slices.DeleteFunc(n.locks.records, func(l lock) bool { return l.owner == u.LockOwner && l.at <= u.Upto })
	n.tidy()
	return 0, std.OK
}
