package proc

import (
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// State of a thread.
type State uint8

const (
	Ready State = iota
	Running
	Waiting
	Dead
)

// Thread is one thread of a process.
type Thread struct {
	TID int32
	// Former are ids it had in processes that this one is a copy of. Libraries keep
	// ids, so they go on being good for the process itself.
	Former []int32
	Index  uint32 // within the process, never reused: peers address threads by it
	Frame  *abi.Frame
	Call   Call // the call in progress, if Call.Active
	Below  []Suspended

	Mask      uint64 // blocked signals, bit sig-1
	SavedMask uint64 // to restore after sigsuspend, ppoll, epoll_pwait; see MaskSaved
	MaskSaved bool
	Pending   Pending
	AltStack  abi.Stack

	ClearTID   uint64 // set_tid_address(2)
	RobustList uint64 // set_robust_list(2)
	Name       string // prctl(PR_SET_NAME)
	Server     uint32 // RPC slot of its getreq, 0: it never called it
	Patience   int64  // ns that its trans looks for a server, 0: the default (timeout)
	Secure     bool   // its trans avoids untrusted networks (secure)
	UserNs     int64  // CPU time in user mode and in the kernel
	SystemNs   int64

	proc  *Process
	state State
	// resumed is set by a handler that replaced the registers and, with them,
	// the call in progress: sigreturn onto a suspended one.
	resumed bool
	// vfork is the thread that waits until this process leaves its memory.
	vfork *Thread

	futex    futexKey // where it waits, for tidying up
	timer    Timer
	turn     uint64 // when it had its last turn, by the table's count
	queued   bool
	woken    bool    // while it was running its call
	next     *Thread // on a run queue
	nwaiters int
	inline   [2]wait.Waiter
	extra    []*wait.Waiter
	page     wait.Waiter // for one that is away; see AwaitPage
}

// Process is the process t belongs to.
func (t *Thread) Process() *Process { return t.proc }

// State reports what t is doing.
func (t *Thread) State() State { return t.state }

// newThread adds a thread to p. Its registers are the caller's to fill in.
func (tb *Table) newThread(p *Process, tid int32) *Thread {
	t := &Thread{TID: tid, Index: p.nextIndex, Frame: new(abi.Frame), proc: p, state: Waiting}
	p.nextIndex++
	t.timer.owner = t
	p.Threads = append(p.Threads, t)
	tb.threads[tid] = t
	return t
}

// Start makes a new thread run.
func (tb *Table) Start(t *Thread) { tb.ready(t, false) }

// NewThread adds a thread to p, or nil when its limit is reached.
func (tb *Table) NewThread(p *Process) *Thread {
	if len(p.Threads) >= MaxThreads || len(tb.threads) >= tb.maxThreads {
		return nil
	}
	tid := tb.allocate()
	if tid == 0 {
		return nil
	}
	return tb.newThread(p, tid)
}

// Thread returns the thread with that id, or nil.
func (tb *Table) Thread(tid int32) *Thread { return tb.threads[tid] }

// ExitThread ends t; with the last thread its process ends with status.
func (tb *Table) ExitThread(t *Thread, status int) {
	p := t.proc
	if len(p.Threads) == 1 {
		tb.Exit(p, status)
		return
	}
	tb.robustExit(t)
	if t.ClearTID != 0 {
		p.Space.Store32(t.ClearTID, 0)
		tb.FutexWake(p, t.ClearTID, 1, ^uint32(0))
	}
	tb.dropThread(t)
	for i, x := range p.Threads {
		if x == t {
			p.Threads = append(p.Threads[:i], p.Threads[i+1:]...)
			break
		}
	}
}

// dropThread takes t out of every queue.
func (tb *Table) dropThread(t *Thread) {
	if v := t.vfork; v != nil { // before what it shares is gone; v runs later
		t.vfork = nil
		tb.wake(v)
	}
	t.leaveQueues()
	t.page.Remove()
	tb.unqueue(t)
	t.state = Dead
	t.Call.Active = false
	p := t.proc
	p.UserNs += t.UserNs
	p.SystemNs += t.SystemNs
	delete(tb.threads, t.TID)
	if tb.Forget != nil {
		tb.Forget(t)
	}
}
