package object

import (
	"motile/kernel/abi"
	"motile/kernel/tty"
	"motile/kernel/wait"
)

// TTY is a terminal whose other end is a device of this node: the serial port.
type TTY struct {
	Line *tty.Line
	Job  tty.Job
	Rdev uint64

	// Signal sends a signal to a process group. Set by whoever makes the TTY.
	Signal func(pgrp int32, sig int)
	// Kick tells the device that there is output.
	Kick func()

	out   []byte // processed, for the device
	queue wait.Queue
}

// maxOutput is how much processed output waits for the device; then writers do.
const maxOutput = 8 << 10

func (t *TTY) Queue() *wait.Queue { return &t.queue }

// Receive takes bytes from the device.
func (t *TTY) Receive(p []byte) {
	t.Line.Input(p)
	t.out = append(t.out, t.Line.TakeEcho()...)
	t.effects()
	if t.Line.Readable() || t.Line.Unfinished() {
		t.queue.Wake(uint32(In | RdNorm))
	}
}

func (t *TTY) effects() {
	for _, sig := range t.Line.TakeSignals() {
		if t.Job.Foreground != 0 {
			t.Signal(t.Job.Foreground, sig)
		}
	}
	if len(t.out) > 0 && !t.Line.Halted() {
		t.Kick()
	}
}

// Pending is the output the device has not taken; Sent says how much it took.
func (t *TTY) Pending() []byte {
	if t.Line.Halted() {
		return nil
	}
	return t.out
}

func (t *TTY) Sent(n int) {
	full := len(t.out) >= maxOutput
	t.out = append(t.out[:0], t.out[n:]...)
	if full && len(t.out) < maxOutput {
		t.queue.Wake(uint32(Out | WrNorm))
	}
}

// background reports whether the caller's group must not use its terminal now.
func (t *TTY) background(w Who) bool { return background(&t.Job, w) }

func background(j *tty.Job, w Who) bool {
	return j.Session != 0 && w.SID == j.Session && w.PGID != j.Foreground
}

// acquire makes a terminal the controlling one of a session.
func acquire(j *tty.Job, w Who) int {
	switch {
	case w.SID != w.PID || j.Session != 0 && j.Session != w.SID:
		return abi.EPERM
	case j.Session == w.SID:
		return 0
	}
	*j = tty.Job{Session: w.SID, Foreground: w.PGID}
	return 0
}

// leave ends that if it was the session's leader, and returns who was in the foreground.
func leave(j *tty.Job, w Who) (foreground int32) {
	if w.PID != j.Session {
		return 0
	}
	foreground = j.Foreground
	*j = tty.Job{}
	return foreground
}

func (t *TTY) Read(op *Op, f *File, _ int64) int {
	if t.background(op.Who) {
		return abi.EBACKGROUND
	}
	n := op.Buf.Left()
	if n == 0 {
		return 0
	}
	p, ok := t.Line.Read(n, op.Late)
	if !ok {
		return abi.EAGAIN
	}
	op.Buf.Put(p)
	return faultError(op)
}

// Patience implements Patient.
func (t *TTY) Patience() (ns int64, some bool) { return t.Line.Patience(), t.Line.Unfinished() }

func (t *TTY) Write(op *Op, f *File, _ int64) int {
	if t.Line.Lflag&tty.TOSTOP != 0 && !op.Who.NoTTOU && t.background(op.Who) {
		return abi.EBACKGROUND
	}
	for more := true; more; {
		for len(t.out) < maxOutput {
			m := op.Buf.Next(1024, false)
			if len(m) == 0 {
				break
			}
			t.out = t.Line.Output(t.out, m)
			op.Buf.Advance(len(m))
		}
		t.effects() // the device may take it all, before there is anybody to wake
		more = op.Buf.Left() > 0 && len(t.out) < maxOutput
	}
	if op.Buf.Left() > 0 {
		return abi.EAGAIN
	}
	return faultError(op)
}

func (t *TTY) Ready(*File) (e Events) {
	if t.Line.Readable() {
		e |= In | RdNorm
	}
	if len(t.out) < maxOutput {
		e |= Out | WrNorm
	}
	return e
}

func (t *TTY) Stat() Stat { return Stat{Mode: ModeChar | 0o620, Nlink: 1, Rdev: t.Rdev} }

func (t *TTY) Close(*File) {}

// Control implements Controllable.
func (t *TTY) Control(op *Op, _ *File, c *Control) int {
	switch c.Request {
	case tty.TIOCSCTTY:
		return acquire(&t.Job, op.Who)
	case tty.TIOCNOTTY:
		t.HangUp(nil, op.Who)
		return 0
	}
	if tty.Changes(c.Request) && !op.Who.NoTTOU && t.background(op.Who) {
		return abi.EBACKGROUND
	}
	out, errno := t.Line.Control(&t.Job, c.Request, c.Arg, c.In, op.Who.SID)
	c.Out = out
	t.effects()
	if t.Line.Readable() {
		t.queue.Wake(uint32(In | RdNorm))
	}
	return errno
}

// HangUp implements Terminal.
func (t *TTY) HangUp(_ *File, who Who) {
	if foreground := leave(&t.Job, who); foreground != 0 {
		t.Signal(foreground, abi.SIGHUP)
		t.Signal(foreground, abi.SIGCONT)
	}
}

// Print shows text that no process wrote: the kernel's log.
func (t *TTY) Print(s string) {
	t.out = append(t.out, s...)
	t.Kick()
}
