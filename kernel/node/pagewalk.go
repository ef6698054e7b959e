package node

import (
	"encoding/binary"

	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/migrate/wire"
	"motile/proc/api"
)

// pageWalk finds the pages that a set needs elsewhere, in the order in which they are
// sent, and counts them and those that need not be sent.
type pageWalk struct {
	report *api.MoveReport

	spaces []*vm.Space // still to be walked, the one that is first
	of     []int       // which process of the set each is of
	refs   []vm.PageRef
	next   uint64            // where the walk of the first goes on
	last   bool              // refs are its last pages
	sent   map[hw.PFN]uint64 // pages that others of the set may have too: the word each was sent with
	stores []*vm.Store       // memory that several regions or files of the set share, and nobody else
	store  int               // the one being walked, when the spaces are done
	page   int
}

func newPageWalk(s set, stores []*vm.Store, report *api.MoveReport) *pageWalk {
	w := &pageWalk{report: report, stores: stores, refs: make([]vm.PageRef, 0, 64)}
	w.spaces, w.of = s.spaces()
	if len(w.spaces) > 1 {
		w.sent = make(map[hw.PFN]uint64)
	}
	return w
}

// fill adds pages until a message is full. It reports false when there are no more.
func (w *pageWalk) fill(msg *wire.PageBatch) bool {
	for !msg.Full() {
		if len(w.refs) == 0 && len(w.spaces) > 0 {
			w.walk()
			continue
		}
		if len(w.refs) > 0 {
			w.private(msg, w.refs[0])
			w.refs = append(w.refs[:0], w.refs[1:]...)
			continue
		}
		word, page, ok := w.takeStored()
		if !ok {
			return false
		}
		w.report.Pages++
		msg.Add(word, page)
	}
	return true
}

// walk finds the next pages of the spaces.
func (w *pageWalk) walk() {
	if w.last {
		w.spaces, w.of, w.last = w.spaces[1:], w.of[1:], false
		return
	}
	var n int
	n, w.next = w.spaces[0].PagesFrom(w.next, w.refs[:cap(w.refs)])
	w.refs, w.last = w.refs[:n], w.next == 0
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
	word := wire.PrivateWord(w.of[0], r.Addr)
	shared := r.Many && w.sent != nil
	if as, ok := w.sent[r.Frame]; shared && ok {
		report.SharedPages++
		msg.AddSame(word, as)
		return
	}
	page := hw.Page(r.Frame)
	if isZero(page) {
		if reg, ok := w.spaces[0].Region(r.Addr); ok && reg.Store == nil {
			report.ZeroPages++
			return
		}
	}
	if shared {
		w.sent[r.Frame] = word
	}
	report.Pages++
	msg.Add(word, page)
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
