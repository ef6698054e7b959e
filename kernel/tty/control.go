package tty

import (
	"encoding/binary"

	"motile/kernel/abi"
)

// ioctl requests (ioctl_tty(2)).
const (
	TCGETS     = 0x5401
	TCSETS     = 0x5402
	TCSETSW    = 0x5403
	TCSETSF    = 0x5404
	TCSBRK     = 0x5409
	TCXONC     = 0x540a
	TCFLSH     = 0x540b
	TIOCSCTTY  = 0x540e
	TIOCGPGRP  = 0x540f
	TIOCSPGRP  = 0x5410
	TIOCOUTQ   = 0x5411
	TIOCGWINSZ = 0x5413
	TIOCSWINSZ = 0x5414
	FIONREAD   = 0x541b
	TIOCNOTTY  = 0x5422
	TIOCGSID   = 0x5429
	TCSBRKP    = 0x5425
)

// Job is the job-control side of a terminal: whose it is.
type Job struct {
	Session    int32 // 0: nobody's controlling terminal
	Foreground int32 // process group that may read
}

// Control carries out the requests that concern the terminal alone. in is the
// user's argument, out what goes back to it. group reports the session of a
// process group, for TIOCSPGRP.
func (l *Line) Control(j *Job, request uint32, arg uint64, in []byte, session int32) (out []byte, errno int) {
	le := binary.LittleEndian
	switch request {
	case TCGETS:
		return l.Termios.Encode(), 0
	case TCSETS, TCSETSW, TCSETSF:
		if len(in) < TermiosSize {
			return nil, abi.EINVAL
		}
		var t Termios
		t.Decode(in)
		if request == TCSETSF {
			l.FlushInput()
		}
		l.Set(t)
	case TCFLSH:
		if arg == 0 || arg == 2 { // TCIFLUSH, TCIOFLUSH
			l.FlushInput()
		}
	case TCSBRK, TCSBRKP:
	case TCXONC:
		l.halted = arg == 0 // TCOOFF
	case TIOCGWINSZ:
		return l.Size.Encode(), 0
	case TIOCSWINSZ:
		if len(in) < 8 {
			return nil, abi.EINVAL
		}
		l.Resize(DecodeWinsize(in))
	case FIONREAD:
		return le.AppendUint32(nil, uint32(l.Buffered())), 0
	case TIOCOUTQ:
		return le.AppendUint32(nil, 0), 0
	case TIOCGPGRP:
		if j.Session == 0 || j.Session != session {
			return nil, abi.ENOTTY
		}
		return le.AppendUint32(nil, uint32(j.Foreground)), 0
	case TIOCSPGRP:
		if j.Session == 0 || j.Session != session {
			return nil, abi.ENOTTY
		}
		if len(in) < 4 {
			return nil, abi.EINVAL
		}
		j.Foreground = int32(le.Uint32(in))
	case TIOCGSID:
		if j.Session == 0 || j.Session != session {
			return nil, abi.ENOTTY
		}
		return le.AppendUint32(nil, uint32(j.Session)), 0
	default:
		return nil, abi.ENOTTY
	}
	return nil, 0
}

// Changes reports whether a request from the background stops who makes it.
func Changes(request uint32) bool {
	switch request {
	case TIOCSPGRP, TCSETS, TCSETSW, TCSETSF, TCFLSH, TCXONC, TCSBRK, TCSBRKP:
		return true
	}
	return false
}

// Resize sets the window size; a change is told to the foreground group.
func (l *Line) Resize(w Winsize) {
	if w != l.Size {
		l.Size = w
		l.signals = append(l.signals, abi.SIGWINCH)
	}
}
