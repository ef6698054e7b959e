package group

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/internal/agenda"
	"motile/ipc/std"
)

// world is some nodes on one wire, on a virtual clock.
type world struct {
	now    int64
	nodes  []*node
	events agenda.Agenda[func()]
	rng    *rand.Rand
	wire   struct {
		loss, dup, reorder float64
		delay, jitter      int64
	}
	fault  func(from *node, s *Summary, h *flip.Header) (copies int) // nil: none
	trace  func(string)
	errors []string

	procs []*proc
	canon map[uint64]string // what living members have received, by seqno
	names map[flip.Address]string
	// mutate spoils the state of a member that moves.
	mutate func(*MemberState)
	moves  int
}

type node struct {
	id   int
	up   bool
	boot int
	part int
	mac  flip.MAC
	w    *world
	box  *flip.Box
	m    *Machine
	busy bool
}

func newWorld(seed uint64, nodes int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 0x67726f7570)), canon: make(map[uint64]string), names: make(map[flip.Address]string)}
	w.wire.delay = 100_000
	for i := range nodes {
		n := &node{id: i + 1, w: w, mac: flip.MAC{2, 0, 0, 0, 0, byte(i + 1)}}
		w.nodes = append(w.nodes, n)
		n.start()
	}
	return w
}

func (n *node) start() {
	n.up = true
	n.boot++
	n.box = flip.NewBox(flip.Config{Rand: n.w.rng.Uint64, Links: []flip.Link{{MAC: n.mac, MTU: 1500}}})
	n.m = New(Config{Box: n.box, Rand: n.w.rng.Uint64})
}

func (n *node) crash() {
	n.up = false
	n.w.tracef("node %d crashes", n.id)
	for _, p := range n.w.procs {
		if p.node == n && p.alive {
			p.die()
		}
	}
}

func (w *world) tracef(format string, args ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("%10.3fms  ", float64(w.now)/1e6) + fmt.Sprintf(format, args...))
	}
}

func (w *world) violated(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	w.errors = append(w.errors, fmt.Sprintf("%.3fms: ", float64(w.now)/1e6)+s)
	w.tracef("VIOLATED: %s", s)
}

func (w *world) at(t int64, f func()) {
	w.events.Add(t, f)
}

func (w *world) after(d int64, f func()) { w.at(w.now+d, f) }

// step lets the next thing happen, if it does until end.
func (w *world) step(end int64) bool {
	next := w.events.Next()
	var who *node
	for _, n := range w.nodes {
		if n.up {
			if d := min(n.box.NextDeadline(), n.m.NextDeadline()); d < next {
				next, who = d, n
			}
		}
	}
	if next > end {
		w.now = max(w.now, end)
		return false
	}
	w.now = max(w.now, next)
	if who != nil {
		who.box.Tick(w.now)
		who.m.Tick(w.now)
		who.perform()
		return true
	}
	w.events.Take()()
	return true
}

func (w *world) run(d int64) {
	end := w.now + d
	for w.step(end) {
	}
}

// perform does what the machines of a node want done.
func (n *node) perform() {
	if n.busy {
		return
	}
	n.busy = true
	for {
		o := &n.box.Out
		for i := range o.Frames {
			n.transmit(&o.Frames[i])
		}
		delivers := append([]flip.Deliver(nil), o.Delivers...)
		undelivered := append([]flip.NotDelivered(nil), o.NotDelivered...)
		o.Reset()
		completes := append([]Complete(nil), n.m.Out.Completes...)
		n.m.Reset()
		if len(delivers)+len(undelivered)+len(completes) == 0 {
			break
		}
		for i := range delivers {
			n.m.Deliver(n.w.now, &delivers[i])
		}
		for i := range undelivered {
			n.m.NotDelivered(n.w.now, &undelivered[i])
		}
		for i := range completes {
			completes[i].Member.Owner.(*proc).completed(&completes[i])
		}
	}
	n.busy = false
}

func (n *node) transmit(f *flip.Frame) {
	w := n.w
	frame := append(append([]byte(nil), f.Head()...), f.Body...)
	var h flip.Header
	payload, ok := flip.Decode(&h, frame)
	if !ok {
		w.violated("malformed frame")
		return
	}
	copies := 1
	var s Summary
	data := h.Type == flip.UniData || h.Type == flip.MultiData
	if data && h.Offset == 0 {
		s, _ = Summarize(payload)
		if _, ok := SummarizeBody(payload); !ok && h.Length == h.Total {
			w.violated("a %v that SummarizeBody does not know", s.Type)
		}
		if w.fault != nil {
			copies = w.fault(n, &s, &h)
		}
	}
	w.traceFrame(n, &h, &s, payload, copies)
	to := flip.MAC(frame[:6])
	for range copies {
		for _, x := range w.nodes {
			if x != n && x.up && (to == flip.Broadcast || to == x.mac) && x.part == n.part {
				w.carry(x, frame)
			}
		}
	}
}

func (w *world) carry(n *node, frame []byte) {
	k := &w.wire
	if k.loss > 0 && w.rng.Float64() < k.loss {
		return
	}
	copies := 1
	if k.dup > 0 && w.rng.Float64() < k.dup {
		copies = 2
	}
	boot := n.boot
	for range copies {
		at := w.now + k.delay
		if k.jitter > 0 {
			at += w.rng.Int64N(k.jitter)
		}
		if k.reorder > 0 && w.rng.Float64() < k.reorder {
			at += w.rng.Int64N(5e6)
		}
		w.at(at, func() {
			if n.up && n.boot == boot {
				n.box.Input(w.now, 0, frame)
				n.perform()
			}
		})
	}
}

func (w *world) name(a flip.Address) string {
	if s, ok := w.names[a]; ok {
		return s
	}
	if a.IsNull() {
		return "*"
	}
	return "group"
}

func (w *world) traceFrame(n *node, h *flip.Header, s *Summary, payload []byte, copies int) {
	if w.trace == nil {
		return
	}
	lost := ""
	if copies == 0 {
		lost = "  LOST"
	} else if copies > 1 {
		lost = fmt.Sprintf("  x%d", copies)
	}
	if h.Type != flip.UniData && h.Type != flip.MultiData {
		w.tracef("%d: %v %s > %s%s", n.id, h.Type, w.name(h.Src), w.name(h.Dst), lost)
		return
	}
	if h.Offset != 0 {
		return
	}
	text := s.Type.String()
	switch s.Type {
	case Bcast:
		text += fmt.Sprintf(" %d (%s of %d/%d)", s.Seqno, s.Kind, s.Origin, s.MessID)
		if s.Accept {
			text += " accept"
		}
		text += fmt.Sprintf(" safe %d low %d", s.Got, s.Taken)
	case BcastReq:
		text += fmt.Sprintf(" %s %d/%d", s.Kind, s.Index, s.MessID)
	case Sync:
		text += fmt.Sprintf(" %d safe %d low %d", s.Seqno, s.Got, s.Taken)
		if s.Ask {
			text += " ask"
		}
	case Retrans:
		text += fmt.Sprintf(" %d", s.Seqno)
	case State, Ack:
		text += fmt.Sprintf(" got %d taken %d", s.Got, s.Taken)
	case Vote:
		text += fmt.Sprintf(" got %d", s.Got)
	case Hold:
		if s.Go {
			text += " go"
		}
	case Dead:
		if s.Out {
			text += " out"
		}
	}
	w.tracef("%d: %s > %s: %s%s", n.id, w.name(h.Src), w.name(h.Dst), text, lost)
}

var testPort = capability.Port{1, 2, 3}

// proc is a process that is a member: it receives all the time, and sends texts.
type proc struct {
	name    string
	w       *world
	node    *node
	mb      *Member
	alive   bool // it is a member, as far as it knows
	joined  bool
	started uint64 // joined after this message
	frozen  bool
	held    []func()

	paused   bool // does not receive
	waiting  bool // in Receive
	aborted  bool
	log      map[uint64]string
	last     uint64
	seen     map[string]bool
	nextSlot uint32
	sends    map[uint32]string
	sent     map[string]std.Status // how sends have ended
	onSent   func(text string, s std.Status)
	onAbort  func()
	onReset  func(s std.Status, total int)
	moving   bool
}

func (w *world) spawn(name string, n *node) *proc {
	p := &proc{name: name, w: w, node: n, log: make(map[uint64]string), seen: make(map[string]bool),
		sends: make(map[uint32]string), sent: make(map[string]std.Status), nextSlot: 10}
	w.procs = append(w.procs, p)
	return p
}

func (p *proc) create(params Params) std.Status {
	mb, s := p.node.m.Create(p.w.now, Identity{Owner: p}, testPort, params)
	if s == std.OK {
		p.begin(mb)
		p.joined = true
		p.receive()
	}
	p.node.perform()
	return s
}

func (p *proc) begin(mb *Member) {
	p.mb, p.alive = mb, true
	p.w.names[mb.Address()] = p.name
}

func (p *proc) join() {
	mb, s := p.node.m.Join(p.w.now, Identity{Owner: p}, 1, testPort)
	if s == Wait {
		p.begin(mb)
	}
	p.node.perform()
}

// do runs f as the process: now, or when it is thawed.
func (p *proc) do(f func()) {
	if !p.alive {
		return
	}
	if p.frozen {
		p.held = append(p.held, f)
		return
	}
	f()
	p.node.perform()
}

func (p *proc) receive() {
	if p.alive && p.joined && !p.waiting && !p.paused && !p.frozen {
		p.waiting = p.node.m.Receive(p.w.now, p.mb, 2, 1<<20) == Wait
	}
}

func (p *proc) send(text string) { p.sendLong(text, 0) }

// sendLong sends a text with so many bytes of padding.
func (p *proc) sendLong(text string, pad int) {
	p.nextSlot++
	slot := p.nextSlot
	p.sends[slot] = text
	s := p.node.m.Send(p.w.now, p.mb, slot, &std.Header{Command: 7}, append([]byte(text+"|"), make([]byte, pad)...))
	if s != Wait {
		p.ended(slot, s)
	}
}

func (p *proc) ended(slot uint32, s std.Status) {
	text := p.sends[slot]
	delete(p.sends, slot)
	if _, twice := p.sent[text]; twice {
		p.w.violated("%s: the send of %q ended twice", p.name, text)
	}
	p.sent[text] = s
	if p.onSent != nil {
		p.onSent(text, s)
	}
}

func (p *proc) completed(c *Complete) {
	if !p.alive {
		return
	}
	if p.frozen {
		p.w.violated("%s: a call ended while it is frozen", p.name)
	}
	switch c.Kind {
	case KindJoin:
		p.w.tracef("%s: join %v", p.name, c.Status)
		if c.Status != std.OK {
			p.die()
			return
		}
		p.joined = true
		p.started, p.last = p.mb.start, p.mb.start
		p.receive()
	case KindReceive:
		p.waiting = false
		switch c.Status {
		case std.OK:
			text, _, _ := strings.Cut(string(c.Data), "|")
			p.got(c.Seqno, text)
			p.receive()
		case std.BCAbort:
			p.abort()
		case std.BCFail:
			p.w.tracef("%s: is out", p.name)
			p.die()
		}
	case KindSend:
		p.w.tracef("%s: send %q %v", p.name, p.sends[c.Slot], c.Status)
		if c.Status == std.BCAbort {
			p.abort()
		}
		p.ended(c.Slot, c.Status)
	case KindReset:
		p.w.tracef("%s: reset %v, %d members", p.name, c.Status, c.Total)
		if c.Status == std.OK {
			p.aborted = false
			p.receive()
		}
		if p.onReset != nil {
			p.onReset(c.Status, c.Total)
		}
	case KindLeave:
		p.w.tracef("%s: has left", p.name)
		p.die()
	}
}

func (p *proc) abort() {
	if !p.aborted {
		p.aborted = true
		p.w.tracef("%s: BC_ABORT", p.name)
		if p.onAbort != nil {
			p.onAbort()
		}
	}
}

func (p *proc) reset(nmin int) {
	s := p.node.m.ResetGroup(p.w.now, p.mb, 3, nmin)
	if s != Wait && p.onReset != nil {
		p.onReset(s, 0)
	}
}

// got notes a message, and checks it against what the others have.
func (p *proc) got(seq uint64, text string) {
	w := p.w
	w.tracef("%s: receives %d %q", p.name, seq, text)
	if seq <= p.last {
		w.violated("%s: received %d after %d", p.name, seq, p.last)
	}
	if p.seen[text] {
		w.violated("%s: received %q twice", p.name, text)
	}
	for s := p.last + 1; s < seq; s++ {
		if t, ok := w.canon[s]; ok {
			w.violated("%s: passed over %d %q", p.name, s, t)
		}
	}
	p.log[seq], p.seen[text], p.last = text, true, seq
	w.enter(p, seq, text)
}

// enter adds a message to what is known to be the order.
func (w *world) enter(p *proc, seq uint64, text string) {
	if t, ok := w.canon[seq]; ok {
		if t != text {
			w.violated("message %d is %q at %s, and %q elsewhere", seq, text, p.name, t)
		}
		return
	}
	w.canon[seq] = text
	for _, q := range w.procs {
		if q.alive && q.started < seq && q.last >= seq && q.log[seq] == "" {
			w.violated("message %d is %q at %s, and nothing at %s", seq, text, p.name, q.name)
		}
	}
}

// die takes the process out of the comparison: what only the dead have received is
// nobody's order.
func (p *proc) die() {
	p.alive = false
	p.held = nil
	w := p.w
	w.canon = make(map[uint64]string)
	for _, q := range w.procs {
		if q.alive {
			for seq, text := range q.log {
				w.canon[seq] = text
			}
		}
	}
}

// Moving, in the steps of the real protocol.

func (p *proc) freeze() {
	p.w.tracef("%s: freeze on %d", p.name, p.node.id)
	p.node.m.Freeze(p.w.now, p.mb)
	p.frozen = true
	p.node.perform()
}

func (p *proc) export() []byte {
	st, ok := p.node.m.Export(p.mb)
	if !ok {
		p.w.violated("%s: not exported", p.name)
		return nil
	}
	if p.w.mutate != nil {
		p.w.mutate(st)
	}
	b := st.Append(nil)
	again, err := DecodeState(b)
	if err != nil || !bytes.Equal(again.Append(nil), b) {
		p.w.violated("%s: its state changes by decoding", p.name)
	}
	return b
}

func (p *proc) importTo(n *node, b []byte) *Member {
	st, err := DecodeState(b)
	if err != nil {
		return nil
	}
	return n.m.Import(p.w.now, p, st)
}

func (p *proc) activate(n *node, copied *Member) {
	p.w.tracef("%s: activate on %d", p.name, n.id)
	p.node, p.mb, p.frozen = n, copied, false
	p.w.moves++
	if !n.m.Activate(p.w.now, copied) {
		p.w.violated("%s: not activated", p.name)
	}
	p.wake()
}

func (p *proc) thaw() {
	p.w.tracef("%s: thaw on %d", p.name, p.node.id)
	p.frozen = false
	p.node.m.Thaw(p.w.now, p.mb)
	p.wake()
}

func (p *proc) wake() {
	held := p.held
	p.held = nil
	for _, f := range held {
		p.do(f)
	}
	p.receive()
	p.node.perform()
}

// move moves the process, with time between the steps; or aborts the move.
func (p *proc) move(to *node, transfer, commit, remove int64, abort bool) bool {
	if !p.alive || p.frozen || p.moving || to == p.node || !to.up {
		return false
	}
	w, from, boot := p.w, p.node, to.boot
	p.moving = true
	p.freeze()
	old := p.mb
	state := p.export()
	w.after(transfer, func() {
		if !p.alive {
			p.moving = false
			return
		}
		var copied *Member
		if to.up && to.boot == boot {
			if copied = p.importTo(to, state); copied == nil {
				w.violated("%s: not imported", p.name)
			}
		}
		w.after(commit, func() {
			there := copied != nil && to.up && to.boot == boot
			if !p.alive || abort || !there {
				if there {
					to.m.Remove(w.now, copied)
				}
				if p.alive {
					p.thaw()
				}
				p.moving = false
				return
			}
			p.activate(to, copied)
			w.after(remove, func() {
				if from.up {
					from.m.Remove(w.now, old)
					from.perform()
				}
				p.moving = false
			})
		})
	})
	return true
}
