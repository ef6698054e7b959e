package linux_test

import (
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

const (
	clonePidfd = 0x1000

	byPidfd = 3
	pollIn  = 1
)

func TestPidfd_PollWaitAndSignal(t *testing.T) {
	b := New(t)
	p := b.Process()
	c := p.Fork()
	pid := c.Process().PID
	fd := p.Must(abi.SysPidfdOpen, pid, 0)
	if f := p.Process().FDs.Entry(int32(fd)); !f.Cloexec {
		t.Error("not close-on-exec")
	}
	poll := p.Words(fd | pollIn<<32)
	p.Want(0, abi.SysPoll, poll, 1, 0)
	p.Want(-abi.EINVAL, abi.SysRead, fd, p.Alloc(8), 8)
	if r, in := waitid(p, byPidfd, int(fd), wexited|wnohang); r != 0 || in != (waited{}) {
		t.Errorf("it runs: %v, %+v", r, in)
	}
	p.Must(abi.SysPidfdSendSignal, fd, 0, 0, 0)
	p.Want(Blocked, abi.SysPoll, poll, 1, -1)
	b.Send(c, abi.SIGTERM)
	p.Expect(1)
	p.Must(abi.SysPidfdSendSignal, fd, abi.SIGTERM, 0, 0) // a zombie takes any signal
	for _, options := range []int{wexited | wnowait, wexited} {
		if r, in := waitid(p, byPidfd, int(fd), options); r != 0 || in != (waited{abi.SIGCHLD, proc.CldKilled, pid, abi.SIGTERM}) {
			t.Errorf("it has ended: %v, %+v", r, in)
		}
	}
	p.Want(-abi.ECHILD, abi.SysWaitid, byPidfd, fd, 0, wexited, 0)
	p.Want(-abi.ESRCH, abi.SysPidfdSendSignal, fd, 0, 0, 0)
	p.Want(1, abi.SysPoll, poll, 1, 0)
	p.Want(-abi.ESRCH, abi.SysPidfdOpen, pid, 0)
}

func TestPidfd_OfSelfAndStrangers(t *testing.T) {
	b := New(t)
	p, q := b.Process(), b.Process()
	x := p.NewThread()
	p.Handle(abi.SIGUSR1, 0, 0)
	self := p.Must(abi.SysPidfdOpen, p.Process().PID, 0)
	p.Want(-abi.ECHILD, abi.SysWaitid, byPidfd, self, 0, wexited, 0)
	other := p.Must(abi.SysPidfdOpen, q.Process().PID, object.ONonblock)
	ep := p.Must(abi.SysEpollCreate1, 0)
	p.Must(abi.SysEpollCtl, ep, 1, other, p.Words(pollIn, 0))
	q.Handle(abi.SIGUSR1, 0, 0)
	p.Must(abi.SysPidfdSendSignal, other, abi.SIGUSR1, 0, 0)
	q.Expect(InHandler)
	q.Return()
	info := p.Words(abi.SIGUSR1, 0xffffffff, 0, 5) // code SI_QUEUE
	p.Must(abi.SysPidfdSendSignal, other, abi.SIGUSR1, info, 0)
	q.Expect(InHandler)
	q.Return()
	p.Want(-abi.EINVAL, abi.SysPidfdSendSignal, other, abi.SIGUSR2, info, 0)
	p.Want(-abi.EPERM, abi.SysPidfdSendSignal, other, abi.SIGUSR1, p.Words(abi.SIGUSR1, 0, 0, 0), 0)
	p.Want(-abi.EINVAL, abi.SysPidfdSendSignal, other, 65, 0, 0)
	p.Want(-abi.EINVAL, abi.SysPidfdSendSignal, other, 0, 0, 8)
	p.Want(-abi.EBADF, abi.SysPidfdSendSignal, ep, 0, 0, 0)
	p.Want(-abi.EBADF, abi.SysWaitid, byPidfd, ep, 0, wexited, 0)
	p.Want(-abi.EINVAL, abi.SysPidfdOpen, x.TID, 0)
	p.Want(-abi.EINVAL, abi.SysPidfdOpen, 0, 0)
	p.Want(-abi.EINVAL, abi.SysPidfdOpen, q.Process().PID, 1)
	p.Want(-abi.ESRCH, abi.SysPidfdOpen, 4711, 0)
	p.Want(Blocked, abi.SysEpollWait, ep, p.Alloc(12), 1, -1)
	q.Exit(0)
	p.Expect(1)
	p.Want(-abi.ECHILD, abi.SysWaitid, byPidfd, other, 0, wexited, 0)
	p.Want(-abi.ESRCH, abi.SysPidfdSendSignal, other, 0, 0, 0)
}

// Whoever is woken finds the child waitable.
func TestPidfd_ReadableIsWaitable(t *testing.T) {
	b := New(t)
	p := b.Process()
	c := p.Fork()
	pid, fd := c.Process().PID, uint64(0)
	p.Go(func(p *Thread) {
		fd = p.Must(abi.SysPidfdOpen, pid, 0)
		p.Must(abi.SysPoll, p.Words(fd|pollIn<<32), 1, -1)
		if r := p.Call(abi.SysWait4, pid, 0, wnohang, 0); r != Result(pid) {
			t.Errorf("wait: %v", r)
		}
	})
	b.Run()
	c.Exit(0)
	p.Expect(Dead)
}

func TestPidfd_Nonblocking(t *testing.T) {
	b := New(t)
	p := b.Process()
	c := p.Fork()
	fd := p.Must(abi.SysPidfdOpen, c.Process().PID, object.ONonblock)
	p.Want(-abi.EAGAIN, abi.SysWaitid, byPidfd, fd, 0, wexited, 0)
	p.Want(0, abi.SysWaitid, byPidfd, fd, 0, wexited|wnohang, 0)
	c.Exit(0)
	p.Want(0, abi.SysWaitid, byPidfd, fd, 0, wexited, 0)
}

// A thread that waits has the process, whatever becomes of the descriptor.
func TestPidfd_ClosedDuringWait(t *testing.T) {
	b := New(t)
	p := b.Process()
	x := p.NewThread()
	c := p.Fork()
	fd := p.Must(abi.SysPidfdOpen, c.Process().PID, 0)
	x.Want(Blocked, abi.SysWaitid, byPidfd, fd, 0, wexited, 0)
	p.Close(fd)
	c.Exit(0)
	x.Expect(0)
}

func TestClone_Pidfd(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Words(0xffffffff)
	c := p.Child(p.Must(abi.SysClone, clonePidfd|abi.SIGCHLD, 0, at, 0, 0))
	fd := uint64(p.Word32(at))
	if c.Process().FDs.Get(int32(fd)) != nil {
		t.Error("the child has it too")
	}
	c.Exit(1)
	if r, in := waitid(p, byPidfd, int(fd), wexited); r != 0 || in.pid != c.Process().PID || in.status != 1 {
		t.Errorf("%v, %+v", r, in)
	}
	args := p.Words(clonePidfd, at, 0, 0, abi.SIGCHLD, 0, 0, 0)
	c = p.Child(p.Must(abi.SysClone3, args, 64))
	if second := uint64(p.Word32(at)); second == fd || p.Process().FDs.Get(int32(second)) == nil {
		t.Errorf("descriptor %d", second)
	}
	c.Exit(0)
	p.Want(-abi.EINVAL, abi.SysClone, clonePidfd|cloneParentSettid|abi.SIGCHLD, 0, at, 0, 0)
	p.Want(-abi.EINVAL, abi.SysClone, clonePidfd|cloneThread|cloneVM|cloneSighand, p.Alloc(64), at, 0, 0)
	p.Want(-abi.EFAULT, abi.SysClone, clonePidfd|abi.SIGCHLD, 0, 0x2000, 0, 0)
	p.Must(abi.SysSetrlimit, proc.LimitNofile, p.Words(2, 2))
	p.Want(-abi.EMFILE, abi.SysClone, clonePidfd|abi.SIGCHLD, 0, at, 0, 0)
}

// What Go's os package does before it uses pidfds (os/pidfd_linux.go): a child without
// an exit signal, which only __WALL finds.
func TestClone_PidfdWithoutSignal(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Words(0xffffffff)
	const all = 0x40000000
	p.Spawned(func(c *Thread) { c.Call(abi.SysExitGroup, 0) })
	p.Must(abi.SysClone, cloneVfork|cloneVM|clonePidfd, 0, at, 0, 0)
	b.Run()
	fd := uint64(p.Word32(at))
	p.Want(-abi.ECHILD, abi.SysWaitid, byPidfd, fd, 0, wexited, 0)
	p.Want(0, abi.SysWaitid, byPidfd, fd, 0, wexited|all, 0)
}
