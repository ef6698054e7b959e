package linux

import (
	"motile/kernel/abi"
	"motile/proc"
)

// POSIX timers (timer_create(2)). They are the process's, and move with it.

// timerClock says which clock a timer of that clock id counts, and for CPU time of a
// thread, of which.
func timerClock(t *proc.Thread, id uint64) (clock proc.TimerClock, owner uint32, errno int64) {
	switch id {
	case clockRealtime, clockTAI:
		return proc.ClockWall, 0, 0
	case clockMonotonic, clockBoottime:
		return proc.ClockMono, 0, 0
	case clockProcessCPU:
		return proc.ClockProcessCPU, 0, 0
	case clockThreadCPU:
		return proc.ClockThreadCPU, t.Index, 0
	case clockMonotonicRaw, clockRealtimeCoarse, clockMonotonicCoarse, clockRealtimeAlarm, clockBoottimeAlarm:
		return 0, 0, -abi.EOPNOTSUPP
	}
	const kind, descriptor = 3, 3
	switch x := cpuClockOf(t, id); {
	case int64(id) < 0 && id&kind == descriptor:
		return 0, 0, -abi.EOPNOTSUPP // clocks of devices have none
	case x == nil || x.Process() != t.Process():
		return 0, 0, -abi.EINVAL
	case cpuClockThread(id):
		return proc.ClockThreadCPU, x.Index, 0
	}
	return proc.ClockProcessCPU, 0, 0
}

func sysTimerCreate(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	clock, owner, errno := timerClock(t, clockID(c.Args[0]))
	if errno != 0 {
		return errno
	}
	signo, notify, value, target := int32(abi.SIGALRM), uint32(proc.NotifySignal), uint64(0), uint32(0)
	if c.Args[1] != 0 {
		var b [64]byte // struct sigevent
		if !k.copyIn(t, c.Args[1], b[:]) {
			return -abi.EFAULT
		}
		value, signo, notify = le.Uint64(b[0:]), int32(le.Uint32(b[8:])), le.Uint32(b[12:])
		if target, errno = timerTarget(t, signo, notify, int32(le.Uint32(b[16:]))); errno != 0 {
			return errno
		}
	}
	if k.Pressure != nil && k.Pressure() {
		return -abi.EAGAIN
	}
	p := t.Process()
	tm := p.NewPosixTimer()
	if tm == nil {
		return -abi.EAGAIN
	}
	const thread = 2 // SIGEV_THREAD: the C library's affair
	if notify == thread {
		notify = proc.NotifySignal
	}
	tm.Clock, tm.Owner, tm.Notify, tm.Signo, tm.Value, tm.Target = clock, owner, uint8(notify), signo, value, target
	if c.Args[1] == 0 {
		tm.Value = uint64(uint32(tm.ID))
	}
	if errno := k.copyOut(t, c.Args[2], le.AppendUint32(nil, uint32(tm.ID))); errno != 0 {
		p.DeletePosixTimer(tm)
		return errno
	}
	return 0
}

// timerTarget checks whom a sigevent notifies, and how.
func timerTarget(t *proc.Thread, signo int32, notify uint32, tid int32) (target uint32, errno int64) {
	const none, thread = proc.NotifyNone, 2
	switch notify {
	case none:
		return 0, 0
	case proc.NotifySignal, thread:
	case proc.NotifyThreadID:
		for _, x := range t.Process().Threads {
			if x.Was(tid) {
				target, tid = x.Index, 0
			}
		}
		if tid != 0 {
			return 0, -abi.EINVAL
		}
	default:
		return 0, -abi.EINVAL
	}
	if signo < 1 || signo > abi.NSIG {
		return 0, -abi.EINVAL
	}
	return target, 0
}

// timerOf finds the timer a call is about.
func timerOf(t *proc.Thread, id uint64) *proc.PosixTimer { return t.Process().PosixTimer(int32(id)) }

func sysTimerSettime(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	var b [32]byte
	if c.Args[2] == 0 {
		return -abi.EINVAL
	}
	if !k.copyIn(t, c.Args[2], b[:]) {
		return -abi.EFAULT
	}
	period, ok1 := parseTimespec(b[:])
	value, ok2 := parseTimespec(b[16:])
	tm := timerOf(t, c.Args[0])
	if !ok1 || !ok2 || tm == nil {
		return -abi.EINVAL
	}
	left, was := tm.Get()
	switch {
	case value == 0:
		tm.Stop(0)
	case c.Args[1]&timerAbstime != 0:
		tm.Set(value, period)
	default:
		tm.Set(tm.Now()+value, period)
	}
	if c.Args[3] != 0 {
		return k.copyOut(t, c.Args[3], append(timespec(was), timespec(left)...))
	}
	return 0
}

func sysTimerGettime(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	tm := timerOf(t, c.Args[0])
	if tm == nil {
		return -abi.EINVAL
	}
	left, period := tm.Get()
	return k.copyOut(t, c.Args[1], append(timespec(period), timespec(left)...))
}

func sysTimerGetoverrun(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	tm := timerOf(t, c.Args[0])
	if tm == nil {
		return -abi.EINVAL
	}
	return int64(tm.Last)
}

func sysTimerDelete(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	tm := timerOf(t, c.Args[0])
	if tm == nil {
		return -abi.EINVAL
	}
	t.Process().DeletePosixTimer(tm)
	return 0
}
