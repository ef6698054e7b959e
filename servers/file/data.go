package file

import (
	"slices"

	"motile/ipc/filesys"
	"motile/ipc/std"
)

func (q *query) read(n *inode) (errno, std.Status) {
	off := int64(q.h.Offset)
	var sh *filesys.Shared
	if q.h.Offset == filesys.Stream {
		if sh = q.shared(n); sh == nil {
			return 0, std.ArgBad
		}
		off = sh.Start
	}
	switch {
	case n.isDir():
		return eisdir, std.OK
	case !n.isReg() || off < 0:
		return einval, std.OK
	case q.fetch(n, off, int(min(q.h.Size, filesys.MaxRead)), false):
		return 0, std.OK
	}
	w := filesys.Written{Version: n.version, Size: n.size, Mtime: n.mtime}
	q.out = w.Append(nil)
	head := len(q.out)
	q.out = n.content.read(q.out, off, int(min(q.h.Size, filesys.MaxRead)))
	if sh != nil {
		q.reply.Offset = n.keep(sh, off+int64(len(q.out)-head))
	}
	q.reply.Size, q.reply.Object = uint32(len(q.out)-head), q.grant(n, q.h.Extra)
	return 0, std.OK
}

// write puts data into a file. The node it comes from is in Extra: what others have of
// the file is recalled first, and what it has itself under a later grant than the one that
// it gives back: it does not know what the answer to this will find there.
func (q *query) write(n *inode) (errno, std.Status) {
	given := q.h.Size
	off := int64(q.h.Offset)
	var sh *filesys.Shared
	switch q.h.Offset {
	case filesys.Append:
		off = n.size
	case filesys.Stream:
		if sh = q.shared(n); sh == nil {
			return 0, std.ArgBad
		}
		off = sh.Start
	}
	switch {
	case n.isDir():
		return eisdir, std.OK
	case !n.isReg() || off < 0 || len(q.data) > filesys.MaxData:
		return einval, std.OK
	case len(q.data) > 0 && off+int64(len(q.data)) > maxSize:
		return efbig, std.OK
	case q.full(int64(len(q.data))):
		return enospc, std.OK
	case q.crowded() || q.fetch(n, off, len(q.data), true):
		return 0, std.OK
	case q.recallFrom(n, func(o *opening) bool { return o.node != q.h.Extra || uint32(o.cache) != given }):
		return 0, std.OK
	}
	n.wanted = 0
	for i := range n.opens {
		n.opens[i].cache = 0
	}
	if len(q.data) > 0 {
		q.used += n.content.write(off, q.data)
		n.changed(q.now)
	}
	q.reply.Size, q.reply.Offset = uint32(len(q.data)), uint64(off)+uint64(len(q.data))
	if given != 0 { // else it has writes under way that this grant would not be good for
		q.reply.Object = q.grant(n, q.h.Extra)
	}
	if sh != nil {
		n.keep(sh, off+int64(len(q.data)))
	}
	q.need.Safe = q.h.Rights&filesys.RightLazy == 0
	w := filesys.Written{Version: n.version, Size: n.size, Mtime: n.mtime}
	q.out = w.Append(nil)
	return 0, std.OK
}

// maxOffsets bounds the offsets that are kept of a file.
const maxOffsets = 4096

// shared takes the offset that the data begins with, as it is now; nil: there is none.
func (q *query) shared(n *inode) *filesys.Shared {
	sh, rest, ok := filesys.DecodeShared(q.data)
	if !ok || len(n.opens) == 0 {
		return nil
	}
	q.data = rest
	if off, known := n.offsets[sh.ID]; known {
		sh.Start = off
	} else if len(n.offsets) >= maxOffsets {
		return nil
	}
	return &sh
}

// keep moves an offset.
func (n *inode) keep(sh *filesys.Shared, to int64) uint64 {
	if n.offsets == nil {
		n.offsets = make(map[[16]byte]int64)
	}
	n.offsets[sh.ID] = to
	n.book.note(n)
	return uint64(to)
}

// seek moves an offset that processes of several nodes share.
func (q *query) seek(n *inode) (errno, std.Status) {
	const set, cur, end = 0, 1, 2
	sh := q.shared(n)
	if sh == nil {
		return 0, std.ArgBad
	}
	off := int64(q.h.Offset)
	switch q.h.Size {
	case set:
	case cur:
		off += sh.Start
	case end:
		off += n.size
	default:
		return einval, std.OK
	}
	if off < 0 || off > maxSize {
		return einval, std.OK
	}
	q.reply.Offset = n.keep(sh, off)
	return 0, std.OK
}

// Cookies of a directory's list: the two that every directory has come first.
const (
	selfCookie = iota
	parentCookie
	firstCookie
)

// listDir lists a directory from a cookie on, as much as fits.
func (q *query) listDir(n *inode) (errno, std.Status) {
	if !n.isDir() {
		return enotdir, std.OK
	}
	room := int(min(q.h.Size, filesys.MaxData))
	put := func(name string, x *inode, next uint64) bool {
		if filesys.EntrySize+len(name) > room-len(q.out) {
			return false
		}
		e := filesys.Entry{Object: x.number, Next: next, Type: uint8(x.mode >> 12), Name: name}
		q.out = e.Append(q.out)
		return true
	}
	from := q.h.Offset
	if from == selfCookie && !put(".", n, parentCookie) {
		return einval, std.OK
	}
	parent := n.parent
	if parent == nil {
		return 0, std.OK // it was removed: there is nothing in it
	}
	if from <= parentCookie && !put("..", parent, firstCookie) {
		return 0, std.OK
	}
	at, _ := slices.BinarySearchFunc(n.list, from, func(e *entry, from uint64) int {
		if e.cookie+firstCookie-1 < from {
			return -1
		}
		return 1
	})
	for _, e := range n.list[at:] {
		if !put(e.name, e.node, e.cookie+firstCookie) {
			if len(q.out) == 0 {
				return einval, std.OK
			}
			break
		}
	}
	return 0, std.OK
}
