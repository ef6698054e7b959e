package linux_test

import (
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/proc"
)

const (
	clockProcessCPU, clockThreadCPU = 2, 3

	sigevSignal, sigevNone, sigevThreadID = 0, 1, 4
)

// sigevent is a struct sigevent in memory.
func sigevent(p *Thread, value uint64, signo, notify int, tid int32) uint64 {
	return p.Words(value, uint64(signo)|uint64(notify)<<32, uint64(uint32(tid)), 0, 0, 0, 0, 0)
}

// itimerspec is one in memory, in ns.
func itimerspec(p *Thread, value, period int64) uint64 {
	return p.Words(uint64(period/1e9), uint64(period%1e9), uint64(value/1e9), uint64(value%1e9))
}

func newTimer(p *Thread, clock int, event uint64) int {
	at := p.Alloc(4)
	p.Must(abi.SysTimerCreate, clock, event, at)
	return int(p.Word32(at))
}

// wantTimer compares what a struct itimerspec says, in ns.
func wantTimer(t *testing.T, p *Thread, at uint64, left, period int64) {
	t.Helper()
	ns := func(at uint64) int64 { return int64(p.Word(at)*1e9 + p.Word(at+8)) }
	if ns(at+16) != left || ns(at) != period {
		t.Errorf("%d ns left of %d, want %d of %d", ns(at+16), ns(at), left, period)
	}
}

// signalled is what a handler finds in its siginfo_t.
type signalled struct {
	signo, code, timer, overrun int32
	value                       uint64
}

func infoAt(p *Thread, at uint64) signalled {
	w := func(o uint64) int32 { return int32(p.Word32(at + o)) }
	return signalled{w(0), w(8), w(16), w(20), p.Word(at + 24)}
}

// next takes a blocked signal.
func next(p *Thread, sig int) (Result, signalled) {
	info := p.Alloc(128)
	r := p.Call(abi.SysRtSigtimedwait, p.Words(Set(sig)), info, p.Words(0, 0), 8)
	return r, infoAt(p, info)
}

func TestTimer_OnceAndPeriodic(t *testing.T) {
	for _, clock := range []int{clockRealtime, clockMonotonic} {
		b := New(t)
		p := b.Process()
		p.Block(abi.SIGUSR1)
		id := newTimer(p, clock, sigevent(p, 0x1122334455667788, abi.SIGUSR1, sigevSignal, 0))
		at := p.Alloc(32)
		p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 5*ms, 0), at)
		wantTimer(t, p, at, 0, 0)
		b.Advance(2 * time.Millisecond)
		p.Must(abi.SysTimerGettime, id, at)
		wantTimer(t, p, at, 3*ms, 0)
		if r, _ := next(p, abi.SIGUSR1); r != -abi.EAGAIN {
			t.Fatalf("too early: %v", r)
		}
		b.Advance(3 * time.Millisecond)
		p.Must(abi.SysTimerGettime, id, at)
		wantTimer(t, p, at, 0, 0)
		r, in := next(p, abi.SIGUSR1)
		if want := (signalled{abi.SIGUSR1, proc.SiTimer, int32(id), 0, 0x1122334455667788}); r != abi.SIGUSR1 || in != want {
			t.Errorf("%v, %+v, want %+v", r, in, want)
		}
		b.Advance(time.Second)
		if r, _ := next(p, abi.SIGUSR1); r != -abi.EAGAIN {
			t.Errorf("a second time: %v", r)
		}

		p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 1*ms, 10*ms), 0)
		b.Advance(35 * time.Millisecond) // at 1, 11, 21, 31
		p.Must(abi.SysTimerGettime, id, at)
		wantTimer(t, p, at, 6*ms, 10*ms)
		if _, in := next(p, abi.SIGUSR1); in.overrun != 3 {
			t.Errorf("%d overruns, want 3", in.overrun)
		}
		p.Want(3, abi.SysTimerGetoverrun, id)
		b.Advance(6 * time.Millisecond) // at 41
		if r, in := next(p, abi.SIGUSR1); r != abi.SIGUSR1 || in.overrun != 0 {
			t.Errorf("the next: %v, %d overruns", r, in.overrun)
		}
		p.Want(0, abi.SysTimerGetoverrun, id)
		p.Must(abi.SysTimerDelete, id)
		p.Want(-abi.EINVAL, abi.SysTimerDelete, id)
		b.Advance(time.Second)
		if r, _ := next(p, abi.SIGUSR1); r != -abi.EAGAIN {
			t.Errorf("after it was deleted: %v", r)
		}
	}
}

func TestTimer_Absolute(t *testing.T) {
	for clock, now := range map[int]int64{clockRealtime: StartWall, clockMonotonic: StartMono} {
		b := New(t)
		p := b.Process()
		p.Handle(abi.SIGALRM, 0, 0)
		id := newTimer(p, clock, 0) // SIGALRM, with its id
		p.Must(abi.SysTimerSettime, id, absolute, itimerspec(p, now+7*ms, 0), 0)
		b.Advance(7*time.Millisecond - 1)
		p.Expect(0)
		b.Advance(1)
		p.Expect(InHandler)
		p.Return()
		p.Block(abi.SIGALRM)
		p.Must(abi.SysTimerSettime, id, absolute, itimerspec(p, now+1*ms, 2*ms), 0) // 6 ms ago: at 1, 3, 5, 7
		b.Advance(0)
		if r, in := next(p, abi.SIGALRM); r != abi.SIGALRM || in.overrun != 3 || in.value != uint64(id) {
			t.Errorf("clock %d, in the past: %v, %+v", clock, r, in)
		}
	}
}

// The wall clock of a process that has come from elsewhere is slewed: the timer runs
// out when that clock says so, not before and not after.
func TestTimer_WallClockIsSlewed(t *testing.T) {
	for _, off := range []int64{2 * ms, -2 * ms} {
		b := New(t)
		p := b.Process()
		p.Process().WallOffset = off
		p.Handle(abi.SIGALRM, 0, 0)
		id := newTimer(p, clockRealtime, 0)
		until := StartWall + off + 1000*ms
		p.Must(abi.SysTimerSettime, id, absolute, itimerspec(p, until, 0), 0)
		for p.Result() != InHandler {
			if p.Process().Wall() > until+2 {
				t.Fatalf("offset %d: not signalled at %d ns after its time", off, p.Process().Wall()-until)
			}
			b.Advance(time.Duration(max(b.Tab.Deadline()-b.Tab.Now, 1)))
		}
		if late := p.Process().Wall() - until; late < 0 || late > 2 {
			t.Errorf("offset %d: signalled %d ns after its time", off, late)
		}
	}
}

func TestTimer_ThreadsAndNobody(t *testing.T) {
	b := New(t)
	p := b.Process()
	x := p.NewThread()
	x.Handle(abi.SIGUSR2, 0, 0)
	id := newTimer(p, clockMonotonic, sigevent(p, 1, abi.SIGUSR2, sigevThreadID, x.TID))
	p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 5*ms, 0), 0)
	b.Advance(5 * time.Millisecond)
	x.Expect(InHandler)
	p.Expect(0)
	x.Return()
	p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 5*ms, 0), 0)
	x.Want(Dead, abi.SysExit, 0)
	b.Advance(time.Second)
	p.Expect(0) // whom it was for is gone

	quiet := newTimer(p, clockMonotonic, sigevent(p, 1, 0, sigevNone, 0))
	at := p.Alloc(32)
	p.Must(abi.SysTimerSettime, quiet, 0, itimerspec(p, 5*ms, 4*ms), 0)
	b.Advance(10 * time.Millisecond) // at 5, 9
	p.Must(abi.SysTimerGettime, quiet, at)
	wantTimer(t, p, at, 3*ms, 4*ms)
	p.Must(abi.SysTimerSettime, quiet, 0, itimerspec(p, 5*ms, 0), 0)
	b.Advance(10 * time.Millisecond)
	p.Must(abi.SysTimerGettime, quiet, at)
	wantTimer(t, p, at, 0, 0)
}

func TestTimer_CPUTime(t *testing.T) {
	b := New(t)
	p := b.Process()
	x := p.NewThread()
	p.Block(abi.SIGUSR1, abi.SIGUSR2)
	x.Block(abi.SIGUSR1, abi.SIGUSR2)
	all := newTimer(p, clockProcessCPU, sigevent(p, 0, abi.SIGUSR1, sigevSignal, 0))
	mine := newTimer(p, clockThreadCPU, sigevent(p, 0, abi.SIGUSR2, sigevSignal, 0))
	at := p.Alloc(32)
	for _, id := range []int{all, mine} {
		p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 10*ms, 10*ms), 0)
	}
	b.Advance(time.Minute)
	x.UserNs += 12 * ms
	b.Tab.CheckCPU(p.Process())
	if r, in := next(p, abi.SIGUSR1); r != abi.SIGUSR1 || in.overrun != 0 {
		t.Errorf("the process's: %v, %+v", r, in)
	}
	if r, _ := next(p, abi.SIGUSR2); r != -abi.EAGAIN {
		t.Errorf("the thread's: %v", r)
	}
	p.Must(abi.SysTimerGettime, all, at)
	wantTimer(t, p, at, 8*ms, 10*ms)
	p.SystemNs += 35 * ms
	b.Tab.CheckCPU(p.Process())
	if r, in := next(p, abi.SIGUSR2); r != abi.SIGUSR2 || in.overrun != 2 {
		t.Errorf("the thread's: %v, %+v", r, in)
	}
}

// What is ignored is not counted, and is back in step when it is wanted again.
func TestTimer_Ignored(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Disposition(abi.SIGUSR1, proc.SigIgn)
	id := newTimer(p, clockMonotonic, sigevent(p, 0, abi.SIGUSR1, sigevSignal, 0))
	p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 100, 100), 0) // ten million times a second
	b.Advance(100 * time.Millisecond)                              // must not take ten million steps
	n := 0
	p.HandleWith(abi.SIGUSR1, 0, func(*Thread) { n++ })
	p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 7*ms, 20*ms), 0)
	p.Disposition(abi.SIGUSR1, proc.SigIgn)
	b.Advance(30 * time.Millisecond)
	p.HandleWith(abi.SIGUSR1, 0, func(*Thread) { n++ })
	b.Advance(16 * time.Millisecond)
	if n != 0 {
		t.Errorf("%d signals before its time", n)
	}
	b.Advance(1 * time.Millisecond) // 7 + 2 × 20 ms
	if n != 1 {
		t.Errorf("%d signals, want 1", n)
	}
}

// Signals that are thrown away, by SIGCONT or by ignoring them, do not stop a timer.
func TestTimer_SignalDiscarded(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Block(abi.SIGTSTP)
	id := newTimer(p, clockMonotonic, sigevent(p, 0, abi.SIGTSTP, sigevSignal, 0))
	p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 5*ms, 5*ms), 0)
	b.Advance(6 * time.Millisecond)
	b.Send(p, abi.SIGCONT)
	if r, _ := next(p, abi.SIGTSTP); r != -abi.EAGAIN {
		t.Fatalf("not discarded: %v", r)
	}
	b.Advance(4 * time.Millisecond)
	if r, in := next(p, abi.SIGTSTP); r != abi.SIGTSTP || in.overrun != 0 {
		t.Errorf("the next: %v, %+v", r, in)
	}
}

// Two timers of one signal, and a kill of the same number: each timer's is there.
func TestTimer_SameSignal(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Block(abi.SIGUSR1)
	b.Send(p, abi.SIGUSR1)
	for i := range 2 {
		id := newTimer(p, clockMonotonic, sigevent(p, uint64(i), abi.SIGUSR1, sigevSignal, 0))
		p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 5*ms, 0), 0)
	}
	b.Advance(5 * time.Millisecond)
	b.Send(p, abi.SIGUSR1) // dropped: one is there
	for i, code := range []int32{proc.SiKernel, proc.SiTimer, proc.SiTimer} {
		if r, in := next(p, abi.SIGUSR1); r != abi.SIGUSR1 || in.code != code {
			t.Errorf("signal %d: %v, %+v", i, r, in)
		}
	}
	if r, _ := next(p, abi.SIGUSR1); r != -abi.EAGAIN {
		t.Errorf("one more: %v", r)
	}
}

func TestTimer_ForkExecAndLimit(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	p := b.Process()
	id := newTimer(p, clockMonotonic, 0)
	p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 5*ms, 0), 0)
	q := p.Fork()
	q.Want(-abi.EINVAL, abi.SysTimerGettime, id, q.Alloc(32))
	p.Must(abi.SysExecve, p.Text("/bin/prog"), 0, 0)
	b.Advance(time.Second)
	p.Expect(0) // not killed by SIGALRM
	n := 0
	at := q.Alloc(4)
	for ; q.Call(abi.SysTimerCreate, clockMonotonic, 0, at) == 0; n++ {
	}
	if n != proc.MaxPosixTimers {
		t.Errorf("%d timers", n)
	}
	q.Want(-abi.EAGAIN, abi.SysTimerCreate, clockMonotonic, 0, at)
}

// As long as nobody takes its signal, a timer takes no time, however short its period.
func TestTimer_ShortPeriodIsCheap(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Block(abi.SIGUSR1)
	id := newTimer(p, clockMonotonic, sigevent(p, 0, abi.SIGUSR1, sigevSignal, 0))
	p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 1, 1), 0)
	b.Advance(time.Second)
	if d := b.Tab.Deadline(); d != 0 {
		t.Errorf("it is due again at %d", d)
	}
	if _, in := next(p, abi.SIGUSR1); in.overrun != 1e9-1 {
		t.Errorf("%d overruns", in.overrun)
	}
	p.Must(abi.SysTimerDelete, id)
}

func TestClock_OfThreadsAndProcesses(t *testing.T) {
	b := New(t)
	p := b.Process()
	x := p.NewThread()
	q := p.Fork()
	p.UserNs, x.UserNs, q.UserNs = 10*ms, 5*ms, 3*ms
	at := p.Alloc(16)
	of := func(id int32, kind int64) int64 { return ^int64(id)<<3 | kind }
	const sched, thread = 2, 4
	for _, test := range []struct {
		clock int64
		want  uint64 // ns
	}{
		{of(p.Process().PID, sched), 15e6},
		{of(0, sched), 15e6},
		{of(x.TID, sched|thread), 5e6},
		{of(0, sched|thread), 10e6},
		{of(q.Process().PID, sched), 3e6},
	} {
		p.Must(abi.SysClockGettime, test.clock, at)
		wantTime(t, p, at, 0, test.want)
	}
	p.Want(-abi.EINVAL, abi.SysClockGettime, of(q.TID, sched|thread), at) // of another process
	p.Want(-abi.EINVAL, abi.SysClockGettime, of(4711, sched), at)
	p.Want(-abi.EINVAL, abi.SysClockGettime, -5, at) // of a descriptor
}
