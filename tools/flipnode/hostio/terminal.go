package hostio

import (
	"motile/ipc/fileio"
	"motile/kernel/abi"
	"motile/kernel/tty"
	"motile/tools/flipnode"
)

// Terminal is a terminal of processes, whatever node they are on. Between keyboard
// and processes is the same line discipline that nodes have for their serial ports.
type Terminal struct {
	object
	line   *tty.Line
	job    tty.Job
	screen *Screen
	hungUp bool
	signal func(pgid int32, signo int)
	keys   chan pending // signals on their way
}

// pending is a signal from a key, with the group that was in the foreground then.
type pending struct {
	pgid  int32
	signo int
}

// maxPending is how many signals may be on their way; more keys are lost.
const maxPending = 64

const modeChar = 0o020000

// NewTerminal serves a terminal that shows its output on a screen. signal is called
// for each signal from a key, one at a time and in order, and may take its time.
func NewTerminal(n *flipnode.Node, s *Screen, signal func(pgid int32, signo int)) (*Terminal, error) {
	t := &Terminal{line: tty.New(), screen: s, signal: signal, keys: make(chan pending, maxPending)}
	if err := t.serve(n, t); err != nil {
		return nil, err
	}
	s.change(func() { s.held, s.drained = false, t.drained })
	go func() {
		for p := range t.keys {
			t.signal(p.pgid, p.signo)
		}
	}()
	return t, nil
}

// Type is input from a keyboard.
func (t *Terminal) Type(p []byte) {
	t.change(func() {
		if !t.hungUp {
			t.line.Input(p)
			t.effects()
		}
	})
}

// Resize tells the size of the window. The foreground group hears of a change.
func (t *Terminal) Resize(rows, cols uint16) {
	t.change(func() {
		if !t.hungUp && rows > 0 && cols > 0 {
			t.line.Resize(tty.Winsize{Rows: rows, Cols: cols})
			t.effects()
		}
	})
}

// Job is the session whose controlling terminal this is and its foreground group;
// zeros if it is nobody's.
func (t *Terminal) Job() (session, foreground int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.job.Session, t.job.Foreground
}

// Own makes the terminal that of a session leader that was just started on it,
// unless it has asked for that itself.
func (t *Terminal) Own(leader int32) {
	t.change(func() { t.adopt(fileio.Who{PID: leader, PGID: leader, SID: leader}) })
}

// Hangup ends the terminal for the processes that have it open: they read an end
// of file and cannot write. The foreground group hears of it (termios(3)).
func (t *Terminal) Hangup() {
	t.change(func() {
		if t.hungUp {
			return
		}
		t.hungUp = true
		t.send(abi.SIGHUP)
		t.send(abi.SIGCONT)
		close(t.keys)
		t.screen.hold(false)
	})
}

// Close hangs up and ends the object.
func (t *Terminal) Close() {
	t.Hangup()
	t.object.Close()
}

// drained is called when a viewer has caught up: programs that wait may write.
func (t *Terminal) drained() { t.change(func() {}) }

// effects carries out what the line discipline wants done.
func (t *Terminal) effects() {
	t.screen.Print(t.line.TakeEcho())
	for _, signo := range t.line.TakeSignals() {
		t.send(signo)
	}
	t.screen.hold(t.line.Halted())
}

func (t *Terminal) send(signo int) {
	if t.job.Foreground == 0 {
		return
	}
	select {
	case t.keys <- pending{t.job.Foreground, signo}:
	default:
	}
}

// background reports whether a process must not use its terminal now.
func (t *Terminal) background(w fileio.Who) bool {
	return t.job.Session != 0 && w.SID == t.job.Session && w.PGID != t.job.Foreground
}

func (t *Terminal) read(w fileio.Who, n int, late bool) ([]byte, int) {
	switch {
	case t.hungUp || n == 0:
		return nil, 0
	case t.background(w):
		return nil, abi.EBACKGROUND
	}
	p, ok := t.line.Read(n, late)
	if !ok {
		return nil, abi.EAGAIN
	}
	return p, 0
}

// patience is what Size says with EAGAIN: it is for who reads to wait.
func (t *Terminal) patience() uint32 {
	ms := uint32(max(t.line.Patience(), 0) / 1e6)
	if t.line.Unfinished() {
		ms |= fileio.Some
	}
	return ms
}

func (t *Terminal) write(w fileio.Who, p []byte) (int, int) {
	switch {
	case t.hungUp:
		return 0, abi.EIO
	case t.line.Lflag&tty.TOSTOP != 0 && !w.NoTTOU && t.background(w):
		return 0, abi.EBACKGROUND
	}
	n := min(len(p), t.screen.room())
	t.screen.Print(t.line.Output(nil, p[:n]))
	if n < len(p) {
		return n, abi.EAGAIN
	}
	return n, 0
}

func (t *Terminal) ready(events) (e events) {
	if t.hungUp {
		return evIn | evOut | evHup
	}
	if t.line.Readable() {
		e |= evIn
	}
	if t.screen.room() > 0 {
		e |= evOut
	}
	return e
}

// stat shows a pseudo-terminal.
func (t *Terminal) stat() fileio.Status {
	const ptsMajor = 136
	return fileio.Status{Mode: modeChar | 0o620, Rdev: ptsMajor << 8}
}

func (t *Terminal) control(w fileio.Who, c *control) (errno int) {
	if t.hungUp {
		return abi.EIO
	}
	switch c.request {
	case tty.TIOCSCTTY:
		return t.acquire(w)
	case tty.TIOCNOTTY:
		if w.PID == t.job.Session {
			t.send(abi.SIGHUP)
			t.send(abi.SIGCONT)
			t.job = tty.Job{}
		}
		return 0
	case tty.TIOCGPGRP, tty.TIOCSPGRP:
		t.adopt(w)
	}
	if tty.Changes(c.request) && !w.NoTTOU && t.background(w) {
		return abi.EBACKGROUND
	}
	c.out, errno = t.line.Control(&t.job, c.request, c.arg, c.in, w.SID)
	t.effects()
	return errno
}

// acquire makes this the controlling terminal of a session.
func (t *Terminal) acquire(w fileio.Who) int {
	if w.SID != w.PID || t.job.Session != 0 && t.job.Session != w.SID {
		return abi.EPERM
	}
	t.adopt(w)
	return 0
}

// adopt does so for a session leader that asks who is in the foreground, if the
// terminal is nobody's: a shell that a node was told to start on this terminal has
// no need to ask for it first.
func (t *Terminal) adopt(w fileio.Who) {
	if t.job.Session == 0 && w.SID == w.PID {
		t.job = tty.Job{Session: w.SID, Foreground: w.PGID}
	}
}
