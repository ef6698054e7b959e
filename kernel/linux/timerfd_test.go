package linux_test

import (
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
)

func newTimerfd(p *Thread, clock, flags int) uint64 {
	return p.Must(abi.SysTimerfdCreate, clock, flags)
}

// ticks reads a timerfd.
func ticks(p *Thread, fd uint64) (Result, uint64) {
	at := p.Alloc(8)
	r := p.Call(abi.SysRead, fd, at, 8)
	return r, p.Word(at)
}

func wantTicks(t *testing.T, p *Thread, fd, want uint64) {
	t.Helper()
	if r, n := ticks(p, fd); r != 8 || n != want {
		t.Errorf("read: %v, %d expiries, want %d", r, n, want)
	}
}

func TestTimerfd_ReadBlocksUntilItRunsOut(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd := newTimerfd(p, clockMonotonic, 0)
	p.Must(abi.SysTimerfdSettime, fd, 0, itimerspec(p, 5*ms, 0), 0)
	at := p.Alloc(8)
	p.Want(Blocked, abi.SysRead, fd, at, 8)
	b.Advance(5*time.Millisecond - 1)
	p.Expect(Blocked)
	b.Advance(1)
	p.Expect(8)
	if n := p.Word(at); n != 1 {
		t.Errorf("%d expiries", n)
	}
	p.Want(-abi.EINVAL, abi.SysRead, fd, at, 7)
	p.Want(-abi.EINVAL, abi.SysWrite, fd, at, 8)
	p.Close(fd)
}

func TestTimerfd_CountsAndTells(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd := newTimerfd(p, clockMonotonic, object.ONonblock)
	old := p.Alloc(32)
	p.Must(abi.SysTimerfdGettime, fd, old)
	wantTimer(t, p, old, 0, 0)
	p.Must(abi.SysTimerfdSettime, fd, 0, itimerspec(p, 1*ms, 10*ms), old)
	if r, _ := ticks(p, fd); r != -abi.EAGAIN {
		t.Errorf("at once: %v", r)
	}
	b.Advance(35 * time.Millisecond) // at 1, 11, 21, 31
	p.Must(abi.SysTimerfdGettime, fd, old)
	wantTimer(t, p, old, 6*ms, 10*ms)
	wantTicks(t, p, fd, 4)
	b.Advance(6 * time.Millisecond)
	wantTicks(t, p, fd, 1)
	b.Advance(15 * time.Millisecond)
	p.Must(abi.SysTimerfdSettime, fd, 0, itimerspec(p, 0, 0), old) // forgets what was not read
	wantTimer(t, p, old, 5*ms, 10*ms)
	if r, _ := ticks(p, fd); r != -abi.EAGAIN {
		t.Errorf("stopped: %v", r)
	}
	b.Advance(time.Second)
	if d := b.Tab.Deadline(); d != 0 {
		t.Errorf("a stopped timer is due at %d", d)
	}
	p.Must(abi.SysTimerfdSettime, fd, 0, itimerspec(p, 1, 1), 0)
	b.Advance(time.Second) // must not take a thousand million steps
	wantTicks(t, p, fd, 1e9)
}

func TestTimerfd_Absolute(t *testing.T) {
	for clock, now := range map[int]int64{clockRealtime: StartWall, clockMonotonic: StartMono} {
		b := New(t)
		p := b.Process()
		p.Process().MonoOffset, p.Process().WallOffset = 3e9, 1000 // as if moved here
		if clock == clockMonotonic {
			now += 3e9
		}
		fd := newTimerfd(p, clock, object.ONonblock)
		p.Must(abi.SysTimerfdSettime, fd, absolute, itimerspec(p, now+20*ms, 0), 0)
		b.Advance(19 * time.Millisecond)
		if r, _ := ticks(p, fd); r != -abi.EAGAIN {
			t.Errorf("clock %d: too early: %v", clock, r)
		}
		b.Advance(time.Millisecond)
		wantTicks(t, p, fd, 1)
		p.Must(abi.SysTimerfdSettime, fd, absolute, itimerspec(p, now+1*ms, 5*ms), 0) // 19 ms ago
		b.Advance(0)
		wantTicks(t, p, fd, 4)
		p.Must(abi.SysTimerfdSettime, fd, absolute|2, itimerspec(p, now+21*ms, 0), 0) // TFD_TIMER_CANCEL_ON_SET
		b.Advance(2 * time.Millisecond)
		wantTicks(t, p, fd, 1)
	}
}

func TestTimerfd_PollAndEpoll(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd, ep := newTimerfd(p, clockMonotonic, object.ONonblock), p.Must(abi.SysEpollCreate1, 0)
	const in, edge = 1, 1 << 31
	p.Must(abi.SysEpollCtl, ep, 1, fd, p.Words(in|edge, 0))
	p.Must(abi.SysTimerfdSettime, fd, 0, itimerspec(p, 5*ms, 5*ms), 0)
	events := p.Alloc(24)
	wait := func() Result { return p.Call(abi.SysEpollWait, ep, events, 2, 0) }
	if r := wait(); r != 0 {
		t.Fatalf("before its time: %v", r)
	}
	p.Want(Blocked, abi.SysEpollWait, ep, events, 2, -1)
	b.Advance(5 * time.Millisecond)
	p.Expect(1)
	b.Advance(20 * time.Millisecond)
	if r := wait(); r != 0 { // one edge until it is read
		t.Errorf("a second edge: %v", r)
	}
	wantTicks(t, p, fd, 5)
	b.Advance(5 * time.Millisecond)
	if r := wait(); r != 1 {
		t.Errorf("no edge after a read: %v", r)
	}
	poll := p.Words(fd | in<<32)
	p.Want(1, abi.SysPoll, poll, 1, 0)
	wantTicks(t, p, fd, 1)
	p.Want(Blocked, abi.SysPoll, poll, 1, -1)
	b.Advance(5 * time.Millisecond)
	p.Expect(1)
}

// Both processes have the timer; what one reads, the other does not.
func TestTimerfd_SharedAfterFork(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd := newTimerfd(p, clockMonotonic, 0)
	q := p.Fork()
	q.Must(abi.SysTimerfdSettime, fd, 0, itimerspec(q, 5*ms, 0), 0)
	b.Advance(5 * time.Millisecond)
	wantTicks(t, p, fd, 1)
	q.Want(Blocked, abi.SysRead, fd, q.Alloc(8), 8)
	p.Close(fd)
	b.Send(q, abi.SIGKILL)
}

func TestTimerfd_Refused(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd := newTimerfd(p, clockMonotonic, object.OCloexec)
	p.Want(-abi.EINVAL, abi.SysTimerfdCreate, clockThreadCPU, 0)
	p.Want(-abi.EINVAL, abi.SysTimerfdCreate, clockMonotonic, 1)
	p.Want(-abi.EINVAL, abi.SysTimerfdSettime, fd, 4, itimerspec(p, 1, 1), 0)
	p.Want(-abi.EFAULT, abi.SysTimerfdSettime, fd, 0, 0, 0)
	p.Want(-abi.EINVAL, abi.SysTimerfdSettime, fd, 0, p.Words(0, 1e9, 0, 0), 0)
	p.Want(-abi.EBADF, abi.SysTimerfdSettime, 99, 0, itimerspec(p, 1, 1), 0)
	p.Want(-abi.EBADF, abi.SysTimerfdGettime, 99, p.Alloc(32))
	r, _ := p.Pipe()
	p.Want(-abi.EINVAL, abi.SysTimerfdGettime, r, p.Alloc(32))
	p.Want(-abi.EINVAL, abi.SysTimerfdSettime, r, 0, itimerspec(p, 1, 1), 0)
}
