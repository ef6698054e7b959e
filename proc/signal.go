package proc

import (
	"math/bits"

	"motile/kernel/abi"
	"motile/kernel/object"
)

// Info is a siginfo_t as the kernel keeps it (sigaction(2)).
type Info struct {
	Signo int32
	Code  int32
	PID   int32 // sender, or child
	UID   int32
	Value uint64 // sigqueue's value, or a child's status
	Addr  uint64 // faulting address
	UTime int64  // child's times, in clock ticks
	STime int64
	Timer int32 // POSIX timer whose signal it is, plus one; 0: of none
}

// si_code values.
const (
	SiUser   = 0
	SiKernel = 0x80
	SiQueue  = -1
	SiTimer  = -2
	SiTkill  = -6

	SegvMapErr = 1
	SegvAccErr = 2
	BusAdrErr  = 2
	BusObjErr  = 3
	FpeIntDiv  = 1
	FpeFltInv  = 7
	IllIllOpn  = 2
	TrapBrkpt  = 1

	CldExited    = 1
	CldKilled    = 2
	CldDumped    = 3
	CldStopped   = 5
	CldContinued = 6
)

// maxQueued bounds the queued real-time signals of one Pending.
const maxQueued = 256

// Pending is a set of signals not yet delivered: one of each standard signal,
// a queue of real-time ones (signal(7)), and one of each POSIX timer, which is there
// beside others of its number.
type Pending struct {
	Set   uint64 // bit sig-1
	Queue []Info // in order of arrival
}

// signalEvents are what a signal is to those who poll for it (signalfd).
const signalEvents = uint32(object.In | object.RdNorm)

func bit(sig int32) uint64 { return 1 << uint(sig-1) }

func (p *Pending) add(in Info) bool {
	if in.Signo < 32 && p.Set&bit(in.Signo) != 0 && in.Timer == 0 {
		return true
	}
	if len(p.Queue) >= maxQueued && in.Timer == 0 {
		return false
	}
	p.Set |= bit(in.Signo)
	p.Queue = append(p.Queue, in)
	return true
}

// take removes the first signal of mask, lowest number first.
func (p *Pending) take(mask uint64) (in Info, ok bool) {
	set := p.Set & mask
	if set == 0 {
		return in, false
	}
	sig := int32(bits.TrailingZeros64(set)) + 1
	// Faults of the thread itself come before anything else (signal(7)).
	const sync = 1<<(abi.SIGSEGV-1) | 1<<(abi.SIGBUS-1) | 1<<(abi.SIGILL-1) | 1<<(abi.SIGFPE-1) | 1<<(abi.SIGTRAP-1)
	if s := set & sync; s != 0 {
		sig = int32(bits.TrailingZeros64(s)) + 1
	}
	for i := range p.Queue {
		if p.Queue[i].Signo != sig {
			continue
		}
		in = p.Queue[i]
		p.Queue = append(p.Queue[:i], p.Queue[i+1:]...)
		break
	}
	p.Set &^= bit(sig)
	for i := range p.Queue {
		if p.Queue[i].Signo == sig {
			p.Set |= bit(sig)
		}
	}
	return in, true
}

func (p *Pending) discard(mask uint64) {
	keep := p.Queue[:0]
	for _, in := range p.Queue {
		if mask&bit(in.Signo) == 0 {
			keep = append(keep, in)
		}
	}
	p.Queue = keep
	p.Set &^= mask
}

const (
	stopSignals = 1<<(abi.SIGSTOP-1) | 1<<(abi.SIGTSTP-1) | 1<<(abi.SIGTTIN-1) | 1<<(abi.SIGTTOU-1)
	// Unblockable signals.
	unblockable = 1<<(abi.SIGKILL-1) | 1<<(abi.SIGSTOP-1)
)

// Action is what a process does about a signal.
type Action struct{ Handler, Flags, Restorer, Mask uint64 }

const (
	SigDfl = 0
	SigIgn = 1

	SaNoCldStop = 0x1
	SaNoCldWait = 0x2
	SaSiginfo   = 0x4
	SaRestorer  = 0x04000000
	SaOnStack   = 0x08000000
	SaRestart   = 0x10000000
	SaNoDefer   = 0x40000000
	SaResetHand = 0x80000000
)

// defaultIgnored are the signals whose default action is nothing.
const defaultIgnored = 1<<(abi.SIGCHLD-1) | 1<<(abi.SIGURG-1) | 1<<(abi.SIGWINCH-1) | 1<<(abi.SIGCONT-1)

// ignores reports whether p would drop the signal.
func (p *Process) ignores(sig int32) bool {
	switch p.Actions[sig].Handler {
	case SigIgn:
		return bit(sig)&unblockable == 0
	case SigDfl:
		return bit(sig)&defaultIgnored != 0
	}
	return false
}

// Signal sends a signal to a process of this node: kill(2). Signal 0 does nothing.
// It reports false if there is no room to queue it.
func (tb *Table) Signal(p *Process, in Info) bool {
	if in.Signo == 0 || p.exiting {
		return true
	}
	if p.moving {
		tb.forward(p, 0, in)
		return true
	}
	if in.Signo == abi.SIGKILL {
		tb.Exit(p, abi.SIGKILL)
		return true
	}
	tb.prepare(p, in.Signo)
	wanted := false // by a sigwait, or blocked for later
	for _, t := range p.Threads {
		wanted = wanted || t.Mask&bit(in.Signo) != 0
	}
	if p.ignores(in.Signo) && !wanted {
		return true
	}
	ok := p.Pending.add(in)
	p.signalQ.Wake(signalEvents)
	for _, t := range p.Threads {
		if t.Mask&bit(in.Signo) == 0 || t.waitsFor(in.Signo) {
			tb.interrupt(t)
			break
		}
	}
	return ok
}

// SignalThread sends a signal to one thread: tgkill(2), faults.
func (tb *Table) SignalThread(t *Thread, in Info) bool {
	p := t.proc
	if in.Signo == 0 || p.exiting || t.state == Dead {
		return true
	}
	if p.moving {
		tb.forward(p, t.TID, in)
		return true
	}
	if in.Signo == abi.SIGKILL {
		tb.Exit(p, abi.SIGKILL)
		return true
	}
	tb.prepare(p, in.Signo)
	if p.ignores(in.Signo) && t.Mask&bit(in.Signo) == 0 {
		return true
	}
	ok := t.Pending.add(in)
	p.signalQ.Wake(signalEvents)
	if t.Mask&bit(in.Signo) == 0 || t.waitsFor(in.Signo) {
		tb.interrupt(t)
	}
	return ok
}

// forward sends a signal after a process that moves. It waits on the network for as
// long as the move takes, so no more are sent than would be kept here.
func (tb *Table) forward(p *Process, tid int32, in Info) {
	known := in.Signo < 32 && p.forwarded.Set&bit(in.Signo) != 0
	if !known && p.forwarded.add(in) && tb.Remote != nil {
		tb.Remote.Signal(p.PID, tid, in)
	}
}

// waitsFor reports whether t is in sigtimedwait for the signal.
func (t *Thread) waitsFor(sig int32) bool {
	return t.state == Waiting && t.Call.Active && t.Call.Nr == abi.SysRtSigtimedwait && t.Call.Aux[0]&bit(sig) != 0
}

// Force sends a fault signal that cannot be blocked or ignored: if the thread
// has blocked it, the process dies, as on Linux.
func (tb *Table) Force(t *Thread, in Info) {
	a := &t.proc.Actions[in.Signo]
	if t.Mask&bit(in.Signo) != 0 || a.Handler == SigIgn {
		a.Handler = SigDfl
		t.Mask &^= bit(in.Signo)
	}
	t.Pending.add(in)
	tb.interrupt(t)
}

// prepare does what sending SIGCONT or a stop signal does at once.
func (tb *Table) prepare(p *Process, sig int32) {
	switch {
	case sig == abi.SIGCONT:
		p.discardPending(stopSignals)
		if p.stopped {
			p.stopped = false
			tb.childChanged(p, ChildContinued, abi.SIGCONT)
			tb.unhold(p)
		}
	case bit(sig)&stopSignals != 0:
		p.discardPending(1 << (abi.SIGCONT - 1))
	}
}

func (p *Process) discardPending(mask uint64) {
	p.Pending.discard(mask)
	for _, t := range p.Threads {
		t.Pending.discard(mask)
	}
	p.timersDropped()
}

// interrupt makes t look at its signals.
func (tb *Table) interrupt(t *Thread) {
	if t.state == Waiting {
		tb.wake(t)
	}
}

// Deliverable are the signals t would take now.
func (t *Thread) Deliverable() uint64 { return (t.Pending.Set | t.proc.Pending.Set) &^ t.Mask }

// TakeSignal removes a pending signal of mask: sigtimedwait(2).
func (t *Thread) TakeSignal(mask uint64) (Info, bool) {
	in, ok := t.Pending.take(mask)
	if !ok {
		in, ok = t.proc.Pending.take(mask)
	}
	if in.Timer != 0 {
		t.proc.timerTaken(&in)
	}
	return in, ok
}

// nextAction is what t will do about the first deliverable signal that has a
// handler; ok is false if there is none.
func (t *Thread) nextAction() (a Action, ok bool) {
	for _, set := range []uint64{t.Pending.Set &^ t.Mask, t.proc.Pending.Set &^ t.Mask} {
		for ; set != 0; set &= set - 1 {
			if a = t.proc.Actions[bits.TrailingZeros64(set)+1]; a.Handler > SigIgn {
				return a, true
			}
		}
	}
	return Action{}, false
}

// SetMask changes the blocked signals of t.
func (t *Thread) SetMask(m uint64) { t.Mask = m &^ unblockable }

// Settle carries out every deliverable signal that has no handler: it may stop or
// end the process. Then it reports whether a signal with a handler is left, which
// interrupts a call in progress. If the process no longer runs, it returns false.
func (tb *Table) Settle(t *Thread) (handler bool) {
	p := t.proc
	if t.Call.Active && t.Call.Masked {
		return false
	}
	for t.state != Dead && !p.held() {
		set := t.Deliverable()
		if set == 0 {
			return false
		}
		var handled uint64
		for s := set; s != 0; s &= s - 1 {
			sig := bits.TrailingZeros64(s) + 1
			if p.Actions[sig].Handler > SigIgn {
				handled |= 1 << (sig - 1)
			}
		}
		if set == handled {
			return true
		}
		in, _ := t.TakeSignal(set &^ handled)
		tb.carryOut(p, in)
	}
	return false
}

// carryOut does the default action of a signal.
func (tb *Table) carryOut(p *Process, in Info) {
	sig := in.Signo
	switch {
	case p.ignores(sig):
	case bit(sig)&stopSignals != 0:
		if sig != abi.SIGSTOP && tb.orphaned(p) {
			return // nobody could continue it (POSIX, orphaned process group)
		}
		p.stopped = true
		tb.hold(p)
		tb.childChanged(p, ChildStopped, int(sig))
	default:
		status := int(sig)
		if dumps(sig) {
			status |= 0x80
			if tb.Uncaught != nil && tb.Uncaught(p, in) {
				return
			}
		}
		tb.Exit(p, status)
	}
}

// dumps reports whether Linux would dump core.
func dumps(sig int32) bool {
	switch sig {
	case abi.SIGQUIT, abi.SIGILL, abi.SIGTRAP, abi.SIGABRT, abi.SIGBUS, abi.SIGFPE,
		abi.SIGSEGV, abi.SIGXCPU, abi.SIGXFSZ, abi.SIGSYS:
		return true
	}
	return false
}

// HandlerPending reports whether a signal with a handler waits for t.
func (tb *Table) HandlerPending(t *Thread) bool {
	_, ok := t.nextAction()
	return ok
}

// HandlerRestarts reports whether the next handler of t has SA_RESTART.
func (tb *Table) HandlerRestarts(t *Thread) bool {
	a, ok := t.nextAction()
	return ok && a.Flags&SaRestart != 0
}

// DropIgnored forgets pending signals that p has just chosen to ignore.
func (tb *Table) DropIgnored(p *Process, sig int32) {
	if p.ignores(sig) {
		p.discardPending(bit(sig))
	}
}
