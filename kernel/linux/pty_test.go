package linux_test

import (
	"fmt"
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/kernel/tty"
)

// openPTY makes a pseudo-terminal and opens its slave.
func openPTY(p *Thread) (master, slave uint64, name string) {
	master = p.Open("/dev/ptmx", object.ORdwr|object.ONoCTTY)
	at := p.Alloc(4)
	p.Must(abi.SysIoctl, master, object.TIOCGPTN, at)
	name = fmt.Sprintf("/dev/pts/%d", p.Word32(at))
	p.Want(-abi.EIO, abi.SysOpen, p.Text(name), object.ORdwr|object.ONoCTTY) // it is locked
	p.Must(abi.SysIoctl, master, object.TIOCSPTLCK, p.Words(0))
	return master, p.Open(name, object.ORdwr|object.ONoCTTY), name
}

func TestPTY_ThroughTheLineDiscipline(t *testing.T) {
	p := New(t).Process()
	m, s, name := openPTY(p)
	buf := p.Alloc(100)
	c := p.Fork()
	c.Want(Blocked, abi.SysRead, s, buf, 100)
	p.Write(m, "wordx\x7f\n")
	c.Expect(5)
	if got := string(c.Get(buf, 5)); got != "word\n" {
		t.Errorf("the slave read %q", got)
	}
	if got := p.Read(m, 100); got != "wordx\b \b\r\n" {
		t.Errorf("the echo is %q", got)
	}
	c.Write(s, "out\n")
	if got := p.Read(m, 100); got != "out\r\n" {
		t.Errorf("the master read %q", got)
	}
	st, named := p.Alloc(144), p.Alloc(144)
	p.Must(abi.SysFstat, s, st)
	p.Must(abi.SysStat, p.Text(name), named)
	if string(p.Get(st, 48)) != string(p.Get(named, 48)) { // ttyname(3) compares them
		t.Errorf("fstat % x, stat % x", p.Get(st, 48), p.Get(named, 48))
	}
	// Two have two numbers.
	_, _, other := openPTY(p)
	if other == name {
		t.Errorf("both are %s", name)
	}
}

func TestPTY_Ends(t *testing.T) {
	p := New(t).Process()
	m, s, name := openPTY(p)
	buf := p.Alloc(10)
	c := p.Fork()
	c.Close(s)
	c.Want(Blocked, abi.SysRead, m, c.Alloc(10), 10)
	p.Write(s, "x")
	c.Expect(1)
	p.Write(s, "last")
	p.Close(s)
	if got := c.Read(m, 10); got != "last" {
		t.Errorf("read %q", got)
	}
	c.Want(-abi.EIO, abi.SysRead, m, c.Alloc(10), 10)
	s = p.Open(name, object.ORdwr|object.ONoCTTY) // it may come again
	c.Want(Blocked, abi.SysRead, m, c.Alloc(10), 10)
	p.Close(m)
	p.Write(s, "y")
	c.Expect(1)

	p.Want(Blocked, abi.SysRead, s, buf, 10)
	c.Close(m) // the last of the master
	p.Expect(0)
	p.Want(-abi.EIO, abi.SysWrite, s, buf, 1)
	p.Want(-abi.EIO, abi.SysIoctl, s, tty.TCGETS, p.Alloc(64))
	p.Want(-abi.EIO, abi.SysOpen, p.Text(name), object.ORdwr|object.ONoCTTY)
	p.Close(s)
	p.Want(-abi.ENOENT, abi.SysOpen, p.Text(name), object.ORdwr)
}

// session makes a child a session leader on a pseudo-terminal, as login(3) does.
func session(p *Thread, name string) (c *Thread, fd uint64) {
	c = p.Fork()
	c.Must(abi.SysSetsid)
	return c, c.Open(name, object.ORdwr)
}

func TestPTY_JobControl(t *testing.T) {
	p := New(t).Process()
	m, s, name := openPTY(p)
	sh, on := session(p, name)
	p.Close(s)
	sh.Close(s)
	sh.Close(m)
	if sh.Process().TTY == nil {
		t.Fatal("it has no terminal")
	}
	at := p.Alloc(4)
	p.Must(abi.SysIoctl, m, tty.TIOCGPGRP, at)
	if got := int32(p.Word32(at)); got != sh.Process().PGID {
		t.Errorf("foreground %d", got)
	}
	j := job(sh)
	j.Want(Stopped, abi.SysRead, on, j.Alloc(1), 1) // in the background
	wantStatus(t, sh, wuntraced, abi.SIGTTIN<<8|0x7f)
	sh.Must(abi.SysIoctl, on, tty.TIOCSPGRP, sh.Words(uint64(j.Process().PGID)))
	p.Write(m, "\x03")
	sh.Must(abi.SysKill, j.Process().PID, abi.SIGCONT)
	wantStatus(t, sh, 0, abi.SIGINT)
	// A change of size is told to the foreground.
	sh.Block(abi.SIGTTOU)
	sh.Must(abi.SysIoctl, on, tty.TIOCSPGRP, sh.Words(uint64(sh.Process().PGID)))
	sh.Handle(abi.SIGWINCH, 0, 0)
	p.Must(abi.SysIoctl, m, tty.TIOCSWINSZ, p.Words(50|132<<16))
	sh.Expect(InHandler)
	sh.Return()
	size := sh.Alloc(8)
	sh.Must(abi.SysIoctl, sh.Open("/dev/tty", object.ORdwr), tty.TIOCGWINSZ, size)
	if got := sh.Word(size); got != 50|132<<16 {
		t.Errorf("size %#x", got)
	}
	// When the master goes, the leader hears of it.
	p.Close(m)
	sh.Expect(Dead)
}

func TestPTY_Peer(t *testing.T) {
	p := New(t).Process()
	m := p.Open("/dev/ptmx", object.ORdwr|object.ONoCTTY)
	p.Want(-abi.EIO, abi.SysIoctl, m, object.TIOCGPTPEER, object.ORdwr)
	p.Must(abi.SysIoctl, m, object.TIOCSPTLCK, p.Words(0))
	s := p.Must(abi.SysIoctl, m, object.TIOCGPTPEER, object.ORdwr|object.ONoCTTY)
	p.Write(s, "hello")
	if got := p.Read(m, 10); got != "hello" {
		t.Errorf("%q", got)
	}
	const packetMode = 0x5420
	p.Want(-abi.ENOTTY, abi.SysIoctl, m, packetMode, p.Words(1))
	p.Want(-abi.ENOTTY, abi.SysIoctl, s, object.TIOCGPTN, p.Alloc(4))
}

// Who writes waits for who reads, at both ends.
func TestPTY_Full(t *testing.T) {
	p := New(t).Process()
	m, s, _ := openPTY(p)
	c := p.Fork()
	big := c.Alloc(20000)
	c.Want(Blocked, abi.SysWrite, s, big, 20000)
	n := 0
	for n < 20000 {
		n += len(p.Read(m, 3000))
	}
	c.Expect(20000)
	raw := p.Alloc(64)
	p.Must(abi.SysIoctl, s, tty.TCGETS, raw)
	p.Put(raw+12, make([]byte, 4)) // no canonical mode, no echo
	p.Must(abi.SysIoctl, s, tty.TCSETS, raw)
	c.Want(Blocked, abi.SysWrite, m, big, 20000)
	for n = 0; n < 20000; {
		n += len(p.Read(s, 3000))
	}
	c.Expect(20000)
}

// VMIN and VTIME decide for how long a read in raw mode waits.
func TestPTY_Patience(t *testing.T) {
	for _, test := range []struct {
		name          string
		least, tenths byte
		typed         []string // the first before the read, then one each 200 ms
		want          int      // bytes
		took          int64    // ms
	}{
		{"nothing is waited for", 0, 0, nil, 0, 0},
		{"a time", 0, 5, nil, 0, 500},
		{"a time, and something comes", 0, 5, []string{"", "x"}, 1, 200},
		{"so many", 3, 0, []string{"a", "b", "c"}, 3, 400},
		{"so many, or a pause", 5, 3, []string{"a", "b"}, 2, 500},
		{"so many, or a pause, and the first comes late", 2, 3, []string{"", "", "b"}, 1, 700},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			m, s, _ := openPTY(p)
			raw := p.Alloc(64)
			p.Must(abi.SysIoctl, s, tty.TCGETS, raw)
			p.Put(raw+12, make([]byte, 4))
			p.Put(raw+17+tty.VTIME, []byte{test.tenths, test.least})
			p.Must(abi.SysIoctl, s, tty.TCSETS, raw)
			c := p.Fork()
			began := b.Tab.Now
			typed := test.typed
			next := func() {
				if len(typed) > 0 {
					if typed[0] != "" {
						p.Write(m, typed[0])
					}
					typed = typed[1:]
				}
			}
			next()
			r := c.Call(abi.SysRead, s, c.Alloc(10), 10)
			for ms := 1; r == Blocked && ms < 2000; ms++ {
				b.Advance(1e6)
				if ms%200 == 0 {
					next()
				}
				r = c.Result()
			}
			if took := (b.Tab.Now - began) / 1e6; r != Result(test.want) || took != test.took {
				t.Errorf("read %v after %d ms, want %d after %d", r, took, test.want, test.took)
			}
		})
	}
}
