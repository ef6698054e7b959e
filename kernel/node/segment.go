package node

import (
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/ipc/std/service"
	"motile/kernel/hw"
	"motile/kernel/vm"
	"motile/proc/api"
)

// Segments: memory that is an object of the node's process server. Who has the
// capability of one reads it like a file of Bullet's, on this node or another, and that
// is how the memory of a process is seen, stored, and brought elsewhere. A segment is
// written with SEG_WRITE if somebody has asked for it with SEG_CREATE; those of a
// snapshot do not change.

// segment is one of them. What is in it is in one of the three.
type segment struct {
	number uint32
	secret capability.Secret
	size   uint64
	store  *vm.Store // one that can be written, or a snapshot's, of shared memory
	space  *vm.Space // a snapshot's: the private pages from start on
	text   []byte    // a snapshot itself: its descriptor
	start  uint64
	of     *snapshot // which it is, or is part of; nil: it was made by SEG_CREATE
	left   int       // times that the node ages until it is dropped
	gone   bool
}

const (
	maxSegments = 1 << 15
	maxSegment  = 1 << 40 // bytes

	// segmentLife is how often a segment ages until it is dropped, unless somebody
	// touches, reads or writes it. The node ages its segments once a minute, and
	// whenever it is told to (STD_AGE).
	segmentLife = 10
	segmentsAge = 60e9

	// maxRead is what READ gives at most.
	maxRead = maxMessage

	// segmentReserve is what SEG_WRITE leaves free, for processes: a part of all memory.
	segmentReserve = 32
)

func (n *Node) initSegments() {
	n.std.segment = service.Service[*segment]{
		Needs: api.SegmentRight, Refused: n.refused, Find: n.findSegment,
		Info: func(s *segment) string { return fmt.Sprintf("segment of %d bytes", s.size) },
		Status: func(s *segment) string {
			return fmt.Sprintf("bytes %d\nsnapshot %v\nages %d\n", s.size, s.of != nil, s.left)
		},
		Touch:   func(s *segment) { s.touch() },
		Destroy: func(s *segment) std.Status { s.gone = true; return std.OK },
	}
	n.std.region = service.Service[*process]{
		Needs: api.RegionRight, Refused: n.refused,
		Info: func(x *process) string { return "memory of " + command(x.p) },
	}
	n.nextAge = n.Tab.Now + segmentsAge
}

func (n *Node) findSegment(object uint64) (*segment, capability.Secret, bool) {
	number, ok := api.SegmentNumber(object)
	if !ok || int(number) >= len(n.segments) || n.segments[number] == nil {
		return nil, capability.Secret{}, false
	}
	return n.segments[number], n.segments[number].secret, true
}

// addSegment gives a segment a number and a secret. It reports false if there are too
// many.
func (n *Node) addSegment(s *segment) bool {
	i := n.lowSegment
	for i < len(n.segments) && n.segments[i] != nil {
		i++
	}
	if i >= maxSegments {
		return false
	}
	if i == len(n.segments) {
		n.segments = append(n.segments, nil)
	}
	n.segments[i], n.lowSegment = s, i+1
	s.number, s.left = uint32(i), segmentLife
	n.K.Random(s.secret[:])
	return true
}

// capability is the owner's.
func (n *Node) segmentCap(s *segment) capability.Capability {
	return capability.Owner(n.nodeAt(n.Number).cap.Port, api.SegmentObject(s.number), s.secret)
}

// dropSegment forgets a segment, with what only it has. With a snapshot go its parts.
func (n *Node) dropSegment(s *segment) {
	if n.segments[s.number] != s {
		return
	}
	n.segments[s.number] = nil
	n.lowSegment = min(n.lowSegment, int(s.number))
	switch {
	case s.of == nil:
		s.store.Release()
	case s.of.self == s:
		n.dropSnapshot(s.of)
	}
}

// ageSegments drops what nobody has touched for long. Parts live as long as their
// snapshot.
func (n *Node) ageSegments() {
	for _, s := range n.segments {
		if s == nil || s.of != nil && s.of.self != s {
			continue
		}
		if s.left--; s.left <= 0 {
			n.dropSegment(s)
		}
	}
}

func (s *segment) touch() {
	if s.left = segmentLife; s.of != nil {
		s.of.self.left = segmentLife
	}
}

func (n *Node) serveSegment(r *rpc.Incoming) {
	s, secret, ok := n.findSegment(r.Header.Object)
	if !ok {
		n.std.segment.Count(std.CapBad)
		n.refused(r.Header.Capability(), r.Header.Command, std.CapBad)
		n.reply(r, std.CapBad, nil)
		return
	}
	if st := n.std.segment.Check(&r.Header, r.Header.Object, secret); st != std.OK {
		n.reply(r, st, nil)
		return
	}
	s.touch()
	switch r.Header.Command {
	case std.BulletSize:
		n.replySize(r, s.size)
	case std.BulletRead:
		n.serveRead(r, s.size, s.read)
	case api.SegWrite:
		n.reply(r, n.writeSegment(s, r.Header.Offset, r.Data), nil)
	default:
		standard(n, &n.std.segment, s, secret, r)
		if s.gone {
			n.dropSegment(s)
		}
	}
}

func (n *Node) replySize(r *rpc.Incoming, size uint64) {
	n.replyHeader(r, &std.Header{Offset: size, Size: uint32(min(size, 1<<32-1))}, nil)
}

// serveRead answers READ of something that has so many bytes.
func (n *Node) serveRead(r *rpc.Incoming, size uint64, read func(dst []byte, off uint64) bool) {
	off, count := r.Header.Offset, min(uint64(r.Header.Size), maxRead)
	switch {
	case off > size:
		n.reply(r, std.ArgBad, nil)
		return
	case n.K.Pressure != nil && n.K.Pressure():
		n.reply(r, std.NoMem, nil)
		return
	}
	b := make([]byte, min(count, size-off))
	if !read(b, off) {
		n.refuse(r, stillAway)
		return
	}
	n.reply(r, std.OK, b)
}

// stillAway is the answer to who wants memory that is away.
const stillAway = "its memory has not arrived yet; try again when it has"

// read copies what is in a segment. Precondition: it has so much.
func (s *segment) read(dst []byte, off uint64) bool {
	switch {
	case s.space != nil:
		return s.space.Peek(dst, s.start+off)
	case s.store != nil:
		clear(dst[s.store.ReadAt(dst, int64(s.start+off)):])
	default:
		copy(dst, s.text[off:])
	}
	return true
}

// page is the frame with a page of a segment, 0 if there is none: it is zero.
func (s *segment) page(off uint64) hw.PFN {
	switch {
	case s.space != nil:
		return s.space.Frame(s.start + off)
	case s.store != nil:
		if page, frame := s.store.NextPage(int((s.start + off) / vm.PageBytes)); uint64(page) == (s.start+off)/vm.PageBytes {
			return frame
		}
	}
	return 0
}

// serveSegCreate makes a segment of zeros.
func (n *Node) serveSegCreate(r *rpc.Incoming) {
	s := &segment{size: max(uint64(r.Header.Size), r.Header.Offset), store: vm.NewStore()}
	switch {
	case s.size == 0 || s.size > maxSegment:
		s.store.Release()
		n.reply(r, std.ArgBad, nil)
		return
	case !n.addSegment(s):
		s.store.Release()
		n.reply(r, std.NoSpace, nil)
		return
	}
	s.store.SetSize(int64(s.size))
	h := &std.Header{}
	h.SetCapability(n.segmentCap(s))
	n.replyHeader(r, h, nil)
}

// writeSegment writes all of data, or, but for want of memory, nothing.
func (n *Node) writeSegment(s *segment, off uint64, data []byte) std.Status {
	switch {
	case s.of != nil:
		return std.WriteProt
	case off > s.size || uint64(len(data)) > s.size-off:
		return std.ArgBad
	case n.K.FreePages() < n.K.TotalPages()/segmentReserve+uint64(len(data)/vm.PageBytes):
		return std.NoMem
	case !s.store.Unshare(int64(off), int64(len(data))), s.store.WriteAt(data, int64(off)) < len(data):
		return std.NoMem
	}
	return std.OK
}

// A process's memory as segments: the region with an address, from the start of the
// region, or from that address if the region has another start by now.

func (n *Node) serveRegion(x *process, r *rpc.Incoming) {
	if s := n.std.region.Check(&r.Header, r.Header.Object, x.secret); s != std.OK {
		n.reply(r, s, nil)
		return
	}
	at, _ := api.RegionAddress(r.Header.Object)
	region, ok := x.p.Space.Region(at)
	if !ok {
		n.reply(r, std.NotFound, nil) // it was unmapped
		return
	}
	size := region.End - at
	switch r.Header.Command {
	case std.BulletSize:
		n.replySize(r, size)
	case std.BulletRead:
		n.serveRead(r, size, func(dst []byte, off uint64) bool { return x.p.Space.Peek(dst, at+off) })
	case api.SegWrite:
		if off := r.Header.Offset; off > size || uint64(len(r.Data)) > size-off {
			n.reply(r, std.ArgBad, nil)
			return
		}
		n.reply(r, x.poke(at+r.Header.Offset, r.Data), nil)
	default:
		standard(n, &n.std.region, x, x.secret, r)
	}
}

// poke changes a process's memory.
func (x *process) poke(at uint64, data []byte) std.Status {
	switch _, f := x.p.Space.Poke(at, data); f {
	case vm.OK:
		return std.OK
	case vm.NoMemory:
		return std.NoMem
	case vm.NoAccess:
		return std.WriteProt
	case vm.Away:
		return std.NotNow
	}
	return std.ArgBad
}
