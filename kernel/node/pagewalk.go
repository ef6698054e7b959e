package node

import (
	"encoding/binary"
	"slices"

	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/migrate/wire"
	"motile/proc/api"
)

// pageWalk finds the pages that a set needs elsewhere, in the order in which they are
// sent, and counts them and those that need not be sent.
type pageWalk struct {
	report *api.MoveReport
	pass   pass
	leave  *leaving    // which pages stay for the time being; nil: none
	file   *flush      // where pages are written that are not sent; nil: nowhere
	stale  func() bool // the processes run, and have other memory by now; nil: never

	files  []*vm.Store        // that were offered, and the target has
	region *vm.Region         // of the page that was looked at last; nil when the processes have run since
	base   [vm.PageBytes]byte // what was before somebody wrote

	all    []*vm.Space // of the set, by process
	spaces []*vm.Space // still to be walked, the one that is first
	of     []int       // which process of the set each is of
	buf    [64]vm.PageRef
	refs   []vm.PageRef      // of buf: pages of the first that were found, and are not looked at yet
	next   uint64            // where the walk of the first goes on
	last   bool              // refs are its last pages
	runs   []pageRun         // found, and not sent yet; the last of them may become longer
	sent   map[hw.PFN]uint64 // pages that others of the set may have too: the word each was sent with
	stores []*vm.Store       // memory that several regions or files of the set share, and nobody else
	store  int               // the one being walked, when the spaces are done
	page   int
}

// pass is how a walk looks at pages.
type pass struct {
	track bool // pages count as sent from now on: the processes run, and there will be another
	again bool // not the first: only what has changed since
	final bool // the last: the processes stand still
}

// pageRun is pages about which there is one thing to say.
type pageRun struct {
	process int
	vm.Run
	kind wire.RunKind
	at   uint64 // as which page of a file
}

func newPageWalk(s set, stores, files []*vm.Store, report *api.MoveReport, pass pass) *pageWalk {
	w := &pageWalk{report: report, pass: pass, stores: stores, files: files}
	w.spaces, w.of = s.spaces()
	for _, p := range s {
		w.all = append(w.all, p.Space)
	}
	if len(w.spaces) > 1 && !pass.again {
		w.sent = make(map[hw.PFN]uint64)
	}
	return w
}

// fill adds pages until a message is full. It reports false when there are no more.
func (w *pageWalk) fill(msg *wire.PageBatch) bool {
	if w.stale != nil && w.stale() {
		return false
	}
	w.region = nil
	for !msg.Full() {
		switch {
		case len(w.runs) > 1:
			w.sendRun(msg)
		case len(w.refs) > 0:
			r := w.refs[0]
			w.refs = w.refs[1:]
			w.private(msg, r)
		case len(w.spaces) > 0:
			w.walk(msg.Room())
		case len(w.runs) > 0:
			w.sendRun(msg)
		default:
			word, page, ok := w.takeStored()
			if !ok {
				return false
			}
			w.report.Pages++
			msg.Add(word, page)
		}
	}
	return true
}

// walk finds the next pages of the spaces; of processes that run, no more than there is room
// for: when they have run, some may not be there any more.
func (w *pageWalk) walk(room int) {
	space := w.spaces[0]
	if w.last {
		if w.pass.again && w.pass.final {
			space.Gone(func(r vm.Run) { w.runs = append(w.runs, pageRun{process: w.of[0], Run: r, kind: wire.Gone}) })
		}
		w.spaces, w.of, w.last, w.region = w.spaces[1:], w.of[1:], false, nil
		return
	}
	var n int
	buf := w.buf[:]
	if !w.pass.final {
		buf = buf[:min(room, len(buf))]
	}
	if w.pass.track {
		n, w.next = space.ChangedFrom(w.next, buf, !w.pass.again)
	} else {
		n, w.next = space.PagesFrom(w.next, buf)
	}
	w.refs, w.last = buf[:n], w.next == 0
}

// run notes something about pages that are not sent.
func (w *pageWalk) run(r vm.Run, kind wire.RunKind, at uint64) {
	if n := len(w.runs); n > 0 {
		if last := &w.runs[n-1]; last.process == w.of[0] && last.kind == kind && last.End() == r.Addr {
			last.Pages += r.Pages // in a file, too, they are the next ones
			return
		}
	}
	w.runs = append(w.runs, pageRun{w.of[0], r, kind, at})
}

func (w *pageWalk) sendRun(msg *wire.PageBatch) {
	r := w.runs[0]
	w.runs = w.runs[1:]
	msg.AddRun(wire.PrivateWord(r.process, r.Addr), r.Pages, r.kind, r.at)
}

// private adds a page of a space, unless it need not be sent: those of files the target
// finds in its own, zero pages of plain memory it makes when they are touched, and what
// another process of the set has too was sent with that one.
func (w *pageWalk) private(msg *wire.PageBatch, r vm.PageRef) {
	report := w.report
	if r.Store {
		report.FilePages++
		return
	}
	one := vm.Run{Addr: r.Addr, Pages: 1}
	if w.leave != nil && w.leave.stays(w.of[0], r) {
		if !w.pass.again { // else those that follow may have been sent
			one = w.leave.from(w.spaces[0], w.of[0], r)
			w.skip(one.End())
		}
		report.Left += one.Pages
		w.run(one, wire.Away, 0)
		return
	}
	word := wire.PrivateWord(w.of[0], r.Addr)
	shared := r.Many && w.sent != nil
	if as, ok := w.sent[r.Frame]; shared && ok && w.still(as, r.Frame) {
		report.SharedPages++
		msg.AddSame(word, as)
		return
	}
	page := hw.Page(r.Frame)
	if isZero(page) && w.plain(r.Addr) {
		report.ZeroPages++
		if w.pass.again { // the target may have another one from before
			w.run(one, wire.Gone, 0)
		}
		return
	}
	if w.file != nil && !w.file.along(w.of[0], r) {
		report.Left++
		w.run(one, wire.Filed, w.file.leave(r.Frame))
		return
	}
	if shared {
		w.sent[r.Frame] = word
	}
	if r.Sent {
		report.Resent++
	}
	report.Pages++
	if file, at, ok := w.behind(r.Addr); ok {
		filePage(w.files[file], at, &w.base)
		msg.AddOver(word, page, file, at, &w.base)
		return
	}
	msg.Add(word, page)
}

// behind is which page of an offered file a private page was before it was written.
func (w *pageWalk) behind(addr uint64) (file, page int, ok bool) {
	r := w.at(addr)
	if r == nil || r.Store == nil {
		return 0, 0, false
	}
	file = slices.Index(w.files, r.Store)
	return file, int((r.Off + int64(addr-r.Start)) / vm.PageBytes), file >= 0
}

// at is the region of an address, nil if there is none.
func (w *pageWalk) at(addr uint64) *vm.Region {
	if w.region == nil || addr < w.region.Start || addr >= w.region.End {
		w.region, _ = w.spaces[0].Region(addr)
	}
	return w.region
}

// filePage reads a page of a file; behind its end are zeros.
func filePage(st *vm.Store, i int, page *[vm.PageBytes]byte) {
	n := st.ReadAt(page[:], int64(i)*vm.PageBytes)
	clear(page[n:])
}

// skip goes on at addr.
func (w *pageWalk) skip(addr uint64) {
	for len(w.refs) > 0 && w.refs[0].Addr < addr {
		w.refs = w.refs[1:]
	}
	if !w.last {
		w.next = max(w.next, addr)
	}
}

// still reports whether a page that was sent is what it was: while processes run, its frame may
// have become another page's.
func (w *pageWalk) still(as uint64, frame hw.PFN) bool {
	i, addr := wire.Private(as)
	return w.pass.final || w.all[i].Sent(addr) == frame
}

// plain reports whether memory at an address is zero unless something else is known.
func (w *pageWalk) plain(addr uint64) bool {
	r := w.at(addr)
	return r != nil && r.Store == nil
}

// takeStored walks the memory stores.
func (w *pageWalk) takeStored() (uint64, *[vm.PageBytes]byte, bool) {
	for ; w.store < len(w.stores); w.store, w.page = w.store+1, 0 {
		st := w.stores[w.store]
		if st.Immutable() && !st.Nameless() {
			continue
		}
		if page, frame := st.NextPage(w.page); frame != 0 {
			w.page = page + 1
			return wire.StoreWord(w.store, page), hw.Page(frame), true
		}
	}
	return 0, nil, false
}

func isZero(p *[vm.PageBytes]byte) bool {
	for i := 0; i < vm.PageBytes; i += 8 {
		if binary.LittleEndian.Uint64(p[i:]) != 0 {
			return false
		}
	}
	return true
}
