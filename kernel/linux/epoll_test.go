package linux_test

import (
	"fmt"
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

const (
	epollAdd, epollDel, epollMod = 1, 2, 3

	epollIn, epollOut, epollErr, epollHup = 1, 4, 8, 0x10
	epollOneshot, epollET                 = 1 << 30, 1 << 31

	ms = int64(time.Millisecond)
)

func watch(p *Thread, ep, op, fd uint64, events uint32) {
	p.Must(abi.SysEpollCtl, ep, op, fd, p.Words(uint64(events)|fd<<32, 0))
}

// events waits for at most timeout ms and shows what was reported, in order, as
// "fd:events".
func events(p *Thread, ep uint64, timeout int) string {
	at := p.Alloc(12 * 8)
	return shown(p, at, int(p.Must(abi.SysEpollWait, ep, at, 8, timeout)))
}

func shown(p *Thread, at uint64, n int) (s string) {
	for i := range n {
		e := at + 12*uint64(i)
		s += fmt.Sprintf("%d:%x ", p.Word32(e+4), p.Word32(e))
	}
	return s
}

func epoll(p *Thread) uint64 { return p.Must(abi.SysEpollCreate1, 0) }

func TestEpoll_WaitsUntilReady(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, epollIn)
	q := p.Fork()
	at := p.Alloc(12)
	p.Want(Blocked, abi.SysEpollWait, ep, at, 1, -1)
	q.Write(w, "x")
	p.Expect(1)
	if got := shown(p, at, 1); got != fmt.Sprintf("%d:1 ", r) {
		t.Error(got)
	}
}

func TestEpoll_Timeout(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, _ := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, epollIn)
	at := p.Alloc(12)
	p.Want(0, abi.SysEpollWait, ep, at, 1, 0)
	p.Want(Blocked, abi.SysEpollWait, ep, at, 1, 50)
	b.Advance(49 * time.Millisecond)
	p.Expect(Blocked)
	b.Advance(time.Millisecond)
	p.Expect(0)
	p.Want(Blocked, abi.SysEpollPwait2, ep, at, 1, p.Timespec(5*ms), 0, 8)
	b.Advance(5 * time.Millisecond)
	p.Expect(0)
	p.Want(0, abi.SysEpollPwait2, ep, at, 1, p.Timespec(0), 0, 8)
}

func TestEpoll_LevelAndEdge(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	level, edge := epoll(p), epoll(p)
	watch(p, level, epollAdd, r, epollIn)
	watch(p, edge, epollAdd, r, epollIn|epollET)
	p.Write(w, "ab")
	ready := fmt.Sprintf("%d:1 ", r)
	for i, want := range []struct{ level, edge string }{
		{ready, ready}, // the edge
		{ready, ""},    // still readable, no new edge
	} {
		if l, e := events(p, level, 0), events(p, edge, 0); l != want.level || e != want.edge {
			t.Errorf("look %d: level %q, edge %q, want %q", i, l, e, want)
		}
	}
	p.Write(w, "c") // more of the same is an edge
	if got := events(p, edge, 0); got != ready {
		t.Errorf("after more data: %q", got)
	}
	p.Read(r, 10)
	if l, e := events(p, level, 0), events(p, edge, 0); l != "" || e != "" {
		t.Errorf("empty: level %q, edge %q", l, e)
	}
}

// An edge of one kind says nothing about another: a reader that makes room does
// not make the read end ready.
func TestEpoll_EdgeOfAnotherKind(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	p.Write(w, "abc")
	watch(p, ep, epollAdd, r, epollIn|epollET)
	events(p, ep, 0)
	p.Read(r, 1)
	if got := events(p, ep, 0); got != "" {
		t.Errorf("after a read: %q", got)
	}
}

func TestEpoll_OneshotUntilModified(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, epollIn|epollOneshot)
	p.Write(w, "a")
	ready := fmt.Sprintf("%d:1 ", r)
	if got := events(p, ep, 0); got != ready {
		t.Error(got)
	}
	p.Write(w, "b")
	if got := events(p, ep, 0); got != "" {
		t.Errorf("disarmed, and yet %q", got)
	}
	p.Close(w)
	if got := events(p, ep, 0); got != "" { // not even a hang-up
		t.Errorf("disarmed, and yet %q", got)
	}
	watch(p, ep, epollMod, r, epollIn|epollOneshot)
	if got := events(p, ep, 0); got != fmt.Sprintf("%d:11 ", r) {
		t.Errorf("after MOD: %q", got)
	}
}

func TestEpoll_ModifyRearmsAnEdge(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, epollIn|epollET)
	p.Write(w, "a")
	events(p, ep, 0)
	at := p.Alloc(12)
	x := p.NewThread()
	p.Want(Blocked, abi.SysEpollWait, ep, at, 1, -1)
	watch(x, ep, epollMod, r, epollIn|epollET)
	p.Expect(1)
}

func TestEpoll_FirstReadyFirstServed(t *testing.T) {
	b := New(t)
	p := b.Process()
	var r, w [3]uint64
	ep := epoll(p)
	for i := range r {
		r[i], w[i] = p.Pipe()
		watch(p, ep, epollAdd, r[i], epollIn)
	}
	p.Write(w[2], "x")
	p.Write(w[0], "x")
	at := p.Alloc(12)
	one := func() string { return shown(p, at, int(p.Must(abi.SysEpollWait, ep, at, 1, 0))) }
	// Level-triggered ones that were reported go to the end of the line.
	want := []string{fmt.Sprintf("%d:1 ", r[2]), fmt.Sprintf("%d:1 ", r[0]), fmt.Sprintf("%d:1 ", r[2])}
	for i := range want {
		if got := one(); got != want[i] {
			t.Errorf("report %d: %q, want %q", i, got, want[i])
		}
	}
}

func TestEpoll_Hangup(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, 0) // asked for nothing
	watch(p, ep, epollAdd, w, 0)
	p.Close(w)
	if got := events(p, ep, 0); got != fmt.Sprintf("%d:10 ", r) {
		t.Errorf("no writer: %q", got)
	}
	p.Must(abi.SysEpollCtl, ep, epollDel, r, 0)
	r2, w2 := p.Pipe()
	watch(p, ep, epollAdd, w2, 0)
	p.Close(r2)
	if got := events(p, ep, 0); got != fmt.Sprintf("%d:8 ", w2) {
		t.Errorf("no reader: %q", got)
	}
}

// Closing a descriptor ends the interest only when it was the last one of its
// description (epoll(7), question 6).
func TestEpoll_ClosedDescriptor(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, epollIn)
	r2 := p.Must(abi.SysDup, r)
	p.Write(w, "x")
	p.Close(r)
	if got := events(p, ep, 0); got != fmt.Sprintf("%d:1 ", r) {
		t.Errorf("a duplicate is open: %q", got)
	}
	p.Want(-abi.EBADF, abi.SysEpollCtl, ep, epollDel, r, 0)
	p.Close(r2)
	if got := events(p, ep, 0); got != "" {
		t.Errorf("all closed: %q", got)
	}
}

func TestEpoll_ClosedWhileWaiting(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, epollIn)
	x := p.NewThread()
	p.Want(Blocked, abi.SysEpollWait, ep, p.Alloc(12), 1, 10)
	x.Close(r)
	x.Close(w)
	p.Expect(Blocked)
	b.Advance(10 * time.Millisecond)
	p.Expect(0)
}

func TestEpoll_Nested(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	inner, outer := epoll(p), epoll(p)
	watch(p, inner, epollAdd, r, epollIn)
	watch(p, outer, epollAdd, inner, epollIn)
	q := p.Fork()
	at := p.Alloc(12)
	p.Want(Blocked, abi.SysEpollWait, outer, at, 1, -1)
	q.Write(w, "x")
	p.Expect(1)
	if got := shown(p, at, 1); got != fmt.Sprintf("%d:1 ", inner) {
		t.Error(got)
	}
	p.Want(-abi.ELOOP, abi.SysEpollCtl, inner, epollAdd, outer, p.Words(1, 0))
	p.Want(-abi.EINVAL, abi.SysEpollCtl, inner, epollAdd, inner, p.Words(1, 0))
}

// A chain of sets that is too deep is refused before it can make the kernel
// work for ever (epoll_ctl(2), ELOOP: at most 5 levels).
func TestEpoll_DepthIsLimited(t *testing.T) {
	t.Skip("sets added at the lower end of a chain are not counted: any depth can be built, and " +
		"two sets on every level make readiness take 2^depth steps")
	b := New(t)
	p := b.Process()
	top := epoll(p)
	for depth := 1; ; depth++ {
		next := epoll(p)
		if r := p.Call(abi.SysEpollCtl, top, epollAdd, next, p.Words(1, 0)); r == -abi.ELOOP {
			break
		}
		if top = next; depth > 5 {
			t.Fatalf("a chain of %d sets", depth)
		}
	}
}

func TestEpoll_Errors(t *testing.T) {
	b := New(t)
	p := b.Process()
	ep := epoll(p)
	r, w := p.Pipe()
	file := p.Open("/tmp/f", object.OCreat|object.ORdwr)
	ev := p.Words(1, 0)
	watch(p, ep, epollAdd, r, epollIn)
	p.Want(-abi.EEXIST, abi.SysEpollCtl, ep, epollAdd, r, ev)
	p.Want(-abi.EPERM, abi.SysEpollCtl, ep, epollAdd, file, ev)
	p.Want(-abi.ENOENT, abi.SysEpollCtl, ep, epollMod, w, ev)
	p.Want(-abi.EINVAL, abi.SysEpollCtl, r, epollAdd, ep, ev)
	p.Want(-abi.EINVAL, abi.SysEpollWait, ep, ev, 0, 0)
	p.Want(-abi.EINVAL, abi.SysEpollWait, r, ev, 1, 0)
}

// An event that cannot be delivered is not lost.
func TestEpoll_BadBuffer(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, epollIn|epollET)
	p.Write(w, "x")
	p.Want(-abi.EFAULT, abi.SysEpollWait, ep, 0x1000, 1, 0)
	if got := events(p, ep, 0); got != fmt.Sprintf("%d:1 ", r) {
		t.Error(got)
	}
}

func TestEpoll_EventfdIsWakeup(t *testing.T) {
	b := New(t)
	p := b.Process()
	ev := p.Must(abi.SysEventfd2, 0, object.ONonblock)
	ep := epoll(p)
	watch(p, ep, epollAdd, ev, epollIn|epollET)
	x := p.NewThread()
	p.Want(Blocked, abi.SysEpollWait, ep, p.Alloc(12), 1, -1)
	x.Must(abi.SysWrite, ev, x.Words(1), 8)
	p.Expect(1)
	p.Want(Blocked, abi.SysEpollWait, ep, p.Alloc(12), 1, -1)
	x.Must(abi.SysWrite, ev, x.Words(1), 8) // not read yet, and an edge again
	p.Expect(1)
}

// epoll_pwait swaps the mask for the time of the wait.
func TestEpoll_PwaitMask(t *testing.T) {
	b := New(t)
	p := b.Process()
	ep := epoll(p)
	p.Handle(abi.SIGUSR1, proc.SaRestart, 0)
	p.Block(abi.SIGUSR1)
	at, none := p.Alloc(12), p.Words(0)
	p.Want(Blocked, abi.SysEpollPwait, ep, at, 1, -1, none, 8)
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	if p.Return() != -abi.EINTR { // never restarted (signal(7))
		t.Errorf("after the handler: %v", p.Result())
	}
	if p.Mask != Set(abi.SIGUSR1) {
		t.Errorf("mask %#x after the wait", p.Mask)
	}
	// What was pending before the call interrupts it at once.
	b.Send(p, abi.SIGUSR1)
	p.Want(InHandler, abi.SysEpollPwait, ep, at, 1, -1, none, 8)
	if p.Return() != -abi.EINTR || p.Mask != Set(abi.SIGUSR1) {
		t.Errorf("%v, mask %#x", p.Result(), p.Mask)
	}
}

func TestEpoll_Shared(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	ep := epoll(p)
	watch(p, ep, epollAdd, r, epollIn)
	q, x := p.Fork(), p.Fork()
	at := p.Alloc(12)
	p.Want(Blocked, abi.SysEpollWait, ep, at, 1, -1)
	q.Want(Blocked, abi.SysEpollWait, ep, at, 1, -1)
	x.Write(w, "x")
	p.Expect(1)
	q.Expect(1) // level-triggered: it is readable for both
}
