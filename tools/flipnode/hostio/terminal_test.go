package hostio

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"motile/ipc/fileio"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/tty"
	"motile/tools/flipnode"
	"motile/tools/flipnode/flipnodetest"
)

// desk is a terminal with somebody before it.
type desk struct {
	*Terminal
	t       *testing.T
	screen  *Screen
	view    *View
	signals chan string
	nodes   *flipnode.Node // of all processes
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	net := flipnodetest.New(t)
	d := &desk{t: t, screen: NewScreen(), signals: make(chan string, 100), nodes: net.Node()}
	var err error
	d.Terminal, err = NewTerminal(net.Node(), d.screen, func(pgid int32, signo int) { d.signals <- fmt.Sprintf("%d to %d", signo, pgid) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	d.view = d.screen.View(0)
	return d
}

func (d *desk) process(pid, pgid, sid int32) *user {
	return process(d.t, d.nodes, d.Terminal, pid, pgid, sid)
}

// sees checks what is shown next.
func (d *desk) sees(want string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	got := ""
	for len(got) < len(want) {
		p, err := d.view.Next(ctx)
		if err != nil {
			d.t.Fatalf("%v; the screen shows %q", err, got)
		}
		got += string(p)
	}
	expect(d.t, "screen", got, want)
}

func (d *desk) signalled(want ...string) {
	d.t.Helper()
	for _, w := range want {
		select {
		case s := <-d.signals:
			expect(d.t, "signal", s, w)
		case <-time.After(10 * time.Second):
			d.t.Fatalf("no signal %s", w)
		}
	}
}

func TestTerminal_LineByLine(t *testing.T) {
	d := newDesk(t)
	sh := d.process(7, 7, 7)
	d.Type([]byte("l"))
	_, errno := sh.read(100)
	expect(t, "half a line", errno, again)
	d.Type([]byte("z\x7fs\r"))
	d.sees("lz\b \bs\r\n")
	expect(t, "events", sh.wait(evIn), evIn)
	s, _ := sh.read(2)
	expect(t, "first bytes", s, "ls")
	s, _ = sh.read(100)
	expect(t, "the rest", s, "\n")
	sh.write("a\nb")
	d.sees("a\r\nb")
	d.Type([]byte("\x04"))
	expect(t, "end of file", sh.wait(evIn), evIn)
	s, errno = sh.read(100)
	if s != "" || errno != 0 {
		t.Fatal(s, errno)
	}
}

// A read that waits is told when there is something, and not before.
func TestTerminal_WaitsForInput(t *testing.T) {
	d := newDesk(t)
	sh := d.process(7, 7, 7)
	got := make(chan events)
	go func() { got <- sh.wait(evIn) }()
	select {
	case e := <-got:
		t.Fatal("nothing was typed", e)
	case <-time.After(50 * time.Millisecond):
	}
	d.Type([]byte("x\r"))
	expect(t, "events", <-got, evIn)
}

func TestTerminal_JobControl(t *testing.T) {
	d := newDesk(t)
	sh := d.process(7, 7, 7)
	_, errno := d.process(9, 9, 9).control(tty.TCGETS, nil)
	expect(t, "anybody may look", errno, 0)
	out, errno := sh.control(tty.TIOCGPGRP, nil) // adopts
	if errno != 0 || binary.LittleEndian.Uint32(out) != 7 {
		t.Fatal(out, errno)
	}
	d.Type([]byte("\x03"))
	d.signalled("2 to 7")

	job := d.process(8, 8, 7)
	_, errno = job.read(10)
	expect(t, "read from the background", errno, abi.EBACKGROUND)
	n, errno := job.write("x")
	if n != 1 || errno != 0 {
		t.Fatal("write from the background", n, errno)
	}
	_, errno = job.control(tty.TIOCSPGRP, pgid(8))
	expect(t, "taking the terminal", errno, abi.EBACKGROUND)
	_, errno = job.control(tty.TCSETS, make([]byte, tty.TermiosSize))
	expect(t, "changing its settings", errno, abi.EBACKGROUND)
	_, errno = sh.control(tty.TIOCSPGRP, pgid(8))
	expect(t, "giving it away", errno, 0)
	if session, foreground := d.Job(); session != 7 || foreground != 8 {
		t.Fatal(session, foreground)
	}
	d.Type([]byte("\x1a\x1c"))
	d.signalled("20 to 8", "3 to 8")
	job.who.NoTTOU = true
	_, errno = sh.read(10)
	expect(t, "the shell is in the background", errno, abi.EBACKGROUND)
	sh.who.NoTTOU = true // as shells do
	_, errno = sh.control(tty.TIOCSPGRP, pgid(7))
	expect(t, "taking it back", errno, 0)

	other := d.process(9, 9, 9)
	_, errno = other.control(tty.TIOCSCTTY, nil)
	expect(t, "another session's", errno, abi.EPERM)
	_, errno = other.control(tty.TIOCGPGRP, nil)
	expect(t, "not its terminal", errno, abi.ENOTTY)
	_, errno = sh.control(tty.TIOCNOTTY, nil)
	expect(t, "giving it up", errno, 0)
	d.signalled("1 to 7", "18 to 7")
	_, errno = other.control(tty.TIOCSCTTY, nil)
	expect(t, "free again", errno, 0)
}

func pgid(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func TestTerminal_TOSTOP(t *testing.T) {
	d := newDesk(t)
	d.Own(7)
	sh, job := d.process(7, 7, 7), d.process(8, 8, 7)
	out, _ := sh.control(tty.TCGETS, nil)
	var s tty.Termios
	s.Decode(out)
	s.Lflag |= tty.TOSTOP
	_, errno := sh.control(tty.TCSETS, s.Encode())
	expect(t, "set", errno, 0)
	_, errno = job.write("x")
	expect(t, "write from the background", errno, abi.EBACKGROUND)
	job.who.NoTTOU = true
	_, errno = job.write("x")
	expect(t, "write ignoring SIGTTOU", errno, 0)
}

func TestTerminal_Window(t *testing.T) {
	d := newDesk(t)
	d.Resize(50, 100)
	d.Own(7)
	sh := d.process(7, 7, 7)
	out, errno := sh.control(tty.TIOCGWINSZ, nil)
	if w := tty.DecodeWinsize(out); errno != 0 || w.Rows != 50 || w.Cols != 100 {
		t.Fatal(w, errno)
	}
	d.Resize(50, 100)
	d.Resize(0, 100) // nonsense
	d.Resize(40, 100)
	d.signalled("28 to 7")
	select {
	case s := <-d.signals:
		t.Fatal("a signal too many:", s)
	case <-time.After(20 * time.Millisecond):
	}
	h, b := sh.ask(std.Header{Command: fileio.Stat}, nil)
	if st, ok := fileio.DecodeStatus(b); !ok || st.Mode != 0o020620 || h.Extra != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestTerminal_Raw(t *testing.T) {
	d := newDesk(t)
	sh := d.process(7, 7, 7)
	s := tty.Default()
	s.Lflag &^= tty.ICANON | tty.ECHO | tty.ISIG
	sh.control(tty.TCSETS, s.Encode())
	d.Type([]byte("\x03x"))
	expect(t, "events", sh.wait(evIn), evIn)
	got, _ := sh.read(100)
	expect(t, "keys", got, "\x03x")
	_, errno := sh.read(100)
	expect(t, "no more", errno, again)
	s.CC[tty.VMIN] = 0
	sh.control(tty.TCSETS, s.Encode())
	got, errno = sh.read(100)
	if got != "" || errno != 0 {
		t.Fatal("VMIN 0 waits", got, errno)
	}
}

// While somebody looks, programs are no faster than they; ^S stops them.
func TestTerminal_FlowControl(t *testing.T) {
	d := newDesk(t)
	sh := d.process(7, 7, 7)
	n, errno := sh.write(strings.Repeat("x", maxBehind))
	if n != maxBehind || errno != 0 {
		t.Fatal(n, errno)
	}
	n, errno = sh.write("y")
	if n != 0 || errno != again || sh.now(evOut) != 0 {
		t.Fatal("there is no bound", n, errno)
	}
	d.sees(strings.Repeat("x", maxBehind))
	expect(t, "room", sh.wait(evOut), evOut)
	d.Type([]byte("\x13"))
	sh.write("held")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if p, err := d.view.Next(ctx); err == nil {
		t.Fatalf("shown while stopped: %q", p)
	}
	d.Type([]byte("\x11"))
	d.sees("held")
	d.view.Close()
	for range 10 { // nobody looks, nobody waits
		if n, errno := sh.write(strings.Repeat("z", fileio.MaxData)); n != fileio.MaxData || errno != 0 {
			t.Fatal(n, errno)
		}
	}
}

func TestTerminal_Hangup(t *testing.T) {
	d := newDesk(t)
	d.Own(7)
	sh := d.process(7, 7, 7)
	waiting := make(chan events)
	go func() { waiting <- sh.wait(evIn) }()
	d.Type([]byte("\x13half a line"))
	time.Sleep(20 * time.Millisecond)
	d.Hangup()
	d.Hangup() // once
	d.signalled("1 to 7", "18 to 7")
	expect(t, "events", <-waiting, evIn|evHup)
	s, errno := sh.read(10)
	if s != "" || errno != 0 {
		t.Fatal(s, errno)
	}
	_, errno = sh.write("x")
	expect(t, "write", errno, abi.EIO)
	_, errno = sh.control(tty.TCGETS, nil)
	expect(t, "ioctl", errno, abi.EIO)
	d.Type([]byte("\x03"))
	d.Resize(9, 9)
	d.sees("half a line") // ^S does not outlive it
}

func TestScreen_Past(t *testing.T) {
	s := NewScreen()
	for i := range 1000 {
		s.Print(fmt.Appendf(nil, "line %d\r\n", i))
	}
	s.Print([]byte("\x1b[6n$ \x1b[1mls\x1b[0;1c\x1b]10;?\x07"))
	v := s.View(2)
	p, err := v.Next(t.Context())
	if err != nil || string(p) != "line 998\r\nline 999\r\n$ \x1b[1mls" {
		t.Fatalf("%q, %v", p, err)
	}
	s.Print([]byte("\x1b[6n"))
	if p, _ := v.Next(t.Context()); string(p) != "\x1b[6n" { // now it is asked
		t.Fatalf("%q", p)
	}
	late := s.View(1 << 20)
	if p, _ := late.Next(t.Context()); !strings.HasPrefix(string(p), "line 0\r\n") {
		t.Fatalf("%.40q", p)
	}
	s.Print(make([]byte, 3*pastBytes))
	s.Close()
	if p, _ := v.Next(t.Context()); len(p) > 3*pastBytes {
		t.Fatal(len(p))
	}
	if _, err := v.Next(t.Context()); err != io.EOF {
		t.Fatal(err)
	}
}
