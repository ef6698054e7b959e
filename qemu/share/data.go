package share

import (
	"cmp"
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"
	"time"

	"motile/ipc/filesys"
	"motile/ipc/std"
)

// fileMode is the permissions of a mode of Linux.
func fileMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode) & fs.ModePerm
	for bit, goes := range map[uint32]fs.FileMode{syscall.S_ISUID: fs.ModeSetuid, syscall.S_ISGID: fs.ModeSetgid, syscall.S_ISVTX: fs.ModeSticky} {
		if mode&bit != 0 {
			m |= goes
		}
	}
	return m
}

// attr describes what a name stands for. The version is of no use to anybody: no grant
// goes with it.
func (s *Server) attr(pl place) filesys.Attr {
	st := pl.info.Sys().(*syscall.Stat_t)
	return filesys.Attr{Object: s.number(pl), Mode: st.Mode, Nlink: uint32(st.Nlink), Size: st.Size,
		Mtime: st.Mtim.Nano(), Atime: st.Atim.Nano(), Ctime: st.Ctim.Nano(), Version: uint64(st.Ctim.Nano())}
}

// found is the answer that describes where a path has led.
func (q *query) found(pl place) {
	f := filesys.Found{Attr: q.attr(pl)}
	if pl.path != "." && len(pl.path) <= filesys.MaxPath {
		f.Path = pl.path
	}
	if pl.itself != nil {
		f.Object = pl.itself.number
	}
	q.out = f.Append(nil)
	q.reply.Object = max(q.reply.Object, f.Object)
}

func (q *query) stat(o *object) (errno, std.Status) {
	p, rest, ok := filesys.DecodePlace(q.data)
	if !ok || len(rest) > 0 {
		return 0, std.ArgBad
	}
	pl, e := q.lookup(o, &p, 0, q.h.Extra&filesys.NoFollow == 0, false)
	switch {
	case e != 0:
		return e, std.OK
	case pl.info == nil:
		return errno(syscall.ENOENT), std.OK
	}
	q.found(pl)
	return 0, std.OK
}

// set changes mode, times and size.
func (q *query) set(o *object) (errno, std.Status) {
	c, rest, ok := filesys.DecodeChange(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	p, rest, ok := filesys.DecodePlace(rest)
	if !ok || len(rest) > 0 {
		return 0, std.ArgBad
	}
	pl, e := q.lookup(o, &p, 0, q.h.Extra&filesys.NoFollow == 0, false)
	switch size := c.Mask&filesys.SetSize != 0; {
	case e != 0:
		return e, std.OK
	case pl.info == nil:
		return errno(syscall.ENOENT), std.OK
	case c.Mask&^(filesys.SetSize|filesys.Grow) != 0 && !q.may(filesys.RightAttr), size && !q.may(filesys.RightWrite):
		return errno(syscall.EROFS), std.OK
	case size && pl.info.IsDir():
		return errno(syscall.EISDIR), std.OK
	case size && (!pl.info.Mode().IsRegular() || c.Size < 0):
		return errno(syscall.EINVAL), std.OK
	}
	if err := q.change(&pl, &c); err != nil {
		return errnoOf(err), std.OK
	}
	q.found(pl)
	return 0, std.OK
}

// change changes what is at a place, or the open file itself, and looks at it again.
func (q *query) change(pl *place, c *filesys.Change) error {
	if pl.info.Mode()&fs.ModeSymlink != 0 {
		return syscall.EOPNOTSUPP // os.Root would follow it
	}
	file := (*os.File)(nil)
	if pl.itself != nil {
		file = pl.itself.file
	}
	if c.Mask&filesys.SetSize != 0 && (c.Mask&filesys.Grow == 0 || c.Size > pl.info.Size()) {
		if err := q.truncate(pl, file, c.Size); err != nil {
			return err
		}
	}
	if c.Mask&filesys.SetMode != 0 {
		err := error(nil)
		if file != nil {
			err = file.Chmod(fileMode(c.Mode))
		} else {
			err = q.root.Chmod(pl.path, fileMode(c.Mode))
		}
		if err != nil {
			return err
		}
	}
	if c.Mask&(filesys.SetMtime|filesys.SetAtime) != 0 {
		var at, mt time.Time // zero: as it is
		if c.Mask&filesys.SetAtime != 0 {
			at = time.Unix(0, c.Atime)
		}
		if c.Mask&filesys.SetMtime != 0 {
			mt = time.Unix(0, c.Mtime)
		}
		if err := q.root.Chtimes(pl.path, at, mt); err != nil {
			return err
		}
	}
	var err error
	if file != nil {
		pl.info, err = file.Stat()
	} else {
		pl.info, err = q.root.Lstat(pl.path)
	}
	return err
}

func (q *query) truncate(pl *place, file *os.File, size int64) error {
	if file != nil {
		return file.Truncate(size)
	}
	f, err := q.root.OpenFile(pl.path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	return cmp.Or(err, f.Close())
}

func (q *query) read(o *object) errno {
	switch {
	case o.dir:
		return errno(syscall.EISDIR)
	case o.file == nil:
		return errno(syscall.ESTALE)
	case int64(q.h.Offset) < 0:
		return errno(syscall.EINVAL)
	}
	b := make([]byte, min(q.h.Size, filesys.MaxRead))
	n, err := o.file.ReadAt(b, int64(q.h.Offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return errnoOf(err)
	}
	w, e := q.state(o)
	q.out, q.reply.Size = append(w.Append(nil), b[:n]...), uint32(n)
	return e
}

// state is what goes with the answers to reads and writes.
func (q *query) state(o *object) (w filesys.Written, e errno) {
	info, err := o.file.Stat()
	if err != nil {
		return w, errnoOf(err)
	}
	a := q.attr(place{path: o.path, info: info})
	return filesys.Written{Version: a.Version, Size: a.Size, Mtime: a.Mtime}, 0
}

func (q *query) write(o *object) errno {
	switch {
	case o.dir:
		return errno(syscall.EISDIR)
	case o.file == nil || !o.write:
		return errno(syscall.ESTALE)
	case len(q.data) > filesys.MaxData:
		return errno(syscall.EINVAL)
	}
	off := int64(q.h.Offset)
	if q.h.Offset == filesys.Append {
		info, err := o.file.Stat()
		if err != nil {
			return errnoOf(err)
		}
		off = info.Size()
	} else if off < 0 {
		return errno(syscall.EINVAL)
	}
	n, err := o.file.WriteAt(q.data, off)
	if n == 0 && err != nil {
		return errnoOf(err)
	}
	w, e := q.state(o)
	q.reply.Size, q.reply.Offset, q.out = uint32(n), uint64(off)+uint64(n), w.Append(nil)
	return e
}

// Cookies of a directory's list. A name's is of the name, not of its position: so it
// means the same when others have gone or come meanwhile.
const (
	selfCookie = iota
	parentCookie
	firstCookie
)

type named struct {
	cookie uint64
	fs.DirEntry
}

func cookie(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return max(h.Sum64()>>1, firstCookie+1)
}

// list lists a directory from a cookie on, as much as fits.
func (q *query) list(o *object) errno {
	if !o.dir {
		return errno(syscall.ENOTDIR)
	}
	if _, err := q.look(o); err != nil {
		return errnoOf(err)
	}
	f, err := q.root.Open(o.path)
	if err != nil {
		return errnoOf(err)
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return errnoOf(err)
	}
	all := make([]named, 0, len(entries))
	for _, e := range entries {
		all = append(all, named{cookie(e.Name()), e})
	}
	slices.SortFunc(all, func(a, b named) int { return cmp.Or(cmp.Compare(a.cookie, b.cookie), cmp.Compare(a.Name(), b.Name())) })

	room := int(min(q.h.Size, filesys.MaxData))
	put := func(name string, object uint64, kind uint32, next uint64) bool {
		if filesys.EntrySize+len(name) > room-len(q.out) {
			return false
		}
		e := filesys.Entry{Object: object, Next: next, Type: uint8(kind >> 12), Name: name}
		q.out = e.Append(q.out)
		return true
	}
	from := q.h.Offset
	if from == selfCookie && !put(".", o.number, syscall.S_IFDIR, parentCookie) {
		return errno(syscall.EINVAL)
	}
	if from <= parentCookie && !put("..", q.parent(o), syscall.S_IFDIR, firstCookie) {
		return 0
	}
	for i, e := range all {
		if e.cookie < from {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // it has gone meanwhile
		}
		next := e.cookie + 1
		if i+1 < len(all) {
			next = all[i+1].cookie
		}
		if !put(e.Name(), q.numberOf(info), info.Sys().(*syscall.Stat_t).Mode, next) {
			if len(q.out) == 0 {
				return errno(syscall.EINVAL)
			}
			break
		}
	}
	return 0
}

func (q *query) parent(o *object) uint64 {
	at := path.Dir(o.path)
	if info, err := q.root.Lstat(at); err == nil {
		return q.number(place{path: at, info: info})
	}
	return 0
}

// sync puts what was written on the host's disk.
func (q *query) sync(o *object) errno {
	if q.h.Extra == 1 {
		for _, x := range q.objects {
			if x.file != nil && x.write {
				if err := x.file.Sync(); err != nil {
					return errnoOf(err)
				}
			}
		}
		return 0
	}
	if o.file == nil {
		return 0
	}
	return errnoOf(o.file.Sync())
}

func (q *query) space() errno {
	f, err := q.root.Open(".")
	if err != nil {
		return errnoOf(err)
	}
	defer f.Close()
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &st); err != nil {
		return errnoOf(err)
	}
	r := filesys.Room{Total: st.Blocks * uint64(st.Bsize), Free: st.Bavail * uint64(st.Bsize), Files: st.Files - st.Ffree}
	q.out = r.Append(nil)
	return 0
}
