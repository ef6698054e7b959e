package linux

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/tty"
	"motile/proc"
)

const (
	fionbio  = 0x5421
	fioclex  = 0x5451
	fionclex = 0x5450
)

// controlIn is how many bytes a terminal request reads at its argument.
func controlIn(request uint32) int {
	switch request {
	case tty.TCSETS, tty.TCSETSW, tty.TCSETSF:
		return tty.TermiosSize
	case tty.TIOCSWINSZ:
		return 8
	case tty.TIOCSPGRP, object.TIOCSPTLCK:
		return 4
	}
	return 0
}

func sysIoctl(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	p := t.Process()
	e := p.FDs.Entry(int32(c.Args[0]))
	if e == nil {
		return -abi.EBADF
	}
	f, request, arg := e.File, uint32(c.Args[1]), c.Args[2]
	switch request {
	case fionbio:
		var b [4]byte
		if !k.copyIn(t, arg, b[:]) {
			return -abi.EFAULT
		}
		to := 0
		if le.Uint32(b[:]) != 0 {
			to = object.ONonblock
		}
		return k.statusFlags(t, c, f, object.ONonblock, to)
	case fioclex, fionclex:
		e.Cloexec = request == fioclex
		return 0
	case tty.TIOCNOTTY:
		if p.TTY == nil || !object.SameTerminal(p.TTY, f) {
			return -abi.ENOTTY
		}
		k.Tab.LeaveTerminal(p)
		return 0
	case object.TIOCGPTPEER:
		return k.openPeer(t, f, int(arg))
	case tty.FIONREAD:
		if object.IsSocket(f) != nil {
			return k.unread(t, c, arg)
		}
		if b, ok := f.Impl.(interface{ Buffered() int }); ok {
			return k.copyOut(t, arg, le.AppendUint32(nil, uint32(b.Buffered())))
		}
	}
	dev, ok := f.Impl.(object.Controllable)
	if !ok {
		return -abi.ENOTTY
	}
	ctl := object.Control{Request: request, Arg: arg}
	if n := controlIn(request); n > 0 {
		ctl.In = make([]byte, n)
		if !k.copyIn(t, arg, ctl.In) {
			return -abi.EFAULT
		}
	}
	if request == tty.TIOCSPGRP {
		if errno := k.checkGroup(p, int32(le.Uint32(ctl.In))); errno != 0 {
			return errno
		}
	}
	if c.Slot != 0 && c.Answer == nil {
		return -abi.EBLOCKED
	}
	switch errno := dev.Control(k.op(t), f, &ctl); errno {
	case 0:
	case abi.EBACKGROUND:
		return k.background(t, true)
	default:
		return -int64(errno)
	}
	if request == tty.TIOCSCTTY {
		k.setTerminal(p, f)
	}
	if len(ctl.Out) > 0 {
		return k.copyOut(t, arg, ctl.Out)
	}
	return 0
}

// checkGroup: the foreground group must be one of the caller's session.
func (k *Kernel) checkGroup(p *proc.Process, pgid int32) int64 {
	if pgid <= 0 {
		return -abi.EINVAL
	}
	switch sid := k.Tab.GroupSession(pgid); sid {
	case 0:
		return 0 // no member on this node; the terminal takes our word for it
	case p.SID:
		return 0
	}
	return -abi.EPERM
}

// adoptTerminal makes a terminal that a session leader without one opens its
// controlling terminal (termios(3)).
func (k *Kernel) adoptTerminal(p *proc.Process, f *object.File) {
	if p.SID != p.PID || p.TTY != nil {
		return
	}
	dev, ok := f.Impl.(object.Controllable)
	if !ok {
		return
	}
	op := object.Op{Now: k.Tab.Now, Who: object.Who{PID: p.PID, PGID: p.PGID, SID: p.SID}}
	if dev.Control(&op, f, &object.Control{Request: tty.TIOCSCTTY}) == 0 {
		k.setTerminal(p, f)
	}
}

func (k *Kernel) setTerminal(p *proc.Process, f *object.File) {
	f.Retain()
	if p.TTY != nil {
		p.TTY.Release()
	}
	p.TTY = f
}

// AdoptTerminal is adoptTerminal for a process the kernel has started.
func (k *Kernel) AdoptTerminal(p *proc.Process, f *object.File) { k.adoptTerminal(p, f) }

// OpenTTY is what opening /dev/tty gives: the caller's controlling terminal.
func (k *Kernel) OpenTTY() (object.Impl, int) {
	if k.current == nil || k.current.Process().TTY == nil {
		return nil, abi.ENXIO
	}
	return object.Again(k.current.Process().TTY, object.ORdwr)
}
