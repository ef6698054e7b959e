package linux_test

import (
	"fmt"
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

func TestMissing_IsCounted(t *testing.T) {
	b := New(t)
	p := b.Process()
	const quotactl, pivotRoot = 179, 155
	for range 3 {
		p.Want(-abi.ENOSYS, quotactl, 1, 2, 3)
	}
	p.Want(-abi.ENOSYS, pivotRoot)
	p.Want(-abi.ENOSYS, abi.MaxSys)
	p.Want(-abi.ENOSYS, abi.SysMotile) // no node around this kernel
	m := p.Process().Missing
	if m[quotactl] != 3 || m[pivotRoot] != 1 || m[abi.MaxSys] != 1 || len(m) != 4 {
		t.Errorf("counted %v", m)
	}
	q := p.Fork()
	if len(q.Process().Missing) != 0 {
		t.Error("a child inherits the count")
	}
	for nr := range 10_000 { // the table has an end
		p.Call(abi.MaxSys + nr)
	}
	if len(m) > 64 {
		t.Errorf("%d kinds are counted", len(m))
	}
	// Only the lower half of the register counts, as on Linux.
	p.TrapWith(1<<32|abi.SysGetpid, [6]uint64{})
	p.Expect(Result(p.Process().PID))
}

func TestNative_GetsItsCalls(t *testing.T) {
	b := New(t)
	b.K.Native = func(t *proc.Thread, c *proc.Call) int64 {
		if c.Phase == 0 {
			c.Phase = 1
			return -abi.EBLOCKED
		}
		return int64(c.Nr-abi.SysMotile) + int64(c.Args[0])
	}
	p := b.Process()
	p.Want(Blocked, abi.SysGetreq, 40)
	b.Tab.Thread(p.TID).Wake(nil, 0)
	b.Run()
	p.Expect(41)
}

// A signal runs on top of one of Motile's own calls, which stays the same call:
// it is neither interrupted nor made again.
func TestNative_SignalRunsOnTop(t *testing.T) {
	b := New(t)
	begun, done := 0, false
	b.K.Native = func(_ *proc.Thread, c *proc.Call) int64 {
		if c.Phase == 0 {
			begun++
			c.Phase = 1
		}
		if done {
			return int64(c.Aux[0])
		}
		c.Aux[0]++
		return -abi.EBLOCKED
	}
	p := b.Process()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Handle(abi.SIGUSR2, 0, 0)
	p.Want(Blocked, abi.SysTrans)
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	p.Want(Blocked, abi.SysTrans) // the handler makes one of its own
	b.Send(p, abi.SIGUSR2)
	p.Expect(InHandler)
	if n := len(p.Below); n != 2 {
		t.Fatalf("%d suspended calls", n)
	}
	if r := p.Return(); r != Blocked {
		t.Fatalf("the handler's call: %v", r)
	}
	done = true
	p.Thread.Wake(nil, 0)
	b.Run()
	if r := p.Result(); r < 0 {
		t.Fatalf("the handler's call: %v", r)
	}
	if r := p.Return(); r < 0 {
		t.Fatalf("the first call: %v", r)
	}
	if begun != 2 || len(p.Below) != 0 {
		t.Errorf("%d calls were begun, %d are suspended", begun, len(p.Below))
	}
}

func TestNative_LongjmpDropsTheCall(t *testing.T) {
	b := New(t)
	b.K.Native = func(*proc.Thread, *proc.Call) int64 { return -abi.EBLOCKED }
	p := b.Process()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Handle(abi.SIGUSR2, 0, 0)
	p.Want(Blocked, abi.SysTrans)
	b.Send(p, abi.SIGUSR1)
	p.Want(Blocked, abi.SysTrans)
	b.Send(p, abi.SIGUSR2)
	outer := p.SignalFrame()
	p.Leave() // out of the inner handler, without its return
	if p.SignalFrame() == outer {
		t.Fatal("no frame below")
	}
	if r := p.Return(); r != Blocked { // the outer handler returns to the first call
		t.Error(r)
	}
	if n := len(p.Below); n != 0 {
		t.Errorf("%d suspended calls", n)
	}
}

// Integers of 32 bits have no upper half: what a register has there is ignored.
func TestCalls_UpperHalvesOfIntsAreIgnored(t *testing.T) {
	t.Skip("flags, commands and small enumerations are compared with all 64 bits of the register")
	type call struct {
		nr   int
		args []uint64
		ints string // which arguments are ints, "i"
	}
	minus := func(v int64) uint64 { return uint64(uint32(-v)) }
	run := func(garbage uint64) (calls []string, results []Result) {
		b := New(t)
		p := b.Process()
		r, w := p.Pipe2(object.ONonblock)
		fd := p.Open("/tmp/f", object.OCreat|object.ORdwr)
		buf := p.Alloc(256)
		ep := epoll(p)
		p.Process().Limits[proc.LimitNofile].Cur = 64
		for _, c := range []call{
			{abi.SysDup, []uint64{r}, "i"},
			{abi.SysDup2, []uint64{r, 20}, "ii"},
			{abi.SysDup3, []uint64{r, 21, object.OCloexec}, "iii"},
			{abi.SysFcntl, []uint64{r, 3}, "ii"},
			{abi.SysFcntl, []uint64{r, 0, 30}, "i"},
			{abi.SysClose, []uint64{20}, "i"},
			{abi.SysCloseRange, []uint64{20, 22, 4}, "iii"},
			{abi.SysIoctl, []uint64{r, 0x5451}, "ii"},
			{abi.SysLseek, []uint64{fd, 3, 0}, "i.i"},
			{abi.SysOpen, []uint64{p.Text("/tmp/f"), 0, 0}, ".ii"},
			{abi.SysOpenat, []uint64{minus(100), p.Text("/tmp/f"), 0, 0}, "i.ii"},
			{abi.SysMkdirat, []uint64{minus(100), p.Text("/tmp/d"), 0o755}, "i.i"},
			{abi.SysUnlinkat, []uint64{minus(100), p.Text("/tmp/d"), 0x200}, "i.i"},
			{abi.SysNewfstatat, []uint64{minus(100), p.Text("/tmp/f"), buf, 0x100}, "i..i"},
			{abi.SysAccess, []uint64{p.Text("/tmp/f"), 4}, ".i"},
			{abi.SysPipe2, []uint64{buf, object.ONonblock}, ".i"},
			{abi.SysEventfd2, []uint64{1, object.ONonblock}, "ii"},
			{abi.SysEpollCreate1, []uint64{object.OCloexec}, "i"},
			{abi.SysEpollCtl, []uint64{ep, 1, r, p.Words(1, 0)}, "iii"},
			{abi.SysEpollWait, []uint64{ep, buf, 1, 0}, "i.ii"},
			{abi.SysPoll, []uint64{buf, 0, 0}, ".ii"},
			{abi.SysSelect, []uint64{0, 0, 0, 0, p.Timeval(0)}, "i"},
			{abi.SysReadv, []uint64{w, buf, 0}, "i"},
			{abi.SysFutex, []uint64{buf, futexWake, 1, 0, 0, 0}, ".ii..i"},
			{abi.SysRtSigaction, []uint64{10, 0, buf, 8}, "i"},
			{abi.SysRtSigprocmask, []uint64{2, p.Words(0), 0, 8}, "i"},
			{abi.SysKill, []uint64{uint64(p.Process().PID), 0}, "ii"},
			{abi.SysTgkill, []uint64{uint64(p.Process().PID), uint64(p.TID), 0}, "iii"},
			{abi.SysWait4, []uint64{minus(1), 0, wnohang, 0}, "i.i"},
			{abi.SysWaitid, []uint64{0, 0, buf, wexited | wnohang, 0}, "ii.i"},
			{abi.SysGetpgid, []uint64{0}, "i"},
			{abi.SysSetpgid, []uint64{0, 7}, "ii"},
			{abi.SysClockGettime, []uint64{1, buf}, "i"},
			{abi.SysClockNanosleep, []uint64{1, 0, p.Timespec(0), 0}, "ii"},
			{abi.SysSetitimer, []uint64{0, buf, 0}, "i"},
			{abi.SysAlarm, []uint64{0}, "i"},
			{abi.SysGetrusage, []uint64{minus(1), buf}, "i"},
			{abi.SysGetrlimit, []uint64{proc.LimitNofile, buf}, "i"},
			{abi.SysPrlimit64, []uint64{0, proc.LimitNofile, 0, buf}, "ii"},
			{abi.SysPrctl, []uint64{15, p.Text("name")}, "i"},
			{abi.SysArchPrctl, []uint64{0x1003, buf}, "i"},
			{abi.SysMadvise, []uint64{Arena, 4096, 0}, "..i"},
			{abi.SysGetrandom, []uint64{buf, 8, 0}, "..i"},
			{abi.SysMemfdCreate, []uint64{p.Text("m"), 1}, ".i"},
			{abi.SysUmask, []uint64{0o22}, "i"},
			{abi.SysRenameat2, []uint64{minus(100), p.Text("/tmp/f"), minus(100), p.Text("/tmp/g"), 1}, "i.i.i"},
			{abi.SysSchedGetaffinity, []uint64{0, 8, buf}, "ii"},
			{abi.SysMembarrier, []uint64{0, 0}, "ii"},
		} {
			var args [6]uint64
			for i, a := range c.args {
				if args[i] = a; i < len(c.ints) && c.ints[i] == 'i' {
					args[i] |= garbage
				}
			}
			p.TrapWith(uint64(c.nr), args)
			calls, results = append(calls, fmt.Sprintf("call %d%#x", c.nr, args)), append(results, p.Result())
		}
		return calls, results
	}
	_, want := run(0)
	calls, got := run(0xdeadbeef << 32)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: %v, want %v", calls[i], got[i], want[i])
		}
	}
}

func TestRlimit_Descriptors(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Must(abi.SysSetrlimit, proc.LimitNofile, p.Words(5, 10))
	r, w := p.Pipe()
	fd := p.Must(abi.SysDup, r)
	p.Want(-abi.EINVAL, abi.SysFcntl, r, 0, 5)
	p.Must(abi.SysDup, r)
	p.Must(abi.SysDup, r)
	for name, got := range map[string]Result{
		"dup":     p.Call(abi.SysDup, r),
		"open":    p.Call(abi.SysOpen, p.Text("/dev/null"), 0),
		"pipe":    p.Call(abi.SysPipe, p.Alloc(8)),
		"eventfd": p.Call(abi.SysEventfd, 0),
		"epoll":   p.Call(abi.SysEpollCreate1, 0),
		"memfd":   p.Call(abi.SysMemfdCreate, p.Text(""), 0),
		"F_DUPFD": p.Call(abi.SysFcntl, r, 0, 3),
	} {
		if got != -abi.EMFILE {
			t.Errorf("%s: %v, want EMFILE", name, got)
		}
	}
	p.Want(-abi.EBADF, abi.SysDup2, r, 5)
	p.Close(fd)
	p.Want(-abi.EMFILE, abi.SysPipe, p.Alloc(8)) // room for one only, and that is not taken
	p.Want(Result(fd), abi.SysDup, w)
	p.Want(-abi.EINVAL, abi.SysSetrlimit, proc.LimitNofile, p.Words(11, 10))
	p.Want(-abi.EPERM, abi.SysSetrlimit, proc.LimitNofile, p.Words(10, 1<<20))
	at := p.Alloc(16)
	p.Must(abi.SysPrlimit64, 0, proc.LimitNofile, p.Words(7, 10), at)
	if p.Word(at) != 5 || p.Word(at+8) != 10 {
		t.Errorf("old limit %d, %d", p.Word(at), p.Word(at+8))
	}
	q := p.Fork()
	q.Must(abi.SysGetrlimit, proc.LimitNofile, at)
	if q.Word(at) != 7 {
		t.Errorf("inherited %d", q.Word(at))
	}
}

func TestCloseRange(t *testing.T) {
	const cloexec = 4
	b := New(t)
	p := b.Process()
	for range 4 {
		p.Pipe() // 0 to 7
	}
	p.Must(abi.SysCloseRange, 2, 4, 0)
	p.Must(abi.SysCloseRange, 6, ^uint32(0), cloexec)
	for fd, want := range []Result{0, 0, -abi.EBADF, -abi.EBADF, -abi.EBADF, 0, 1, 1} {
		p.Want(want, abi.SysFcntl, fd, 1)
	}
}

func TestUname(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Alloc(6 * 65)
	p.Must(abi.SysUname, at)
	for i, want := range []string{"Linux", "node1", "6.1.0-motile", "Motile", "x86_64", "(none)"} {
		if got := p.CString(at + 65*uint64(i)); got != want {
			t.Errorf("field %d: %q, want %q", i, got, want)
		}
	}
}

func TestPrctl_Name(t *testing.T) {
	b := New(t)
	p := b.Process()
	x := p.NewThread()
	p.Must(abi.SysPrctl, 15, p.Text("a name that is too long"))
	x.Must(abi.SysPrctl, 15, x.Text("worker"))
	at := p.Alloc(16)
	p.Must(abi.SysPrctl, 16, at)
	if got := p.CString(at); got != "a name that is " {
		t.Errorf("name %q", got)
	}
	x.Must(abi.SysPrctl, 16, at)
	if got := x.CString(at); got != "worker" || p.Process().Comm != "a name that is " {
		t.Errorf("name %q, comm %q", got, p.Process().Comm)
	}
}

func TestGetrandom(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Alloc(5000)
	p.Want(5000, abi.SysGetrandom, at, 5000, 0)
	if p.Zeroed(at+4000, 100) {
		t.Error("no randomness")
	}
}

func TestArchPrctl_SegmentBases(t *testing.T) {
	const setGS, setFS, getFS, getGS = 0x1001, 0x1002, 0x1003, 0x1004
	b := New(t)
	p := b.Process()
	p.Must(abi.SysArchPrctl, setFS, 0x123456)
	p.Must(abi.SysArchPrctl, setGS, 0x654321)
	at := p.Alloc(16)
	p.Must(abi.SysArchPrctl, getFS, at)
	p.Must(abi.SysArchPrctl, getGS, at+8)
	if p.Frame.FSBase != 0x123456 || p.Word(at) != 0x123456 || p.Word(at+8) != 0x654321 {
		t.Errorf("fs %#x, %#x, gs %#x", p.Frame.FSBase, p.Word(at), p.Word(at+8))
	}
	q := p.Fork()
	if q.Frame.FSBase != 0x123456 {
		t.Error("not inherited")
	}
}

func TestYield_LetsOthersRun(t *testing.T) {
	b := New(t)
	p := b.Process()
	var order string
	p.Go(func(p *Thread) {
		p.Spawned(func(c *Thread) {
			order += "c"
			c.Must(abi.SysSchedYield)
			order += "c"
		})
		p.Must(abi.SysFork)
		order += "p"
		p.Must(abi.SysSchedYield)
		order += "p"
		p.Wait(-1)
	})
	b.Run()
	if order != "pcpc" {
		t.Errorf("order %s", order)
	}
}

func TestReboot(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(0, abi.SysReboot, 0xfee1dead, 672274793, 0) // CAD off: nothing
	if b.K.Halt {
		t.Error("halted")
	}
	p.Want(0, abi.SysReboot, 0xfee1dead, 672274793, 0x4321fedc)
	if !b.K.Halt {
		t.Error("not halted")
	}
}

// When the kernel's own memory is nearly used up, what would make it hold more
// is refused.
func TestPressure_RefusesNewThings(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, _ := p.Pipe()
	ep := epoll(p)
	b.K.Pressure = func() bool { return true }
	for name, got := range map[string]Result{
		"pipe":    p.Call(abi.SysPipe, p.Alloc(8)),
		"eventfd": p.Call(abi.SysEventfd, 0),
		"epoll":   p.Call(abi.SysEpollCreate1, 0),
		"watch":   p.Call(abi.SysEpollCtl, ep, epollAdd, r, p.Words(1, 0)),
		"open":    p.Call(abi.SysOpen, p.Text("/dev/null"), 0),
		"mmap":    p.Call(abi.SysMmap, 0, 4096, 3, mapPrivate|mapAnonymous, -1, 0),
		"fork":    p.Call(abi.SysFork),
	} {
		if got >= 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	b.K.Pressure = nil
}

func TestPressure_NamesAndBytes(t *testing.T) {
	t.Skip("mkdir, symlink, link, mknod, rename and the growth of a pipe do not ask whether there is room")
	b := New(t)
	p := b.Process()
	_, w := p.Pipe2(object.ONonblock)
	b.K.Pressure = func() bool { return true }
	for name, got := range map[string]Result{
		"mkdir":   p.Call(abi.SysMkdir, p.Text("/tmp/d"), 0o755),
		"symlink": p.Call(abi.SysSymlink, p.Text("target"), p.Text("/tmp/l")),
		"mknod":   p.Call(abi.SysMknodat, -100, p.Text("/tmp/n"), object.ModeReg|0o644, 0),
		"pipe":    p.Call(abi.SysWrite, w, p.Alloc(object.PipeSize), object.PipeSize),
	} {
		if got >= 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	b.K.Pressure = nil
}
