package proc

import (
	"sort"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
)

// maxTrail is how many nodes that a process was on are remembered.
const maxTrail = 1000

// Capture writes down a frozen process: everything but its descriptors, which
// need the file tree, and the contents of its pages. stores are what the regions
// in the image refer to by index.
func (tb *Table) Capture(p *Process) (im *image.Process, stores []*vm.Store) {
	user, system := p.UserNs, p.SystemNs
	im = &image.Process{
		PID: p.PID, Parent: p.Parent, PGID: p.PGID, SID: p.SID,
		Umask: p.Umask, Cwd: p.Cwd, TTY: -1, Log: -1,
		Comm: p.Comm, Args: p.Args, Exe: p.Exe, Comment: p.Comment, Owner: p.Owner,
		Brk: p.Space.Brk, BrkStart: p.Space.BrkStart,
		Now: p.Now(), Wall: p.Wall(), Started: p.Started,
		UserNs: user, SystemNs: system, ChildUser: p.ChildUser, ChildSys: p.ChildSys,
		DeathSig: p.DeathSig, ExitSig: p.ExitSig, Events: p.events, Stopped: p.stopped, Execed: p.execed,
		Former: p.Former, Generation: p.Generation, Random: p.Random,
		Locking: p.Locking, NextIndex: p.nextIndex, Missing: p.Missing, Moves: p.Moves, Trail: p.Trail[max(len(p.Trail)-maxTrail, 0):],
	}
	if p.Generation > 0 {
		im.Lineage = append([]byte(nil), p.Lineage[:]...)
	}
	for _, t := range p.Threads {
		im.Threads = append(im.Threads, tb.captureThread(t))
	}
	turns := make([]int, len(p.Threads))
	for i := range turns {
		turns[i] = i
	}
	sort.SliceStable(turns, func(i, j int) bool { return p.Threads[turns[i]].turn < p.Threads[turns[j]].turn })
	for turn, i := range turns {
		im.Threads[i].Turn = uint32(turn)
	}
	im.Regions, im.Stores, stores = captureRegions(p.Space)
	for sig, a := range p.Actions {
		if a != (Action{}) {
			im.Actions = append(im.Actions, image.Action{Signal: sig, Handler: a.Handler, Flags: a.Flags, Restorer: a.Restorer, Mask: a.Mask})
		}
	}
	im.Pending = captureSignals(&p.Pending)
	for _, c := range p.Children {
		im.Children = append(im.Children, image.Child{PID: c.PID, PGID: c.PGID, State: uint8(c.State), Status: c.Status,
			Reported: c.Reported, UserNs: c.UserNs, SystemNs: c.SystemNs, ExitSig: c.ExitSig, Seq: c.Seq})
	}
	for _, l := range p.Limits {
		im.Limits = append(im.Limits, image.Limit(l))
	}
	for i := range p.Timers {
		left, period := p.Timers[i].Get()
		im.Timers[i] = image.ITimer{Left: left, Period: period}
	}
	im.PosixTimers, im.NextTimer = p.capturePosixTimers(), p.nextTimer
	return im, stores
}

func (tb *Table) captureThread(t *Thread) image.Thread {
	if tb.SpillFPU != nil {
		tb.SpillFPU(t.Frame)
	}
	f := t.Frame
	it := image.Thread{
		TID: t.TID, Index: t.Index,
		Regs: [20]uint64{f.AX, f.BX, f.CX, f.DX, f.SI, f.DI, f.BP, f.SP,
			f.R8, f.R9, f.R10, f.R11, f.R12, f.R13, f.R14, f.R15, f.IP, f.Flags, f.FSBase, f.GSBase},
		FX: append([]byte(nil), f.FX[:]...), Trap: f.Vector, Err: f.Err, CR2: f.CR2,
		Mask: t.Mask, SavedMask: t.SavedMask, MaskSaved: t.MaskSaved, Pending: captureSignals(&t.Pending),
		AltStack: [2]uint64{t.AltStack.SP, t.AltStack.Size}, ClearTID: t.ClearTID, RobustList: t.RobustList,
		Former: t.Former,
		Name:   t.Name, UserNs: t.UserNs, SystemNs: t.SystemNs, Server: t.Server, Patience: t.Patience, Secure: t.Secure,
	}
	if t.Call.Active {
		c := tb.captureCall(&t.Call)
		it.Call = &c
	}
	for i := range t.Below {
		it.Below = append(it.Below, image.Suspended{Call: tb.captureCall(&t.Below[i].Call), Frame: t.Below[i].Frame})
	}
	return it
}

func (tb *Table) captureCall(c *Call) image.Call {
	ic := image.Call{Nr: c.Nr, Args: c.Args, Done: c.Done, Phase: c.Phase, Aux: c.Aux, Masked: c.Masked, Slot: c.Slot}
	if c.Deadline != 0 {
		ic.Remaining = max(c.Deadline-tb.Now, 1)
	}
	if a := c.Answer; a != nil {
		var h [std.HeaderLen]byte
		a.Header.PutWire(&h)
		ic.Reply = &image.Reply{Status: int32(a.Status), Header: h[:], Data: a.Data, Size: a.Size}
	}
	return ic
}

func captureSignals(p *Pending) (out []image.Signal) {
	for _, in := range p.Queue {
		out = append(out, image.Signal(in))
	}
	return out
}

func captureRegions(s *vm.Space) (regions []image.Region, list []image.Store, stores []*vm.Store) {
	for _, r := range s.Regions() {
		ir := image.Region{Start: r.Start, End: r.End, Prot: r.Prot, Shared: r.Shared, Stack: r.Stack, Store: -1, Off: r.Off, Fork: uint8(r.Fork)}
		if r.Store != nil {
			ir.Store = -1
			for i, st := range stores {
				if st == r.Store {
					ir.Store = int32(i)
				}
			}
			if ir.Store < 0 {
				ir.Store = int32(len(stores))
				stores = append(stores, r.Store)
				is := image.Store{Size: r.Store.Size()}
				switch {
				case r.Store.Nameless():
					is.Still = true
				case r.Store.Immutable():
					is.Digest = append([]byte(nil), r.Store.Digest[:]...)
				}
				list = append(list, is)
			}
		}
		regions = append(regions, ir)
	}
	return regions, list, stores
}

// Adopt makes a process of a checked image, frozen: its threads wait, its timers
// stand still, and it is in nobody's process group until Activate. space is its
// memory. It reports false when an id is taken.
func (tb *Table) Adopt(im *image.Process, space *vm.Space) (*Process, bool) {
	if tb.Process(im.PID) != nil {
		return nil, false
	}
	for i := range im.Threads {
		if tb.threads[im.Threads[i].TID] != nil {
			return nil, false
		}
	}
	p := &Process{
		PID: im.PID, Parent: im.Parent, PGID: im.PGID, SID: im.SID,
		Locking: im.Locking, Space: space, FDs: new(FDs), Umask: im.Umask, Cwd: im.Cwd,
		Comm: im.Comm, Args: im.Args, Exe: im.Exe, Comment: im.Comment, Owner: im.Owner, Started: im.Started,
		UserNs: im.UserNs, SystemNs: im.SystemNs, ChildUser: im.ChildUser, ChildSys: im.ChildSys,
		DeathSig: im.DeathSig, ExitSig: im.ExitSig, events: im.Events, Missing: im.Missing,
		Moves: im.Moves, Trail: im.Trail, Former: im.Former, Generation: im.Generation, Random: im.Random,
		table: tb, nextIndex: im.NextIndex, stopped: im.Stopped, execed: im.Execed, frozen: true, moving: true,
	}
	copy(p.Lineage[:], im.Lineage)
	for _, a := range im.Actions {
		p.Actions[a.Signal] = Action{Handler: a.Handler, Flags: a.Flags, Restorer: a.Restorer, Mask: a.Mask}
	}
	adoptSignals(&p.Pending, im.Pending)
	for _, c := range im.Children {
		p.Children = append(p.Children, &Child{PID: c.PID, PGID: c.PGID, State: ChildState(c.State), Status: c.Status,
			Reported: c.Reported, UserNs: c.UserNs, SystemNs: c.SystemNs, ExitSig: c.ExitSig, Seq: c.Seq})
	}
	for i := range min(len(im.Limits), Nlimits) {
		p.Limits[i] = Limit(im.Limits[i])
	}
	p.initTimers()
	p.adoptPosixTimers(im)
	tb.insert(p)
	for i := range im.Threads {
		tb.adoptThread(p, &im.Threads[i])
	}
	return p, true
}

func (tb *Table) adoptThread(p *Process, it *image.Thread) {
	t := tb.newThread(p, it.TID)
	p.nextIndex-- // newThread counted one more; the image says which it is
	t.Index, t.Former = it.Index, it.Former
	f := t.Frame
	for i, r := range []*uint64{&f.AX, &f.BX, &f.CX, &f.DX, &f.SI, &f.DI, &f.BP, &f.SP,
		&f.R8, &f.R9, &f.R10, &f.R11, &f.R12, &f.R13, &f.R14, &f.R15, &f.IP, &f.Flags, &f.FSBase, &f.GSBase} {
		*r = it.Regs[i]
	}
	copy(f.FX[:], it.FX)
	f.Vector, f.Err, f.CR2 = it.Trap, it.Err, it.CR2
	Sanitize(f)
	t.SetMask(it.Mask)
	t.SavedMask, t.MaskSaved = it.SavedMask&^unblockable, it.MaskSaved
	adoptSignals(&t.Pending, it.Pending)
	t.AltStack = abi.Stack{SP: it.AltStack[0], Size: it.AltStack[1]}
	t.ClearTID, t.RobustList, t.Name = it.ClearTID, it.RobustList, it.Name
	t.UserNs, t.SystemNs, t.Server = it.UserNs, it.SystemNs, it.Server
	t.Patience, t.Secure, t.turn = it.Patience, it.Secure, uint64(it.Turn)
	if it.Call != nil {
		t.Call = adoptCall(it.Call)
	}
	for _, b := range it.Below {
		t.Below = append(t.Below, Suspended{adoptCall(&b.Call), b.Frame})
	}
	t.state = Ready
}

// adoptCall leaves the time that remained in Deadline, until Activate.
func adoptCall(ic *image.Call) Call {
	c := Call{Active: true, Nr: ic.Nr, Args: ic.Args, Deadline: ic.Remaining, Done: ic.Done,
		Phase: ic.Phase, Aux: ic.Aux, Masked: ic.Masked, Slot: ic.Slot}
	if r := ic.Reply; r != nil {
		c.Answer = &object.Answer{Status: std.Status(r.Status), Data: r.Data, Size: r.Size}
		c.Answer.Header.GetWire((*[std.HeaderLen]byte)(r.Header))
	}
	return c
}

func adoptSignals(p *Pending, in []image.Signal) {
	for _, s := range in {
		p.add(Info(s))
	}
}

// Activate lets an adopted process run, as a set of one.
func (tb *Table) Activate(p *Process, im *image.Process, frozen int64) {
	tb.ActivateAll([]*Process{p}, []*image.Process{im}, frozen)
}

// ActivateAll lets adopted processes run that moved together. frozen is how long they
// stood still: their clocks go on as if they had not, and what remained of their
// deadlines is so much less.
func (tb *Table) ActivateAll(set []*Process, images []*image.Process, frozen int64) {
	var order []*Thread
	for i, p := range set {
		tb.resumeClocks(p, images[i], frozen)
		order = append(order, p.Threads...)
		p.frozen = false
		p.settled()
		if p.stunned {
			tb.stopTimers(p)
		}
	}
	// Waiters on futexes queue again in the order they waited, whichever process they are
	// of. Of the others, who has waited longest for the CPU is first: whoever is moved
	// again and again, at the calls of one thread, would else never get to another.
	sort.SliceStable(order, func(i, j int) bool {
		if a, b := order[i].futexOrder(), order[j].futexOrder(); a != b {
			return a < b
		}
		return order[i].turn < order[j].turn
	})
	for _, t := range order {
		tb.turns++
		t.turn = tb.turns
		if n := t.futexOrder(); n > tb.futexSeq {
			tb.futexSeq = n
		}
		if t.state == Ready && !tb.queueAgain(t) {
			tb.ready(t, true)
		}
	}
}

func (tb *Table) resumeClocks(p *Process, im *image.Process, frozen int64) {
	p.MonoOffset = im.Now + frozen - tb.Now
	p.WallOffset = im.Wall + frozen - tb.Now - tb.WallBase
	p.wallSince = tb.Now
	rearm := func(c *Call) {
		if c.Active && c.Deadline != 0 {
			c.Deadline = max(tb.Now+c.Deadline-frozen, 1)
		}
	}
	for _, t := range p.Threads {
		rearm(&t.Call)
		for i := range t.Below {
			rearm(&t.Below[i].Call)
		}
	}
	for i, iv := range im.Timers {
		if iv.Left != 0 && i == TimerReal {
			iv.Left -= frozen
		}
		if im.Timers[i].Left != 0 {
			p.Timers[i].rearm(iv.Left, iv.Period)
		} else {
			p.Timers[i].Set(0, iv.Period)
		}
	}
	tb.startTimers(p)
}

// queueAgain puts a thread that waits on a futex back into its queue, before any other
// runs: that one's wake-up must find it. What else threads wait for can be looked at
// again.
func (tb *Table) queueAgain(t *Thread) bool {
	c := &t.Call
	if t.futexOrder() == 0 || c.Phase != FutexQueued || c.Expired(tb.Now) {
		return false
	}
	tb.FutexWait(t, c.Aux[0], uint32(c.Aux[1]))
	tb.block(t)
	return true
}

// Discard drops a frozen process that is elsewhere now, or will not come: nobody
// is told, and what it had open is closed.
func (tb *Table) Discard(p *Process) {
	p.exiting = true
	p.left()
	for _, t := range p.Threads {
		tb.dropThread(t)
	}
	if p.Space != nil {
		p.Space.Release()
		p.Space = nil
	}
	tb.stopTimers(p)
	p.FDs.closeAll()
	for _, f := range []**object.File{&p.TTY, &p.Log} {
		if *f != nil {
			(*f).Release()
			*f = nil
		}
	}
	children := p.Children
	p.Children = nil
	tb.remove(p)
	p.Threads = nil
	tb.watchEnd(p.PID)
	tb.parentGone(children)
}

// futexOrder is t's place among the waiters on futexes, 0 if it is none.
func (t *Thread) futexOrder() uint64 {
	if t.Call.Active && (t.Call.Nr == abi.SysFutex || t.Call.Nr == abi.SysMuTrylock) {
		return t.Call.Aux[2]
	}
	return 0
}

// BySlot finds the call that waits for a transaction: in progress or suspended. One that
// has its answer waits no more, and another may have its slot.
func (p *Process) BySlot(slot uint32) (*Thread, *Call) {
	for _, t := range p.Threads {
		if c := &t.Call; c.Active && c.Slot == slot && c.Answer == nil {
			return t, &t.Call
		}
		for i := range t.Below {
			if c := &t.Below[i].Call; c.Slot == slot && c.Answer == nil {
				return t, &t.Below[i].Call
			}
		}
	}
	return nil, nil
}

// Answered records the outcome of a transaction and wakes the thread.
func (tb *Table) Answered(p *Process, slot uint32, a *object.Answer) {
	t, c := p.BySlot(slot)
	if c == nil {
		return
	}
	c.Answer, p.Heard = a, tb.Now
	if c == &t.Call {
		tb.wake(t)
	}
}
