package fs

import (
	"slices"
	"strings"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
)

const (
	maxPath  = 4096
	maxName  = 255
	maxLinks = 40 // symbolic links followed in one lookup
)

// Tree is the root of a node's files.
type Tree struct {
	Root *Node
	// Wall is the time stamped on changes, ns since 1970; set before each step.
	Wall int64
	// Full reports that the kernel's heap is nearly used up: nothing is created. Nil:
	// there is room.
	Full func() bool

	// Locks are all files that are locked.
	Locks object.LockSpace

	ino     uint64
	digests map[vm.Digest]*Node // immutable files by content
	mounts  []*mount
}

// New returns a tree with an empty root.
func New() *Tree {
	t := &Tree{digests: make(map[vm.Digest]*Node)}
	t.Root = t.node(object.ModeDir | 0o755)
	t.Root.parent = t.Root
	t.Root.Nlink = 2
	return t
}

func (t *Tree) node(mode uint32) *Node {
	t.ino++
	n := &Node{Ino: t.ino, Mode: mode, Mtime: t.Wall}
	if n.IsDir() {
		n.Nlink = 1 // its own "."
	}
	return n
}

// Place is the result of a lookup: the directory, the last name in it, and the
// node there, nil if none.
type Place struct {
	Dir  *Node
	Name string
	Node *Node
	// MustBeDir: the path ended in a slash.
	MustBeDir bool
	// Beyond, unless nil, is all there is: the path leads below a mount.
	Beyond *Beyond
}

// Lookup resolves a path. base is where relative paths start. With follow, a
// symbolic link at the end is followed too. A missing last element is no error.
func (t *Tree) Lookup(base *Node, path string, follow bool) (Place, int) {
	if path == "" {
		return Place{}, abi.ENOENT
	}
	if len(path) >= maxPath {
		return Place{}, abi.ENAMETOOLONG
	}
	links := 0
	return t.walk(base, path, follow, &links)
}

func (t *Tree) walk(dir *Node, path string, follow bool, links *int) (Place, int) {
	if path[0] == '/' {
		dir = t.Root
	}
	pl := Place{Dir: dir, Name: ".", Node: dir}
	rest := strings.TrimLeft(path, "/")
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		slash := rest != "" || strings.HasSuffix(path, "/")
		rest = strings.TrimLeft(rest, "/")
		last := rest == ""
		switch {
		case pl.Node == nil:
			return Place{}, abi.ENOENT
		case !pl.Node.IsDir():
			return Place{}, abi.ENOTDIR
		case len(name) > maxName:
			return Place{}, abi.ENAMETOOLONG
		}
		d := pl.Node
		if d.mounted != nil && name != "." && name != ".." {
			return d.beyond(join(name, rest, slash)), 0
		}
		switch name {
		case ".":
			pl = Place{Dir: d, Name: ".", Node: d}
			continue
		case "..":
			pl = Place{Dir: d.parent, Name: ".", Node: d.parent}
			continue
		}
		pl = Place{Dir: d, Name: name, Node: d.child(name), MustBeDir: last && slash}
		if n := pl.Node; n != nil && n.IsLink() && (!last || follow || slash) {
			if *links++; *links > maxLinks {
				return Place{}, abi.ELOOP
			}
			if n.through != nil {
				pl.Node = n.through
				continue
			}
			if n.target == "" {
				return Place{}, abi.ENOENT
			}
			sub, errno := t.walk(d, n.target, true, links)
			if errno != 0 {
				return Place{}, errno
			}
			if sub.Beyond != nil {
				if rest != "" || slash {
					sub.Beyond.Path += join("", rest, slash)
				}
				return sub, 0
			}
			sub.MustBeDir = sub.MustBeDir || pl.MustBeDir
			pl = sub
		}
	}
	if pl.Node != nil && pl.Node.mounted != nil {
		return pl.Node.beyond(""), 0
	}
	if pl.MustBeDir && pl.Node != nil && !pl.Node.IsDir() {
		return Place{}, abi.ENOTDIR
	}
	return pl, 0
}

// Path is the absolute name of a directory; ENAMETOOLONG if it is longer than any
// path may be: directories can be nested deeper than that.
func (t *Tree) Path(d *Node) (string, int) {
	switch {
	case d == t.Root:
		return "/", 0
	case d.dynamic != nil && d.Path != "":
		return d.Path, 0
	}
	var names []string
	length := 0
	for ; d != t.Root && d != nil; d = d.parent {
		name := "(deleted)"
		if d.parent != nil {
			for _, e := range d.parent.entries {
				if e.node == d {
					name = e.name
				}
			}
		}
		if length += 1 + len(name); length >= maxPath {
			return "", abi.ENAMETOOLONG
		}
		names = append(names, name)
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/"), 0
}

func (t *Tree) create(pl Place, n *Node) int {
	switch {
	case pl.Node != nil:
		return abi.EEXIST
	case pl.MustBeDir && !n.IsDir():
		return abi.ENOENT
	case pl.Dir.dynamic != nil:
		return abi.EPERM
	case pl.Dir.Nlink == 0:
		return abi.ENOENT
	case t.Full != nil && t.Full():
		return abi.ENOSPC
	}
	pl.Dir.add(pl.Name, n)
	pl.Dir.Mtime = t.Wall
	return 0
}

// Create makes an empty regular file.
func (t *Tree) Create(pl Place, perm uint32) (*Node, int) {
	if pl.MustBeDir {
		return nil, abi.EISDIR
	}
	n := t.node(object.ModeReg | perm&0o7777)
	n.store = vm.NewStore()
	return n, t.create(pl, n)
}

// Mkdir makes a directory.
func (t *Tree) Mkdir(pl Place, perm uint32) int {
	return t.create(pl, t.node(object.ModeDir|perm&0o7777))
}

// Symlink makes a symbolic link.
func (t *Tree) Symlink(pl Place, target string) int {
	n := t.node(object.ModeLink | 0o777)
	n.target = target
	return t.create(pl, n)
}

// Link gives a file another name.
func (t *Tree) Link(n *Node, pl Place) int {
	switch {
	case pl.Node != nil:
		return abi.EEXIST
	case pl.MustBeDir:
		return abi.ENOENT
	case n.IsDir():
		return abi.EPERM
	}
	return t.create(pl, n)
}

// Device makes a device node; open gives what opening it yields.
func (t *Tree) Device(pl Place, mode uint32, rdev uint64, open func() (object.Impl, int)) int {
	n := t.node(object.ModeChar | mode)
	n.device, n.rdev = open, rdev
	return t.create(pl, n)
}

// Mount puts a dynamic directory at a place.
func (t *Tree) Mount(pl Place, d Dynamic) int {
	n := t.node(object.ModeDir | 0o555)
	n.dynamic = d
	return t.create(pl, n)
}

// File makes a file of given content: an archive file.
func (t *Tree) File(pl Place, mode uint32, st *vm.Store, path string) int {
	n := t.node(object.ModeReg | mode&0o7777)
	n.store, n.Path = st, path
	errno := t.create(pl, n)
	if errno == 0 && st.Digest != (vm.Digest{}) && t.digests[st.Digest] == nil {
		t.digests[st.Digest] = n
	}
	return errno
}

// ByDigest returns the immutable file with that content, or nil.
func (t *Tree) ByDigest(d vm.Digest) *Node {
	if n := t.digests[d]; n != nil && n.store != nil && n.store.Immutable() && n.store.Digest == d {
		return n
	}
	return nil
}

// Install puts an immutable file that came from elsewhere at a path, making its
// directories. A file of other content there gives way.
func (t *Tree) Install(path string, mode uint32, st *vm.Store) int {
	for i := 1; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		if pl, errno := t.Lookup(t.Root, path[:i], true); errno != 0 {
			return errno
		} else if pl.Node == nil {
			t.Mkdir(pl, 0o755)
		}
	}
	pl, errno := t.Lookup(t.Root, path, false)
	if errno != 0 {
		return errno
	}
	if pl.Node != nil {
		if errno := t.Unlink(pl); errno != 0 {
			return errno
		}
		pl.Node = nil
	}
	return t.File(pl, mode, st, path)
}

// Text returns a file that is not in the tree, for dynamic directories.
func (t *Tree) Text(s string) *Node {
	n := t.node(object.ModeReg | 0o444)
	n.Nlink = 1
	n.store = vm.NewFile([]byte(s), 0, vm.Digest{})
	return n
}

// Virtual returns a directory that is not in the tree, but has a path.
func (t *Tree) Virtual(d Dynamic, path string) *Node {
	n := t.node(object.ModeDir | 0o555)
	n.dynamic, n.parent, n.Path = d, t.Root, path
	return n
}

// Character returns a device that is not in the tree.
func (t *Tree) Character(st object.Stat, open func() (object.Impl, int)) *Node {
	n := t.node(object.ModeChar | st.Mode&0o7777)
	n.Nlink, n.device, n.rdev = 1, open, st.Rdev
	if st.Ino != 0 {
		n.Ino = st.Ino
	}
	return n
}

// LinkTo returns a symbolic link that is not in the tree.
func (t *Tree) LinkTo(target string) *Node {
	n := t.node(object.ModeLink | 0o777)
	n.Nlink, n.target = 1, target
	return n
}

// Through returns a symbolic link that is not in the tree: it reads as a name, but leads
// to what is open there, as those in /proc/PID/fd do (proc(5)). again opens that once
// more, if it has no place in the tree.
func (t *Tree) Through(target string, open object.Impl, again func(flags int) (object.Impl, int)) *Node {
	n := t.LinkTo(target)
	switch impl := open.(type) {
	case *Regular:
		n.through = impl.Node
	case *Dir:
		n.through = impl.Node
	case *FIFO:
		n.through = impl.Node
	default:
		st := open.Stat()
		n.through = t.node(st.Mode)
		n.through.Nlink, n.through.again, n.through.rdev = 1, again, st.Rdev
	}
	return n
}

// Unlink removes a name that is not a directory's.
func (t *Tree) Unlink(pl Place) int {
	switch {
	case pl.Node == nil:
		return abi.ENOENT
	case pl.Node.IsDir():
		return abi.EISDIR
	case pl.Dir.dynamic != nil:
		return abi.EPERM
	}
	pl.Dir.remove(pl.Name)
	pl.Dir.Mtime = t.Wall
	return 0
}

// Rmdir removes an empty directory.
func (t *Tree) Rmdir(pl Place) int {
	switch {
	case pl.Node == nil:
		return abi.ENOENT
	case !pl.Node.IsDir():
		return abi.ENOTDIR
	case pl.Node == t.Root || pl.Dir.dynamic != nil || pl.Node.dynamic != nil:
		return abi.EBUSY
	case pl.Name == ".":
		return abi.EINVAL
	case len(pl.Node.entries) > 0:
		return abi.ENOTEMPTY
	}
	pl.Dir.remove(pl.Name)
	pl.Dir.Mtime = t.Wall
	return 0
}

// Rename moves a name; what was at the new one goes.
func (t *Tree) Rename(from, to Place, noReplace bool) int {
	n := from.Node
	switch {
	case n == nil:
		return abi.ENOENT
	case from.Name == "." || to.Name == ".":
		return abi.EBUSY
	case from.Dir.dynamic != nil || to.Dir.dynamic != nil:
		return abi.EPERM
	case to.MustBeDir && !n.IsDir():
		return abi.ENOTDIR
	case to.Node != nil && noReplace:
		return abi.EEXIST
	case n == to.Node:
		return 0
	case to.Dir.Nlink == 0:
		return abi.ENOENT // it was removed while somebody had it open
	}
	for d := to.Dir; n.IsDir() && d != t.Root; d = d.parent {
		if d == n {
			return abi.EINVAL // into itself
		}
	}
	if o := to.Node; o != nil {
		switch {
		case o.IsDir() && !n.IsDir():
			return abi.EISDIR
		case !o.IsDir() && n.IsDir():
			return abi.ENOTDIR
		case o.IsDir() && len(o.entries) > 0:
			return abi.ENOTEMPTY
		}
		to.Dir.remove(to.Name)
	}
	to.Dir.add(to.Name, n)
	n.users++ // the last name must not take the content with it
	from.Dir.remove(from.Name)
	n.users--
	if n.IsDir() {
		n.parent = to.Dir
		n.Nlink++ // add and remove counted the name once, "." twice
	}
	from.Dir.Mtime, to.Dir.Mtime = t.Wall, t.Wall
	return 0
}
