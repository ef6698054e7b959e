package fs

import (
	"bytes"

	"motile/ipc/capability"
	"motile/kernel/abi"
)

// mount is a directory of a file server that appears in the tree.
type mount struct {
	node *Node
	dir  capability.Capability
}

// Beyond is a place below a mount, for the server to look up: the path that is left,
// from a directory of it. Root is the number of the directory that is mounted.
type Beyond struct {
	Dir  capability.Capability
	Root uint64
	Path string
}

// beyond is the place below n, which has a mount, to which a path leads.
func (n *Node) beyond(path string) Place {
	return Place{Beyond: &Beyond{Dir: n.mounted.dir, Root: n.mounted.dir.Object, Path: path}}
}

// join is a name and what comes behind it.
func join(name, rest string, slash bool) string {
	switch {
	case rest != "":
		return name + "/" + rest
	case slash:
		return name + "/"
	}
	return name
}

const maxMounts = 256

// Attach mounts a directory of a server on a directory of the tree.
func (t *Tree) Attach(n *Node, dir capability.Capability) int {
	switch {
	case !n.IsDir():
		return abi.ENOTDIR
	case n.dynamic != nil || n == t.Root || n.mounted != nil:
		return abi.EBUSY
	case len(t.mounts) >= maxMounts:
		return abi.ENOSPC
	}
	n.mounted = &mount{node: n, dir: dir}
	t.mounts = append(t.mounts, n.mounted)
	return 0
}

// Detach undoes Attach, for the mount to which a lookup has led.
func (t *Tree) Detach(b *Beyond) int {
	for i, m := range t.mounts {
		if b.Path == "" && m.dir == b.Dir {
			m.node.mounted = nil
			t.mounts = append(t.mounts[:i], t.mounts[i+1:]...)
			return 0
		}
	}
	return abi.EINVAL
}

// MountPath is where the directory with a number of a server is mounted; "" if it is not.
func (t *Tree) MountPath(port capability.Port, root uint64) string {
	for _, m := range t.mounts {
		if m.dir.Port == port && m.dir.Object == root {
			if path, errno := t.Path(m.node); errno == 0 {
				return path
			}
		}
	}
	return ""
}

// ServerAfter is a mounted directory of the server whose port comes next behind one, in
// the order of their bytes.
func (t *Tree) ServerAfter(port capability.Port) (dir capability.Capability, ok bool) {
	for _, m := range t.mounts {
		if p := m.dir.Port; bytes.Compare(p[:], port[:]) > 0 && (!ok || bytes.Compare(p[:], dir.Port[:]) < 0) {
			dir, ok = m.dir, true
		}
	}
	return dir, ok
}

// Mounts lists where directories of servers are mounted.
func (t *Tree) Mounts() (paths []string, dirs []capability.Capability) {
	for _, m := range t.mounts {
		if path, errno := t.Path(m.node); errno == 0 {
			paths, dirs = append(paths, path), append(dirs, m.dir)
		}
	}
	return paths, dirs
}
