package file

import (
	"fmt"
	"maps"
	"slices"
)

// Need is what a request waits for that Do has looked at.
type Need struct {
	// The answer is ready, and may leave when all that has changed until now is on stable
	// storage.
	Safe bool
	// The request is to come again when there is less that is not on stable storage.
	Room bool
	// It is to come again when these are in memory; none: it need not.
	Fetch []Fetch
}

// Fetch is a part of a file's contents that is to be read.
type Fetch struct {
	File File
	Size int
	b    *block
}

func (n *Need) again() bool { return n.Room || len(n.Fetch) > 0 }

// Need is what the last request waits for.
func (s *Server) Need() Need { return s.need }

// fetch has a part of a file read if it is not in memory. It reports whether that is still
// to come.
func (q *query) fetch(n *inode, off int64, size int, overwrite bool) bool {
	for _, b := range n.missing(off, size, overwrite) {
		q.need.Fetch = append(q.need.Fetch, Fetch{b.file, b.size, b})
	}
	return len(q.need.Fetch) > 0
}

// Fetched brings what was read.
func (s *Server) Fetched(f *Fetch, data []byte) {
	b := f.b
	if b.gone || b.data != nil || b.file != f.File || len(data) < b.size {
		return // it has changed meanwhile: who wanted it looks again
	}
	b.data = data[:b.size:b.size]
	s.book.weigh(b)
	s.book.use(b)
}

// maxUnsafe is how many bytes of contents there may be that are not on stable storage.
const maxUnsafe = 4 << 20

// crowded reports whether a write must wait until more is on stable storage.
func (q *query) crowded() bool {
	q.need.Room = q.book != nil && q.book.unsafe >= maxUnsafe
	return q.need.Room
}

// suspect keeps an inode of a former life without a name: a node may have it open that has
// said so then. It reports whether there are such nodes; Doubts asks them.
func (s *Server) suspect(n *inode) bool {
	n.former = false
	for _, node := range slices.Sorted(maps.Keys(s.boots)) {
		n.opens = append(n.opens, opening{node: node})
	}
	s.doubtful = append(s.doubtful, n)
	return len(n.opens) > 0
}

// Doubts are the nodes that must say whether they have an inode open. They are to be
// recalled, and may be so again if that fails.
func (s *Server) Doubts() (list []Recall) {
	for _, n := range s.doubtful {
		for _, o := range n.opens {
			if !o.sure {
				s.stamp++
				list = append(list, Recall{o.node, n.number, s.stamp, true, o.seq})
			}
		}
	}
	s.doubtful = nil
	return list
}

// cut is all that has changed from one instant to another, as it was then. It becomes the
// next record of the journal, or a checkpoint.
type cut struct {
	seq        uint64 // ledger.seq, then
	used       int64
	checkpoint bool
	head
	gone    []uint64
	records []record      // for a checkpoint: all of the inodes of its parts
	parts   []uint64      // of a checkpoint: those that have changed
	writes  []*blockWrite // contents that go along
	trash   []File
}

// blockWrite is a block that goes to storage: as a file, or in the journal.
type blockWrite struct {
	b      *block
	data   []byte
	inline bool
	file   File // null: it was not made yet
}

// Contents go into the record of the journal itself if they are few: one write less to
// wait for.
const (
	inlineAll  = 64 << 10 // bytes of all
	inlineEach = 4 << 10  // of one
)

// cut takes all that has changed since the last one. It must be Settled before the next.
func (s *Server) cut(checkpoint bool) *cut {
	l := s.book
	c := &cut{seq: l.seq, used: s.used, checkpoint: checkpoint, head: s.head(), gone: l.gone, trash: l.trash}
	if checkpoint {
		c.parts = slices.Sorted(maps.Keys(l.parts))
		for _, p := range c.parts {
			for number := p * partInodes; number < (p+1)*partInodes; number++ {
				if n := s.inodes[number]; n != nil {
					c.records = append(c.records, c.whole(n))
				}
			}
		}
		clear(l.parts)
	} else {
		total := 0
		for _, n := range l.inodes {
			if s.inodes[n.number] == n {
				c.records = append(c.records, c.changes(n))
			}
		}
		for _, w := range c.writes {
			total += len(w.data)
		}
		for _, w := range c.writes {
			w.inline = total <= inlineAll || len(w.data) <= inlineEach
		}
	}
	for _, n := range l.inodes {
		n.noted, n.fresh, n.cutOff, n.removed, n.stored = false, nil, 0, nil, n.cookie
	}
	l.inodes, l.gone, l.trash, l.head = nil, nil, nil, false
	return c
}

func (s *Server) head() head {
	h := head{stamp: s.stamp, last: s.last}
	for _, node := range slices.Sorted(maps.Keys(s.boots)) {
		h.boots = append(h.boots, boot{node, s.boots[node]})
	}
	return h
}

// describe is an inode without its names and contents.
func describe(n *inode) record {
	r := record{number: n.number, secret: n.secret, mode: n.mode, nlink: uint32(max(n.nlink, 0)), mtime: n.mtime, atime: n.atime, ctime: n.ctime,
		size: n.size, cookie: n.cookie, target: n.target}
	for id, at := range n.offsets {
		r.offsets = append(r.offsets, offset{id, at})
	}
	slices.SortFunc(r.offsets, func(a, b offset) int { return slices.Compare(a.id[:], b.id[:]) })
	return r
}

// whole is an inode as it is.
func (c *cut) whole(n *inode) record {
	r := describe(n)
	for _, e := range n.list {
		r.names = append(r.names, nameRecord{e.cookie, e.node.number, e.name})
	}
	for _, i := range slices.Sorted(maps.Keys(n.blocks)) {
		r.blocks = append(r.blocks, c.block(n, i))
	}
	return r
}

// changes is how an inode has changed since the last cut.
func (c *cut) changes(n *inode) record {
	r := describe(n)
	r.removed, r.cutOff = n.removed, n.cutOff
	at, _ := slices.BinarySearchFunc(n.list, n.stored+1, func(e *entry, from uint64) int {
		if e.cookie < from {
			return -1
		}
		return 1
	})
	for _, e := range n.list[at:] {
		r.names = append(r.names, nameRecord{e.cookie, e.node.number, e.name})
	}
	for _, i := range slices.Sorted(maps.Keys(n.fresh)) {
		if n.blocks[i] != nil {
			r.blocks = append(r.blocks, c.block(n, i))
		}
	}
	return r
}

// block is a block as it is. What of it is in no file goes along.
func (c *cut) block(n *inode, i int64) blockRecord {
	b := n.blocks[i]
	r := blockRecord{index: i, size: b.size, file: b.file}
	if b.dirty || b.logged {
		r.write = &blockWrite{b: b, data: b.data}
		c.writes = append(c.writes, r.write)
		b.dirty, b.shared = false, true
		n.book.weigh(b)
	}
	return r
}

// settle notes that a cut is on stable storage. What it returns may be destroyed.
func (s *Server) settle(c *cut) (trash []File) {
	l := s.book
	trash = c.trash
	for _, w := range c.writes {
		b := w.b
		b.shared = false
		if b.gone {
			if !w.inline {
				l.trash = append(l.trash, w.file)
			}
			continue
		}
		if !b.file.IsNull() {
			trash = append(trash, b.file)
		}
		b.file, b.logged = w.file, w.inline
		l.weigh(b)
	}
	l.safe = max(l.safe, c.seq)
	return trash
}

// storage is what Status says of it.
func (s *Server) storage() string {
	l := s.book
	if l == nil {
		return "storage none: files are gone with the server\n"
	}
	text := fmt.Sprintf("changes %d, %d of them safe\nbytes %d not safe, %d in memory\n", l.seq, l.safe, l.unsafe, l.resident)
	text += s.disks
	if s.damaged > 0 {
		text += fmt.Sprintf("missing %d blocks of files\n", s.damaged)
	}
	if s.trouble != "" {
		text += "storage " + s.trouble + "\n"
	}
	return text
}
