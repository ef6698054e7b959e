package share

import (
	"path"
	"strings"
	"syscall"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

// mayMake is what forbids a new name at a place.
func (q *query) mayMake(pl place, dir bool) errno {
	switch {
	case pl.info != nil:
		return errno(syscall.EEXIST)
	case pl.mustBeDir && !dir:
		return errno(syscall.ENOENT)
	case !q.may(filesys.RightWrite):
		return errno(syscall.EROFS)
	}
	return 0
}

// name serves what is done with one name.
func (q *query) name(o *object) (errno, std.Status) {
	p, rest, ok := filesys.DecodePlace(q.data)
	if !ok || len(rest) > 0 && q.h.Command != filesys.Symlink {
		return 0, std.ArgBad
	}
	readlink := q.h.Command == filesys.Readlink
	pl, e := q.lookup(o, &p, 0, false, !readlink)
	if e != 0 {
		return e, std.OK
	}
	switch q.h.Command {
	case filesys.Mkdir:
		if e = q.mayMake(pl, true); e == 0 {
			if e = errnoOf(q.root.Mkdir(pl.path, 0o700)); e == 0 {
				e = errnoOf(q.root.Chmod(pl.path, fileMode(q.h.Size)))
			}
		}
	case filesys.Symlink:
		switch e = q.mayMake(pl, false); {
		case len(rest) == 0:
			e = errno(syscall.ENOENT)
		case e == 0:
			e = errnoOf(q.root.Symlink(string(rest), pl.path))
		}
	case filesys.Readlink:
		if pl.info == nil {
			return errno(syscall.ENOENT), std.OK
		}
		target, err := q.root.Readlink(pl.path)
		q.out, e = []byte(target), errnoOf(err)
	case filesys.Unlink:
		e = q.unlink(pl)
	case filesys.Rmdir:
		e = q.rmdir(pl, p.Root)
	}
	return e, std.OK
}

func (q *query) unlink(pl place) errno {
	switch {
	case pl.info == nil:
		return errno(syscall.ENOENT)
	case pl.info.IsDir():
		return errno(syscall.EISDIR)
	case pl.mustBeDir:
		return errno(syscall.ENOTDIR)
	case !q.may(filesys.RightWrite):
		return errno(syscall.EROFS)
	}
	return errnoOf(q.root.Remove(pl.path))
}

func (q *query) rmdir(pl place, root uint64) errno {
	switch {
	case pl.info == nil:
		return errno(syscall.ENOENT)
	case !pl.info.IsDir():
		return errno(syscall.ENOTDIR)
	case pl.last == "..":
		return errno(syscall.ENOTEMPTY)
	case pl.path == "." || q.number(pl) == root:
		return errno(syscall.EBUSY)
	case pl.last == ".":
		return errno(syscall.EINVAL)
	case !q.may(filesys.RightWrite):
		return errno(syscall.EROFS)
	}
	return errnoOf(q.root.Remove(pl.path))
}

// two serves what is done with two names.
func (q *query) two(o *object) (errno, std.Status) {
	t, ok := filesys.DecodeTwo(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	c := capability.Capability{Port: q.port, Object: t.Object, Rights: capability.Rights(t.Rights), Check: t.Check}
	dir := q.objects[t.Object]
	if dir == nil {
		return 0, std.CapBad
	}
	if st := q.std.Verify(c, dir.number, q.secretOf(dir.number), 0); st != std.OK {
		return 0, st
	}
	link := q.h.Command == filesys.Link
	from, e := q.lookup(o, &t.From, 0, link && q.h.Extra&filesys.Follow != 0, !link)
	if e != 0 {
		return e, std.OK
	}
	if from.info == nil {
		return errno(syscall.ENOENT), std.OK
	}
	q.rights &= c.Rights
	to, e := q.lookup(dir, &t.To, 1, false, true)
	switch {
	case e != 0:
		return e, std.OK
	case !link:
		return q.rename(from, to, &t), std.OK
	case from.info.IsDir():
		return errno(syscall.EPERM), std.OK
	}
	if e := q.mayMake(to, false); e != 0 {
		return e, std.OK
	}
	return errnoOf(q.root.Link(from.path, to.path)), std.OK
}

func (q *query) rename(from, to place, t *filesys.Two) errno {
	dot := func(pl place, root uint64) bool {
		return pl.last == "." || pl.last == ".." || pl.info != nil && q.number(pl) == root
	}
	switch {
	case dot(from, t.From.Root) || dot(to, t.To.Root):
		return errno(syscall.EBUSY)
	case to.info != nil && q.h.Extra&filesys.NoReplace != 0:
		return errno(syscall.EEXIST)
	case (to.mustBeDir || from.mustBeDir) && !from.info.IsDir():
		return errno(syscall.ENOTDIR)
	case !q.may(filesys.RightWrite):
		return errno(syscall.EROFS)
	}
	if err := q.root.Rename(from.path, to.path); err != nil {
		return errnoOf(err)
	}
	q.renamed(from.path, to.path)
	return 0
}

// renamed: what we know by a path has another one now.
func (s *Server) renamed(from, to string) {
	for _, o := range s.objects {
		if o.path == from {
			o.path = to
		} else if rest, below := strings.CutPrefix(o.path, from+"/"); below {
			o.path = path.Join(to, rest)
		}
	}
}
