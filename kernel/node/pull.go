package node

import (
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/wire"
	"motile/proc/api"
)

// pull reads the segments of an image into a process that is being put together: with
// Bullet READ, wherever they are; what is on this node is taken without a message, and
// pages of memory that does not change are not even copied.
type pull struct {
	x       *restart
	segment int // the next to be read
	run     int // of its runs
	page    uint64
	under   int // requests under way
	slots   map[int]bool
}

// pullWindow is how many requests are under way.
const pullWindow = 6

// pullPages is how many pages one reads: as many as fit into a frame where the network
// carries large ones.
const pullPages = wire.PagesMost

func (p *pull) begin() {
	p.slots = make(map[int]bool)
	p.more()
}

// more keeps requests under way; when all have been answered, the process is built.
func (p *pull) more() {
	x := p.x
	for !x.over && p.under < pullWindow {
		s := p.next()
		if s == nil {
			if !x.over && p.under == 0 {
				x.build()
			}
			return
		}
		first, count := s.Runs[p.run]+p.page, min(s.Runs[p.run+1]-p.page, pullPages)
		if p.page += count; p.page == s.Runs[p.run+1] {
			p.run, p.page = p.run+2, 0
		}
		p.read(p.segment, s, first, count)
	}
}

// next is the segment with pages that are to be read, nil if there is none.
func (p *pull) next() *image.Segment {
	for list := p.x.segments; p.segment < len(list); p.segment, p.run, p.page = p.segment+1, 0, 0 {
		s := &list[p.segment]
		if p.run == 0 && p.page == 0 && p.take(p.segment, s) {
			if p.x.over {
				return nil
			}
			continue
		}
		if p.run < len(s.Runs) {
			return s
		}
	}
	return nil
}

// take takes a segment of this node as it is. It reports false if it is elsewhere.
func (p *pull) take(i int, s *image.Segment) bool {
	x, n := p.x, p.x.n
	c, ok := capability.Decode(s.Cap)
	if !ok || c.Port != n.nodeAt(n.Number).cap.Port {
		return false
	}
	from, secret, ok := n.findSegment(c.Object)
	if !ok {
		return false // its refusal is like any other
	}
	if st := n.std.segment.Verify(c, c.Object, secret, api.SegmentRight(std.BulletRead)); st != std.OK {
		return false
	}
	if from.text != nil || from.size < s.Size || from.start%vm.PageBytes != 0 {
		return false
	}
	from.touch()
	for k := 0; k < len(s.Runs); k += 2 {
		for page := s.Runs[k]; page < s.Runs[k]+s.Runs[k+1]; page++ {
			x.report.Pages++
			frame := from.page(page * vm.PageBytes)
			if !x.place(s, page, frame) {
				x.refuse("node %d ran out of memory", n.Number)
				return true
			}
		}
	}
	return true
}

// place makes a page of the process one that is in a frame here: 0 stands for zeros.
func (x *restart) place(s *image.Segment, page uint64, frame hw.PFN) bool {
	switch {
	case s.Store >= 0 && frame == 0:
		return true
	case s.Store < 0 && frame != 0:
		x.report.Shared++
		return x.space.Share(s.Start+page*vm.PageBytes, frame)
	case x.plain(s) && frame == 0:
		return true
	}
	m := x.page(s, page)
	switch {
	case m == nil:
		return false
	case frame == 0:
		clear(m[:])
	default:
		*m = *hw.Page(frame)
	}
	return true
}

// page is a page of a segment, to be filled; nil: memory is short.
func (x *restart) page(s *image.Segment, page uint64) *[vm.PageBytes]byte {
	if s.Store >= 0 {
		return x.installStored(int(s.Store), int(s.Start/vm.PageBytes+page))
	}
	return x.space.Install(s.Start + page*vm.PageBytes)
}

// plain reports whether pages of a segment that are not there are zero.
func (x *restart) plain(s *image.Segment) bool {
	if s.Store >= 0 {
		return true
	}
	for i := range x.im.Regions {
		if r := &x.im.Regions[i]; r.Start <= s.Start && s.Start < r.End {
			return r.Store < 0
		}
	}
	return false
}

// read asks for pages.
func (p *pull) read(i int, s *image.Segment, first, count uint64) {
	x := p.x
	c, _ := capability.Decode(s.Cap)
	size := count * vm.PageBytes
	h := &std.Header{Command: std.BulletRead, Offset: first * vm.PageBytes, Size: uint32(size)}
	h.SetCapability(c)
	p.under++
	done := false
	slot := -1
	slot = x.n.call(flip.Address{}, h, nil, movePatience, func(c *rpc.Complete) {
		done = true
		p.under--
		delete(p.slots, slot)
		if x.over {
			return
		}
		if why := pullTrouble(c, size); why != "" {
			x.refuse("segment %d, memory at %#x: %s", i, s.Start+first*vm.PageBytes, why)
			return
		}
		x.report.Bytes += int64(size)
		if !x.fill(s, first, c.Data) {
			x.refuse("node %d ran out of memory", x.n.Number)
			return
		}
		p.more()
	})
	if !done {
		p.slots[slot] = true
	}
}

// pullTrouble says what is wrong with the answer to a READ, or "".
func pullTrouble(c *rpc.Complete, size uint64) string {
	switch {
	case c.Status == std.RPCNotFound:
		return "the node that has it does not answer; take another snapshot, or use an image that is stored"
	case c.Status != std.OK:
		return fmt.Sprintf("the node that has it went silent (%v); take another snapshot, or use an image that is stored", c.Status)
	case c.Header.Status() == std.CapBad:
		return "there is no such segment any more; take another snapshot"
	case c.Header.Status() == std.Denied:
		return "its capability lacks the right PSR_READ"
	case c.Header.Status() != std.OK:
		return fmt.Sprintf("reading it was refused (%v)", c.Header.Status())
	case uint64(len(c.Data)) != size:
		return fmt.Sprintf("it ends after %d bytes of %d", len(c.Data), size)
	}
	return ""
}

// fill puts pages where they belong. Zeros that would be there anyway are left
// out.
func (x *restart) fill(s *image.Segment, first uint64, data []byte) bool {
	plain := x.plain(s)
	for page := first; len(data) > 0; page, data = page+1, data[vm.PageBytes:] {
		x.report.Pages++
		this := data[:vm.PageBytes]
		if plain && isZero((*[vm.PageBytes]byte)(this)) {
			continue
		}
		m := x.page(s, page)
		if m == nil {
			return false
		}
		copy(m[:], this)
	}
	return true
}

// stop gives up what is under way.
func (p *pull) stop() {
	for slot := range p.slots { // order does not matter: they have nothing in common
		p.x.n.forgetCall(slot)
	}
	p.slots = nil
}

// maxImage bounds an image that is read.
const maxImage = 8 << 20

// fetchImage reads the image itself, piece by piece.
func (x *restart) fetchImage() {
	c, ok := capability.Decode(x.q.ImageCap)
	if !ok {
		x.refuse("the image's capability has %d bytes", len(x.q.ImageCap))
		return
	}
	var b []byte
	var ask func()
	ask = func() {
		h := &std.Header{Command: std.BulletRead, Offset: uint64(len(b)), Size: filePiece}
		h.SetCapability(c)
		x.n.call(flip.Address{}, h, nil, movePatience, func(c *rpc.Complete) {
			if x.over {
				return
			}
			if why := pullTrouble(c, uint64(len(c.Data))); why != "" {
				x.refuse("the image: %s", why)
				return
			}
			b = append(b, c.Data...)
			switch {
			case len(b) > maxImage:
				x.refuse("the image has more than %d bytes", maxImage)
			case len(c.Data) == filePiece:
				ask()
			default:
				x.look(b)
			}
		})
	}
	ask()
}
