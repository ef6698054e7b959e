package fs

import (
	"motile/kernel/abi"
	"motile/kernel/object"
)

// IsFIFO reports whether n is a named pipe.
func (n *Node) IsFIFO() bool { return n.Mode&object.ModeType == object.ModeFIFO }

// Mkfifo makes a FIFO.
func (t *Tree) Mkfifo(pl Place, perm uint32) int {
	if pl.MustBeDir && pl.Node == nil {
		return abi.ENOENT
	}
	return t.create(pl, t.node(object.ModeFIFO|perm&0o7777))
}

// FIFO is an open end of a named pipe. The pipe lasts while somebody has it open; it
// stays on its node, where others may open it by its name.
type FIFO struct {
	*object.Pipe
	tree *Tree
	Node *Node
}

func (t *Tree) openFIFO(n *Node, flags int) (object.Impl, int) {
	if n.fifo == nil {
		n.fifo = object.NewFIFO()
	}
	f := &FIFO{Pipe: n.fifo, tree: t, Node: n}
	n.users++
	return f, 0
}

// Stat describes the node.
func (f *FIFO) Stat() object.Stat { return f.Node.Stat() }

// Close implements object.Impl.
func (f *FIFO) Close(file *object.File) {
	f.Node.unlock(file)
	f.Pipe.Close(file)
	f.Node.users--
	if f.Node.users == 0 {
		f.Node.fifo = nil // and what is in it
	}
	f.Node.drop()
}
