package file

// place is where a path leads: the directory, the last name in it, and what is there,
// nil if nothing.
type place struct {
	dir       *inode
	name      string // "." for a directory itself, ".." for one that was reached so
	node      *inode
	mustBeDir bool // the path ended in a slash
}

// tree is the inodes as filesys.Walker sees them.
type tree struct{}

func (tree) IsDir(n *inode) bool  { return n.isDir() }
func (tree) IsLink(n *inode) bool { return n.isLink() }

func (tree) Child(d *inode, name string) (*inode, errno) { return d.child(name), 0 }
func (tree) Target(n *inode) (string, errno)             { return n.target, 0 }
func (tree) Top(d *inode, root uint64) bool              { return d.number == root || d.parent == d }

func (tree) Parent(d *inode) (*inode, errno) {
	if d.parent == nil {
		return nil, enoent // it was removed
	}
	return d.parent, 0
}
