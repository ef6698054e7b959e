package sim

import (
	"slices"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/migrate/move"
)

// Course says how a move is to go, as far as that is not the protocol's affair.
type Course struct {
	Pages int   // messages of the page stream, of PageBytes each
	Build int64 // how long the target takes to build the process
}

// PageBytes is the length of a message of the page stream: several fragments.
const PageBytes = 4000

// departure is a move as its source sees it: it does what its machine says.
type departure struct {
	k      *kernel
	id     moveID
	p      *Process
	to     int
	course Course
	m      move.Source

	ep    *rpc.Endpoint // that was frozen; nil before
	state []byte
	age   int
	boot  uint64 // of the target
	call  int    // slot of the COMMIT under way, or -1
}

// Migrate begins to move a process to another node. It reports false if the
// process cannot move now. How the move ends, the protocol decides.
func (p *Process) Migrate(to *Node, course Course) bool {
	if !p.Alive || p.moving != nil || p.Frozen || to == p.node {
		return false
	}
	p.cluster.Kernels()
	k := p.node.kernel
	k.moves++
	d := &departure{k: k, id: moveID{k.n.ID, uint64(k.n.boot), k.moves}, p: p, to: to.ID, course: course, call: -1}
	p.moving = d
	k.departures = append(k.departures, d)
	p.cluster.tracef("%s: migrate from %d to %d", p.Name, k.n.ID, to.ID)
	d.step(move.Start)
	return true
}

// Moving reports whether the process has begun a move from its node that has not
// ended.
func (p *Process) Moving() bool {
	return p.moving != nil && p.moving.k.runs() && !p.moving.m.Over()
}

func (d *departure) now() int64 { return d.k.n.cluster.Now }

func (d *departure) step(ev move.SourceEvent) {
	d.m.Step(d.now(), ev)
	d.act()
}

func (d *departure) act() {
	for _, e := range slices.Clone(d.m.TakeEffects()) {
		switch e {
		case move.SendOffer:
			d.ask(moveOffer, offerData(d.p.number), func(e *rpc.Complete) {
				d.boot = e.Header.Offset
				d.step(move.Accepted)
			})
		case move.SendFiles:
			d.step(move.FilesSent)
		case move.Freeze:
			d.freeze()
		case move.SendPages:
			d.sendPages(0)
		case move.SendPrepare:
			d.ask(movePrepare, prepareData(d.age, d.course.Build, d.state), func(*rpc.Complete) { d.step(move.Ready) })
		case move.Commit:
			d.k.n.cluster.tracef("%s: committed to node %d", d.p.Name, d.to)
		case move.SendCommit:
			d.sendCommit()
		case move.Discard:
			d.p.RemoveFrom(d.k.n, d.ep)
		case move.Thaw:
			d.thaw()
		case move.SendAbort:
			d.k.call(d.to, d.header(moveAbort), nil, func(*rpc.Complete) {})
		case move.GoSilent:
			d.k.n.cluster.tracef("%s: in doubt", d.p.Name)
			d.k.n.machine.Silence(d.now(), d.ep)
			if mb := d.k.n.members[d.ep]; mb != nil {
				d.k.n.groups.Silence(d.now(), mb)
			}
			d.k.n.cluster.perform(d.k.n)
		case move.Report:
			d.finish()
		}
	}
	if at := d.m.NextDeadline(); at != 0 {
		d.k.after(max(at-d.now(), 0), func() {
			if d.m.NextDeadline() == at {
				d.m.Tick(d.now())
				d.act()
			}
		})
	}
}

func (d *departure) header(command uint32) std.Header {
	return std.Header{Command: command, Object: d.id.nr, Offset: d.id.boot, Extra: uint32(d.id.source)}
}

// ask is a transaction before the commit: any failure ends the move.
func (d *departure) ask(command uint32, data []byte, done func(*rpc.Complete)) {
	d.k.call(d.to, d.header(command), data, func(e *rpc.Complete) {
		if e.Status != std.OK || e.Header.Status() != std.OK {
			d.step(move.Failed)
			return
		}
		done(e)
	})
}

// freeze stops the process, which may have ended meanwhile, and captures it.
func (d *departure) freeze() {
	p := d.p
	if !p.Alive || p.Frozen {
		d.step(move.Failed)
		return
	}
	p.Freeze()
	d.ep, d.age = p.ep, p.age
	d.state = p.Export()
}

func (d *departure) sendPages(sent int) {
	switch {
	case d.m.State() != move.Frozen: // it was aborted before the first page
	case sent == d.course.Pages:
		d.step(move.PagesSent)
	default:
		d.ask(movePages, Pattern(uint64(sent), PageBytes), func(*rpc.Complete) { d.sendPages(sent + 1) })
	}
}

// sendCommit is called until it is answered.
func (d *departure) sendCommit() {
	d.call = -1
	over := false
	call := d.k.call(d.to, d.header(moveCommit), nil, func(e *rpc.Complete) {
		over = true
		d.call = -1
		switch {
		case e.Status != std.OK:
			d.step(move.Failed)
		case e.Header.Offset != d.boot:
			d.step(move.TargetLost)
		case e.Header.Status() == std.OK:
			d.step(move.Committed)
		default:
			// It has the same boot and knows nothing: it was told by hand.
			d.step(move.TargetLost)
		}
	})
	if !over {
		d.call = call
	}
}

func (d *departure) thaw() {
	if d.ep == nil {
		return // it was never frozen
	}
	d.k.forget(d.call) // resolved by hand: what the target has not heard, it must not hear
	d.p.thawAt(d.k.n, d.ep)
}

func (d *departure) finish() {
	k := d.k
	k.n.cluster.tracef("%s: move to node %d: %v", d.p.Name, d.to, d.m.State())
	k.finished[d.id] = d.m.State()
	k.departures = slices.DeleteFunc(k.departures, func(x *departure) bool { return x == d })
	if d.p.moving == d {
		d.p.moving = nil
	}
}

// Resolve ends a move in doubt by hand, at the source.
func (p *Process) Resolve(resume bool) bool {
	d := p.moving
	if d == nil || !d.k.runs() || !d.m.InDoubt() {
		return false
	}
	if resume {
		d.step(move.Resumed)
	} else {
		d.step(move.Discarded)
	}
	return true
}
