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

	spaces []*vm.Space // still to be walked, the one that is first
	of     []int       // which process of the set each is of
	refs   []vm.PageRef
	next   uint64            // where the walk of the first goes on
	last   bool              // refs are its last pages
	sent   map[hw.PFN]uint64 // pages that others of the set may have too: the word each was sent with
	store  int               // memory store being walked, when the spaces are done
	page   int
	over   bool
}

// pumpWindow is how many messages are under way at once.
const pumpWindow = 6

// sendPages starts the stream.
func (s *source) sendPages() {
	if s.why != "" {
		s.fail("")
		return
	}
	p := &pump{s: s, refs: make([]vm.PageRef, 0, 64)}
	p.spaces, p.of = s.set.spaces()
	if len(p.spaces) > 1 {
		p.sent = make(map[hw.PFN]uint64)
	}
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
		if !p.msg.Empty() {
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
		if len(p.refs) == 0 && len(p.spaces) > 0 {
			p.walk()
			continue
		}
		if len(p.refs) > 0 {
			p.private(p.refs[0])
			p.refs = append(p.refs[:0], p.refs[1:]...)
			continue
		}
		word, page, ok := p.takeStored()
		if !ok {
			return false
		}
		p.s.report.Pages++
		p.msg.Add(word, page)
	}
	return true
}

// walk finds the next pages of the spaces.
func (p *pump) walk() {
	if p.last {
		p.spaces, p.of, p.last = p.spaces[1:], p.of[1:], false
		return
	}
	var n int
	n, p.next = p.spaces[0].PagesFrom(p.next, p.refs[:cap(p.refs)])
	p.refs, p.last = p.refs[:n], p.next == 0
}

// private adds a page of a space, unless it need not be sent: those of files the target
// finds in its own, zero pages of plain memory it makes when they are touched, and what
// another process of the set has too was sent with that one.
func (p *pump) private(r vm.PageRef) {
	report := &p.s.report
	if r.Store {
		report.FilePages++
		return
	}
	word := wire.PrivateWord(p.of[0], r.Addr)
	shared := r.Many && p.sent != nil
	if as, ok := p.sent[r.Frame]; shared && ok {
		report.SharedPages++
		p.msg.AddSame(word, as)
		return
	}
	page := hw.Page(r.Frame)
	if isZero(page) {
		if reg, ok := p.spaces[0].Region(r.Addr); ok && reg.Store == nil {
			report.ZeroPages++
			return
		}
	}
	if shared {
		p.sent[r.Frame] = word
	}
	report.Pages++
	p.msg.Add(word, page)
}

// takeStored walks the memory that several regions or files of the set share, and nobody
// else.
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
