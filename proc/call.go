package proc

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/wait"
)

// Call is the record of a system call: enough to run its handler again.
type Call struct {
	Active bool
	Nr     uint32
	Args   [6]uint64

	Deadline int64     // monotonic, 0: none
	Done     uint64    // progress: bytes moved, or what the handler counts
	Phase    uint8     // how far a call of several steps has come
	Aux      [4]uint64 // the handler's own

	// Interrupted: a signal with a handler is waiting. The handler of the call
	// finishes with EINTR or ERESTARTSYS; if it wants to wait on nevertheless,
	// the record is suspended under the signal handler.
	Interrupted bool
	// Masked: signals wait until the call is over (vfork(2)).
	Masked bool

	// Slot is the RPC transaction the call waits for, 0: none; Answer is its
	// outcome, nil until it has come.
	Slot   uint32
	Answer *object.Answer
}

// ServerSlot marks a Slot as one of getreq or putrep: those are numbered apart.
const ServerSlot = 1 << 31

// Expired reports whether the deadline has passed.
func (c *Call) Expired(now int64) bool { return c.Deadline != 0 && now >= c.Deadline }

// Suspended is a call that waits below a signal handler. It goes on when the
// handler returns through the signal frame it was pushed with.
type Suspended struct {
	Call  Call
	Frame uint64 // address of that signal frame
}

// WaitOn makes t wait for q. The handler must return EBLOCKED.
func (t *Thread) WaitOn(q *wait.Queue) {
	if t.nwaiters < len(t.inline) {
		w := &t.inline[t.nwaiters]
		t.nwaiters++
		w.Owner = t
		q.Add(w)
		return
	}
	w := &wait.Waiter{Owner: t}
	t.extra = append(t.extra, w)
	q.Add(w)
}

// WaitTagged is WaitOn with a value the queue's owner can read: a futex bitset.
func (t *Thread) WaitTagged(q *wait.Queue, tag uint64) {
	t.inline[0].Tag = tag
	t.WaitOn(q)
}

// leaveQueues ends the wait of t.
func (t *Thread) leaveQueues() {
	for i := range t.nwaiters {
		t.inline[i].Remove()
	}
	t.nwaiters = 0
	for _, w := range t.extra {
		w.Remove()
	}
	t.extra = t.extra[:0]
	t.proc.table.timers.stop(&t.timer)
	t.proc.table.futexLeave(t)
}

// Wake implements wait.Waker: the thread looks again.
func (t *Thread) Wake(*wait.Waiter, uint32) { t.proc.table.wake(t) }

// block makes t wait: its call stays active.
func (tb *Table) block(t *Thread) {
	t.state = Waiting
	if t.woken {
		t.woken = false
		tb.wake(t)
		return
	}
	// A handler that waits beyond the deadline waits for something else: an answer.
	if t.Call.Deadline > tb.Now {
		tb.timers.start(&t.timer, t.Call.Deadline)
	}
	if t.Deliverable() != 0 && !t.Call.Masked {
		tb.wake(t) // the call let a signal through that was blocked before
	}
}

// wake makes a waiting thread ready: it goes to the front, since what woke it
// was a message or a deadline, and it has not had its turn.
func (tb *Table) wake(t *Thread) {
	if t.state == Running {
		t.woken = true // by what its own call has set off
		return
	}
	if t.state != Waiting {
		return
	}
	t.page.Remove()
	if t.futex == (futexKey{}) {
		t.leaveQueues()
	} else {
		// Whatever this is, it is not the wake-up. That must find the thread if it comes
		// before the thread has looked: a signal may be gone by then, to another thread.
		tb.timers.stop(&t.timer)
	}
	tb.ready(t, true)
}

// Expire implements Expirer.
func (t *Thread) Expire(int64) {
	t.leaveQueues()
	t.proc.table.wake(t)
}

// Begin starts a system call of t: nr and arguments are in its registers.
func (t *Thread) Begin() *Call {
	f := t.Frame
	t.woken = false
	t.Call = Call{Active: true, Nr: uint32(f.AX), Args: [6]uint64{f.DI, f.SI, f.DX, f.R10, f.R8, f.R9}}
	return &t.Call
}

// Finish applies the outcome of a handler: the one place where a call ends,
// waits, or is suspended.
func (tb *Table) Finish(t *Thread, ret int64) {
	switch ret {
	case -abi.EBLOCKED:
		if t.Call.Interrupted {
			t.Call.Interrupted = false
			t.leaveQueues()
			return // the signal handler runs on top; pushSignal suspends the call
		}
		tb.block(t)
		return
	case -abi.ENORETURN:
		t.Call.Active = t.state != Dead && t.resumed
		t.resumed = false
		return
	}
	t.leaveQueues()
	t.Call.Active = false
	switch ret {
	case -abi.ERESTARTSYS:
		if a, ok := t.nextAction(); !ok || a.Flags&SaRestart != 0 {
			t.restart()
			return
		}
		ret = -abi.EINTR
	case -abi.ERESTARTNOHAND:
		if _, ok := t.nextAction(); !ok {
			t.restart()
			return
		}
		ret = -abi.EINTR
	}
	t.Frame.AX = uint64(ret)
}

// restart makes t execute its SYSCALL instruction, two bytes long, again.
func (t *Thread) restart() {
	t.Frame.IP -= 2
	t.Frame.AX = uint64(t.Call.Nr)
}
