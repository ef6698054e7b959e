package object

import (
	"motile/ipc/filesys"
	"motile/kernel/vm"
)

// Pages of files of servers. Those of a file are all of one version, the one in its
// attributes. They can be had again, so they give way when memory is short.

// describe takes over a server's description of the file: pages of another version go.
// An answer may be older than one that has come before it.
func (k *Known) describe(a *filesys.Attr) {
	if a.Version < k.Attr.Version {
		return
	}
	if a.Version != k.Attr.Version {
		k.forget()
	}
	k.Attr = *a
}

// noted takes over what a Read or Write says of the file that was asked with a ticket. It
// reports whether that is how it is, as far as is known.
func (k *Known) noted(a *Answer, w *filesys.Written, ticket uint64) bool {
	k.server.answered(a.At)
	if !k.current(ticket) {
		return false
	}
	k.granted(a.Header.Object)
	if w.Version < k.Attr.Version {
		return false
	}
	at := k.Attr
	at.Version, at.Size, at.Mtime = w.Version, w.Size, w.Mtime
	k.describe(&at)
	return true
}

// Fill keeps the pages that a Read has brought, from start on.
func (k *Known) Fill(now int64, a *Answer, w *filesys.Written, ticket uint64, start int64, data []byte) {
	if !k.noted(a, w, ticket) || !k.Believed(now) || start%vm.PageBytes != 0 {
		return
	}
	if k.store == nil {
		k.store = vm.NewStore()
	}
	k.files.busy = k
	defer func() { k.files.busy = nil }()
	k.store.SetSize(k.Attr.Size)
	for len(data) > 0 {
		page := data[:min(vm.PageBytes, len(data))]
		if len(page) < vm.PageBytes && start+int64(len(page)) < k.Attr.Size {
			return // not all of it
		}
		i := int(start / vm.PageBytes)
		if k.store.Cached(i) == nil {
			m := k.store.Install(i)
			if m == nil {
				return
			}
			copy(m[:], page)
			k.files.pages++
		}
		data, start = data[len(page):], start+int64(len(page))
	}
}

// read takes what the caller wants at off from the pages that are here. end says that
// the file has no more.
func (k *Known) read(op *Op, off int64) (got int, end bool) {
	if !k.Believed(op.Now) {
		return 0, false
	}
	k.files.clock++
	k.last = k.files.clock
	for op.Buf.Left() > 0 {
		if off >= k.Attr.Size {
			return got, true
		}
		in := int(off % vm.PageBytes)
		n := int(min(vm.PageBytes-int64(in), k.Attr.Size-off))
		m := op.Buf.Next(n, true) // which may take memory, and pages of ours for that
		if len(m) == 0 {
			return got, false
		}
		if k.store == nil {
			return got, false
		}
		page := k.store.Cached(int(off / vm.PageBytes))
		if page == nil {
			return got, false
		}
		n = copy(m, page[in:in+n])
		op.Buf.Advance(n)
		got, off = got+n, off+int64(n)
	}
	return got, false
}

// wrote changes the pages that are here as a Write has changed the file: n bytes of the
// buffer at off. If something else has happened in between, they go.
func (k *Known) wrote(op *Op, a *Answer, w *filesys.Written, off int64, n int) {
	ticket := op.Asked[askedTicket]
	next := w.Version == k.Attr.Version+1
	if next && k.store != nil && k.current(ticket) {
		k.drop(&k.still)
		if !k.change(op, off, n, w.Size) {
			k.forget()
		}
		k.Attr.Version = w.Version
	}
	k.noted(a, w, ticket)
}

// change writes the next n bytes of the buffer into the pages at off that are here, and
// into those of which there was nothing before.
func (k *Known) change(op *Op, off int64, n int, size int64) bool {
	k.files.busy = k
	defer func() { k.files.busy = nil }()
	if !k.store.Unshare(off&^(vm.PageBytes-1), int64(n)+2*vm.PageBytes) {
		return false
	}
	data := make([]byte, n)
	if op.Buf.Peek(data) < n {
		return false
	}
	was := k.Attr.Size
	k.store.SetSize(size)
	for len(data) > 0 {
		i, in := int(off/vm.PageBytes), int(off%vm.PageBytes)
		part := data[:min(vm.PageBytes-in, len(data))]
		page := k.store.Cached(i)
		whole := in == 0 && (len(part) == vm.PageBytes || off+int64(len(part)) >= size)
		if page == nil && (whole || int64(i)*vm.PageBytes >= was) {
			if page = k.store.Install(i); page != nil {
				k.files.pages++
			}
		}
		if page != nil {
			copy(page[in:], part)
		}
		data, off = data[len(part):], off+int64(len(part))
	}
	return true
}

// Still is the file as it is now, for programs and mappings: all of its pages. It takes a
// use. nil: missing says from where on a page is not here.
func (k *Known) Still(now int64, off, n int64) (st *vm.Store, missing int64) {
	end := min(off+n, k.Attr.Size)
	if !k.Believed(now) {
		return nil, off
	}
	for at := off; at < end; at += vm.PageBytes {
		if k.store == nil || k.store.Cached(int(at/vm.PageBytes)) == nil {
			return nil, at
		}
	}
	if k.store == nil {
		k.store = vm.NewStore()
		k.store.SetSize(k.Attr.Size)
	}
	if off > 0 || end < k.Attr.Size {
		return k.store.Still(off, n), 0
	}
	if k.still == nil {
		k.still = k.store.Still(0, k.Attr.Size)
	}
	k.still.Retain()
	return k.still, 0
}

func (k *Known) drop(st **vm.Store) {
	if *st != nil {
		(*st).Release()
		*st = nil
	}
}

// forget gives back all pages.
func (k *Known) forget() {
	k.drop(&k.still)
	if k.store != nil {
		k.files.pages -= k.store.Resident()
		k.drop(&k.store)
	}
}

// Pages is how many pages of files are kept.
func (fs *Files) Pages() uint64 { return uint64(max(fs.pages, 0)) }

// Reclaim gives back pages of the file that was not used for longest. It reports false if
// there are none.
func (fs *Files) Reclaim() bool {
	const some = 64
	k := fs.oldest(func(k *Known) bool { return k.store != nil && k != fs.busy })
	if k == nil {
		return false
	}
	k.drop(&k.still)
	if gone := k.store.Forget(0, some); gone > 0 {
		fs.pages -= gone
		return true
	}
	k.forget()
	if k.uses == 0 {
		delete(fs.known, k.key)
	}
	return true
}

// forgetOldest makes room for another file.
func (fs *Files) forgetOldest() {
	if k := fs.oldest(func(k *Known) bool { return k.uses == 0 }); k != nil {
		k.forget()
		delete(fs.known, k.key)
	}
}

func (fs *Files) oldest(which func(*Known) bool) (oldest *Known) {
	for _, k := range fs.known {
		if which(k) && (oldest == nil || k.last < oldest.last) {
			oldest = k
		}
	}
	return oldest
}
