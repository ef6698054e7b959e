package linux_test

import (
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/proc"
)

const clockRealtime, clockMonotonic, absolute = 0, 1, 1

func wantTime(t *testing.T, p *Thread, at uint64, s, fraction uint64) {
	t.Helper()
	if a, b := p.Time(at); a != s || b != fraction {
		t.Errorf("time %d.%09d, want %d.%09d", a, b, s, fraction)
	}
}

func TestNanosleep_WakesInTime(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(Blocked, abi.SysNanosleep, p.Timespec(1_500_000_000), 0)
	b.Advance(1_500_000_000 - 1)
	p.Expect(Blocked)
	b.Advance(1)
	p.Expect(0)
}

func TestNanosleep_OrderOfWaking(t *testing.T) {
	b := New(t)
	p := b.Process()
	var order []int
	for i, d := range []int64{30, 10, 20, 10} {
		x := p.Fork()
		x.Go(func(x *Thread) {
			x.Must(abi.SysNanosleep, x.Timespec(d*ms), 0)
			order = append(order, i)
		})
	}
	b.Run()
	b.Advance(time.Second)
	want := [4]int{1, 3, 2, 0} // those of the same time as they began
	if len(order) != 4 || [4]int(order) != want {
		t.Errorf("they woke in the order %v, want %v", order, want)
	}
}

// nanosleep(2): interrupted by a handler, whatever SA_RESTART says; the time left
// is told.
func TestNanosleep_Remaining(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, proc.SaRestart, 0)
	left := p.Words(9, 9)
	p.Want(Blocked, abi.SysNanosleep, p.Timespec(3_000_000_000), left)
	b.Advance(1_000_000_001 * time.Nanosecond)
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	if p.Return() != -abi.EINTR {
		t.Errorf("after the handler: %v", p.Result())
	}
	wantTime(t, p, left, 1, 999_999_999)
	if d := b.Tab.Deadline(); d != 0 {
		t.Errorf("a timer is left, at %d", d)
	}
}

// A stop does not lengthen or end a sleep.
func TestNanosleep_StopAndContinue(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	q.Want(Blocked, abi.SysNanosleep, q.Timespec(10*ms), 0)
	p.Kill(q, abi.SIGSTOP)
	b.Advance(time.Second) // long past
	q.Expect(Stopped)
	p.Kill(q, abi.SIGCONT)
	q.Expect(0)

	q.Want(Blocked, abi.SysNanosleep, q.Timespec(10*ms), 0)
	p.Kill(q, abi.SIGSTOP)
	p.Kill(q, abi.SIGCONT)
	b.Advance(9 * time.Millisecond)
	q.Expect(Blocked)
	b.Advance(time.Millisecond)
	q.Expect(0)
}

func TestNanosleep_IgnoredSignalIsNotNoticed(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Disposition(abi.SIGUSR1, proc.SigIgn)
	p.Want(Blocked, abi.SysNanosleep, p.Timespec(10*ms), 0)
	b.Send(p, abi.SIGUSR1)
	b.Send(p, abi.SIGCHLD)
	p.Expect(Blocked)
	b.Advance(10 * time.Millisecond)
	p.Expect(0)
}

func TestClockNanosleep_Absolute(t *testing.T) {
	for _, test := range []struct {
		name  string
		clock int
		now   int64
	}{
		{"monotonic", clockMonotonic, StartMono},
		{"wall clock", clockRealtime, StartWall},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			p.Handle(abi.SIGUSR1, 0, 0)
			left := p.Words(9, 9)
			until := p.Timespec(test.now + 20*ms)
			p.Want(Blocked, abi.SysClockNanosleep, test.clock, absolute, until, left)
			b.Send(p, abi.SIGUSR1)
			if p.Return() != -abi.EINTR {
				t.Errorf("after the handler: %v", p.Result())
			}
			wantTime(t, p, left, 9, 9) // not touched
			p.Want(Blocked, abi.SysClockNanosleep, test.clock, absolute, until, 0)
			b.Advance(20 * time.Millisecond)
			p.Expect(0)
			p.Want(0, abi.SysClockNanosleep, test.clock, absolute, until, 0) // in the past by now
		})
	}
}

func TestClock_ProcessOffsets(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Process().MonoOffset = 5_000_000_000 // as if moved here
	at := p.Alloc(16)
	p.Must(abi.SysClockGettime, clockMonotonic, at)
	wantTime(t, p, at, uint64(StartMono/1e9)+5, 0)
	p.Want(Blocked, abi.SysClockNanosleep, clockMonotonic, absolute, p.Timespec(StartMono+5_000_000_000+10*ms), 0)
	b.Advance(10 * time.Millisecond)
	p.Expect(0)
}

func TestClock_Now(t *testing.T) {
	b := New(t)
	p := b.Process()
	b.Advance(1234567 * time.Microsecond)
	at := p.Alloc(16)
	p.Must(abi.SysClockGettime, clockMonotonic, at)
	wantTime(t, p, at, 2, 234_567_000)
	p.Must(abi.SysGettimeofday, at, 0)
	wantTime(t, p, at, 1_700_000_001, 234_567)
	p.Want(1_700_000_001, abi.SysTime, 0)
	p.Must(abi.SysClockGetres, clockMonotonic, at)
	wantTime(t, p, at, 0, 1)
}

func TestItimer_Periodic(t *testing.T) {
	b := New(t)
	p := b.Process()
	n := 0
	p.HandleWith(abi.SIGALRM, proc.SaRestart, func(*Thread) { n++ })
	p.Must(abi.SysSetitimer, 0, p.Words(0, 10_000, 0, 5_000), 0) // first after 5 ms, then every 10
	for _, test := range []struct {
		at   time.Duration
		want int
	}{{4, 0}, {5, 1}, {14, 1}, {15, 2}, {44, 4}, {45, 5}} {
		b.Advance(time.Duration(StartMono) + test.at*time.Millisecond - time.Duration(b.Tab.Now))
		if n != test.want {
			t.Errorf("after %d ms: %d signals, want %d", test.at, n, test.want)
		}
	}
	left := p.Alloc(32)
	b.Advance(3 * time.Millisecond)
	p.Must(abi.SysGetitimer, 0, left)
	wantTime(t, p, left, 0, 10_000)
	wantTime(t, p, left+16, 0, 7_000)
	p.Must(abi.SysSetitimer, 0, p.Words(0, 0, 0, 0), left)
	wantTime(t, p, left+16, 0, 7_000)
	b.Advance(time.Second)
	if n != 5 {
		t.Errorf("%d signals after the timer was stopped", n)
	}
}

// Periods that went by while the process was held come as one signal.
func TestItimer_MissedPeriods(t *testing.T) {
	b := New(t)
	p := b.Process()
	n := 0
	p.HandleWith(abi.SIGALRM, 0, func(*Thread) { n++ })
	p.Must(abi.SysSetitimer, 0, p.Words(0, 1_000, 0, 1_000), 0)
	b.Tab.Now += 50*ms + ms/2
	b.Tab.Tick()
	b.Run()
	if n != 1 {
		t.Errorf("%d signals at once", n)
	}
	b.Advance(time.Millisecond / 2)
	if n != 2 {
		t.Errorf("%d signals at the next period", n)
	}
}

func TestItimer_CPUTime(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGVTALRM, 0, 0)
	p.Handle(abi.SIGPROF, 0, 0)
	p.Must(abi.SysSetitimer, proc.TimerVirtual, p.Words(0, 0, 0, 10_000), 0)
	p.Must(abi.SysSetitimer, proc.TimerProf, p.Words(0, 0, 0, 12_000), 0)
	b.Advance(time.Minute) // real time does not count
	p.Expect(0)
	p.UserNs += 9 * ms
	p.SystemNs += 3*ms - 1
	b.Tab.CheckCPU(p.Process())
	b.Run()
	p.Expect(0)
	p.UserNs += ms
	b.Tab.CheckCPU(p.Process())
	b.Run()
	p.Expect(InHandler)
	both := Set(abi.SIGVTALRM, abi.SIGPROF)
	if p.Mask != both {
		t.Errorf("mask %#x, want both signals", p.Mask)
	}
	p.Return()
	p.Return()
	if p.Mask != 0 {
		t.Errorf("mask %#x", p.Mask)
	}
}

func TestItimer_NotInheritedButKeptByExec(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	p := b.Process()
	p.Must(abi.SysAlarm, 5)
	q := p.Fork()
	q.Want(0, abi.SysAlarm, 0)
	p.Must(abi.SysExecve, p.Text("/bin/prog"), 0, 0)
	b.Advance(5 * time.Second)
	p.Expect(Dead) // by SIGALRM
	q.Expect(0)
}

// alarm(2) tells whole seconds: rounded, but never 0 while a timer runs.
func TestAlarm_Remaining(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(0, abi.SysAlarm, 10)
	b.Advance(2400 * time.Millisecond)
	p.Want(8, abi.SysAlarm, 10)
	b.Advance(2600 * time.Millisecond)
	p.Want(7, abi.SysAlarm, 1)
	b.Advance(900 * time.Millisecond)
	p.Want(1, abi.SysAlarm, 0)
	b.Advance(time.Minute)
	p.Want(0, abi.SysAlarm, 0)
}

func TestTimes_AndUsage(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	p.UserNs, p.SystemNs = 120*ms, 30*ms
	q.UserNs, q.SystemNs = 70*ms, 20*ms
	q.Exit(0)
	at := p.Alloc(144)
	p.Must(abi.SysGetrusage, -1, at)
	wantTime(t, p, at, 0, 0) // not waited for yet
	ru := p.Alloc(144)
	p.Must(abi.SysWait4, -1, 0, 0, ru)
	wantTime(t, p, ru, 0, 70_000)
	wantTime(t, p, ru+16, 0, 20_000)
	p.Must(abi.SysGetrusage, -1, at)
	wantTime(t, p, at, 0, 70_000)
	p.Must(abi.SysGetrusage, 0, at)
	wantTime(t, p, at, 0, 120_000)
	wantTime(t, p, at+16, 0, 30_000)
	p.Want(Result(StartMono/1e7), abi.SysTimes, at)
	for i, want := range []uint64{12, 3, 7, 2} {
		if got := p.Word(at + 8*uint64(i)); got != want {
			t.Errorf("times[%d] = %d, want %d", i, got, want)
		}
	}
}
