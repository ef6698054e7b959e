package fs

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/kernel/wait"
)

// Open returns what a descriptor on the node refers to.
func (t *Tree) Open(n *Node, flags int) (object.Impl, int) {
	write := flags&object.OAccMode != object.ORdonly
	switch {
	case flags&object.ODirectory != 0 && !n.IsDir():
		return nil, abi.ENOTDIR
	case n.IsDir():
		if write || flags&object.OCreat != 0 {
			return nil, abi.EISDIR
		}
		n.users++
		return &Dir{tree: t, Node: n}, 0
	case n.IsLink():
		return nil, abi.ELOOP
	case n.device != nil:
		return n.device()
	case n.again != nil:
		return n.again(flags)
	case n.IsFIFO():
		return t.openFIFO(n, flags)
	case n.store == nil:
		return nil, abi.ENXIO
	}
	if write {
		if n.Mode&0o222 == 0 && n.Nlink > 0 && n.store.Immutable() && n.Path == "" {
			return nil, abi.EACCES // made up on the fly
		}
		if errno := n.writable(); errno != 0 {
			return nil, errno
		}
		if flags&object.OTrunc != 0 {
			n.store.Truncate(0)
			n.Mtime = t.Wall
		}
	}
	n.users++
	return &Regular{tree: t, Node: n}, 0
}

// Regular is an open regular file.
type Regular struct {
	tree *Tree
	Node *Node
}

func (r *Regular) Read(op *object.Op, _ *object.File, off int64) int {
	for {
		m := op.Buf.Next(vm.PageBytes, true)
		if len(m) == 0 {
			return 0
		}
		n := r.Node.store.ReadAt(m, off)
		op.Buf.Advance(n)
		off += int64(n)
		if n < len(m) {
			return 0
		}
	}
}

func (r *Regular) Write(op *object.Op, f *object.File, off int64) int {
	if f.Flags&object.OAppend != 0 {
		off = r.Node.store.Size()
		f.Offset = off
	}
	if off >= vm.MaxStore {
		return abi.EFBIG
	}
	if errno := r.Node.writable(); errno != 0 {
		return errno
	}
	r.Node.Mtime = r.tree.Wall
	for {
		m := op.Buf.Next(int(min(vm.PageBytes, vm.MaxStore-off)), false)
		if len(m) == 0 {
			return 0
		}
		n := r.Node.store.WriteAt(m, off)
		op.Buf.Advance(n)
		off += int64(n)
		if n < len(m) {
			if op.Buf.Done == 0 {
				return abi.ENOSPC
			}
			return 0
		}
	}
}

func (r *Regular) Size() int64 { return r.Node.store.Size() }

func (r *Regular) Truncate(size int64) int {
	if size > vm.MaxStore {
		return abi.EFBIG
	}
	if errno := r.Node.writable(); errno != 0 {
		return errno
	}
	r.Node.store.Truncate(size)
	r.Node.Mtime = r.tree.Wall
	return 0
}

func (r *Regular) Store() *vm.Store   { return r.Node.store }
func (r *Regular) Stat() object.Stat  { return r.Node.Stat() }
func (r *Regular) Queue() *wait.Queue { return nil }
func (r *Regular) Ready(*object.File) object.Events {
	return object.In | object.Out | object.RdNorm | object.WrNorm
}

func (r *Regular) Close(f *object.File) {
	r.Node.unlock(f)
	r.Node.users--
	r.Node.drop()
}

// Dir is an open directory.
type Dir struct {
	tree *Tree
	Node *Node
}

func (d *Dir) Read(*object.Op, *object.File, int64) int  { return abi.EISDIR }
func (d *Dir) Write(*object.Op, *object.File, int64) int { return abi.EISDIR }
func (d *Dir) Stat() object.Stat                         { return d.Node.Stat() }
func (d *Dir) Queue() *wait.Queue                        { return nil }
func (d *Dir) Ready(*object.File) object.Events          { return object.In | object.RdNorm }
func (d *Dir) Close(f *object.File) {
	d.Node.unlock(f)
	d.Node.users--
	d.Node.drop()
}

// Entry is one directory entry, for getdents64(2).
type Entry struct {
	Name string
	Ino  uint64
	Type uint32 // Mode's type bits
	Next int64  // offset of what follows
}

// List calls f for the entries from offset off on, until f returns false.
func (d *Dir) List(off int64, f func(Entry) bool) {
	const self, parent, first = 0, 1, 2
	if off <= self && !f(Entry{".", d.Node.Ino, object.ModeDir, 1}) {
		return
	}
	if off <= parent && !f(Entry{"..", d.Node.parent.Ino, object.ModeDir, first}) {
		return
	}
	if dyn := d.Node.dynamic; dyn != nil {
		for i, name := range dyn.Names() {
			if int64(i)+first < off {
				continue
			}
			if c := dyn.Child(name); c != nil && !f(Entry{name, c.Ino, c.Mode & object.ModeType, int64(i) + first + 1}) {
				return
			}
		}
		return
	}
	for _, e := range d.Node.entries {
		if e.cookie+first-1 < off {
			continue
		}
		if !f(Entry{e.name, e.node.Ino, e.node.Mode & object.ModeType, e.cookie + first}) {
			return
		}
	}
}

// Snapshot returns an open file with fixed content that is not in the tree.
func (t *Tree) Snapshot(text []byte) *Regular {
	n := t.Text(string(text))
	n.users = 1
	return &Regular{tree: t, Node: n}
}

// Anonymous returns an open regular file without a name (memfd_create(2)).
func (t *Tree) Anonymous() *Regular { return t.Memory(vm.NewStore(), 0o600) }

// Memory returns an open regular file without a name over a Store, of which it takes
// over a use.
func (t *Tree) Memory(st *vm.Store, mode uint32) *Regular {
	n := t.node(object.ModeReg | mode&0o7777)
	n.store, n.users = st, 1
	return &Regular{tree: t, Node: n}
}

// Again is the same file, opened once more.
func (r *Regular) Again() *Regular {
	r.Node.users++
	return &Regular{tree: r.tree, Node: r.Node}
}
