package file

import (
	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// mayCreate is what forbids a new name at a place.
func (q *query) mayCreate(pl place, dir bool) errno {
	switch {
	case pl.node != nil:
		return eexist
	case pl.mustBeDir && !dir:
		return enoent
	case pl.dir.nlink == 0 || pl.dir.parent == nil:
		return enoent // it was removed while somebody had it open
	case !q.may(filesys.RightWrite):
		return erofs
	case q.fullOfInodes():
		return enospc
	}
	return 0
}

// name serves what is done with one name.
func (q *query) name(n *inode) (errno, std.Status) {
	p, rest, ok := filesys.DecodePlace(q.data)
	if !ok || len(rest) > 0 && q.h.Command != filesys.Symlink {
		return 0, std.ArgBad
	}
	pl, e, over := q.lookup(n, &p, 0, false)
	if over {
		return e, std.OK
	}
	switch q.h.Command {
	case filesys.Mkdir:
		if e = q.mayCreate(pl, true); e == 0 {
			pl.dir.add(pl.name, q.make(modeDir|q.h.Size&0o7777), q.now)
		}
	case filesys.Symlink:
		e = q.symlink(pl, string(rest))
	case filesys.Readlink:
		switch {
		case pl.node == nil:
			return enoent, std.OK
		case !pl.node.isLink():
			return einval, std.OK
		}
		q.out = []byte(pl.node.target)
	case filesys.Unlink:
		e = q.unlink(pl)
	case filesys.Rmdir:
		e = q.rmdir(pl, p.Root)
	}
	return e, std.OK
}

func (q *query) symlink(pl place, target string) errno {
	switch e := q.mayCreate(pl, false); {
	case target == "":
		return enoent
	case len(target) >= filesys.MaxPath:
		return enametoolong
	case e != 0:
		return e
	}
	n := q.make(modeLink | 0o777)
	n.target = target
	pl.dir.add(pl.name, n, q.now)
	return 0
}

func (q *query) unlink(pl place) errno {
	switch {
	case pl.node == nil:
		return enoent
	case pl.node.isDir():
		return eisdir
	case pl.mustBeDir:
		return enotdir
	case !q.may(filesys.RightWrite):
		return erofs
	}
	q.drop(pl.dir.take(pl.name, q.now))
	return 0
}

func (q *query) rmdir(pl place, root uint64) errno {
	switch {
	case pl.node == nil:
		return enoent
	case !pl.node.isDir():
		return enotdir
	case pl.name == "..":
		return enotempty
	case pl.node.number == root || pl.node == q.root:
		return ebusy
	case pl.name == ".":
		return einval
	case len(pl.node.list) > 0:
		return enotempty
	case !q.may(filesys.RightWrite):
		return erofs
	}
	q.removeDir(pl.dir, pl.name)
	return 0
}

// removeDir takes an empty directory away.
func (q *query) removeDir(d *inode, name string) {
	n := d.take(name, q.now)
	n.nlink, n.parent = 0, nil
	q.book.note(n)
	q.drop(n)
}

// two serves what is done with two names.
func (q *query) two(n *inode) (errno, std.Status) {
	t, ok := filesys.DecodeTwo(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	c := capability.Capability{Port: q.cfg.Port, Object: t.Object, Rights: capability.Rights(t.Rights), Check: t.Check}
	dir := q.inodes[t.Object]
	if dir == nil {
		return 0, std.CapBad
	}
	if st := q.std.Verify(c, dir.number, dir.secret, 0); st != std.OK {
		return 0, st
	}
	follow := q.h.Command == filesys.Link && q.h.Extra&filesys.Follow != 0
	from, e, over := q.lookup(n, &t.From, 0, follow)
	if over {
		return e, std.OK
	}
	if from.node == nil && q.h.Command == filesys.Link {
		return enoent, std.OK
	}
	q.rights &= c.Rights
	to, e, over := q.lookup(dir, &t.To, 1, false)
	if over {
		return e, std.OK
	}
	if q.h.Command == filesys.Link {
		return q.link(from, to), std.OK
	}
	return q.rename(from, to, &t), std.OK
}

// maxNlink is how many names a file may have.
const maxNlink = 65000

func (q *query) link(from, to place) errno {
	switch e := q.mayCreate(to, false); {
	case e == enospc || e == 0: // a name costs no inode
	default:
		return e
	}
	switch {
	case from.node.isDir():
		return eperm
	case from.node.nlink == 0:
		return enoent
	case from.node.nlink >= maxNlink:
		return emlink
	}
	to.dir.add(to.name, from.node, q.now)
	return 0
}

// rename moves a name; what was at the new one goes.
func (q *query) rename(from, to place, t *filesys.Two) errno {
	n := from.node
	dot := func(pl place, root uint64) bool {
		return pl.name == "." || pl.name == ".." || pl.node != nil && pl.node.number == root
	}
	switch {
	case dot(from, t.From.Root) || dot(to, t.To.Root):
		return ebusy
	case n == nil:
		return enoent
	case to.node != nil && q.h.Extra&filesys.NoReplace != 0:
		return eexist
	case (to.mustBeDir || from.mustBeDir) && !n.isDir():
		return enotdir
	case n.isDir() && to.dir.below(n):
		return einval // into itself
	case to.node != nil && from.dir.below(to.node) && to.node.isDir():
		return enotempty
	case n == to.node:
		return 0
	case to.dir.nlink == 0 || to.dir.parent == nil:
		return enoent // it was removed while somebody had it open
	case !q.may(filesys.RightWrite):
		return erofs
	}
	if o := to.node; o != nil {
		switch {
		case o.isDir() && !n.isDir():
			return eisdir
		case !o.isDir() && n.isDir():
			return enotdir
		case o.isDir() && len(o.list) > 0:
			return enotempty
		case o.isDir():
			q.removeDir(to.dir, to.name)
		default:
			q.drop(to.dir.take(to.name, q.now))
		}
	}
	from.dir.take(from.name, q.now)
	to.dir.add(to.name, n, q.now)
	return 0
}
