package linux_test

import (
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

func newSignalfd(p *Thread, flags int, sigs ...int) uint64 {
	return p.Must(abi.SysSignalfd4, -1, p.Words(Set(sigs...)), 8, flags)
}

// read is a struct signalfd_siginfo, as far as tests look at it.
type read struct {
	signo, code, pid, tid, overrun, status uint32
	value                                  uint64
}

func readAt(p *Thread, at uint64) read {
	w := func(o uint64) uint32 { return p.Word32(at + o) }
	return read{w(0), w(8), w(12), w(24), w(32), w(40), p.Word(at + 48)}
}

func TestSignalfd_Read(t *testing.T) {
	b := New(t)
	p, q := b.Process(), b.Process()
	const rt = 40
	p.Block(abi.SIGUSR1, rt, abi.SIGCHLD)
	fd := newSignalfd(p, 0, abi.SIGUSR1, rt, abi.SIGCHLD, abi.SIGKILL)
	at := p.Alloc(512)
	p.Want(-abi.EINVAL, abi.SysRead, fd, at, 127)
	p.Want(Blocked, abi.SysRead, fd, at, 512)
	q.Kill(p, abi.SIGUSR1)
	p.Expect(128)
	if in, want := readAt(p, at), (read{signo: abi.SIGUSR1, pid: uint32(q.Process().PID)}); in != want {
		t.Errorf("%+v, want %+v", in, want)
	}
	info := q.Words(0, uint64(0xffffffff), 0, 7)
	for range 2 { // real-time signals queue up
		q.Must(abi.SysRtSigqueueinfo, p.Process().PID, rt, info)
	}
	c := p.Fork()
	c.Exit(3)
	p.Want(3*128, abi.SysRead, fd, at, 512)
	if in := readAt(p, at); in.signo != abi.SIGCHLD || in.code != proc.CldExited || in.pid != uint32(c.Process().PID) || in.status != 3 {
		t.Errorf("child: %+v", in)
	}
	for i := range uint64(2) {
		if in := readAt(p, at+128*(i+1)); in.signo != rt || in.value != 7 || int32(in.code) != -1 {
			t.Errorf("queued: %+v", in)
		}
	}
	id := newTimer(p, clockMonotonic, sigevent(p, 9, abi.SIGUSR1, sigevSignal, 0))
	p.Must(abi.SysTimerSettime, id, 0, itimerspec(p, 5*ms, 5*ms), 0)
	b.Advance(16 * time.Millisecond)
	p.Want(128, abi.SysRead, fd, at, 128)
	if in := readAt(p, at); in.signo != abi.SIGUSR1 || int32(in.code) != proc.SiTimer || in.tid != uint32(id) || in.overrun != 2 || in.value != 9 {
		t.Errorf("timer: %+v", in)
	}
	p.Want(-abi.EINVAL, abi.SysWrite, fd, at, 128)
}

// A signal that is sent to one thread is that one's, by a signalfd too.
func TestSignalfd_OfOneThread(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Block(abi.SIGUSR1)
	x := p.NewThread() // inherits the mask
	fd := newSignalfd(p, object.ONonblock, abi.SIGUSR1)
	p.Must(abi.SysTgkill, p.Process().PID, x.TID, abi.SIGUSR1)
	at := p.Alloc(128)
	p.Want(-abi.EAGAIN, abi.SysRead, fd, at, 128)
	p.Want(0, abi.SysPoll, p.Words(fd|1<<32), 1, 0)
	x.Want(1, abi.SysPoll, p.Words(fd|1<<32), 1, 0)
	x.Want(128, abi.SysRead, fd, at, 128)
}

// After a fork, each reads its own signals by the same descriptor.
func TestSignalfd_AfterFork(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Block(abi.SIGUSR1, abi.SIGUSR2)
	fd := newSignalfd(p, object.ONonblock, abi.SIGUSR1)
	q := p.Fork()
	b.Send(q, abi.SIGUSR1)
	at := p.Alloc(128)
	p.Want(-abi.EAGAIN, abi.SysRead, fd, at, 128)
	q.Want(128, abi.SysRead, fd, at, 128)
	b.Send(p, abi.SIGUSR2)
	p.Want(0, abi.SysPoll, p.Words(fd|1<<32), 1, 0)
	q.Want(Result(fd), abi.SysSignalfd4, fd, q.Words(Set(abi.SIGUSR2)), 8, 0) // for both
	p.Want(128, abi.SysRead, fd, at, 128)
}

func TestSignalfd_PollAndEpoll(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Block(abi.SIGUSR1, abi.SIGUSR2)
	fd, ep := newSignalfd(p, object.ONonblock, abi.SIGUSR1), p.Must(abi.SysEpollCreate1, 0)
	const in, edge = 1, 1 << 31
	p.Must(abi.SysEpollCtl, ep, 1, fd, p.Words(in|edge, 0))
	events, at := p.Alloc(24), p.Alloc(128)
	p.Want(Blocked, abi.SysEpollWait, ep, events, 2, -1)
	b.Send(p, abi.SIGUSR2) // not in the set
	p.Expect(Blocked)
	b.Send(p, abi.SIGUSR1)
	p.Expect(1)
	p.Want(0, abi.SysEpollWait, ep, events, 2, 0)
	p.Want(128, abi.SysRead, fd, at, 128)
	poll := p.Words(fd | in<<32)
	p.Want(Blocked, abi.SysPoll, poll, 1, -1)
	b.Send(p, abi.SIGUSR1)
	p.Expect(1)
	p.Want(1, abi.SysEpollWait, ep, events, 2, 0)
	set := p.Words(1 << fd)
	p.Want(1, abi.SysSelect, fd+1, set, 0, 0, p.Words(0, 0))
	p.Must(abi.SysSignalfd4, fd, p.Words(Set(abi.SIGUSR2)), 8, 0)
	p.Want(128, abi.SysRead, fd, at, 128)
	if in := readAt(p, at); in.signo != abi.SIGUSR2 {
		t.Errorf("%+v", in)
	}
	p.Close(fd)
	b.Send(p, abi.SIGUSR2)
	p.Want(0, abi.SysEpollWait, ep, events, 2, 0)
}

func TestSignalfd_Refused(t *testing.T) {
	b := New(t)
	p := b.Process()
	set := p.Words(1)
	p.Want(-abi.EINVAL, abi.SysSignalfd4, -1, set, 4, 0)
	p.Want(-abi.EINVAL, abi.SysSignalfd4, -1, set, 8, 1)
	p.Want(-abi.EFAULT, abi.SysSignalfd4, -1, 0, 8, 0)
	p.Want(-abi.EBADF, abi.SysSignalfd4, 99, set, 8, 0)
	r, _ := p.Pipe()
	p.Want(-abi.EINVAL, abi.SysSignalfd4, r, set, 8, 0)
}
