package node

import (
	"encoding/binary"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/proc/api"
)

// pump is the page stream at the source. It keeps a window of messages under way,
// and makes the next one when one has been answered: between two steps the
// dispatcher does other things.
type pump struct {
	s     *source
	msg   wire.PageBatch
	seq   int
	free  [][]byte // buffers not under way
	under int      // messages under way

	refs  []vm.PageRef
	next  uint64 // where the walk of the space goes on
	walk  bool   // it does
	store int    // memory store being walked, when the space is done
	page  int
	over  bool
}

// pumpWindow is how many messages are under way at once.
const pumpWindow = 6

// sendPages starts the stream.
func (s *source) sendPages() {
	if s.why != "" {
		s.fail("")
		return
	}
	p := &pump{s: s, walk: s.p != nil, refs: make([]vm.PageRef, 0, 64)}
	s.pump = p
	for range pumpWindow {
		p.free = append(p.free, make([]byte, 0, wire.PagesMaxLen))
	}
	p.run()
}

// run fills the window.
func (p *pump) run() {
	for len(p.free) > 0 && !p.over {
		if !p.fill() {
			p.over = true
		}
		if p.msg.Len() > 0 {
			p.send()
		}
	}
	if p.over && p.under == 0 && p.s.m.State() == move.Frozen {
		p.s.step(move.PagesSent)
	}
}

// fill adds pages until a message is full. It reports false when there are no more.
func (p *pump) fill() bool {
	for !p.msg.Full() {
		word, page, ok := p.take()
		if !ok {
			return false
		}
		if page != nil {
			p.s.report.Pages++
			p.msg.Add(word, page)
		}
	}
	return true
}

// take returns the next page that must be sent; page is nil for one that need not.
func (p *pump) take() (word uint64, page *[vm.PageBytes]byte, ok bool) {
	for p.walk || len(p.refs) > 0 {
		if len(p.refs) == 0 {
			var n int
			n, p.next = p.s.p.Space.PagesFrom(p.next, p.refs[:cap(p.refs)])
			p.refs = p.refs[:n]
			p.walk = p.next != 0
			continue
		}
		r := p.refs[0]
		p.refs = append(p.refs[:0], p.refs[1:]...)
		return p.private(r)
	}
	return p.takeStored()
}

// private decides about a page of the space: those of files the target finds in
// its own, and zero pages of plain memory it makes when they are touched.
func (p *pump) private(r vm.PageRef) (uint64, *[vm.PageBytes]byte, bool) {
	if r.Store {
		p.s.report.FilePages++
		return 0, nil, true
	}
	page := hw.Page(r.Frame)
	if isZero(page) {
		if reg, ok := p.s.p.Space.Region(r.Addr); ok && reg.Store == nil {
			p.s.report.ZeroPages++
			return 0, nil, true
		}
	}
	return r.Addr, page, true
}

// takeStored walks the memory the process shares with nobody any more.
func (p *pump) takeStored() (uint64, *[vm.PageBytes]byte, bool) {
	stores := p.s.cap.stores
	for ; p.store < len(stores); p.store, p.page = p.store+1, 0 {
		st := stores[p.store]
		if st.Immutable() {
			continue
		}
		if page, frame := st.NextPage(p.page); frame != 0 {
			p.page = page + 1
			return wire.StoreWord(p.store, page), hw.Page(frame), true
		}
	}
	return 0, nil, false
}

func (p *pump) send() {
	s := p.s
	buf := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	data := p.msg.Encode(buf, s.id, uint32(p.seq), &s.key)
	p.seq++
	p.under++
	s.report.Bytes += int64(len(data))
	s.n.call(s.n.nodeAt(s.target).address, s.n.nodeHeader(s.target, api.MovePages), data, movePatience, func(c *rpc.Complete) {
		p.under--
		p.free = append(p.free, buf)
		if s.m.State() != move.Frozen {
			return // it was given up meanwhile
		}
		if c.Status != std.OK || c.Header.Status() != std.OK {
			s.fail("%s", s.trouble(c))
			return
		}
		p.run()
	})
	s.n.m.Flush() // the target reads it while we make the next
}

func isZero(p *[vm.PageBytes]byte) bool {
	for i := 0; i < vm.PageBytes; i += 8 {
		if binary.LittleEndian.Uint64(p[i:]) != 0 {
			return false
		}
	}
	return true
}
