package file

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// loader puts a server together from what is on storage: the parts of the table, and then
// the records of the journal, the oldest first.
type loader struct {
	s     *Server
	disks []Disk
	child map[*entry]uint64
}

// load makes a server of a root's state.
func load(cfg Config, r *root, disks []Disk) *loader {
	s := New(cfg)
	s.book = &ledger{parts: make(map[uint64]bool)}
	s.root.book = s.book
	ld := &loader{s, disks, make(map[*entry]uint64)}
	ld.head(&r.head)
	return ld
}

func (ld *loader) head(h *head) {
	s := ld.s
	s.last, s.stamp = h.last, max(s.stamp, h.stamp)
	clear(s.boots)
	for _, x := range h.boots {
		s.boots[x.node] = x.boot
	}
}

// part adds the inodes of a part.
func (ld *loader) part(records []record) error {
	for i := range records {
		if err := ld.record(&records[i]); err != nil {
			return err
		}
	}
	return nil
}

// journal carries out a record of the journal. What it touches belongs into the next
// checkpoint.
func (ld *loader) journal(j *journalRecord) error {
	ld.head(&j.head)
	for i := range j.records {
		if err := ld.record(&j.records[i]); err != nil {
			return err
		}
		ld.s.book.note(ld.s.inodes[j.records[i].number])
	}
	for _, number := range j.gone {
		if n := ld.s.inodes[number]; n != nil && n != ld.s.root {
			for _, e := range n.list {
				delete(ld.child, e)
			}
			ld.s.book.remove(n)
			delete(ld.s.inodes, number)
		}
	}
	return nil
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

func (ld *loader) record(r *record) error {
	s := ld.s
	n := s.inodes[r.number]
	if n == nil {
		n = &inode{number: r.number}
		n.book = s.book
		s.inodes[r.number] = n
	}
	if n.mode != 0 && n.mode&modeType != r.mode&modeType {
		return damaged("inode %d is of another type than it was", r.number)
	}
	if n != s.root { // its secret is the key's
		n.secret = r.secret
	}
	n.mode, n.nlink, n.mtime, n.atime, n.ctime, n.target = r.mode, int(r.nlink), r.mtime, r.atime, r.ctime, r.target
	n.former = true
	n.offsets = nil
	if len(r.offsets) > 0 {
		n.offsets = make(map[[16]byte]int64)
	}
	for _, o := range r.offsets {
		n.offsets[o.id] = o.at
	}
	if err := ld.names(n, r); err != nil {
		return err
	}
	return ld.blocks(n, r)
}

func (ld *loader) names(n *inode, r *record) error {
	if len(r.names)+len(r.removed) > 0 && !n.isDir() {
		return damaged("inode %d is no directory, and has names", r.number)
	}
	for _, c := range r.removed {
		at := slices.IndexFunc(n.list, func(e *entry) bool { return e.cookie == c })
		if at < 0 {
			return damaged("a name of directory %d is to go, and is not there", r.number)
		}
		delete(n.names, n.list[at].name)
		delete(ld.child, n.list[at])
		n.list = slices.Delete(n.list, at, at+1)
	}
	for _, x := range r.names {
		if x.cookie <= n.cookie || x.cookie > r.cookie || n.names[x.name] != nil || !goodName(x.name) {
			return damaged("names of directory %d", r.number)
		}
		e := &entry{name: x.name, cookie: x.cookie}
		if n.names == nil {
			n.names = make(map[string]*entry)
		}
		n.names[x.name], n.cookie = e, x.cookie
		n.list = append(n.list, e)
		ld.child[e] = x.number
	}
	n.cookie, n.stored = r.cookie, r.cookie
	return nil
}

func goodName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\x00")
}

func (ld *loader) blocks(n *inode, r *record) error {
	if len(r.blocks) > 0 && !n.isReg() {
		return damaged("inode %d is no file, and has contents", r.number)
	}
	if r.cutOff > 0 {
		for i, b := range n.blocks {
			if i >= r.cutOff-1 {
				ld.s.book.forget(b)
				delete(n.blocks, i)
			}
		}
	}
	for i := range r.blocks {
		x := &r.blocks[i]
		if n.blocks == nil {
			n.blocks = make(map[int64]*block)
		}
		b := n.blocks[x.index]
		if b == nil {
			b = new(block)
			n.blocks[x.index] = b
		}
		file, elsewhere := arrange(x.file[:], ld.disks)
		if elsewhere {
			return fmt.Errorf("block %d of inode %d: %w", x.index, r.number, errElsewhere)
		}
		if b.file != file && !b.file.IsNull() {
			ld.s.book.trash = append(ld.s.book.trash, b.file)
		}
		b.size, b.file, b.data, b.logged = x.size, file, x.data, x.data != nil
		ld.s.book.weigh(b)
		ld.s.book.use(b)
	}
	n.size = r.size
	return nil
}

// end links what was loaded, and checks that it is a tree.
func (ld *loader) end() (*Server, error) {
	s := ld.s
	nlink := map[*inode]int{s.root: 2}
	s.root.parent = s.root
	for _, number := range slices.Sorted(maps.Keys(s.inodes)) {
		d := s.inodes[number]
		for _, e := range d.list {
			n := s.inodes[ld.child[e]]
			if n == nil || n == s.root || n.isDir() && n.parent != nil {
				return nil, damaged("directory %d: the name %q leads nowhere", number, e.name)
			}
			e.node = n
			nlink[n]++
			if n.isDir() {
				n.parent = d
				nlink[n]++
				nlink[d]++
			}
		}
	}
	for _, number := range slices.Sorted(maps.Keys(s.inodes)) {
		n := s.inodes[number]
		switch {
		case n.nlink != nlink[n]:
			return nil, damaged("inode %d has %d names, not %d", number, nlink[n], n.nlink)
		case n.isDir() && n.parent != nil && !n.reaches(s.root, len(s.inodes)):
			return nil, damaged("directory %d is not below the root", number)
		case number > s.last:
			return nil, damaged("inode %d is beyond the last", number)
		}
		for i, b := range n.blocks {
			if i*blockSize+int64(b.size) > n.size {
				return nil, damaged("inode %d has more contents than it has", number)
			}
		}
		n.version = s.stamp
		if s.used += n.content.used(); n != s.root {
			s.used += inodeBytes
		}
	}
	for _, number := range slices.Sorted(maps.Keys(s.inodes)) {
		s.drop(s.inodes[number])
	}
	return s, nil
}

// reaches reports whether a directory lies below another, within so many steps.
func (n *inode) reaches(root *inode, steps int) bool {
	for ; n != nil && steps >= 0; n, steps = n.parent, steps-1 {
		if n == root {
			return true
		}
	}
	return false
}

// files are the Bullet files that a server's contents are in.
func (s *Server) files(each func(n *inode, b *block)) {
	for _, number := range slices.Sorted(maps.Keys(s.inodes)) {
		for _, b := range s.inodes[number].blocks {
			if !b.file.IsNull() {
				each(s.inodes[number], b)
			}
		}
	}
}
