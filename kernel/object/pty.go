package object

import (
	"encoding/binary"

	"motile/kernel/abi"
	"motile/kernel/tty"
	"motile/kernel/wait"
)

// PTYs are the pseudo-terminals whose home is this node (pty(7)).
type PTYs struct {
	// Signal sends a signal to a process group, wherever its members are; Hangup sends
	// SIGHUP and SIGCONT to a session's leader.
	Signal func(pgrp int32, sig int)
	Hangup func(leader int32)

	open map[int32]*PTY
}

// PTY is a pseudo-terminal: a line discipline between a program that plays the
// keyboard and screen, the master, and those that believe in them, the slave. Its
// number is good for all of the cluster, for it keeps it when it moves.
//
// Descriptions of the two ends are counted, as those of a pipe are. When the last of
// the master has gone the slave is hung up for good; when the last of the slave has,
// the master reads an end, until somebody opens the slave again.
type PTY struct {
	Number int32
	Line   *tty.Line
	Job    tty.Job
	Locked bool // the slave cannot be opened yet

	home    *PTYs
	master  Master
	slave   Slave
	masters int // open descriptions
	slaves  int
	here    bool   // it is found by its number
	left    bool   // there was a slave, and there is none
	out     []byte // for the master to read
	queue   wait.Queue
}

// Master and Slave are the ends.
type (
	Master struct{ *PTY }
	Slave  struct{ *PTY }
)

const (
	ptsMajor   = 136
	maxPTYs    = 256     // of a node
	ptyRoom    = 8 << 10 // what the master has not read; then writers wait
	firstInode = 3       // of /dev/pts, as on Linux
)

var ptmxDevice = Device(5, 2)

// PTSDevice is the device number of the slave with a number.
func PTSDevice(n int32) uint64 { return Device(ptsMajor, uint64(n)) }

// PTSNumber is the number of the slave with a device number.
func PTSNumber(rdev uint64) (n int32, ok bool) {
	n = int32(rdev&0xff | rdev>>12&0xfffff00)
	return n, rdev == PTSDevice(n)
}

// New makes a pseudo-terminal and returns its master.
func (h *PTYs) New(number int32) (Impl, int) {
	if len(h.open) >= maxPTYs {
		return nil, abi.ENOSPC
	}
	p := &PTY{Number: number, Line: tty.New(), Locked: true}
	p.Line.Size = tty.Winsize{}
	h.Arrive(p, 1, 0, false, nil)
	p.Enter()
	return &p.master, 0
}

// Arrive prepares one that moves here, of which there are so many descriptions of each
// end. Nobody hears of what becomes of it until Enter.
func (h *PTYs) Arrive(p *PTY, masters, slaves int, left bool, out []byte) {
	p.home, p.master, p.slave = h, Master{p}, Slave{p}
	p.masters, p.slaves, p.left, p.out = masters, slaves, left, out
}

// Enter lets it be found here by its number, and signal from here.
func (p *PTY) Enter() {
	h := p.home
	if h.open == nil {
		h.open = make(map[int32]*PTY)
	}
	if h.open[p.Number] == nil {
		h.open[p.Number] = p
	}
	p.here = true
}

// Leave undoes Enter: it is elsewhere now.
func (p *PTY) Leave() {
	p.here = false
	if p.home.open[p.Number] == p {
		delete(p.home.open, p.Number)
	}
}

// signal sends a signal to a process group.
func (p *PTY) signal(pgrp int32, sig int) {
	if p.here && pgrp != 0 {
		p.home.Signal(pgrp, sig)
	}
}

// Get returns the one with a number, or nil.
func (h *PTYs) Get(number int32) *PTY { return h.open[number] }

// Numbers are those there are.
func (h *PTYs) Numbers() (list []int32) {
	for n := range h.open {
		list = append(list, n)
	}
	return list
}

// Ends is how many descriptions of each end exist, and what the master has not read.
func (p *PTY) Ends() (masters, slaves int, left bool, out []byte) {
	return p.masters, p.slaves, p.left, p.out
}

// End returns one of the two, for a description that is counted already.
func (p *PTY) End(master bool) Impl {
	if master {
		return &p.master
	}
	return &p.slave
}

// PTYOf is the pseudo-terminal that a description is an end of, or nil.
func PTYOf(f *File) *PTY {
	switch end := f.Impl.(type) {
	case *Master:
		return end.PTY
	case *Slave:
		return end.PTY
	}
	return nil
}

// OpenSlave makes another description of the slave possible.
func (p *PTY) OpenSlave() (Impl, int) {
	if p.Locked || p.masters <= 0 {
		return nil, abi.EIO
	}
	p.slaves++
	p.left = false
	p.queue.Wake(uint32(In | Out))
	return &p.slave, 0
}

func (p *PTY) Queue() *wait.Queue { return &p.queue }

// effects carries out what the line discipline wants done.
func (p *PTY) effects() {
	if echo := p.Line.TakeEcho(); len(p.out)+len(echo) <= 2*ptyRoom { // nobody reads: nobody sees it
		p.out = append(p.out, echo...)
	}
	for _, sig := range p.Line.TakeSignals() {
		p.signal(p.Job.Foreground, sig)
	}
	p.queue.Wake(uint32(In | Out | RdNorm | WrNorm))
}

// forget takes it off the list when nobody has an end any more.
func (p *PTY) forget() {
	if p.masters <= 0 && p.slaves <= 0 {
		p.Leave()
	}
}

// Read implements Impl: what programs have written.
func (m *Master) Read(op *Op, _ *File, _ int64) int {
	switch {
	case op.Buf.Left() == 0:
		return 0
	case len(m.out) == 0 && m.left:
		return abi.EIO
	case len(m.out) == 0:
		return abi.EAGAIN
	}
	n := op.Buf.Put(m.out)
	m.out = append(m.out[:0], m.out[n:]...)
	if n > 0 {
		m.queue.Wake(uint32(Out | WrNorm))
	}
	return faultError(op)
}

// Write implements Impl: it is typing.
func (m *Master) Write(op *Op, _ *File, _ int64) int {
	for op.Buf.Left() > 0 {
		if m.left {
			return abi.EIO
		}
		room := m.Line.Room()
		if room == 0 {
			return abi.EAGAIN
		}
		keys := op.Buf.Next(min(room, 256), false)
		if len(keys) == 0 {
			break
		}
		m.Line.Input(keys)
		op.Buf.Advance(len(keys))
		m.effects()
	}
	return faultError(op)
}

// Ready implements Impl.
func (m *Master) Ready(*File) (e Events) {
	if len(m.out) > 0 {
		e |= In | RdNorm
	}
	if m.Line.Room() > 0 {
		e |= Out | WrNorm
	}
	if m.left {
		e |= Hup
	}
	return e
}

// Stat implements Impl.
func (m *Master) Stat() Stat { return Stat{Mode: ModeChar | 0o666, Nlink: 1, Rdev: ptmxDevice} }

// Close implements Impl.
func (m *Master) Close(*File) {
	if m.masters--; m.masters > 0 {
		return
	}
	if m.here && m.Job.Session != 0 {
		m.home.Hangup(m.Job.Session)
		if m.Job.Foreground != m.Job.Session {
			m.signal(m.Job.Foreground, abi.SIGHUP)
			m.signal(m.Job.Foreground, abi.SIGCONT)
		}
	}
	m.out = nil
	m.queue.Wake(uint32(Always | In | Out))
	m.forget()
}

// Requests that only a master answers (ioctl_tty(2)).
const (
	TIOCGPTN    = 0x80045430
	TIOCSPTLCK  = 0x40045431
	TIOCGPTLCK  = 0x80045439
	TIOCSIG     = 0x40045436
	TIOCGPTPEER = 0x5441 // the kernel's: it makes a descriptor
)

// Control implements Controllable. Packet mode (TIOCPKT) there is not: ENOTTY.
func (m *Master) Control(op *Op, _ *File, c *Control) int {
	le := binary.LittleEndian
	word := func(v uint32) int {
		c.Out = le.AppendUint32(nil, v)
		return 0
	}
	switch c.Request {
	case TIOCGPTN:
		return word(uint32(m.Number))
	case TIOCGPTLCK:
		if m.Locked {
			return word(1)
		}
		return word(0)
	case TIOCSPTLCK:
		if len(c.In) < 4 {
			return abi.EINVAL
		}
		m.Locked = le.Uint32(c.In) != 0
		return 0
	case TIOCSIG:
		if c.Arg < 1 || c.Arg > abi.NSIG {
			return abi.EINVAL
		}
		m.signal(m.Job.Foreground, int(c.Arg))
		return 0
	case tty.TIOCGPGRP:
		return word(uint32(m.Job.Foreground))
	case tty.TIOCGSID:
		if m.Job.Session == 0 {
			return abi.ENOTTY
		}
		return word(uint32(m.Job.Session))
	case tty.FIONREAD:
		return word(uint32(len(m.out)))
	case tty.TIOCOUTQ:
		return word(uint32(m.Line.Buffered()))
	case tty.TIOCSCTTY, tty.TIOCNOTTY, tty.TIOCSPGRP:
		return abi.ENOTTY
	case tty.TCFLSH:
		if c.Arg == 0 || c.Arg == 2 { // what the master would read
			m.out = nil
		}
		if c.Arg == 1 || c.Arg == 2 {
			m.Line.FlushInput()
		}
		m.effects()
		return 0
	}
	out, errno := m.Line.Control(&m.Job, c.Request, c.Arg, c.In, op.Who.SID)
	c.Out = out
	m.effects()
	return errno
}

// hungUp reports whether nobody has the master any more.
func (s *Slave) hungUp() bool { return s.masters <= 0 }

// Again implements Reopener.
func (s *Slave) Again(int) (Impl, int) { return s.OpenSlave() }

// Read implements Impl.
func (s *Slave) Read(op *Op, f *File, _ int64) int {
	n := op.Buf.Left()
	switch {
	case s.hungUp() || n == 0:
		return 0
	case background(&s.Job, op.Who):
		return abi.EBACKGROUND
	}
	p, ok := s.Line.Read(n, op.Late)
	if !ok {
		return abi.EAGAIN
	}
	op.Buf.Put(p)
	s.queue.Wake(uint32(Out | WrNorm)) // there is room for what is typed
	return faultError(op)
}

// Patience implements Patient.
func (s *Slave) Patience() (ns int64, some bool) { return s.Line.Patience(), s.Line.Unfinished() }

// Write implements Impl.
func (s *Slave) Write(op *Op, _ *File, _ int64) int {
	if s.Line.Lflag&tty.TOSTOP != 0 && !op.Who.NoTTOU && background(&s.Job, op.Who) {
		return abi.EBACKGROUND
	}
	for op.Buf.Left() > 0 {
		switch {
		case s.hungUp():
			return abi.EIO
		case s.Line.Halted() || len(s.out) >= ptyRoom:
			return abi.EAGAIN
		}
		b := op.Buf.Next(1024, false)
		if len(b) == 0 {
			break
		}
		s.out = s.Line.Output(s.out, b)
		op.Buf.Advance(len(b))
		s.queue.Wake(uint32(In | RdNorm))
	}
	return faultError(op)
}

// Ready implements Impl.
func (s *Slave) Ready(*File) (e Events) {
	if s.hungUp() {
		return In | RdNorm | Out | WrNorm | Err | Hup
	}
	if s.Line.Readable() {
		e |= In | RdNorm
	}
	if len(s.out) < ptyRoom && !s.Line.Halted() {
		e |= Out | WrNorm
	}
	return e
}

// Stat implements Impl.
func (s *Slave) Stat() Stat {
	return Stat{Ino: uint64(s.Number) + firstInode, Mode: ModeChar | 0o620, Nlink: 1, Rdev: PTSDevice(s.Number)}
}

// Close implements Impl.
func (s *Slave) Close(*File) {
	if s.slaves--; s.slaves > 0 {
		return
	}
	s.left = true
	s.queue.Wake(uint32(Always | In))
	s.forget()
}

// Control implements Controllable.
func (s *Slave) Control(op *Op, _ *File, c *Control) int {
	if s.hungUp() {
		if c.Request == tty.TIOCSPGRP {
			return abi.ENOTTY
		}
		return abi.EIO
	}
	switch c.Request {
	case tty.TIOCSCTTY:
		return acquire(&s.Job, op.Who)
	case tty.TIOCNOTTY:
		s.HangUp(nil, op.Who)
		return 0
	}
	if tty.Changes(c.Request) && !op.Who.NoTTOU && background(&s.Job, op.Who) {
		return abi.EBACKGROUND
	}
	out, errno := s.Line.Control(&s.Job, c.Request, c.Arg, c.In, op.Who.SID)
	c.Out = out
	if c.Request == tty.TCFLSH && (c.Arg == 1 || c.Arg == 2) {
		s.out = nil
	}
	s.effects()
	return errno
}

// HangUp implements Terminal.
func (s *Slave) HangUp(_ *File, who Who) {
	foreground := leave(&s.Job, who)
	s.signal(foreground, abi.SIGHUP)
	s.signal(foreground, abi.SIGCONT)
}
