package linux_test

import (
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/proc"
)

const (
	wnohang, wuntraced, wexited, wcontinued, wnowait = 1, 2, 4, 8, 0x1000000

	byAny, byPID, byGroup = 0, 1, 2
)

// siginfo as waitid fills it.
type waited struct {
	signo, code int32
	pid, status int32
}

func waitid(p *Thread, kind, id int, options int) (Result, waited) {
	info := p.Alloc(128)
	r := p.Call(abi.SysWaitid, kind, id, info, options, 0)
	if r != 0 {
		return r, waited{}
	}
	w := func(at uint64) int32 { return int32(p.Word32(info + at)) }
	return 0, waited{signo: w(0), code: w(8), pid: w(16), status: w(24)}
}

func TestWait_Selectors(t *testing.T) {
	for _, test := range []struct {
		name  string
		which func(p, c *Thread) int32 // c is the middle one of three
	}{
		{"by pid", func(_, c *Thread) int32 { return c.Process().PID }},
		{"by group", func(_, c *Thread) int32 { return -c.Process().PID }},
		{"any", func(*Thread, *Thread) int32 { return -1 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			first, c, last := p.Fork(), p.Fork(), p.Fork()
			c.Must(abi.SysSetpgid, 0, 0)
			pid := c.Process().PID
			p.Want(Blocked, abi.SysWait4, test.which(p, c), 0, 0, 0)
			if test.name != "any" {
				first.Exit(0)
				last.Exit(0)
				p.Expect(Blocked)
			}
			c.Exit(0)
			p.Expect(Result(pid))
		})
	}
	t.Run("own group", func(t *testing.T) {
		b := New(t)
		p := b.Process()
		c, other := p.Fork(), p.Fork()
		other.Must(abi.SysSetpgid, 0, 0)
		pid := c.Process().PID
		other.Exit(0)
		p.Want(Blocked, abi.SysWait4, 0, 0, 0, 0)
		c.Exit(0)
		p.Expect(Result(pid))
		p.Want(-abi.ECHILD, abi.SysWait4, 0, 0, 0, 0)
	})
}

func TestWait_NoHang(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(-abi.ECHILD, abi.SysWait4, -1, 0, wnohang, 0)
	c := p.Fork()
	p.Want(0, abi.SysWait4, -1, 0, wnohang, 0)
	p.Want(-abi.ECHILD, abi.SysWait4, c.Process().PID+1, 0, wnohang, 0)
	if r, info := waitid(p, byAny, 0, wexited|wnohang); r != 0 || info != (waited{}) {
		t.Errorf("waitid: %v, %+v", r, info)
	}
	c.Exit(5)
	p.Want(Result(c.Process().PID), abi.SysWait4, -1, 0, wnohang, 0)
	p.Want(-abi.ECHILD, abi.SysWait4, -1, 0, 0, 0)
}

func TestWait_StoppedAndContinued(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGCHLD, proc.SaRestart, 0)
	c := p.Fork()
	st := p.Alloc(4)
	next := func(options int) Result { return p.Call(abi.SysWait4, -1, st, options|wnohang, 0) }
	told := func(what string) {
		t.Helper()
		if p.Result() != InHandler {
			t.Errorf("%s: no SIGCHLD", what)
			return
		}
		p.Return()
	}
	pid := Result(c.Process().PID)

	p.Must(abi.SysKill, pid, 0)
	b.Send(c, abi.SIGSTOP)
	told("stopped")
	if r := next(0); r != 0 { // not asked for
		t.Errorf("plain wait: %v", r)
	}
	if r := next(wuntraced); r != pid || p.Word32(st) != abi.SIGSTOP<<8|0x7f {
		t.Errorf("stopped: %v, status %#x", r, p.Word32(st))
	}
	if r := next(wuntraced); r != 0 { // once only
		t.Errorf("stopped again: %v", r)
	}
	b.Send(c, abi.SIGCONT)
	told("continued")
	if r := next(wuntraced); r != 0 {
		t.Errorf("not asked for: %v", r)
	}
	if r := next(wcontinued); r != pid || p.Word32(st) != 0xffff {
		t.Errorf("continued: %v, status %#x", r, p.Word32(st))
	}
	if r := next(wcontinued); r != 0 {
		t.Errorf("continued again: %v", r)
	}
	c.Exit(1)
	told("exited")
	if r := next(0); r != pid {
		t.Errorf("exited: %v", r)
	}
}

func TestWaitid_Codes(t *testing.T) {
	for _, test := range []struct {
		name         string
		options      int
		do           func(c *Thread)
		code, status int32
	}{
		{"exited", wexited, func(c *Thread) { c.Exit(3) }, proc.CldExited, 3},
		{"killed", wexited, func(c *Thread) { c.Call(abi.SysKill, c.Process().PID, abi.SIGTERM) }, proc.CldKilled, abi.SIGTERM},
		{"dumped", wexited, func(c *Thread) { c.Call(abi.SysKill, c.Process().PID, abi.SIGABRT) }, proc.CldDumped, abi.SIGABRT},
		{"stopped", wuntraced, func(c *Thread) { c.Call(abi.SysKill, c.Process().PID, abi.SIGSTOP) }, proc.CldStopped, abi.SIGSTOP},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			c := p.Fork()
			test.do(c)
			want := waited{signo: abi.SIGCHLD, code: test.code, pid: c.Process().PID, status: test.status}
			for range 2 { // the first does not take it
				if r, got := waitid(p, byPID, int(c.Process().PID), test.options|wnowait); r != 0 || got != want {
					t.Errorf("WNOWAIT: %v, %+v, want %+v", r, got, want)
				}
			}
			if r, got := waitid(p, byAny, 0, test.options); r != 0 || got != want {
				t.Errorf("%v, %+v, want %+v", r, got, want)
			}
			if r, got := waitid(p, byAny, 0, test.options|wnohang); r == 0 && got.pid != 0 {
				t.Errorf("again: %+v", got)
			}
		})
	}
}

func TestWaitid_ByGroup(t *testing.T) {
	b := New(t)
	p := b.Process()
	c := p.Fork()
	c.Must(abi.SysSetpgid, 0, 0)
	other := p.Fork()
	other.Exit(0)
	if r, _ := waitid(p, byGroup, int(c.Process().PID), wexited|wnohang); r != 0 {
		t.Error(r)
	}
	c.Exit(0)
	if r, got := waitid(p, byGroup, int(c.Process().PID), wexited); r != 0 || got.pid != c.Process().PID {
		t.Errorf("%v, %+v", r, got)
	}
}

func TestWait_SignalInterrupts(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags uint64
		want  Result
	}{
		{"no SA_RESTART", 0, -abi.EINTR},
		{"SA_RESTART", proc.SaRestart, Blocked},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			p.Fork()
			p.Handle(abi.SIGUSR1, test.flags, 0)
			p.Want(Blocked, abi.SysWait4, -1, 0, 0, 0)
			b.Send(p, abi.SIGUSR1)
			p.Expect(InHandler)
			if got := p.Return(); got != test.want {
				t.Errorf("after the handler: %v, want %v", got, test.want)
			}
		})
	}
}

// A parent that ignores SIGCHLD has no zombies: wait waits for the last child and
// then says that there was none (wait(2), NOTES).
func TestWait_IgnoredChildren(t *testing.T) {
	for _, test := range []struct {
		name   string
		ignore func(p *Thread)
	}{
		{"SIG_IGN", func(p *Thread) { p.Disposition(abi.SIGCHLD, proc.SigIgn) }},
		{"SA_NOCLDWAIT", func(p *Thread) { p.Handle(abi.SIGCHLD, proc.SaNoCldWait|proc.SaRestart, 0) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			test.ignore(p)
			one, two := p.Fork(), p.Fork()
			p.Want(Blocked, abi.SysWait4, -1, 0, 0, 0)
			one.Exit(0)
			if p.Result() == InHandler {
				p.Return()
			}
			p.Expect(Blocked)
			two.Exit(0)
			if p.Result() == InHandler {
				p.Return()
			}
			p.Expect(-abi.ECHILD)
		})
	}
}

func TestWait_NoChildStop(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGCHLD, proc.SaNoCldStop, 0)
	c := p.Fork()
	b.Send(c, abi.SIGSTOP)
	b.Send(c, abi.SIGCONT)
	p.Want(Result(p.Process().PID), abi.SysGetpid) // no signal came
	c.Exit(0)
	p.Expect(InHandler)
	p.Return()
	p.Wait(-1)
}

// The children of a process that ends are init's; nobody keeps their zombies.
func TestWait_Orphans(t *testing.T) {
	b := New(t)
	p := b.Process()
	c := p.Fork()
	g, z := c.Fork(), c.Fork()
	z.Exit(0)
	c.Exit(0)
	g.Want(Result(b.Tab.Init()), abi.SysGetppid)
	g.Exit(0)
	p.Wait(-1)
	if n := len(b.Tab.Processes()); n != 1 {
		t.Errorf("%d processes are left", n)
	}
}

func TestWait_DeathSignal(t *testing.T) {
	b := New(t)
	p := b.Process()
	c := p.Fork()
	g := c.Fork()
	g.Handle(abi.SIGUSR1, 0, 0)
	g.Must(abi.SysPrctl, 1, abi.SIGUSR1) // PR_SET_PDEATHSIG
	at := g.Alloc(4)
	g.Must(abi.SysPrctl, 2, at)
	if g.Word32(at) != abi.SIGUSR1 {
		t.Errorf("signal %d", g.Word32(at))
	}
	h := g.Fork() // not inherited
	c.Exit(0)
	g.Expect(InHandler)
	g.Return()
	h.Want(Result(g.Process().PID), abi.SysGetppid)
	p.Wait(-1)
}

// Two threads wait; one child goes to one of them.
func TestWait_Threads(t *testing.T) {
	b := New(t)
	p := b.Process()
	x := p.NewThread()
	c := p.Fork()
	p.Want(Blocked, abi.SysWait4, -1, 0, 0, 0)
	x.Want(Blocked, abi.SysWait4, -1, 0, 0, 0)
	pid := Result(c.Process().PID)
	c.Exit(0)
	got := map[Result]int{p.Result(): 1}
	got[x.Result()]++
	if got[pid] != 1 || got[-abi.ECHILD] != 1 {
		t.Errorf("results %v and %v", p.Result(), x.Result())
	}
}

func TestWait_BadStatusAddress(t *testing.T) {
	b := New(t)
	p := b.Process()
	c := p.Fork()
	c.Exit(0)
	p.Want(-abi.EFAULT, abi.SysWait4, -1, 0x1000, 0, 0)
	p.Wait(-1) // the child was not lost
}
