package linux_test

import (
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/proc"
)

// pollfd is one struct pollfd.
func pollfd(fd uint64, events uint64) uint64 { return fd&0xffffffff | events<<32 }

func revents(p *Thread, at uint64, i int) uint32 { return p.Word32(at+8*uint64(i)+4) >> 16 }

func TestPoll_WaitsForAnyOfThem(t *testing.T) {
	b := New(t)
	p := b.Process()
	r1, _ := p.Pipe()
	r2, w2 := p.Pipe()
	q := p.Fork()
	at := p.Words(pollfd(r1, 1), pollfd(r2, 1), pollfd(^uint64(0), 1))
	p.Want(Blocked, abi.SysPoll, at, 3, -1)
	q.Write(w2, "x")
	p.Expect(1)
	if a, b, c := revents(p, at, 0), revents(p, at, 1), revents(p, at, 2); a != 0 || b != 1 || c != 0 {
		t.Errorf("revents %#x %#x %#x", a, b, c)
	}
}

func TestPoll_Timeout(t *testing.T) {
	for _, test := range []struct {
		name string
		call func(p *Thread, at uint64) Result
	}{
		{"poll", func(p *Thread, at uint64) Result { return p.Call(abi.SysPoll, at, 1, 20) }},
		{"ppoll", func(p *Thread, at uint64) Result { return p.Call(abi.SysPpoll, at, 1, p.Timespec(20*ms), 0, 8) }},
		{"select", func(p *Thread, at uint64) Result { return p.Call(abi.SysSelect, 0, 0, 0, 0, p.Timeval(20*ms)) }},
		{"pselect", func(p *Thread, at uint64) Result { return p.Call(abi.SysPselect6, 0, 0, 0, 0, p.Timespec(20*ms), 0) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			r, _ := p.Pipe()
			if got := test.call(p, p.Words(pollfd(r, 1))); got != Blocked {
				t.Fatal(got)
			}
			b.Advance(20*time.Millisecond - 1)
			p.Expect(Blocked)
			b.Advance(1)
			p.Expect(0)
		})
	}
}

// select(2), "Timeout": Linux says how much of it was left.
func TestPoll_TimeLeft(t *testing.T) {
	for _, test := range []struct {
		name string
		call func(p *Thread, fd, limit uint64) Result
		unit uint64 // ns in the second word
	}{
		{"ppoll", func(p *Thread, fd, limit uint64) Result {
			return p.Call(abi.SysPpoll, p.Words(pollfd(fd, 1)), 1, limit, 0, 8)
		}, 1},
		{"select", func(p *Thread, fd, limit uint64) Result {
			return p.Call(abi.SysSelect, fd+1, p.Words(1<<fd), 0, 0, limit)
		}, 1000},
		{"pselect", func(p *Thread, fd, limit uint64) Result {
			return p.Call(abi.SysPselect6, fd+1, p.Words(1<<fd), 0, 0, limit, 0)
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			r, w := p.Pipe()
			q := p.Fork()
			for _, want := range []time.Duration{900 * time.Millisecond, 0} {
				limit := p.Words(1, 500e6/test.unit)
				if got := test.call(p, r, limit); got != Blocked {
					t.Fatal(got)
				}
				if p.Word(limit) == 0 {
					t.Error("it says so too early")
				}
				if want > 0 {
					b.Advance(600 * time.Millisecond)
					q.Write(w, "x")
					p.Expect(1)
					p.Read(r, 1)
				} else {
					b.Advance(1500 * time.Millisecond)
					p.Expect(0)
				}
				if s, ns := p.Word(limit), p.Word(limit+8)*test.unit; s != 0 || ns != uint64(want) {
					t.Errorf("%d s %d ns left, want %v", s, ns, want)
				}
			}
		})
	}
}

func TestPoll_ClosedIsReported(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Words(pollfd(77, 1))
	p.Want(1, abi.SysPoll, at, 1, -1)
	if r := revents(p, at, 0); r != 0x20 {
		t.Errorf("revents %#x, want POLLNVAL", r)
	}
	p.Want(-abi.EBADF, abi.SysSelect, 78, p.Bytes([]byte{9: 1 << 5, 15: 0}), 0, 0, 0)
}

func TestPoll_ManyDescriptors(t *testing.T) {
	b := New(t)
	p := b.Process()
	var set []uint64
	var last uint64
	for range 10 { // more than a thread has waiters of its own
		r, w := p.Pipe()
		set = append(set, pollfd(r, 1))
		last = w
	}
	q := p.Fork()
	at := p.Words(set...)
	p.Want(Blocked, abi.SysPoll, at, len(set), 1000)
	q.Write(last, "x")
	p.Expect(1)
	p.Want(1, abi.SysPoll, at, len(set), 0)
}

func TestSelect_Sets(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	in, out := p.Words(1<<r), p.Words(0)
	p.Want(Blocked, abi.SysSelect, w+1, in, out, 0, 0)
	q.Write(w, "x")
	p.Expect(1)
	if p.Word(in) != 1<<r || p.Word(out) != 0 {
		t.Errorf("sets %#x %#x", p.Word(in), p.Word(out))
	}
	in, out = p.Words(1<<r), p.Words(1<<w)
	p.Want(2, abi.SysSelect, w+1, in, out, 0, 0)
	// At a time-out the sets are empty.
	p.Read(r, 1)
	in = p.Words(1 << r)
	p.Want(0, abi.SysSelect, w+1, in, 0, 0, p.Timeval(0))
	if p.Word(in) != 0 {
		t.Errorf("set %#x", p.Word(in))
	}
}

// signal(7): poll and select are never restarted.
func TestPoll_SignalInterrupts(t *testing.T) {
	for _, test := range []struct {
		name string
		call func(p *Thread, fd uint64) Result
	}{
		{"poll", func(p *Thread, fd uint64) Result { return p.Call(abi.SysPoll, p.Words(pollfd(fd, 1)), 1, -1) }},
		{"ppoll", func(p *Thread, fd uint64) Result { return p.Call(abi.SysPpoll, p.Words(pollfd(fd, 1)), 1, 0, 0, 8) }},
		{"select", func(p *Thread, fd uint64) Result { return p.Call(abi.SysSelect, fd+1, p.Words(1<<fd), 0, 0, 0) }},
		{"pselect", func(p *Thread, fd uint64) Result {
			return p.Call(abi.SysPselect6, fd+1, p.Words(1<<fd), 0, 0, 0, p.Words(0, 8))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			r, _ := p.Pipe()
			p.Handle(abi.SIGALRM, proc.SaRestart, 0)
			if got := test.call(p, r); got != Blocked {
				t.Fatal(got)
			}
			b.Send(p, abi.SIGALRM)
			p.Expect(InHandler)
			if got := p.Return(); got != -abi.EINTR {
				t.Errorf("after the handler: %v", got)
			}
		})
	}
}

// A stop and a continuation, on the other hand, are not noticed.
func TestPoll_StopDoesNotInterrupt(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	q.Want(Blocked, abi.SysPoll, q.Words(pollfd(r, 1)), 1, -1)
	p.Kill(q, abi.SIGSTOP)
	q.Expect(Stopped)
	p.Kill(q, abi.SIGCONT)
	q.Expect(Blocked)
	p.Write(w, "x")
	q.Expect(1)
}

func TestPpoll_MaskIsForTheWaitOnly(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Block(abi.SIGUSR1)
	none := p.Words(0)
	p.Want(Blocked, abi.SysPpoll, p.Words(pollfd(r, 1)), 1, 0, none, 8)
	if p.Mask != 0 {
		t.Errorf("mask %#x during the wait", p.Mask)
	}
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	// In the handler the signal is blocked as always; then the old mask is back.
	if p.Mask != Set(abi.SIGUSR1) {
		t.Errorf("mask %#x in the handler", p.Mask)
	}
	if p.Return() != -abi.EINTR || p.Mask != Set(abi.SIGUSR1) {
		t.Errorf("%v, mask %#x", p.Result(), p.Mask)
	}
	// When descriptors are ready, a pending signal stays pending (pselect(2)).
	b.Send(p, abi.SIGUSR1)
	p.Write(w, "x")
	p.Want(1, abi.SysPpoll, p.Words(pollfd(r, 1)), 1, 0, none, 8)
	if p.Mask != Set(abi.SIGUSR1) || p.Process().Pending.Set != Set(abi.SIGUSR1) {
		t.Errorf("mask %#x, pending %#x", p.Mask, p.Process().Pending.Set)
	}
	p.Disposition(abi.SIGUSR1, proc.SigIgn)
}

func TestEventfd_Counter(t *testing.T) {
	b := New(t)
	p := b.Process()
	e := p.Must(abi.SysEventfd2, 3, 0)
	q := p.Fork()
	at := p.Alloc(8)
	p.Want(8, abi.SysRead, e, at, 8)
	if p.Word(at) != 3 {
		t.Errorf("read %d", p.Word(at))
	}
	p.Want(Blocked, abi.SysRead, e, at, 8)
	q.Must(abi.SysWrite, e, q.Words(5), 8)
	p.Expect(8)
	if p.Word(at) != 5 {
		t.Errorf("read %d", p.Word(at))
	}
	// A write that would overflow waits.
	q.Must(abi.SysWrite, e, q.Words(^uint64(0)-1), 8)
	q.Want(Blocked, abi.SysWrite, e, q.Words(2), 8)
	p.Want(8, abi.SysRead, e, at, 8)
	q.Expect(8)
	p.Want(-abi.EINVAL, abi.SysWrite, e, p.Words(^uint64(0)), 8)
	p.Want(-abi.EINVAL, abi.SysWrite, e, p.Words(0), 4)
	p.Want(-abi.EINVAL, abi.SysRead, e, at, 7)
}

func TestEventfd_Semaphore(t *testing.T) {
	b := New(t)
	p := b.Process()
	e := p.Must(abi.SysEventfd2, 2, 1)
	one, two, three := p.Fork(), p.Fork(), p.Fork()
	at := p.Alloc(8)
	for i, x := range []*Thread{one, two, three} {
		want := Result(8)
		if i == 2 {
			want = Blocked
		}
		x.Want(want, abi.SysRead, e, at, 8)
	}
	p.Must(abi.SysWrite, e, p.Words(1), 8)
	three.Expect(8)
	if three.Word(at) != 1 {
		t.Errorf("read %d", three.Word(at))
	}
}
