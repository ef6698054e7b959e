package node

import (
	"fmt"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// A checkpoint in core: a process as it was at one instant, while it goes on. All of
// its threads are records between two steps of the dispatcher, so the instant is one
// such step: nothing is frozen, nobody's messages meet BUSY, no export changes hands.
// Private pages are shared with the process until it writes them. What it shares among
// its own mappings is copied.
//
// What comes of it is a process descriptor in Amoeba's sense: an image whose memory is
// segments of this node, named by their capabilities. The snapshot is a segment too,
// with the descriptor in it; when it goes, they all do.

// snapshot is one of them.
type snapshot struct {
	self   *segment
	parts  []*segment
	space  *vm.Space
	stores []*vm.Store
	pinned []*export // what its descriptor refers to on this node
}

// kernelVersion goes into lineages.
const kernelVersion = "motile 1"

// maxRuns is how many runs of pages a segment has at most: a decoder's arrays are
// bounded.
const maxRuns = 4096

func (n *Node) serveSnapshot(x *process, r *rpc.Incoming) {
	if x.p.Moving() {
		n.reply(r, std.NotNow, nil) // it can be asked where it arrives
		return
	}
	if x.p.Space != nil && x.p.Space.Away() > 0 {
		q := *r
		n.whole(x.p, func() { n.serveSnapshot(x, &q) })
		return
	}
	reply, s := n.takeSnapshot(x, r.Header.Extra&1 != 0)
	b, err := image.Marshal(reply)
	if err != nil {
		n.reply(r, std.SysErr, nil)
		return
	}
	h := &std.Header{Size: uint32(len(b))}
	if s != nil {
		h.SetCapability(n.segmentCap(s.self))
	}
	h.SetStatus(std.OK)
	n.replyHeader(r, h, b)
}

// takeSnapshot writes a process down. s is nil if that cannot be: then the reply says
// why.
func (n *Node) takeSnapshot(x *process, residual bool) (reply api.SnapshotReply, s *snapshot) {
	reply = api.SnapshotReply{Node: n.Number}
	if reply.Refused = n.noSnapshot(x); reply.Refused != "" {
		return reply, nil
	}
	began := n.m.Now()
	c := n.newCaptured(set{x.p}, forWhom{residual: residual, copy: true})
	s = &snapshot{}
	why := ""
	if _, err := n.captureSet(c); err != nil {
		why = err.Error()
	}
	s.pinned = c.pinned
	if why == "" {
		n.lookRPC(c.rpc, x)
	}
	captured := n.m.Now()
	if why == "" {
		why = s.fork(x.p, c)
	}
	forked := n.m.Now()
	if why == "" {
		why = n.describe(s, x.p, c, &reply)
	}
	if why != "" {
		n.dropSnapshot(s)
		reply.Refused = fmt.Sprintf("process %d: %s", x.p.PID, why)
		return reply, nil
	}
	encoded := n.m.Now()
	reply.FreezeUs, reply.CaptureUs = (encoded-began)/1000, (captured-began)/1000
	reply.ForkUs, reply.EncodeUs = (forked-captured)/1000, (encoded-forked)/1000
	return reply, s
}

// noSnapshot says why there can be none now, or "".
func (n *Node) noSnapshot(x *process) string {
	p := x.p
	refuse := func(format string, args ...any) string {
		return fmt.Sprintf("process %d ", p.PID) + fmt.Sprintf(format, args...)
	}
	switch {
	case p.Exiting() || p.Space == nil:
		return refuse("is ending")
	case p.Moving():
		return refuse("is on the move; try again when it has arrived")
	case p.Space.Away() > 0:
		return refuse("has %d KB of memory that has not arrived yet; try again when it has", p.Space.Away()*vm.PageBytes/1024)
	case p.Space.Shared():
		return refuse("is between vfork and exec and shares its memory; try again when the child has called exec")
	case n.K.Pressure != nil && n.K.Pressure():
		return refuse("cannot be written down: the kernel's own memory is nearly used up; end something on node %d", n.Number)
	}
	if need, free := uint64(p.Space.Tables()+64), n.K.FreePages(); need > free {
		return refuse("cannot be written down: node %d has %d KB free, %d are needed; end something there", n.Number, free*4, need*4)
	}
	c := n.census(set{p})
	c.copy = true
	for _, r := range p.Space.Regions() {
		if why := c.region(&r); why != "" {
			return refuse("cannot be written down: memory at %#x %s", r.Start, why)
		}
	}
	return ""
}

// lookRPC takes the state of the process's endpoints, for who looks at the image. A copy
// has others.
func (n *Node) lookRPC(state *image.RPC, x *process) {
	if x.pid != nil {
		if st, ok := n.ipc.m.Look(n.Tab.Now, x.pid); ok {
			state.PID = st.Append(nil)
		}
	}
	if x.own != nil {
		if st, ok := n.ipc.m.Look(n.Tab.Now, x.own); ok {
			state.Own = st.Append(nil)
		}
	}
	if x.raw != nil {
		state.Raw = n.ipc.raw.Look(x.raw)
	}
	for gid, mb := range x.groups {
		if mb == nil {
			continue
		}
		if st, ok := n.ipc.grp.Look(mb); ok {
			state.Groups = append(state.Groups, image.Group{GID: gid, State: st.Append(nil)})
		}
	}
}

// fork takes hold of the memory, and returns what is wrong, or "".
func (s *snapshot) fork(p *proc.Process, c *captured) string {
	if s.space = p.Space.Snapshot(); s.space == nil {
		return "out of memory"
	}
	s.stores = make([]*vm.Store, len(c.stores))
	for i, st := range c.stores {
		if st.Nameless() {
			st.Retain()
			s.stores[i] = st
			continue
		}
		if st.Immutable() {
			continue
		}
		if s.stores[i] = st.Copy(); s.stores[i] == nil {
			return "out of memory: what it shares among its own mappings must be copied"
		}
	}
	return ""
}

// describe makes the descriptor.
func (n *Node) describe(s *snapshot, p *proc.Process, c *captured, reply *api.SnapshotReply) string {
	s.self = &segment{of: s}
	if !n.addSegment(s.self) {
		s.self = nil
		return "too many segments on this node; destroy snapshots that are not needed"
	}
	segments, ok := n.segmentsOf(s, c.im)
	if !ok {
		return "too many segments on this node; destroy snapshots that are not needed"
	}
	for i := range segments {
		reply.Pages += int(segments[i].Pages())
	}
	lineage := n.lineage(p)
	c.im.Lineage, c.im.Generation = lineage.ID[:], lineage.Generation
	b, err := n.encode(c, lineage.Bound(), record{image.TypeLineage, &lineage}, record{image.TypeSegments, segments})
	if err != nil {
		return "encoding the image: " + err.Error()
	}
	p.Lineage, p.Generation = lineage.ID, lineage.Generation
	s.self.text, s.self.size = b, uint64(len(b))
	if reply.Bytes = len(b); len(b) <= maxMessage-snapshotSlack {
		reply.Image = b
	}
	return ""
}

// snapshotSlack is what a reply takes besides the image.
const snapshotSlack = 1024

// lineage is that of the process's next checkpoint.
func (n *Node) lineage(p *proc.Process) image.Lineage {
	l := image.Lineage{ID: p.Lineage, Generation: p.Generation + 1, Taken: n.Tab.Now + n.Tab.WallBase,
		PID: p.PID, Node: n.Number, Kernel: kernelVersion}
	if p.Generation == 0 {
		n.K.Random(l.ID[:])
	}
	for _, leaf := range n.cpu {
		l.CPU = append(l.CPU, image.CPUID(leaf))
	}
	return l
}

// segmentsOf makes a segment of the pages of each region and store. ok is false if
// there are too many.
func (n *Node) segmentsOf(s *snapshot, im *image.Process) (list image.Segments, ok bool) {
	m := segmenter{n: n, of: s, ok: true}
	m.begin(image.Segment{Store: -1}, segment{space: s.space})
	regions := im.Regions
	var refs [64]vm.PageRef
	for from, more := uint64(0), true; more; {
		got, next := s.space.PagesFrom(from, refs[:])
		for _, ref := range refs[:got] {
			for len(regions) > 0 && regions[0].End <= ref.Addr {
				m.end()
				regions = regions[1:]
			}
			m.page(ref.Addr)
		}
		from, more = next, next != 0
	}
	m.end()
	for i, st := range s.stores {
		if st == nil {
			continue
		}
		m.begin(image.Segment{Store: int32(i)}, segment{store: st})
		for p, frame := st.NextPage(0); frame != 0; p, frame = st.NextPage(p + 1) {
			m.page(uint64(p) * vm.PageBytes)
		}
		m.end()
	}
	return m.list, m.ok
}

// segmenter makes segments of pages, which come in order.
type segmenter struct {
	n    *Node
	of   *snapshot
	ok   bool
	list image.Segments

	kind image.Segment // what the next ones begin as
	from segment
	now  image.Segment // under way
}

func (m *segmenter) begin(kind image.Segment, from segment) { m.kind, m.from = kind, from }

func (m *segmenter) page(at uint64) {
	if len(m.now.Runs) == 2*maxRuns {
		m.end()
	}
	if len(m.now.Runs) == 0 {
		m.now = m.kind
		m.now.Start = at
	}
	i, last := (at-m.now.Start)/vm.PageBytes, len(m.now.Runs)-2
	if last >= 0 && m.now.Runs[last]+m.now.Runs[last+1] == i {
		m.now.Runs[last+1]++
	} else {
		m.now.Runs = append(m.now.Runs, i, 1)
	}
	m.now.Size = at + vm.PageBytes - m.now.Start
}

// end makes a segment of what has come since the last one.
func (m *segmenter) end() {
	if len(m.now.Runs) == 0 || !m.ok {
		return
	}
	part := m.from
	part.of, part.start, part.size = m.of, m.now.Start, m.now.Size
	if m.ok = m.n.addSegment(&part); !m.ok {
		return
	}
	m.of.parts = append(m.of.parts, &part)
	c := m.n.segmentCap(&part)
	m.now.Cap = c.Append(nil)
	m.list = append(m.list, m.now)
	m.now = image.Segment{}
}

// dropSnapshot gives back what a snapshot holds. It may be half made.
func (n *Node) dropSnapshot(s *snapshot) {
	for _, part := range s.parts {
		if n.segments[part.number] == part {
			n.segments[part.number] = nil
			n.lowSegment = min(n.lowSegment, int(part.number))
		}
	}
	if s.self != nil && n.segments[s.self.number] == s.self {
		n.segments[s.self.number] = nil
		n.lowSegment = min(n.lowSegment, int(s.self.number))
	}
	if s.space != nil {
		s.space.Release()
	}
	for _, st := range s.stores {
		if st != nil {
			st.Release()
		}
	}
	for _, x := range s.pinned {
		x.pins--
		x.closeUnused()
	}
	*s = snapshot{self: s.self}
}
