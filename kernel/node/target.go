package node

import (
	"fmt"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

// target is a move this node is the target of.
type target struct {
	id    wire.MoveID
	offer wire.Offer
	m     move.Target
	timer proc.Timer
	key   [16]byte

	company
	seen  []bool // messages of the page stream, by sequence number
	image []byte // what of the image has come before the rest of it
	file  []byte // the capability of the file that has their pages, if one has

	fileOn int // the node of its server

	ready  rpc.Handle // the prepare to answer
	commit rpc.Handle // the commit to answer
	frozen int64      // how long it stood still, when the commit came
	heard  int64      // when that was
	wall   int64      // its source's wall clock when it was frozen, 0: unknown
	why    string
	flight flight           // where it is recorded
	asked  mark             // the prepare or commit, in that record
	last   move.TargetEvent // that was recorded
}

func (n *Node) serveMove(r *rpc.Incoming) {
	switch r.Header.Command {
	case api.MoveOffer:
		n.gotOffer(r)
	case api.MoveFile:
		n.gotFile(r)
	case api.MovePages:
		n.gotPages(r)
	case api.MoveState:
		n.gotState(r)
	case api.MovePrepare:
		n.gotPrepare(r)
	case api.MoveCommit, api.MoveAbort:
		n.gotCommit(r)
	case api.MoveStatus:
		n.gotStatus(r)
	case api.MovePull:
		n.gotPull(r)
	}
}

// maxState bounds an image, but for its pages: it passes through the kernel's heap.
const maxState = 4 << 20

// gotOffer decides whether processes may come.
func (n *Node) gotOffer(r *rpc.Incoming) {
	var o wire.Offer
	if !n.parse(r, &o) {
		return
	}
	if t := n.targets[o.Move]; t != nil { // repeated, or there are more files
		if t.m.State() == move.Receiving {
			t.offer.Files = o.Files
			if o.Void {
				t.void()
			}
			t.step(move.Heard)
		}
		defer t.flight.message(api.MoveOffer, len(r.Data)).answered()
		n.replyWith(r, t.accept())
		return
	}
	reasons := n.refusals(&o)
	if o.Ask {
		a := (&target{offer: o, company: company{n: n}}).accept()
		a.Reasons = reasons
		n.replyWith(r, a)
		return
	}
	if len(reasons) > 0 {
		n.replyWith(r, wire.OfferReply{Refused: reasons[0], Boot: n.ipc.boot})
		return
	}
	t := &target{id: o.Move, offer: o, key: n.moveKey(o.Move), company: company{n: n}}
	t.base = t.offered
	if t.member(0) == nil {
		n.replyWith(r, wire.OfferReply{Refused: "out of memory", Boot: n.ipc.boot})
		return
	}
	t.timer.Init(t)
	n.targets[o.Move] = t
	t.step(move.Offer)
	defer t.flight.message(api.MoveOffer, len(r.Data)).answered()
	n.replyWith(r, t.accept())
}

// refusals says why processes cannot come, in words that help.
func (n *Node) refusals(o *wire.Offer) (why []string) {
	no := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	free := n.K.FreePages()
	need := uint64(o.Pages + o.Pages/256 + 64)
	if o.Version > image.Version {
		no("reads images up to version %d, this one is %d", image.Version, o.Version)
	}
	if need > free {
		no("has %d KB free, the process needs %d; end something there, or choose another node", free*4, need*4)
	}
	if n.K.Pressure != nil && n.K.Pressure() {
		no("the kernel's own memory is nearly used up there")
	}
	if len(o.Others) >= proc.MaxProcesses-len(n.Tab.Processes()) {
		no("has no room for %d more processes", 1+len(o.Others))
	}
	for _, pid := range append([]int32{o.PID}, o.Others...) {
		if n.Tab.Process(pid) != nil {
			no("has a process %d already", pid)
		}
	}
	for i, leaf := range o.CPU {
		for k, have := range n.cpu[i].Regs {
			if miss := leaf.Regs[k] &^ have; k >= 1 && miss != 0 {
				no("its CPU lacks features the process may use (CPUID leaf %#x, register %d, bits %#x); start all nodes with the same -cpu", leaf.Leaf, k, miss)
			}
		}
	}
	for _, dir := range o.Dirs {
		if n.lacksDir(dir) {
			no(noDir, dir)
		}
	}
	return why
}

// accept lists the files that are not here.
func (t *target) accept() wire.OfferReply {
	a := wire.OfferReply{Boot: t.n.ipc.boot}
	for i, f := range t.offer.Files {
		if len(f.Digest) != 32 || t.n.K.FS.ByDigest(vm.Digest(f.Digest)) == nil {
			a.Missing = append(a.Missing, i)
		}
	}
	return a
}

// offered is what of the files that were offered is here.
func (t *target) offered(i int) *vm.Store {
	if i >= len(t.offer.Files) || len(t.offer.Files[i].Digest) != len(vm.Digest{}) {
		return nil
	}
	node := t.n.K.FS.ByDigest(vm.Digest(t.offer.Files[i].Digest))
	if node == nil {
		return nil
	}
	return node.Store()
}

func (t *target) step(ev move.TargetEvent) {
	t.m.Step(t.n.Tab.Now, ev)
	t.noteEvent(ev)
	t.act()
}

// Expire implements proc.Expirer.
func (t *target) Expire(now int64) {
	t.m.Tick(now)
	t.act()
}

func (t *target) act() {
	effects := append([]move.Effect(nil), t.m.TakeEffects()...)
	for _, e := range effects {
		t.noteEffect(e)
		switch e {
		case move.Build:
			t.build()
		case move.SendReady:
			t.answer(t.ready, wire.Answer{State: "ready"})
		case move.SendRefused:
			if t.why == "" {
				t.why = "an object that it has open does not answer; try again"
			}
			t.answer(t.ready, wire.Answer{State: "dropped", Error: t.why})
		case move.Activate:
			t.activate()
		case move.SendCommitted:
			t.committed()
		case move.Drop:
			t.drop()
		case move.AskSource:
			t.ask()
		}
	}
	if d := t.m.NextDeadline(); d != 0 {
		t.n.Tab.StartTimer(&t.timer, d)
	} else {
		t.n.Tab.StopTimer(&t.timer)
	}
}

func (t *target) answer(h rpc.Handle, a wire.Answer) {
	t.asked.answered()
	a.Boot = t.n.ipc.boot
	b, _ := image.Marshal(a)
	t.n.ipc.m.Reply(t.n.Tab.Now, h, &std.Header{Size: uint32(len(b))}, b)
	t.n.perform()
}

func (n *Node) gotFile(r *rpc.Incoming) {
	var q wire.File
	if !n.parse(r, &q) {
		return
	}
	t := n.targets[q.Move]
	if t == nil || t.m.State() != move.Receiving || !validFile(q.Digest, q.Path, q.Size) {
		n.reply(r, std.NotFound, nil)
		return
	}
	defer t.flight.message(api.MoveFile, len(r.Data)).answered()
	t.step(move.Heard)
	s, _ := n.putFile(vm.Digest(q.Digest), q.Path, q.Size, q.Off, q.Data)
	n.reply(r, s, nil)
}

// gotPages takes a message of the page stream. A repeated one changes nothing.
func (n *Node) gotPages(r *rpc.Incoming) {
	m, ok := wire.DecodePages(r.Data)
	t := n.targets[m.Move]
	if !ok || t == nil || t.m.State() != move.Receiving || m.Seq > maxStream {
		n.reply(r, std.NotFound, nil)
		return
	}
	if !m.Authentic(&t.key) {
		n.refused(r.Header.Capability(), api.MovePages, std.CapBad)
		n.reply(r, std.CapBad, nil)
		return
	}
	defer t.flight.messageAs(api.MovePages, m.Seq, len(r.Data)).answered()
	t.step(move.Heard)
	for len(t.seen) <= int(m.Seq) {
		t.seen = append(t.seen, false)
	}
	if !t.seen[m.Seq] {
		if !t.install(&m) {
			n.reply(r, std.NoMem, nil)
			return
		}
		t.seen[m.Seq] = true
	}
	if t.offer.Source != n.Number {
		n.ipc.spares.put(r.Data)
	}
	n.reply(r, std.OK, nil) // it leaves with those to what has come meanwhile
}

const maxStream = 1 << 22 // messages: 240 GB

// gotState takes a piece of an image that one message does not take.
func (n *Node) gotState(r *rpc.Incoming) {
	var q wire.State
	if !n.parse(r, &q) {
		return
	}
	t := n.targets[q.Move]
	switch {
	case t == nil || t.m.State() != move.Receiving || q.Off < 0 || q.Off > len(t.image):
		n.reply(r, std.NotFound, nil)
		return
	case q.Off+len(q.Data) > maxState:
		n.reply(r, std.Overflow, nil)
		return
	case n.K.Pressure != nil && n.K.Pressure():
		n.reply(r, std.NoMem, nil)
		return
	}
	defer t.flight.message(api.MoveState, len(r.Data)).answered()
	t.step(move.Heard)
	if q.Off+len(q.Data) > len(t.image) { // else it is repeated
		t.image = append(t.image[:q.Off], q.Data...)
	}
	n.reply(r, std.OK, nil)
}

func (n *Node) gotPrepare(r *rpc.Incoming) {
	var q wire.Prepare
	if !n.parse(r, &q) {
		return
	}
	t := n.targets[q.Move]
	if t == nil {
		n.replyWith(r, wire.Answer{State: "unknown", Error: "knows nothing of this move", Boot: n.ipc.boot})
		return
	}
	t.ready = r.Handle
	t.asked = t.flight.message(api.MovePrepare, len(r.Data))
	if t.m.State() == move.Receiving {
		if missing := t.missing(q.Messages); missing >= 0 {
			t.why = fmt.Sprintf("page message %d of %d is missing", missing, q.Messages)
		}
		if q.Before != len(t.image) {
			t.why = fmt.Sprintf("%d bytes of the image have come of %d", len(t.image), q.Before)
		}
		if t.why == "" {
			t.why = t.decode(append(t.image, q.Image...), t.id.Bound())
		}
		if t.why == "" && t.all[0].im.PID != t.offer.PID {
			t.why = fmt.Sprintf("the image is of process %d", t.all[0].im.PID)
		}
		t.file, t.fileOn = q.File, q.FileOn
		t.image = nil
	}
	t.step(move.Prepare)
}

// missing is the first of so many messages of the page stream that has not come, -1
// if all have.
func (t *target) missing(messages int) int {
	for i, seen := range t.seen {
		if !seen && i < messages {
			return i
		}
	}
	if messages > len(t.seen) {
		return len(t.seen)
	}
	return -1
}

// build makes the processes of a checked image, parked. Objects that count their
// holders are told of this node; when all have answered, the target is ready.
func (t *target) build() {
	t.n.ipc.spares.drop()
	if t.why == "" {
		t.why = t.assemble()
	}
	if t.why != "" {
		t.step(move.BuildFailed)
		return
	}
	for _, a := range t.all {
		if a.p != nil {
			of(a.p).arriving = t
			t.n.markSpread(a.p.PGID) // from now on there is a member here, and others are where it comes from
			of(a.p).adoptStun(a.im)
			of(a.p).shake = a.im.Shake
		}
	}
	t.acquire(func(why string) {
		switch {
		case t.m.State() != move.Building:
		case why != "":
			t.why = why
			t.step(move.BuildFailed)
		default:
			t.step(move.Built)
		}
	})
}

func (n *Node) gotCommit(r *rpc.Incoming) {
	var q wire.Commit
	if !n.parse(r, &q) {
		return
	}
	t := n.targets[q.Move]
	switch {
	case t == nil && n.arrived[q.Move]:
		n.replyWith(r, wire.Answer{State: "committed", Boot: n.ipc.boot}) // it has come and gone on
	case t == nil:
		n.replyWith(r, wire.Answer{State: "unknown", Boot: n.ipc.boot})
	case r.Header.Command == api.MoveAbort:
		t.step(move.AbortHeard)
		n.replyWith(r, wire.Answer{State: "dropped", Boot: n.ipc.boot})
	default:
		if t.m.State() == move.Arriving {
			t.frozen, t.heard, t.wall = max(q.FrozenNs, 0), n.Tab.Now, q.FrozeAt
		}
		t.commit = r.Handle
		t.asked = t.flight.message(api.MoveCommit, len(r.Data))
		t.step(move.CommitHeard)
	}
}

// stoodStill is how long the process has been frozen, by now: what its source has
// measured, and the time since that was heard. Two wall clocks that are set by the
// same service know it better, if messages were delayed.
func (t *target) stoodStill() int64 {
	d := t.frozen + t.n.Tab.Now - t.heard
	if t.wall != 0 && t.n.wallSet {
		d = max(d, t.n.Tab.Now+t.n.Tab.WallBase-t.wall)
	}
	return d
}

// activate lets the processes run here.
func (t *target) activate() {
	n := t.n
	t.register()
	n.arrived[t.id] = true
	n.arrivals = append(n.arrivals, t.id)
	if len(n.arrivals) > maxFinished {
		delete(n.arrived, n.arrivals[0])
		n.arrivals = n.arrivals[1:]
	}
	all, images := t.processes()
	frozen := t.stoodStill()
	if len(all) == 0 {
		t.all[0].enterPTYs()
		t.all[0].resumeTimers(frozen)
		delete(n.targets, t.id)
		n.perform()
		return
	}
	for i, p := range all {
		n.newPager(t, i, p.Space)
		of(p).arriving = nil
		of(p).arrived = t
		of(p).activateLease(images[i].Lease, frozen)
		n.countCalls(images[i])
	}
	t.all[0].enterPTYs()
	n.Tab.ActivateAll(all, images, frozen)
	t.all[0].resumeTimers(frozen)
	n.Log("motile: %v arrived from node %d", set(all), t.offer.Source)
	n.perform()
}

// committed answers the commit once a thread of the processes has run, or at once if
// one has run before, or none is going to: processes that are stopped or stunned, or whose
// threads all wait, may stay so for ever.
func (t *target) committed() {
	all, _ := t.processes()
	run := false
	for _, p := range all {
		if of(p).arrived != t {
			t.answer(t.commit, wire.Answer{State: "committed"})
			return
		}
		run = run || p.Runnable()
	}
	switch {
	case len(all) == 0:
		t.answer(t.commit, wire.Answer{State: "committed"})
	case !run:
		of(all[0]).settled()
	}
}

// settled is called when a thread of a process runs, and when what is about to
// happen to the process keeps them all from running. If it has just arrived, alone or
// with others, that was what its source waited to hear.
func (x *process) settled() {
	t := x.arrived
	if t == nil {
		return
	}
	for _, a := range t.all {
		of(a.p).arrived = nil
	}
	delete(t.n.targets, t.id)
	t.noteRan()
	t.answer(t.commit, wire.Answer{State: "committed", FirstRunUs: (t.n.m.Now() - t.heard) / 1000})
}

// what is what was to come, in words.
func (t *target) what() string {
	if t.offer.PID == 0 {
		return "an object"
	}
	return pidsText(append([]int32{t.offer.PID}, t.offer.Others...))
}

// drop forgets processes that will not come.
func (t *target) drop() {
	n := t.n
	delete(n.targets, t.id)
	n.Tab.StopTimer(&t.timer)
	n.ipc.spares.drop()
	t.release()
	if t.m.State() == move.Dropped && t.why != "" {
		n.Log("motile: %s did not arrive: %s", t.what(), t.why)
	}
}
