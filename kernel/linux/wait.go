package linux

import (
	"math"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

// wait options (wait(2)).
const (
	wnohang    = 1
	wuntraced  = 2 // also WSTOPPED
	wexited    = 4
	wcontinued = 8
	wnowait    = 0x1000000
	wnothread  = 0x20000000
	wclone     = 0x80000000
	wall       = 0x40000000
)

// find looks for a child that matches which (wait4's pid argument) and has
// something to report under options. any reports whether one matches at all.
func findChild(p *proc.Process, which int32, options uint64) (found *proc.Child, any bool) {
	for _, c := range p.Children {
		clone := c.ExitSig != abi.SIGCHLD // a "clone" child, in the words of wait(2)
		switch {
		case which > 0 && c.PID != which,
			which == 0 && c.PGID != p.PGID,
			which < -1 && c.PGID != -which,
			options&wall == 0 && clone != (options&wclone != 0):
			continue
		}
		any = true
		switch {
		case c.State == proc.ChildExited && options&wexited != 0,
			c.State == proc.ChildStopped && !c.Reported && options&wuntraced != 0,
			c.State == proc.ChildContinued && !c.Reported && options&wcontinued != 0:
			return c, true
		}
	}
	return nil, any
}

// waitChild is the waiting part of wait4 and waitid: nil and 0 means none yet,
// with WNOHANG.
func (k *Kernel) waitChild(t *proc.Thread, c *proc.Call, which int32, options uint64) (*proc.Child, int64) {
	p := t.Process()
	child, any := findChild(p, which, options)
	switch {
	case child != nil:
		return child, 0
	case !any:
		return nil, -abi.ECHILD
	case options&wnohang != 0:
		return nil, 0
	case c.Interrupted:
		return nil, -abi.ERESTARTSYS
	}
	t.WaitOn(p.ChildQueue())
	return nil, -abi.EBLOCKED
}

// take marks what a wait has returned.
func take(p *proc.Process, c *proc.Child, options uint64) {
	switch {
	case options&wnowait != 0:
	case c.State == proc.ChildExited:
		p.Reap(c)
	default:
		c.Reported = true
	}
}

func sysWait4(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	options := c.Args[2] & 0xffffffff // an int: __WCLONE is its sign
	if options&^(wnohang|wuntraced|wcontinued|wnothread|wclone|wall) != 0 {
		return -abi.EINVAL
	}
	options |= wexited
	if int32(c.Args[0]) == math.MinInt32 {
		return -abi.ESRCH
	}
	child, errno := k.waitChild(t, c, int32(c.Args[0]), options)
	if child == nil {
		return errno
	}
	status := child.Status
	switch child.State {
	case proc.ChildStopped:
		status = status<<8 | 0x7f
	case proc.ChildContinued:
		status = 0xffff
	}
	if c.Args[1] != 0 {
		if errno := k.copyOut(t, c.Args[1], le.AppendUint32(nil, uint32(status))); errno != 0 {
			return errno
		}
	}
	if c.Args[3] != 0 {
		if errno := k.copyOut(t, c.Args[3], rusage(child.UserNs, child.SystemNs)); errno != 0 {
			return errno
		}
	}
	pid := int64(child.PID)
	take(t.Process(), child, options)
	return pid
}

func sysWaitid(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const all, pid, pgid, pidfd = 0, 1, 2, 3
	options := c.Args[3] & 0xffffffff
	which, nonblock := int32(c.Args[1]), false
	switch c.Args[0] {
	case all:
		which = -1
	case pid:
		if which <= 0 {
			return -abi.EINVAL
		}
	case pgid:
		if which < 0 {
			return -abi.EINVAL
		}
		which = -which
	case pidfd:
		f, end := pidfdOf(t, c.Args[1])
		switch {
		case which < 0:
			return -abi.EINVAL
		case c.Phase != 0: // the descriptor may be closed by now
			which = int32(c.Aux[0])
		case end == nil:
			return -abi.EBADF
		default:
			which = end.PID
			c.Phase, c.Aux[0] = 1, uint64(which)
			if f.Flags&object.ONonblock != 0 {
				nonblock = options&wnohang == 0
				options |= wnohang
			}
		}
	default:
		return -abi.EINVAL
	}
	if options&(wexited|wuntraced|wcontinued) == 0 ||
		options&^(wnohang|wuntraced|wexited|wcontinued|wnowait|wnothread|wclone|wall) != 0 {
		return -abi.EINVAL
	}
	child, errno := k.waitChild(t, c, which, options)
	switch {
	case errno != 0:
		return errno
	case child == nil && nonblock:
		return -abi.EAGAIN
	}
	var in proc.Info
	if child != nil {
		in = proc.Info{Signo: abi.SIGCHLD, PID: child.PID}
		in.Code, in.Value = child.Code()
	}
	if c.Args[2] != 0 {
		if errno := k.copyOut(t, c.Args[2], in.Encode()); errno != 0 {
			return errno
		}
	}
	if child != nil {
		if c.Args[4] != 0 {
			if errno := k.copyOut(t, c.Args[4], rusage(child.UserNs, child.SystemNs)); errno != 0 {
				return errno
			}
		}
		take(t.Process(), child, options)
	}
	return 0
}
