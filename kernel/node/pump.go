package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
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

	walk  *pageWalk
	bytes int64 // of messages
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
	p := &pump{s: s, walk: newPageWalk(s.set, s.cap.stores, &s.report)}
	s.pump = p
	for range pumpWindow {
		p.free = append(p.free, make([]byte, 0, wire.PagesMaxLen))
	}
	p.run()
}

// run fills the window.
func (p *pump) run() {
	for len(p.free) > 0 && !p.over {
		if !p.walk.fill(&p.msg) {
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

func (p *pump) send() {
	s := p.s
	buf := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	data := p.msg.Encode(buf, s.id, uint32(p.seq), &s.key)
	p.seq++
	p.under++
	p.bytes += int64(len(data))
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
