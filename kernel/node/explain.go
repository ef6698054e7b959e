package node

import (
	"fmt"
	"slices"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/image"
	"motile/migrate/wire"
	"motile/proc/api"
)

// What a move would come to, without moving. The questions are those that a move asks,
// by the same code, but all of them are asked, not only up to the first that is answered
// by no; and the target is asked what it would say to an offer.

// maxObstacles is how many are named.
const maxObstacles = 64

// explanation is one being made.
type explanation struct {
	s *source // of a move that never begins
	api.ExplainReply
}

func (n *Node) serveExplain(r *rpc.Incoming) {
	var q api.MigrateRequest
	if !n.parse(r, &q) {
		return
	}
	roots, status := n.mayMigrate(&q)
	if status != std.OK {
		n.reply(r, status, nil)
		return
	}
	user, noServer := byUser(q.Server)
	how, err := strategyOf(q.Strategy)
	x := &explanation{ExplainReply: api.ExplainReply{PID: q.PID, Node: n.Number, Target: q.Target}}
	switch {
	case n.Tab.Process(q.PID) == nil:
		n.replyWith(r, api.ExplainReply{PID: q.PID, Elsewhere: true})
	case noServer != nil:
		x.Error = noServer.Error()
		n.replyWith(r, x.ExplainReply)
	case err != nil:
		x.Error = err.Error()
		n.replyWith(r, x.ExplainReply)
	case q.Target < 1 || q.Target > maxNode:
		x.Error = fmt.Sprintf("there is no node %d: numbers are 1 to %d", q.Target, maxNode)
		n.replyWith(r, x.ExplainReply)
	case q.Target == n.Number:
		x.Error = fmt.Sprintf("is on node %d already", n.Number)
		n.replyWith(r, x.ExplainReply)
	default:
		x.s = n.newSource(q.Target)
		x.s.named, x.s.roots, x.s.tree, x.s.residual = q.PID, roots, q.Tree, q.Residual
		x.s.user = user
		x.s.set = x.s.muster()
		if x.s.strategy, x.s.maxFreeze = how, max(q.MaxFreezeUs*1000, 0); x.s.maxFreeze == 0 {
			x.s.maxFreeze = defaultFreeze
		}
		if how == auto && len(x.s.set) > 0 {
			x.s.strategy = x.s.choose()
		}
		x.Processes = x.s.set.pids()
		x.here(n)
		x.ask(n, r.Handle)
	}
}

func (x *explanation) obstacle(o api.Obstacle) {
	if len(x.Obstacles) == maxObstacles {
		x.More++
		return
	}
	x.Obstacles = append(x.Obstacles, o)
}

// here finds out what this node knows.
func (x *explanation) here(n *Node) {
	s := x.s
	if why := n.noMover(); s.user && why != "" {
		x.obstacle(api.Obstacle{Why: why})
	}
	for _, p := range s.set {
		if why := s.busy(p); why != "" {
			x.obstacle(api.Obstacle{PID: p.PID, Why: why})
		}
	}
	if p, with := n.outsider(s.set); p != nil {
		x.obstacle(api.Obstacle{PID: p.PID, Why: fmt.Sprintf("is between vfork and exec and shares its memory with process %d; that is over soon, as a rule", with.PID)})
	}
	c := n.newCaptured(s.set, forWhom{residual: s.residual, copy: true}) // a copy: nothing is frozen or reserved
	c.census.copy = false
	for _, p := range s.set {
		for what, why := range c.census.obstacles(p, s.residual) {
			x.obstacle(api.Obstacle{PID: p.PID, What: what, Why: why})
		}
	}
	if b := c.census.stateBytes(); b > maxState {
		x.obstacle(api.Obstacle{Why: tooLarge(b)})
	}
	x.Report.StateBytes = n.sketch(c)
	x.countPages(c)
}

// countPages walks the pages as the page stream will.
func (x *explanation) countPages(c *captured) {
	var msg wire.PageBatch
	w := newPageWalk(x.s.set, c.stores, x.s.files, &x.Report, pass{final: true})
	if !x.s.strategy.precopies() { // what rounds leave nobody knows
		w.leave = x.s.leaves()
		x.Report.LeftOn = x.s.report.LeftOn
	}
	if x.s.strategy == flushing {
		x.s.flush = &flush{s: x.s}
		x.s.flush.begin()
		w.file = x.s.flush
	}
	for more := true; more; {
		more = w.fill(&msg)
		if !msg.Empty() {
			x.Report.Bytes += int64(msg.Len())
			msg.Clear()
		}
	}
}

// sketch writes a set down as a move would, as far as that can be done without touching
// it, and returns how long the image is.
func (n *Node) sketch(c *captured) int {
	for i, p := range c.census.set {
		c.process(i, p)
		n.lookRPC(c.states[i], of(p))
	}
	for i, f := range c.census.open {
		c.files = append(c.files, f)
		c.im.Files = append(c.im.Files, image.File{})
		m := image.File{Flags: f.Flags, Offset: f.Offset, Path: f.Path, Object: -1}
		switch d, _ := c.census.dispose(f, c.residual); d {
		case byName:
			captureName(f, &m)
		case byValue:
			n.captureValue(c, f, &m)
		case byReference:
			m.Kind, m.Address, m.Counted, m.Home = image.KindRemote, make([]byte, 16), true, n.Number
			m.Mode = f.Impl.Stat().Mode
		}
		c.im.Files[i] = m
		if e := n.findExport(f); e != nil && m.Kind != image.KindRemote {
			if st, ok := n.ipc.m.Look(n.Tab.Now, e.ep); ok {
				c.rpc.Exports = append(c.rpc.Exports, image.Export{File: int32(i), State: st.Append(nil), Holders: e.exportHolders()})
			}
		}
	}
	for i, p := range c.census.set {
		for fd := range p.FDs.Len() {
			if f := p.FDs.Held(int32(fd)); f != nil {
				c.images[i].FDs = append(c.images[i].FDs, image.FD{FD: int32(fd), File: int32(slices.Index(c.files, f)), Cloexec: p.FDs.Cloexec(int32(fd))})
			}
		}
	}
	n.captureWatches(c)
	img, err := n.encode(c, wire.MoveID{}.Bound())
	if err != nil {
		return c.census.stateBytes()
	}
	return len(img)
}

// ask asks the target, and answers.
func (x *explanation) ask(n *Node, asked rpc.Handle) {
	s := x.s
	answer := func() {
		s.pace().predict(&x.Report, x.files(), s.flush.bytes())
		s.strategy.foresee(&x.Report)
		x.Moves = s.pace().moves()
		b, err := image.Marshal(x.ExplainReply)
		if err == nil {
			n.ipc.m.Reply(n.Tab.Now, asked, &std.Header{Size: uint32(len(b))}, b)
			n.perform()
		}
	}
	s.offer = wire.Offer{Move: s.id, Source: n.Number, Version: image.Version, Ask: true}
	if len(s.set) == 0 {
		x.obstacle(api.Obstacle{PID: x.PID, Why: "has ended"})
		answer()
		return
	}
	s.describe()
	if s.strategy != flushing {
		x.askTarget(n, answer)
		return
	}
	n.fileServer(func(node int) {
		if node == 0 {
			x.obstacle(api.Obstacle{Why: n.noFileServer()})
		} else {
			x.Report.LeftOn = serverOf(node)
		}
		x.askTarget(n, answer)
	})
}

func (x *explanation) askTarget(n *Node, answer func()) {
	s := x.s
	data, err := image.Marshal(s.offer)
	if err != nil {
		x.obstacle(api.Obstacle{Why: err.Error()})
		answer()
		return
	}
	n.call(n.nodeAt(s.target).address, n.nodeHeader(s.target, api.MoveOffer), data, movePatience, func(c *rpc.Complete) {
		x.heard(c)
		answer()
	})
}

// heard takes what the target says.
func (x *explanation) heard(c *rpc.Complete) {
	var a wire.OfferReply
	if why := x.s.trouble(c); why != "" {
		x.obstacle(api.Obstacle{Node: x.Target, Why: why})
		return
	}
	if image.Unmarshal(c.Data, &a) != nil {
		x.obstacle(api.Obstacle{Node: x.Target, Why: "malformed answer"})
		return
	}
	for _, why := range a.Reasons {
		x.obstacle(api.Obstacle{Node: x.Target, Why: why})
	}
	for _, i := range a.Missing {
		if i >= 0 && i < len(x.s.offer.Files) {
			f := x.s.offer.Files[i]
			x.Files = append(x.Files, api.ExplainFile{Path: f.Path, Size: f.Size})
		}
	}
}

// files is how many bytes of files would be sent.
func (x *explanation) files() (bytes int64) {
	for _, f := range x.Files {
		bytes += f.Size
	}
	return bytes
}
