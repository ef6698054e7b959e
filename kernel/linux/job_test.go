package linux_test

import (
	"strings"
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/kernel/tty"
	"motile/proc"
)

// job makes a child of a shell that leads a process group of its own.
func job(sh *Thread) *Thread {
	c := sh.Fork()
	c.Must(abi.SysSetpgid, 0, 0)
	return c
}

func foreground(sh *Thread, pgid int32) Result {
	return sh.Call(abi.SysIoctl, 0, tty.TIOCSPGRP, sh.Words(uint64(uint32(pgid))))
}

func wantStatus(t *testing.T, p *Thread, options int, want uint32) {
	t.Helper()
	st := p.Alloc(4)
	if r := p.Call(abi.SysWait4, -1, st, options|wnohang, 0); r <= 0 || p.Word32(st) != want {
		t.Errorf("wait4: %v, status %#x, want %#x", r, p.Word32(st), want)
	}
}

func TestSession_New(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(-abi.EPERM, abi.SysSetsid) // it leads a group
	c := p.Fork()
	pid := Result(c.Process().PID)
	c.Want(pid, abi.SysSetsid)
	c.Want(pid, abi.SysGetpgrp)
	c.Want(pid, abi.SysGetsid, 0)
	p.Want(pid, abi.SysGetsid, pid)
	if c.Process().TTY != nil {
		t.Error("a new session has a terminal")
	}
}

func TestGroup_Rules(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	sh := b.Process()
	a, c := sh.Fork(), sh.Fork()
	other := b.Process() // another session
	lead := sh.Fork()
	lead.Must(abi.SysSetsid)
	grand := a.Fork()
	pid := func(x *Thread) int32 { return x.Process().PID }

	sh.Want(0, abi.SysSetpgid, pid(a), 0)
	sh.Want(Result(pid(a)), abi.SysGetpgid, pid(a))
	c.Want(0, abi.SysSetpgid, 0, pid(a))
	for _, test := range []struct {
		name      string
		who       *Thread
		pid, pgid int32
		want      Result
	}{
		{"a group that does not exist", sh, pid(c), 1<<29 - 1, -abi.EPERM},
		{"a group of another session", c, 0, pid(other), -abi.EPERM},
		{"not a child", sh, pid(grand), 0, -abi.ESRCH},
		{"a child in another session", sh, pid(lead), 0, -abi.EPERM},
		{"a session leader", sh, 0, pid(a), -abi.EPERM},
		{"a negative group", sh, pid(c), -1, -abi.EINVAL},
	} {
		test.who.Want(test.want, abi.SysSetpgid, test.pid, test.pgid)
	}
	c.Must(abi.SysExecve, c.Text("/bin/prog"), 0, 0)
	sh.Want(-abi.EACCES, abi.SysSetpgid, pid(c), pid(c)) // too late
}

func TestTerminal_Foreground(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	at := sh.Alloc(4)
	group := func() int32 {
		sh.Must(abi.SysIoctl, 0, tty.TIOCGPGRP, at)
		return int32(sh.Word32(at))
	}
	if g := group(); g != sh.Process().PGID {
		t.Errorf("foreground group %d", g)
	}
	c := job(sh)
	if r := foreground(sh, c.Process().PGID); r != 0 || group() != c.Process().PGID {
		t.Errorf("%v, group %d", r, group())
	}
	sh.Want(0, abi.SysIoctl, 0, tty.TIOCGSID, at)
	if sh.Word32(at) != uint32(sh.Process().SID) {
		t.Errorf("session %d", sh.Word32(at))
	}
	// A group of another session cannot be in the foreground.
	other := b.Process()
	sh.Disposition(abi.SIGTTOU, proc.SigIgn)
	if r := foreground(sh, other.Process().PGID); r != -abi.EPERM {
		t.Errorf("another session's group: %v", r)
	}
	// And a session that does not have the terminal cannot say.
	f := sh.Process().FDs.Get(0)
	f.Retain()
	other.Process().FDs.Set(0, f, false)
	other.Want(-abi.ENOTTY, abi.SysIoctl, 0, tty.TIOCGPGRP, other.Alloc(4))
	other.Want(-abi.ENOTTY, abi.SysIoctl, 0, tty.TIOCSPGRP, other.Words(uint64(other.Process().PGID)))
}

func TestTerminal_BackgroundRead(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	buf := c.Alloc(8)
	c.Want(Stopped, abi.SysRead, 0, buf, 8)
	wantStatus(t, sh, wuntraced, abi.SIGTTIN<<8|0x7f)
	b.Type("hello\n") // goes to whoever is in the foreground
	sh.Must(abi.SysIoctl, 0, tty.TIOCSPGRP, sh.Words(uint64(c.Process().PGID)))
	b.Send(c, abi.SIGCONT)
	c.Expect(6) // the read was made again
	if got := string(c.Get(buf, 6)); got != "hello\n" {
		t.Errorf("read %q", got)
	}
}

// The whole group is stopped, not only who has read.
func TestTerminal_BackgroundGroupStops(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	mate := c.Fork()
	mate.Want(Blocked, abi.SysPause)
	c.Want(Stopped, abi.SysRead, 0, c.Alloc(1), 1)
	mate.Expect(Stopped)
}

func TestTerminal_BackgroundReadFails(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	for _, test := range []struct {
		name string
		do   func(c *Thread)
	}{
		{"SIGTTIN ignored", func(c *Thread) { c.Disposition(abi.SIGTTIN, proc.SigIgn) }},
		{"SIGTTIN blocked", func(c *Thread) { c.Block(abi.SIGTTIN) }},
	} {
		c := job(sh)
		test.do(c)
		if r := c.Call(abi.SysRead, 0, c.Alloc(1), 1); r != -abi.EIO {
			t.Errorf("%s: %v", test.name, r)
		}
	}
	// Nobody could continue a member of an orphaned group.
	c := job(sh)
	g := c.Fork()
	g.Must(abi.SysSetpgid, 0, 0)
	c.Exit(0)
	g.Want(-abi.EIO, abi.SysRead, 0, g.Alloc(1), 1)
}

func TestTerminal_BackgroundReadHandler(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	c.Handle(abi.SIGTTIN, 0, 0)
	c.Want(InHandler, abi.SysRead, 0, c.Alloc(1), 1)
	if c.Return() != -abi.EINTR {
		t.Error(c.Result())
	}
}

func TestTerminal_BackgroundWrite(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	c.Write(1, "a") // allowed
	line := b.Console.Line.Termios
	line.Lflag |= tty.TOSTOP
	sh.Must(abi.SysIoctl, 0, tty.TCSETS, sh.Bytes(line.Encode()))
	c.Want(Stopped, abi.SysWrite, 1, c.Text("b"), 1)
	wantStatus(t, sh, wuntraced, abi.SIGTTOU<<8|0x7f)
	sh.Must(abi.SysIoctl, 0, tty.TIOCSPGRP, sh.Words(uint64(c.Process().PGID)))
	b.Send(c, abi.SIGCONT)
	c.Expect(1)
	for _, do := range []func(x *Thread){
		func(x *Thread) { x.Disposition(abi.SIGTTOU, proc.SigIgn) },
		func(x *Thread) { x.Block(abi.SIGTTOU) },
	} {
		x := job(sh)
		do(x)
		x.Write(1, "c")
	}
	if got := string(b.Output); got != "abcc" {
		t.Errorf("output %q", got)
	}
}

func TestTerminal_BackgroundSetsForeground(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	if r := foreground(c, c.Process().PGID); r != Stopped {
		t.Fatal(r)
	}
	b.Send(c, abi.SIGCONT) // the call is made again, and stops it again
	c.Expect(Stopped)
	b.Send(c, abi.SIGKILL)
	d := job(sh)
	d.Disposition(abi.SIGTTOU, proc.SigIgn) // as shells do
	if r := foreground(d, d.Process().PGID); r != 0 {
		t.Error(r)
	}
}

func TestTerminal_Keys(t *testing.T) {
	for _, test := range []struct {
		name, key string
		status    uint32
	}{
		{"interrupt", "\x03", abi.SIGINT},
		{"quit", "\x1c", abi.SIGQUIT | 0x80},
		{"suspend", "\x1a", abi.SIGTSTP<<8 | 0x7f},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			sh := b.Shell()
			front, back := job(sh), job(sh)
			mate := front.Fork()
			foreground(sh, front.Process().PGID)
			front.Want(Blocked, abi.SysRead, 0, front.Alloc(1), 1)
			mate.Want(Blocked, abi.SysPause)
			back.Want(Blocked, abi.SysPause)
			b.Type(test.key)
			wantStatus(t, sh, wuntraced, test.status)
			if r := mate.Result(); r == Blocked {
				t.Error("the rest of the group did not notice")
			}
			back.Expect(Blocked)
		})
	}
}

// A job that is continued in the foreground goes on with its read.
func TestTerminal_SuspendAndResume(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	foreground(sh, c.Process().PGID)
	c.Want(Blocked, abi.SysRead, 0, c.Alloc(8), 8)
	b.Type("half\x1a") // and the line is dropped
	c.Expect(Stopped)
	b.Send(c, abi.SIGCONT)
	c.Expect(Blocked)
	b.Type("ok\n")
	c.Expect(3)
}

// Suspending an orphaned group would be for ever.
func TestTerminal_OrphansAreNotSuspended(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	g := c.Fork()
	foreground(sh, c.Process().PGID)
	c.Exit(0)
	g.Want(Blocked, abi.SysPause)
	b.Type("\x1a")
	g.Expect(Blocked)
	b.Send(g, abi.SIGSTOP) // this one stops anything
	g.Expect(Stopped)
}

// POSIX, exit: a group that becomes orphaned with a stopped member is hung up.
func TestOrphan_StoppedGroupIsHungUp(t *testing.T) {
	for _, test := range []struct {
		name string
		// Who is stopped when the job's first process ends: its child, or a child
		// of that.
		grandchild bool
	}{{"child", false}, {"grandchild", true}} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			sh := b.Shell()
			c := job(sh)
			g := c.Fork()
			victim := g
			if test.grandchild {
				victim = g.Fork()
			}
			b.Send(victim, abi.SIGSTOP)
			victim.Expect(Stopped)
			c.Exit(0)
			victim.Expect(Dead) // SIGHUP, and SIGCONT to notice it
		})
	}
}

func TestOrphan_HandlersSeeHangupThenContinue(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	g := c.Fork()
	g.Handle(abi.SIGHUP, 0, ^uint64(0))
	g.Handle(abi.SIGCONT, 0, ^uint64(0))
	b.Send(g, abi.SIGSTOP)
	c.Exit(0)
	g.Expect(InHandler)
	if g.Signal() != abi.SIGHUP {
		t.Errorf("first signal %d", g.Signal())
	}
	if g.Return() != InHandler || g.Signal() != abi.SIGCONT {
		t.Errorf("then %v, %d", g.Result(), g.Signal())
	}
	g.Return()
}

// A running member is enough to leave an orphaned group alone.
func TestOrphan_RunningGroupIsLeftAlone(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	g := c.Fork()
	g.Want(Blocked, abi.SysPause)
	c.Exit(0)
	g.Expect(Blocked)
}

func TestSession_LeaderExits(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	front, back := job(sh), job(sh)
	foreground(sh, front.Process().PGID)
	front.Handle(abi.SIGHUP, 0, 0)
	front.Want(Blocked, abi.SysPause)
	back.Want(Blocked, abi.SysPause)
	sh.Exit(0)
	front.Expect(InHandler)
	back.Expect(Blocked)
	if j := b.Console.Job; j != (tty.Job{}) {
		t.Errorf("the terminal still belongs to %+v", j)
	}
	// Another session can have it now.
	next := b.Shell()
	if b.Console.Job.Session != next.Process().SID {
		t.Errorf("session %d", b.Console.Job.Session)
	}
}

func TestTerminal_DevTTY(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(-abi.ENXIO, abi.SysOpen, p.Text("/dev/tty"), object.ORdwr)
	sh := b.Shell()
	fd := sh.Open("/dev/tty", object.ORdwr)
	sh.Write(fd, "hi")
	if string(b.Output) != "hi" {
		t.Errorf("output %q", b.Output)
	}
}

func TestTerminal_Adoption(t *testing.T) {
	b := New(t)
	p := b.Process()
	c := p.Fork()
	c.Open("/dev/console", object.ORdwr) // no session leader
	if c.Process().TTY != nil {
		t.Error("adopted by one who leads no session")
	}
	p.Close(p.Open("/dev/console", object.ORdwr|object.ONoCTTY))
	if p.Process().TTY != nil {
		t.Error("adopted in spite of O_NOCTTY")
	}
	fd := p.Open("/dev/console", object.ORdwr)
	if p.Process().TTY == nil {
		t.Error("not adopted")
	}
	// The terminal of one session is not another's.
	q := b.Process()
	q.Want(-abi.EPERM, abi.SysIoctl, q.Open("/dev/console", object.ORdwr), tty.TIOCSCTTY, 0)
	p.Close(fd)
}

func TestTerminal_GivenUp(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	c := job(sh)
	c.Want(0, abi.SysIoctl, 0, tty.TIOCNOTTY, 0) // it alone has none now
	if c.Process().TTY != nil || sh.Process().TTY == nil {
		t.Error("the wrong one has given it up")
	}
	c.Want(-abi.ENOTTY, abi.SysIoctl, 0, tty.TIOCNOTTY, 0)
	front := job(sh)
	foreground(sh, front.Process().PGID)
	front.Want(Blocked, abi.SysPause)
	sh.Want(0, abi.SysIoctl, 0, tty.TIOCNOTTY, 0)
	front.Expect(Dead) // hung up
	if b.Console.Job.Session != 0 {
		t.Error("the terminal still has a session")
	}
}

func TestTerminal_Lines(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	buf := sh.Alloc(100)
	sh.Want(Blocked, abi.SysRead, 0, buf, 100)
	b.Type("ech")
	sh.Expect(Blocked)
	b.Type("o hi\nnext\n")
	sh.Expect(8) // one line
	if got := string(sh.Get(buf, 8)); got != "echo hi\n" {
		t.Errorf("read %q", got)
	}
	if got := sh.Read(0, 2) + "|" + sh.Read(0, 100); got != "ne|xt\n" { // what did not fit stays
		t.Errorf("read %q", got)
	}
	b.Type("\x04")
	sh.Want(0, abi.SysRead, 0, buf, 100) // end of file, once
	sh.Want(Blocked, abi.SysRead, 0, buf, 100)
	b.Type("x\x04")
	sh.Expect(1)
	if got := string(b.Output); got != "echo hi\r\nnext\r\nx" {
		t.Errorf("echo %q", got)
	}
}

func TestTerminal_PollAndCount(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	at, n := sh.Words(pollfd(0, 1)), sh.Alloc(4)
	sh.Want(0, abi.SysPoll, at, 1, 0)
	sh.Want(Blocked, abi.SysPoll, at, 1, -1)
	b.Type("ab")
	sh.Expect(Blocked)
	b.Type("c\n")
	sh.Expect(1)
	sh.Must(abi.SysIoctl, 0, tty.FIONREAD, n)
	if sh.Word32(n) != 4 {
		t.Errorf("%d bytes", sh.Word32(n))
	}
}

func TestTerminal_Raw(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	saved := sh.Alloc(tty.TermiosSize)
	sh.Must(abi.SysIoctl, 0, tty.TCGETS, saved)
	var line tty.Termios
	line.Decode(sh.Get(saved, tty.TermiosSize))
	line.Lflag &^= tty.ICANON | tty.ECHO | tty.ISIG
	line.Iflag &^= tty.ICRNL
	sh.Must(abi.SysIoctl, 0, tty.TCSETS, sh.Bytes(line.Encode()))
	sh.Want(Blocked, abi.SysRead, 0, sh.Alloc(10), 10)
	b.Type("\x03")
	sh.Expect(1)
	b.Type("\r\x04x")
	if got := sh.Read(0, 10); got != "\r\x04x" {
		t.Errorf("read %q", got)
	}
	if len(b.Output) != 0 {
		t.Errorf("echo %q", b.Output)
	}
	sh.Must(abi.SysIoctl, 0, tty.TCSETSF, saved)
	if b.Console.Line.Lflag&tty.ICANON == 0 {
		t.Error("the old settings are not back")
	}
}

// MIN 0, TIME 0: a read takes what there is, and does not wait (termios(3)).
func TestTerminal_PollingRead(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	line := b.Console.Line.Termios
	line.Lflag &^= tty.ICANON
	line.CC[tty.VMIN], line.CC[tty.VTIME] = 0, 0
	sh.Must(abi.SysIoctl, 0, tty.TCSETS, sh.Bytes(line.Encode()))
	sh.Want(0, abi.SysRead, 0, sh.Alloc(1), 1)
	b.Type("z")
	sh.Want(1, abi.SysRead, 0, sh.Alloc(10), 10)
}

func TestTerminal_WindowSize(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	sh.Handle(abi.SIGWINCH, 0, 0)
	c := job(sh)
	at := sh.Alloc(8)
	sh.Must(abi.SysIoctl, 0, tty.TIOCGWINSZ, at)
	if w := sh.Word(at); w != 24|80<<16 {
		t.Errorf("size %#x", w)
	}
	size := c.Words(50 | 132<<16)
	c.Must(abi.SysIoctl, 0, tty.TIOCSWINSZ, size)
	sh.Expect(InHandler)
	sh.Return()
	sh.Must(abi.SysIoctl, 0, tty.TIOCGWINSZ, at)
	if w := sh.Word(at); w != 50|132<<16 {
		t.Errorf("size %#x", w)
	}
	c.Must(abi.SysIoctl, 0, tty.TIOCSWINSZ, size) // no change, no signal
	sh.Expect(0)
}

func TestTerminal_FlowControl(t *testing.T) {
	b := New(t)
	sh := b.Shell()
	b.Type("\x13")
	sh.Write(1, "held")
	if len(b.Output) != 0 {
		t.Errorf("output %q while stopped", b.Output)
	}
	const big = 20 << 10
	sh.Want(Blocked, abi.SysWrite, 1, sh.Bytes([]byte(strings.Repeat("w", big))), big)
	b.Type("\x11")
	b.Console.Kick()
	b.Run()
	sh.Expect(big)
	if got := string(b.Output); got != "held"+strings.Repeat("w", big) {
		t.Errorf("%d bytes of output", len(got))
	}
}

func TestTerminal_NotATerminal(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, _ := p.Pipe()
	for _, fd := range []uint64{r, p.Open("/dev/null", 0), p.Open("/tmp", 0)} {
		p.Want(-abi.ENOTTY, abi.SysIoctl, fd, tty.TCGETS, p.Alloc(64))
		p.Want(-abi.ENOTTY, abi.SysIoctl, fd, tty.TIOCGWINSZ, p.Alloc(64))
	}
	p.Want(-abi.ENOTTY, abi.SysIoctl, p.Open("/dev/console", object.ONoCTTY), 0x9999, 0)
	p.Want(0, abi.SysIoctl, r, 0x5451) // FIOCLEX
	p.Want(1, abi.SysFcntl, r, 1)
	p.Must(abi.SysIoctl, r, 0x5421, p.Words(1)) // FIONBIO
	p.Want(-abi.EAGAIN, abi.SysRead, r, p.Alloc(1), 1)
}
