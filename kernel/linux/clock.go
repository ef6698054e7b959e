package linux

import (
	"motile/kernel/abi"
	"motile/proc"
)

// Clocks (clock_gettime(2)).
const (
	clockRealtime        = 0
	clockMonotonic       = 1
	clockProcessCPU      = 2
	clockThreadCPU       = 3
	clockMonotonicRaw    = 4
	clockRealtimeCoarse  = 5
	clockMonotonicCoarse = 6
	clockBoottime        = 7
	clockRealtimeAlarm   = 8
	clockBoottimeAlarm   = 9
	clockTAI             = 11
	timerAbstime         = 1
)

// clock reads a clock of the caller's process.
func clock(t *proc.Thread, id uint64) (int64, bool) {
	p := t.Process()
	switch id {
	case clockRealtime, clockRealtimeCoarse, clockTAI: // no leap second is known of
		return p.Wall(), true
	case clockMonotonic, clockMonotonicRaw, clockMonotonicCoarse, clockBoottime:
		return p.Now(), true
	case clockProcessCPU:
		u, s := p.CPU()
		return u + s, true
	case clockThreadCPU:
		return t.UserNs + t.SystemNs, true
	}
	x := cpuClockOf(t, id)
	switch {
	case x == nil:
		return 0, false
	case cpuClockThread(id):
		return x.UserNs + x.SystemNs, true
	}
	u, s := x.Process().CPU()
	return u + s, true
}

// clockID is a clockid_t, which is an int: those of other processes are negative.
func clockID(arg uint64) uint64 { return uint64(int64(int32(arg))) }

// cpuClockOf returns a thread whose CPU time, or that of its process, a negative clock
// id is for (clock_getcpuclockid(3)), or nil: the complement of the id, times 8, and
// what is counted. We count all of it, whatever is asked for.
func cpuClockOf(t *proc.Thread, id uint64) *proc.Thread {
	const kind, descriptor = 3, 3
	if int64(id) >= 0 || id&kind == descriptor {
		return nil
	}
	p, tid := t.Process(), int32(^(int64(id) >> 3))
	switch {
	case tid == 0 && cpuClockThread(id):
		return t
	case tid == 0:
		return p.Leader()
	case cpuClockThread(id):
		for _, x := range p.Threads {
			if x.Was(tid) {
				return x
			}
		}
		return nil
	}
	if p.Was(tid) {
		return p.Leader()
	}
	if q := p.Table().Process(tid); q != nil {
		return q.Leader()
	}
	return nil
}

func cpuClockThread(id uint64) bool { return id&4 != 0 }

func sysClockGettime(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	ns, ok := clock(t, clockID(c.Args[0]))
	if !ok {
		return -abi.EINVAL
	}
	return k.copyOut(t, c.Args[1], timespec(ns))
}

func sysClockGetres(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if _, ok := clock(t, clockID(c.Args[0])); !ok {
		return -abi.EINVAL
	}
	if c.Args[1] == 0 {
		return 0
	}
	return k.copyOut(t, c.Args[1], timespec(1))
}

func sysGettimeofday(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[1] != 0 {
		if errno := k.copyOut(t, c.Args[1], make([]byte, 8)); errno != 0 {
			return errno
		}
	}
	if c.Args[0] == 0 {
		return 0
	}
	return k.copyOut(t, c.Args[0], timeval(t.Process().Wall()))
}

func sysTime(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	s := t.Process().Wall() / 1e9
	if c.Args[0] != 0 {
		if errno := k.copyOut(t, c.Args[0], words(uint64(s))); errno != 0 {
			return errno
		}
	}
	return s
}

func sysNanosleep(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Phase == 0 {
		if errno := k.deadline(t, c, c.Args[0]); errno != 0 {
			return errno
		}
		c.Phase = 1
	}
	return k.sleep(t, c, c.Args[1])
}

// sleep waits for the deadline of the record. Interrupted, it says how long
// was left, if left is an address.
func (k *Kernel) sleep(t *proc.Thread, c *proc.Call, left uint64) int64 {
	rest := c.Deadline - k.Tab.Now
	switch {
	case c.Deadline == 0 || rest <= 0:
		return 0
	case c.Interrupted:
		if left != 0 {
			if errno := k.copyOut(t, left, timespec(rest)); errno != 0 {
				return errno
			}
		}
		return -abi.EINTR
	}
	return -abi.EBLOCKED
}

func sysClockNanosleep(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	id := clockID(c.Args[0])
	now, ok := clock(t, id)
	if !ok {
		return -abi.EINVAL
	}
	switch id {
	case clockRealtime, clockTAI, clockMonotonic, clockBoottime:
	default: // CPU time, and clocks that have no timers
		return -abi.EOPNOTSUPP
	}
	if c.Args[1]&timerAbstime == 0 {
		if c.Phase == 0 {
			if errno := k.deadline(t, c, c.Args[2]); errno != 0 {
				return errno
			}
			c.Phase = 1
		}
		return k.sleep(t, c, c.Args[3])
	}
	if c.Phase == 0 {
		var b [16]byte
		if !k.copyIn(t, c.Args[2], b[:]) {
			return -abi.EFAULT
		}
		at, ok := parseTimespec(b[:])
		if !ok {
			return -abi.EINVAL
		}
		c.Aux[0], c.Phase = uint64(at), 1
	}
	// The deadline is made anew at each look: wall clocks are slewed, and after a move
	// this one's rate may be another.
	left := int64(c.Aux[0]) - now
	if left > 0 && (id == clockRealtime || id == clockTAI) {
		left = t.Process().UntilWall(int64(c.Aux[0]))
	}
	if left <= 0 {
		return 0
	}
	c.Deadline = k.Tab.Now + left
	if ret := k.sleep(t, c, 0); ret != -abi.EINTR {
		return ret
	}
	return -abi.ERESTARTNOHAND
}

func sysGetitimer(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[0] > proc.TimerProf {
		return -abi.EINVAL
	}
	left, period := t.Process().Timers[c.Args[0]].Get()
	return k.copyOut(t, c.Args[1], append(timeval(period), timeval(left)...))
}

func sysSetitimer(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[0] > proc.TimerProf {
		return -abi.EINVAL
	}
	iv := &t.Process().Timers[c.Args[0]]
	var value, period int64
	if c.Args[1] != 0 {
		var b [32]byte
		if !k.copyIn(t, c.Args[1], b[:]) {
			return -abi.EFAULT
		}
		var ok1, ok2 bool
		period, ok1 = parseTimeval(b[:])
		value, ok2 = parseTimeval(b[16:])
		if !ok1 || !ok2 {
			return -abi.EINVAL
		}
	}
	left, was := iv.Get()
	if c.Args[2] != 0 {
		if errno := k.copyOut(t, c.Args[2], append(timeval(was), timeval(left)...)); errno != 0 {
			return errno
		}
	}
	iv.Set(value, period)
	return 0
}

func sysAlarm(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	iv := &t.Process().Timers[proc.TimerReal]
	left, _ := iv.Get()
	iv.Set(int64(c.Args[0]&0xffffffff)*1e9, 0)
	if left > 0 && left < 1e9 {
		return 1 // 0 would say that there was none
	}
	return (left + 5e8) / 1e9
}

func sysTimes(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const tick = 1e7
	p := t.Process()
	u, s := p.CPU()
	if c.Args[0] != 0 {
		b := words(uint64(u/tick), uint64(s/tick), uint64(p.ChildUser/tick), uint64(p.ChildSys/tick))
		if errno := k.copyOut(t, c.Args[0], b); errno != 0 {
			return errno
		}
	}
	return p.Now() / tick
}

func sysGetrusage(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const self, children, thread = 0, -1, 1
	p := t.Process()
	u, s := p.CPU()
	switch arg32(c.Args[0]) {
	case self:
	case children:
		u, s = p.ChildUser, p.ChildSys
	case thread:
		u, s = t.UserNs, t.SystemNs
	default:
		return -abi.EINVAL
	}
	return k.copyOut(t, c.Args[1], rusage(u, s))
}
