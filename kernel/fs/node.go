package fs

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
)

// Node is a file, directory, symbolic link or device.
type Node struct {
	Ino   uint64
	Mode  uint32 // type and permissions
	Mtime int64  // ns since 1970
	Nlink int
	Path  string // where an archive file came from, kept for migration; of a virtual directory
	Boot  bool   // it came with the boot archive: every node has it

	store   *vm.Store                 // regular files
	target  string                    // symbolic links
	through *Node                     // of one that leads to a file rather than to a name
	device  func() (object.Impl, int) // character devices: what open gives
	again   func(flags int) (object.Impl, int)
	rdev    uint64
	entries []entry // directories, by cookie
	parent  *Node   // directories
	dynamic Dynamic // directories made up on the fly
	mounted *mount  // directories below which a file server's are
	users   int     // open descriptions
	cookie  int64
	fifo    *object.Pipe  // of a FIFO, while somebody has it open
	locks   *object.Locks // nil: it was never locked
}

type entry struct {
	name   string
	node   *Node
	cookie int64 // position for getdents; never reused
}

// Dynamic is a directory whose entries exist only while they are looked at.
type Dynamic interface {
	Child(name string) *Node
	Names() []string
}

func (n *Node) IsDir() bool  { return n.Mode&object.ModeType == object.ModeDir }
func (n *Node) IsLink() bool { return n.Mode&object.ModeType == object.ModeLink }
func (n *Node) IsReg() bool  { return n.Mode&object.ModeType == object.ModeReg }

// Target is what a symbolic link says.
func (n *Node) Target() string { return n.target }

// Store is a regular file's content.
func (n *Node) Store() *vm.Store { return n.store }

// Nameless reports whether a file that can be written has no name: those who have it
// open or mapped have all of it.
func (n *Node) Nameless() bool { return n.Nlink <= 0 && n.store != nil && !n.store.Immutable() }

// Users is how many open descriptions the node has.
func (n *Node) Users() int { return n.users }

// Stat describes the node.
func (n *Node) Stat() object.Stat {
	s := object.Stat{Ino: n.Ino, Mode: n.Mode, Nlink: uint64(n.Nlink), Rdev: n.rdev, Mtime: n.Mtime}
	switch {
	case n.store != nil:
		s.Size = n.store.Size()
	case n.IsLink():
		s.Size = int64(len(n.target))
	case n.IsDir():
		s.Size = vm.PageBytes
	}
	return s
}

func (n *Node) child(name string) *Node {
	if n.dynamic != nil {
		return n.dynamic.Child(name)
	}
	for i := range n.entries {
		if n.entries[i].name == name {
			return n.entries[i].node
		}
	}
	return nil
}

func (n *Node) add(name string, c *Node) {
	n.cookie++
	n.entries = append(n.entries, entry{name, c, n.cookie})
	if c.IsDir() {
		c.parent = n
		n.Nlink++
	}
	c.Nlink++
}

// remove takes an entry away; the node lives on while it is open.
func (n *Node) remove(name string) {
	for i := range n.entries {
		if n.entries[i].name == name {
			c := n.entries[i].node
			n.entries = append(n.entries[:i], n.entries[i+1:]...)
			c.Nlink--
			if c.IsDir() {
				c.Nlink--
				n.Nlink--
			}
			c.drop()
			return
		}
	}
}

// drop frees a file that has neither name nor user.
func (n *Node) drop() {
	if n.Nlink <= 0 && n.users == 0 && n.store != nil {
		n.store.Release()
		n.store = nil
	}
}

// writable makes sure that the content may change: an archive file is copied.
func (n *Node) writable() int {
	if n.store == nil || !n.store.Immutable() {
		return 0
	}
	c := vm.NewStore()
	var buf [vm.PageBytes]byte
	for off := int64(0); off < n.store.Size(); {
		k := n.store.ReadAt(buf[:], off)
		if c.WriteAt(buf[:k], off) < k {
			c.Release()
			return abi.ENOSPC
		}
		off += int64(k)
	}
	n.store.Release()
	n.store = c
	n.Path = ""
	return 0
}
