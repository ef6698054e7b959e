package file

import (
	"slices"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/filesys"
)

// inode is a file, directory or symbolic link.
type inode struct {
	number  uint64
	secret  capability.Secret
	mode    uint32
	nlink   int
	mtime   int64 // ns since 1970
	atime   int64
	ctime   int64
	version uint64 // of the contents

	content        // of a regular file
	target  string // of a symbolic link

	// Of a directory. parent is nil when it was removed.
	parent *inode
	list   []*entry // by cookie
	names  map[string]*entry
	cookie uint64

	opens []opening // by node
	// Offsets of descriptions that processes on several nodes have, by their numbers. They
	// last as long as anybody has the file open.
	offsets map[[16]byte]int64
	// Until then nobody is granted anything: a request waits for recalls, and must not
	// find a new grant when it comes again.
	wanted int64

	noted   bool     // it is in the ledger
	former  bool     // it is of a former life of the server, whose openers are not all known
	stored  uint64   // of a directory: the cookie at the last cut
	removed []uint64 // cookies of names of before that went since
	locks   *locks   // nil: there are none
}

// entry is a name in a directory.
type entry struct {
	name   string
	node   *inode
	cookie uint64 // its position, never used again
}

func (n *inode) isDir() bool  { return n.mode&modeType == modeDir }
func (n *inode) isLink() bool { return n.mode&modeType == modeLink }
func (n *inode) isReg() bool  { return n.mode&modeType == modeReg }

func (n *inode) child(name string) *inode {
	if e := n.names[name]; e != nil {
		return e.node
	}
	return nil
}

// add gives c a name. Who calls it has made sure that there is none of that name.
func (n *inode) add(name string, c *inode, now int64) {
	n.cookie++
	e := &entry{name, c, n.cookie}
	n.list = append(n.list, e)
	if n.names == nil {
		n.names = make(map[string]*entry)
	}
	n.names[name] = e
	c.nlink++
	c.ctime = now
	n.book.note(c)
	if c.isDir() {
		c.parent = n
		n.nlink++
	}
	n.touch(now)
}

// take removes a name; the inode lives on while it has others, or is open.
func (n *inode) take(name string, now int64) *inode {
	e := n.names[name]
	delete(n.names, name)
	at, _ := slices.BinarySearchFunc(n.list, e.cookie, func(e *entry, c uint64) int {
		switch {
		case e.cookie < c:
			return -1
		case e.cookie > c:
			return 1
		}
		return 0
	})
	n.list = slices.Delete(n.list, at, at+1)
	if n.book != nil && e.cookie <= n.stored {
		n.removed = append(n.removed, e.cookie)
	}
	c := e.node
	c.nlink--
	c.ctime = now
	n.book.note(c)
	if c.isDir() {
		n.nlink--
	}
	n.touch(now)
	return c
}

// touch: the contents of a directory have changed.
func (n *inode) touch(now int64) {
	n.mtime, n.ctime = now, now
	n.version++
	n.book.note(n)
}

func (n *inode) attr() filesys.Attr {
	a := filesys.Attr{Object: n.number, Mode: n.mode, Nlink: uint32(max(n.nlink, 0)), Size: n.size,
		Mtime: n.mtime, Atime: n.atime, Ctime: n.ctime, Version: n.version}
	switch {
	case n.isDir():
		a.Size = 4096
	case n.isLink():
		a.Size = int64(len(n.target))
	}
	return a
}

// path is the name of a directory from the one with the number root; what is not below
// that has none.
func (n *inode) path(root uint64) string {
	var names []string
	for length := 0; n.number != root; n = n.parent {
		if n.parent == nil || n.parent == n {
			return "(deleted)"
		}
		for _, e := range n.parent.list {
			if e.node == n {
				names = append(names, e.name)
				length += len(e.name) + 1
			}
		}
		if length > filesys.MaxPath {
			return "(path too long)"
		}
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// below reports whether n is d or lies in it.
func (n *inode) below(d *inode) bool {
	for ; n != nil; n = n.parent {
		if n == d {
			return true
		}
		if n.parent == n {
			break
		}
	}
	return false
}
