package linux_test

import (
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

const (
	cloneVM, cloneVfork, cloneThread, cloneSighand = 0x100, 0x4000, 0x10000, 0x800

	cloneParentSettid, cloneChildCleartid, cloneSettls, cloneChildSettid = 0x100000, 0x200000, 0x80000, 0x1000000
)

func TestFork_TwoReturns(t *testing.T) {
	b := New(t)
	p := b.Process()
	pid := p.Must(abi.SysFork)
	c := p.Child(pid)
	c.Expect(0)
	c.Want(Result(pid), abi.SysGetpid)
	c.Want(Result(p.Process().PID), abi.SysGetppid)
	c.Want(Result(p.Process().PGID), abi.SysGetpgrp)
	if c.Frame.SP != p.Frame.SP || c.Frame.IP != p.Frame.IP {
		t.Error("the child does not stand where the parent does")
	}
}

// Copy on write, in both directions and over three generations.
func TestFork_MemoryIsCopied(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Alloc(4)
	p.SetWord32(at, 1)
	c := p.Fork()
	p.SetWord32(at, 2)
	g := c.Fork()
	c.SetWord32(at, 3)
	for _, test := range []struct {
		name string
		who  *Thread
		want uint32
	}{{"parent", p, 2}, {"child", c, 3}, {"grandchild", g, 1}} {
		if v := test.who.Word32(at); v != test.want {
			t.Errorf("%s sees %d, want %d", test.name, v, test.want)
		}
	}
	b.Check()
	p.Exit(0)
	g.SetWord32(at, 4) // the last owner of what all shared
	if c.Word32(at) != 3 || g.Word32(at) != 4 {
		t.Error("memory changed when the parent ended")
	}
}

// The kernel's own writes break the sharing too.
func TestFork_KernelWritesAreCopied(t *testing.T) {
	b := New(t)
	p := b.Process()
	buf := p.Bytes([]byte("before"))
	r, w := p.Pipe()
	c := p.Fork()
	p.Write(w, "after!")
	p.Want(6, abi.SysRead, r, buf, 6)
	if got := string(c.Get(buf, 6)); got != "before" {
		t.Errorf("the child sees %q", got)
	}
}

func TestFork_SharedMemoryStaysShared(t *testing.T) {
	const shared = 1
	b := New(t)
	p := b.Process()
	at := p.Mmap(8192, 3, shared)
	c := p.Fork()
	c.SetWord32(at+4096, 5) // not even touched before the fork
	p.SetWord32(at, 6)
	if p.Word32(at+4096) != 5 || c.Word32(at) != 6 {
		t.Error("shared memory is not shared")
	}
	p.Exit(0)
	if c.Word32(at) != 6 {
		t.Error("shared memory ended with the parent")
	}
}

func TestFork_DescriptorsShareOffsets(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Create("/tmp/f", "0123456789")
	fd := p.Open("/tmp/f", 0)
	c := p.Fork()
	if got := p.Read(fd, 3) + c.Read(fd, 3) + p.Read(fd, 3); got != "012345678" {
		t.Errorf("read %q", got)
	}
	c.Close(fd) // the tables are apart
	if got := p.Read(fd, 3); got != "9" {
		t.Errorf("read %q", got)
	}
	// O_NONBLOCK belongs to the description, FD_CLOEXEC to the descriptor.
	r, _ := p.Pipe()
	d := p.Fork()
	d.Must(abi.SysFcntl, r, 4, object.ONonblock)
	d.Must(abi.SysFcntl, r, 2, 1)
	p.Want(0, abi.SysFcntl, r, 1)
	p.Want(-abi.EAGAIN, abi.SysRead, r, p.Alloc(1), 1)
}

func TestFork_SignalStateOfTheChild(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Disposition(abi.SIGHUP, proc.SigIgn)
	p.Block(abi.SIGUSR1)
	b.Send(p, abi.SIGUSR1)
	c := p.Fork()
	if c.Process().Actions != p.Process().Actions || c.Mask != p.Mask {
		t.Error("actions or mask are not inherited")
	}
	if c.Process().Pending.Set != 0 || c.Thread.Pending.Set != 0 {
		t.Error("pending signals are inherited")
	}
}

func TestFork_Limits(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Must(abi.SysSetrlimit, proc.LimitNproc, p.Words(3, 3))
	p.Fork()
	p.Fork()
	p.Want(-abi.EAGAIN, abi.SysFork)
	b.K.Pressure = func() bool { return true }
	p.Want(-abi.EAGAIN, abi.SysFork)
	b.K.Pressure = nil
}

func TestVfork_ParentWaits(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(c *Thread)
	}{
		{"for the exit", func(c *Thread) { c.Exit(0) }},
		{"for the exec", func(c *Thread) { c.Must(abi.SysExecve, c.Text("/bin/prog"), 0, 0) }},
		{"for the end", func(c *Thread) { c.Call(abi.SysKill, c.Process().PID, abi.SIGKILL) }},
		{"not for a failed exec", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			b.File("/bin/prog", 0o755, Program())
			p := b.Process()
			at := p.Alloc(4)
			p.Want(Blocked, abi.SysVfork)
			c := p.Child(uint64(p.Process().Children[0].PID))
			c.SetWord32(at, 7)
			p.Expect(Blocked)
			if test.do == nil {
				c.Want(-abi.ENOENT, abi.SysExecve, c.Text("/bin/none"), 0, 0)
				p.Expect(Blocked)
				c.Exit(1)
			} else {
				test.do(c)
			}
			p.Expect(Result(p.Process().Children[0].PID))
			if p.Word32(at) != 7 {
				t.Error("the memory was not shared")
			}
			if c.Result() != Dead {
				c.Exit(0)
			}
			p.Wait(-1)
		})
	}
}

// The child may have threads, and any of them may be the one that leaves.
func TestVfork_ChildsThreads(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(c, x *Thread)
	}{
		{"exec by another thread", func(c, x *Thread) { x.Must(abi.SysExecve, x.Text("/bin/prog"), 0, 0) }},
		{"the first thread ends, then the other", func(c, x *Thread) {
			c.Want(Dead, abi.SysExit, 0)
			x.Want(Dead, abi.SysExit, 0)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			b.File("/bin/prog", 0o755, Program())
			p := b.Process()
			p.Want(Blocked, abi.SysVfork)
			c := p.Child(uint64(p.Process().Children[0].PID))
			test.do(c, c.NewThread())
			p.Expect(Result(p.Process().Children[0].PID))
		})
	}
}

// Signals wait until the child is gone (vfork(2)), all but SIGKILL.
func TestVfork_SignalsWait(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Want(Blocked, abi.SysVfork)
	c := p.Child(uint64(p.Process().Children[0].PID))
	b.Send(p, abi.SIGUSR1)
	p.Expect(Blocked)
	c.Exit(0)
	p.Expect(InHandler)
	if r := p.Return(); r != Result(p.Process().Children[0].PID) {
		t.Error(r)
	}
}

func TestVfork_ParentIsKilled(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(Blocked, abi.SysVfork)
	c := p.Child(uint64(p.Process().Children[0].PID))
	b.Send(p, abi.SIGKILL)
	p.Expect(Dead)
	c.SetWord32(c.Alloc(4), 1) // the memory is the child's now
	c.Want(1_000_001, abi.SysGetppid)
	c.Exit(0)
}

func TestClone_Thread(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Block(abi.SIGHUP)
	stack, tls, word := p.Alloc(4096)+4096, p.Alloc(8), p.Alloc(8)
	const flags = cloneVM | cloneThread | cloneSighand | cloneSettls | cloneParentSettid | cloneChildSettid
	tid := p.Must(abi.SysClone, flags, stack, word, word+4, tls)
	x := p.Child(tid)
	x.Expect(0)
	if x.Frame.SP != stack || x.Frame.FSBase != tls || x.Mask != p.Mask {
		t.Errorf("sp %#x, fs %#x, mask %#x", x.Frame.SP, x.Frame.FSBase, x.Mask)
	}
	if p.Word32(word) != uint32(tid) || p.Word32(word+4) != uint32(tid) {
		t.Error("the thread id was not stored")
	}
	x.Want(Result(tid), abi.SysGettid)
	x.Want(Result(p.Process().PID), abi.SysGetpid)
	fd := x.Open("/tmp/f", object.OCreat) // descriptors are shared
	p.Want(0, abi.SysFcntl, fd, 1)
}

func TestClone_ThreadEnds(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	x := q.NewThread()
	q.Want(Dead, abi.SysExit, 3) // the first one: the process lives on
	x.Want(Result(q.Process().PID), abi.SysGetpid)
	p.Want(Blocked, abi.SysWait4, -1, 0, 0, 0)
	x.Want(Dead, abi.SysExit, 4)
	p.Expect(Result(q.Process().PID))
}

func TestClone_ExitGroupEndsAll(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	x, y := q.NewThread(), q.NewThread()
	y.Want(Blocked, abi.SysPause)
	x.Exit(9)
	q.Expect(Dead)
	y.Expect(Dead)
	if st := p.Wait(-1); st != 9<<8 {
		t.Errorf("status %#x", st)
	}
}

func TestClone_ForkOfAThreadedProcess(t *testing.T) {
	b := New(t)
	p := b.Process()
	x := p.NewThread()
	x.Frame.BX = 77
	c := x.Fork()
	if n := len(c.Process().Threads); n != 1 || c.Frame.BX != 77 {
		t.Errorf("%d threads, bx %d", n, c.Frame.BX)
	}
}

// posix_spawn, as libraries do it: the child has a stack of its own.
func TestClone_VforkWithStack(t *testing.T) {
	b := New(t)
	p := b.Process()
	stack := p.Alloc(8192) + 8192
	p.Want(Blocked, abi.SysClone, cloneVM|cloneVfork|abi.SIGCHLD, stack, 0, 0, 0)
	c := p.Child(uint64(p.Process().Children[0].PID))
	if c.Frame.SP != stack || p.Frame.SP == stack {
		t.Errorf("child's sp %#x, parent's %#x", c.Frame.SP, p.Frame.SP)
	}
	c.Exit(0)
	p.Wait(-1)
}

func TestClone3(t *testing.T) {
	b := New(t)
	p := b.Process()
	stack, tls, word := p.Alloc(8192), p.Alloc(8), p.Alloc(8)
	args := p.Words(cloneVM|cloneThread|cloneSighand|cloneSettls|cloneParentSettid|cloneChildCleartid, 0, word, word+4, 0, stack, 8192, tls)
	tid := p.Must(abi.SysClone3, args, 64)
	x := p.Child(tid)
	if x.Frame.SP != stack+8192 || x.Frame.FSBase != tls || p.Word32(word+4) != uint32(tid) || x.ClearTID != word {
		t.Errorf("sp %#x, fs %#x, ids %d, %#x", x.Frame.SP, x.Frame.FSBase, p.Word32(word+4), x.ClearTID)
	}
	c := p.Must(abi.SysClone3, p.Words(0, 0, 0, 0, abi.SIGCHLD, 0, 0, 0), 64)
	p.Child(c).Exit(0)
	p.Wait(int32(c))
}

func TestClone_ExitSignal(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Handle(abi.SIGCHLD, 0, 0)
	c := p.Child(p.Must(abi.SysClone, abi.SIGUSR1, 0, 0, 0, 0))
	c.Exit(0)
	p.Expect(InHandler)
	if p.Signal() != abi.SIGUSR1 {
		t.Errorf("signal %d", p.Signal())
	}
	p.Return()
	const clones = 0x80000000
	p.Want(-abi.ECHILD, abi.SysWait4, -1, 0, 0, 0) // it is a "clone" child (wait(2))
	p.Want(Result(c.Process().PID), abi.SysWait4, -1, 0, clones, 0)
}

func TestThread_Limit(t *testing.T) {
	b := New(t)
	b.Unchecked = true // a thousand threads a thousand times
	p := b.Process()
	stack := p.Alloc(64)
	n := 1
	for ; n < 10_000; n++ {
		if r := p.Call(abi.SysClone, cloneVM|cloneThread|cloneSighand, stack, 0, 0, 0); r < 0 {
			if r != -abi.EAGAIN {
				t.Errorf("%v, want EAGAIN", r)
			}
			break
		}
	}
	if n != proc.MaxThreads {
		t.Errorf("%d threads", n)
	}
	b.Unchecked = false
}
