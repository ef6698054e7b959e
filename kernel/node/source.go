package node

import (
	"encoding/binary"
	"fmt"
	"sort"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/move"
	"motile/migrate/seal"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// source is a move this node is the source of: it does what its machine says.
type source struct {
	n        *Node
	id       wire.MoveID
	p        *proc.Process // nil: an object moves
	object   *export
	target   int
	residual bool
	m        move.Source
	timer    proc.Timer
	grace    proc.Timer // asks again whether a vfork is over
	key      [16]byte   // of the page stream
	pulse    pulse

	asked  rpc.Handle // who wants the report; none if the node itself moves it
	boot   uint64     // of the target
	files  []*vm.Store
	offer  wire.Offer
	lack   []int // indices of files the target lacks
	cap    *captured
	pump   *pump
	giveUp func() // ends the COMMIT that is under way
	why    string // the first thing that went wrong

	report    api.MoveReport
	began     int64
	accepted  int64
	frozenAt  int64
	frozeWall int64
	sent      int64 // when the pages had arrived
}

// serveMigrate takes the order to move a process. It is answered when the move is
// over.
func (n *Node) serveMigrate(r *rpc.Incoming) {
	var q api.MigrateRequest
	if !n.parse(r, &q) {
		return
	}
	c, _ := capability.Decode(q.Cap)
	secret := n.ipc.key.ProcessSecret(q.PID)
	if s := n.std.process.Verify(c, uint64(q.PID), secret, capability.PSRMigrate); s != std.OK {
		n.std.process.Count(s)
		n.refused(c, api.Migrate, s)
		n.reply(r, s, nil)
		return
	}
	refuse := func(format string, args ...any) {
		n.replyWith(r, api.MigrateReply{PID: q.PID, Node: n.Number, Error: fmt.Sprintf(format, args...)})
	}
	p := n.Tab.Process(q.PID)
	switch {
	case p == nil:
		n.replyWith(r, api.MigrateReply{PID: q.PID, Elsewhere: true})
	case q.Strategy != "" && q.Strategy != "copy":
		refuse("strategy %q is not built yet; use copy", q.Strategy)
	case q.Target == n.Number:
		n.replyWith(r, api.MigrateReply{PID: q.PID, Node: n.Number})
	case q.Target < 1 || q.Target > 500:
		refuse("there is no node %d: numbers are 1 to 500", q.Target)
	case n.moving(p) != "":
		refuse("process %d is %s already", q.PID, n.moving(p))
	case of(p).arriving != nil:
		refuse("process %d is arriving from node %d; move it when it is here", q.PID, of(p).arriving.offer.Source)
	default:
		if why := n.obstacle(p, q.Residual); why != "" {
			refuse("process %d cannot move: %s", q.PID, why)
			return
		}
		n.startMove(p, q.Target, q.Residual, r.Handle)
	}
}

// rehomeObjects sends objects that are open on other nodes only to one of those.
// It is called now and then, and whenever a process has ended or left.
func (n *Node) rehomeObjects() {
	for _, x := range append([]*export(nil), n.exports...) {
		if n.homeless(x) {
			n.moveObject(x)
		}
	}
}

// moveObject moves an object that no process here has open, the way processes
// move: with the same machines, and no process.
func (n *Node) moveObject(x *export) {
	to := 0
	for _, h := range x.holders {
		if b, ok := n.neighbours[h.node]; ok && h.held && b.load.Boot == h.boot && n.Tab.Now-b.heard < silentAfter {
			to = h.node
			break
		}
	}
	if to == 0 {
		return
	}
	n.moveNr++
	s := &source{n: n, id: wire.MoveID{Boot: n.ipc.boot, Nr: n.moveNr}, object: x, target: to, began: n.Tab.Now}
	s.key = n.moveKey(s.id)
	s.timer.Init(s)
	s.grace.Init(graceOver{s})
	s.pulse.init(s)
	x.taking = true
	n.objectMoves[s.id.Nr] = s
	s.step(move.Start)
}

// sourceOf finds a move from here that is not over, of a process or an object.
func (n *Node) sourceOf(id wire.MoveID) *source {
	if id.Boot != n.ipc.boot {
		return nil
	}
	if s := n.objectMoves[id.Nr]; s != nil {
		return s
	}
	for _, s := range n.sources {
		if s.id == id {
			return s
		}
	}
	return nil
}

// moving says what move a process is in, or "".
func (n *Node) moving(p *proc.Process) string {
	if s := n.sources[p.PID]; s != nil {
		return "moving to node " + itoa(s.target)
	}
	return ""
}

func (n *Node) startMove(p *proc.Process, target int, residual bool, asked rpc.Handle) {
	n.moveNr++
	s := &source{n: n, id: wire.MoveID{Boot: n.ipc.boot, Nr: n.moveNr}, p: p, target: target, residual: residual, asked: asked, began: n.Tab.Now}
	s.key = n.moveKey(s.id)
	s.timer.Init(s)
	s.grace.Init(graceOver{s})
	s.pulse.init(s)
	n.sources[p.PID] = s
	s.step(move.Start)
}

// moveKey is the key of a move's page stream: both ends derive it.
func (n *Node) moveKey(id wire.MoveID) [16]byte {
	b := binary.BigEndian.AppendUint64(nil, id.Boot)
	return capability.OneWay("motile move", n.ipc.key[:], binary.BigEndian.AppendUint64(b, id.Nr))
}

// step takes an event and does what follows.
func (s *source) step(ev move.SourceEvent) {
	s.m.Step(s.n.Tab.Now, ev)
	s.act()
}

// Expire implements proc.Expirer: the machine's deadline.
func (s *source) Expire(now int64) {
	s.m.Tick(now)
	s.act()
}

func (s *source) act() {
	effects := append([]move.Effect(nil), s.m.TakeEffects()...)
	for _, e := range effects {
		switch e {
		case move.SendOffer:
			s.sendOffer()
		case move.SendFiles:
			s.sendFiles(0, 0)
		case move.Freeze:
			s.freeze()
		case move.SendPages:
			s.sendPages()
		case move.SendPrepare:
			s.sendPrepare()
		case move.Commit:
			s.logCommit()
		case move.SendCommit:
			s.sendCommit()
		case move.Discard:
			s.discard()
		case move.Thaw:
			s.thaw()
		case move.SendAbort:
			s.send(api.MoveAbort, wire.Commit{Move: s.id}, func(*rpc.Complete) {})
		case move.GoSilent:
			s.goSilent()
		case move.Report:
			s.finish()
		}
	}
	if d := s.m.NextDeadline(); d != 0 {
		s.n.Tab.StartTimer(&s.timer, d)
	} else {
		s.n.Tab.StopTimer(&s.timer)
	}
}

// fail notes why and tells the machine.
func (s *source) fail(format string, args ...any) {
	if s.why == "" {
		s.why = fmt.Sprintf(format, args...)
	}
	s.step(move.Failed)
}

// movePatience is how long the target's process server is looked for.
const movePatience = 2e9

// send is one transaction with the target's process server.
func (s *source) send(command uint32, v any, done func(*rpc.Complete)) (slot int) {
	data, err := image.Marshal(v)
	if err != nil {
		s.fail("encoding: %v", err)
		return
	}
	return s.n.call(s.n.nodeAt(s.target).address, s.n.nodeHeader(s.target, command), data, movePatience, done)
}

// trouble says what a transaction with the target came to, or "" if all is well.
func (s *source) trouble(c *rpc.Complete) string {
	switch {
	case c.Status == std.RPCNotFound:
		return fmt.Sprintf("node %d does not answer: is it up? (see nodes)", s.target)
	case c.Status != std.OK:
		return fmt.Sprintf("node %d went silent (%v)", s.target, c.Status)
	case c.Header.Status() == std.NoMem:
		return fmt.Sprintf("node %d ran out of memory", s.target)
	case c.Header.Status() != std.OK:
		return fmt.Sprintf("node %d refused (%v)", s.target, c.Header.Status())
	}
	return ""
}

func (s *source) sendOffer() {
	n := s.n
	s.offer = wire.Offer{Move: s.id, Source: n.Number, Version: image.Version}
	if s.p != nil {
		s.describe(s.p)
	} else {
		s.offerFile(s.object.file)
	}
	s.send(api.MoveOffer, s.offer, func(c *rpc.Complete) {
		var a wire.OfferReply
		if why := s.trouble(c); why != "" {
			s.fail("%s", why)
			return
		}
		if image.Unmarshal(c.Data, &a) != nil {
			s.fail("node %d: malformed answer", s.target)
			return
		}
		if a.Refused != "" {
			s.why = fmt.Sprintf("node %d: %s", s.target, a.Refused)
			s.step(move.Refused)
			return
		}
		s.boot, s.lack = a.Boot, a.Missing
		s.accepted = n.Tab.Now
		s.step(move.Accepted)
	})
}

// describe fills in what the target must know of a process to decide.
func (s *source) describe(p *proc.Process) {
	_, private := p.Space.Resident()
	s.offer.PID, s.offer.CPU, s.offer.Pages, s.offer.Command = p.PID, s.n.cpu, private, command(p)
	s.offer.Dirs = []string{p.Cwd}
	for fd := range p.FDs.Len() {
		if f := p.FDs.Held(int32(fd)); f != nil {
			s.offerFile(f)
		}
	}
	for _, r := range p.Space.Regions() {
		if r.Store != nil && r.Store.Immutable() {
			s.offerStore(r.Store, p.Exe)
		}
	}
}

func (s *source) offerFile(f *object.File) {
	switch impl := f.Impl.(type) {
	case *fs.Dir:
		s.offer.Dirs = append(s.offer.Dirs, f.Path)
	case *fs.Regular:
		if st := impl.Store(); st.Immutable() && st.Digest != (vm.Digest{}) {
			s.offerStore(st, f.Path)
		}
	}
}

func (s *source) offerStore(st *vm.Store, path string) {
	for _, x := range s.files {
		if x == st {
			return
		}
	}
	s.files = append(s.files, st)
	s.offer.Files = append(s.offer.Files, wire.FileOffer{Digest: st.Digest[:], Path: s.n.pathOf(st, path), Size: st.Size()})
}

// pathOf is where a file of some content lies in the tree.
func (n *Node) pathOf(st *vm.Store, or string) string {
	if node := n.K.FS.ByDigest(st.Digest); node != nil && node.Path != "" {
		if node.Path[0] != '/' {
			return "/" + node.Path
		}
		return node.Path
	}
	return or
}

// sendFiles sends what the target lacks, piece by piece, while the process runs.
func (s *source) sendFiles(i int, off int64) {
	if i == len(s.lack) {
		s.settle()
		return
	}
	k := s.lack[i]
	if k < 0 || k >= len(s.files) {
		s.fail("node %d asks for a file that was not offered", s.target)
		return
	}
	st, f := s.files[k], s.offer.Files[k]
	data := make([]byte, min(int64(filePiece), st.Size()-off))
	st.ReadAt(data, off)
	s.send(api.MoveFile, wire.File{Move: s.id, Digest: f.Digest, Path: f.Path, Size: f.Size, Off: off, Data: data}, func(c *rpc.Complete) {
		if why := s.trouble(c); why != "" {
			s.fail("%s", why)
			return
		}
		s.report.Bytes += int64(len(data))
		if off += int64(len(data)); off < st.Size() {
			s.sendFiles(i, off)
		} else {
			s.sendFiles(i+1, 0)
		}
	})
}

const filePiece = 48 << 10

// Between vfork and exec two processes run in one memory, and neither can leave
// alone. That is over soon, as a rule: a move waits this long, and then refuses.
const (
	vforkGrace = 50e6
	vforkPause = 2e6
)

// settle goes on to the freeze, once the process has its memory for itself.
func (s *source) settle() {
	switch {
	case s.p == nil || s.p.Exiting() || !s.p.Space.Shared():
		s.step(move.FilesSent)
	case s.n.Tab.Now-s.accepted < vforkGrace:
		s.n.Tab.StartTimer(&s.grace, s.n.Tab.Now+vforkPause)
	default:
		s.fail("process %d is between vfork and exec and shares its memory; try again when the child has called exec", s.p.PID)
	}
}

// graceOver is the source as the owner of its grace timer.
type graceOver struct{ s *source }

// Expire implements proc.Expirer.
func (g graceOver) Expire(int64) {
	if g.s.m.State() == move.Sending {
		g.s.settle()
	}
}

// freeze stops the process and captures it. While files were on the way much can
// have happened to it.
func (s *source) freeze() {
	n := s.n
	if s.p == nil {
		s.freezeObject()
		return
	}
	x := of(s.p)
	switch {
	case s.p.Exiting() || n.Tab.Process(s.p.PID) != s.p:
		s.fail("the process has ended")
		return
	}
	if why := n.obstacle(s.p, s.residual); why != "" {
		s.fail("process %d cannot move: %s", s.p.PID, why)
		return
	}
	s.pulse.start()
	x.settled()
	x.askAgain()
	s.frozenAt, s.frozeWall = n.Tab.Now, n.Tab.Now+n.Tab.WallBase
	x.freeze()
	c, err := n.capture(s.p, s.target, s.boot, s.residual)
	s.cap = c
	if err != nil {
		s.why = fmt.Sprintf("process %d cannot move: %v", s.p.PID, err)
	}
}

func (s *source) freezeObject() {
	n := s.n
	if !n.abroad(s.object) {
		s.fail("it is wanted here again, or nowhere")
		return
	}
	s.pulse.start()
	s.frozenAt, s.frozeWall = n.Tab.Now, n.Tab.Now+n.Tab.WallBase
	s.cap = &captured{im: new(image.Process)}
	if err := n.captureObject(s.cap, s.object); err != nil {
		s.why = err.Error()
	}
}

func (s *source) sendPrepare() {
	s.sent = s.n.Tab.Now
	img, err := s.n.encode(s.cap, s.id.Bound())
	if err != nil {
		s.fail("encoding the image: %v", err)
		return
	}
	s.report.StateBytes = len(img)
	s.send(api.MovePrepare, wire.Prepare{Move: s.id, Image: img, Messages: s.pump.seq}, func(c *rpc.Complete) {
		var a wire.Answer
		if c.Status == std.Overflow {
			s.fail("beside its pages there are %d KB of it (its log, what is in pipes, messages under way): more than a message takes", len(img)>>10)
			return
		}
		if why := s.trouble(c); why != "" {
			s.fail("%s", why)
			return
		}
		if image.Unmarshal(c.Data, &a) != nil || a.State != "ready" {
			s.fail("node %d: %s", s.target, a.Error)
			return
		}
		s.step(move.Ready)
	})
}

// encode makes the image: a container with the process, its objects, and, sealed,
// the state of its endpoints.
func (n *Node) encode(c *captured, bound []byte) ([]byte, error) {
	w := image.NewWriter()
	for _, r := range []struct {
		t image.Type
		v any
	}{{image.TypeProcess, c.im}, {image.TypeObjects, c.objects}, {image.TypeRPC, c.rpc}} {
		b, err := image.Marshal(r.v)
		if err != nil {
			return nil, err
		}
		if r.t == image.TypeRPC {
			var nonce [16]byte
			n.K.Random(nonce[:])
			b = seal.Seal((*[32]byte)(&n.ipc.key), nonce, bound, b)
		}
		w.Add(image.Record{Type: r.t, Required: true, Payload: b})
	}
	return w.Bytes(), nil
}

// sendCommit is sent until it is answered. FrozenNs is made anew each time.
func (s *source) sendCommit() {
	n := s.n
	c := wire.Commit{Move: s.id, FrozenNs: n.Tab.Now - s.frozenAt}
	if n.wallSet {
		c.FrozeAt = s.frozeWall
	}
	over := false
	slot := s.send(api.MoveCommit, c, func(c *rpc.Complete) {
		over = true
		s.giveUp = nil
		var a wire.Answer
		if c.Status != std.OK || c.Header.Status() != std.OK || image.Unmarshal(c.Data, &a) != nil {
			s.step(move.Failed)
			return
		}
		switch {
		case a.Boot != s.boot:
			s.why = fmt.Sprintf("node %d was restarted: the process is lost with it", s.target)
			s.step(move.TargetLost)
		case a.State == "committed":
			s.report.FirstRunUs = a.FirstRunUs
			s.step(move.Committed)
		default:
			// It has the same boot and knows nothing: it was told by hand.
			s.why = fmt.Sprintf("node %d has dropped the process", s.target)
			s.step(move.TargetLost)
		}
	})
	if !over {
		s.giveUp = func() { n.forgetCall(slot) }
	}
}

func (s *source) logCommit() {
	if s.p != nil {
		s.n.Log("motile: process %d: committed to node %d", s.p.PID, s.target)
	}
}

// discard drops the copy here. The process is at the target, or lost.
func (s *source) discard() {
	if s.p == nil {
		s.n.leave(s.cap)
		return
	}
	n, p := s.n, s.p
	of(p).remove()
	n.leave(s.cap)
	n.left = append(n.recentlyLeft(), departed{p.PID, p.PGID, p.SID, n.Tab.Now + departedFor})
	n.markSpread(p.PGID)
	n.Tab.Discard(p)
}

// thaw lets the process run on here.
func (s *source) thaw() {
	if s.cap == nil {
		return // it was never frozen
	}
	if s.giveUp != nil { // resolved by hand: what the target has not heard, it must not hear
		s.giveUp()
		s.giveUp = nil
	}
	s.n.undo(s.cap, s.target, s.boot)
	s.cap = nil
	if s.p == nil {
		return
	}
	of(s.p).thaw()
}

// goSilent: nobody knows where the process is. Messages for it are told NOTHERE
// from now on, instead of BUSY for ever.
func (s *source) goSilent() {
	if s.p == nil {
		return // its holders go on waiting: they have nobody else to ask
	}
	x := of(s.p)
	s.n.Log("motile: process %d: in doubt: node %d does not confirm; resolve it by hand", s.p.PID, s.target)
	s.n.ipc.m.Silence(s.n.Tab.Now, x.pid)
	if x.own != nil {
		s.n.ipc.m.Silence(s.n.Tab.Now, x.own)
	}
	if x.raw != nil {
		s.n.ipc.raw.Silence(s.n.Tab.Now, x.raw)
	}
	x.eachGroup(s.n.ipc.grp.Silence)
}

// maxFinished is for how many moves a node knows how they ended.
const maxFinished = 1 << 16

// finish tells who asked how it ended.
func (s *source) finish() {
	n, now := s.n, s.n.Tab.Now
	n.finished[s.id.Nr] = s.m.State()
	delete(n.finished, s.id.Nr-maxFinished)
	n.Tab.StopTimer(&s.timer)
	n.Tab.StopTimer(&s.grace)
	s.pulse.stop()
	if s.p == nil {
		delete(n.objectMoves, s.id.Nr)
		s.object.taking = false
		s.object.closeUnused()
		return
	}
	delete(n.sources, s.p.PID)
	n.wantRehome = true
	of(s.p).shakenOff(s.m.State())
	out := api.MigrateReply{PID: s.p.PID, Node: n.Number, Error: s.why}
	if s.m.State() == move.Done {
		out.Node, out.Error = s.target, ""
		r := &s.report
		us := func(from, to int64) int64 { return (to - from) / 1000 }
		r.NegotiateUs, r.PrecopyUs = us(s.began, s.accepted), us(s.accepted, s.frozenAt)
		r.FreezeUs, r.TransferUs, r.CommitUs = us(s.frozenAt, now), us(s.frozenAt, s.sent), us(s.sent, now)
		r.TotalUs = us(s.began, now)
		out.Report = *r
	} else {
		n.Log("motile: process %d not moved to node %d: %s", s.p.PID, s.target, s.why)
	}
	b, err := image.Marshal(out)
	if err == nil {
		n.ipc.m.Reply(now, s.asked, &std.Header{Size: uint32(len(b))}, b)
		n.perform()
	}
}

// markSpread notes that a process group may have members elsewhere.
func (n *Node) markSpread(pgid int32) {
	if len(n.spread) > 4096 {
		for g := range n.spread {
			if n.Tab.GroupSession(g) == 0 {
				delete(n.spread, g)
			}
		}
	}
	n.spread[pgid] = true
}

// movesRebooted: moves to a node that was restarted are lost, if they were
// committed, or fail.
func (n *Node) movesRebooted(node int, boot uint64) {
	var pids []int32
	for pid, s := range n.sources {
		if s.target == node {
			pids = append(pids, pid)
		}
	}
	sort.Slice(pids, func(i, j int) bool { return pids[i] < pids[j] })
	for _, pid := range pids {
		s := n.sources[pid]
		if s.boot != 0 && s.boot != boot {
			continue
		}
		if s.why == "" {
			s.why = fmt.Sprintf("node %d was restarted", node)
		}
		s.step(move.TargetLost)
	}
	for _, s := range n.objectMoves { // order does not matter: they have nothing in common
		if s.target == node && (s.boot == 0 || s.boot == boot) {
			s.step(move.TargetLost)
		}
	}
	n.targetsRebooted(node, boot)
}
