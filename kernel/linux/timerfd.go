package linux

import (
	"motile/ipc/fileio"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

func sysTimerfdCreate(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	clock, flags := clockID(c.Args[0]), int(c.Args[1])
	if flags&^(object.ONonblock|object.OCloexec) != 0 {
		return -abi.EINVAL
	}
	d := new(object.Timerfd)
	switch clock {
	case clockRealtime:
		d.Wall = true
	case clockMonotonic, clockBoottime:
	case clockRealtimeAlarm, clockBoottimeAlarm:
		return -abi.EOPNOTSUPP // nothing wakes a node that is off
	default:
		return -abi.EINVAL
	}
	d.Alarm = k.Tab.NewAlarm(d.Ring)
	return k.install(t, object.NewFile(d, object.ORdwr|flags&object.ONonblock, "anon_inode:[timerfd]"), flags)
}

const (
	tfdCancelOnSet = 2
)

func sysTimerfdSettime(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	var b [32]byte
	if c.Args[1]&^(timerAbstime|tfdCancelOnSet) != 0 {
		return -abi.EINVAL
	}
	if !k.copyIn(t, c.Args[2], b[:]) {
		return -abi.EFAULT
	}
	period, ok1 := parseTimespec(b[:])
	value, ok2 := parseTimespec(b[16:])
	if !ok1 || !ok2 {
		return -abi.EINVAL
	}
	f := file(t, c.Args[0])
	wall, errno := timerfdClock(f)
	if errno != 0 {
		return errno
	}
	s := object.TimerSetting{Armed: value != 0, Left: value, Period: period}
	if c.Args[1]&timerAbstime != 0 && s.Armed {
		if p := t.Process(); wall {
			s.Left, s.ByWall = p.UntilWall(value), true
			s.Cancel = c.Args[1]&tfdCancelOnSet != 0
		} else {
			s.Left = value - p.Now()
		}
	}
	return k.timerfd(t, c, f, s, c.Args[3])
}

func sysTimerfdGettime(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f := file(t, c.Args[0])
	if _, errno := timerfdClock(f); errno != 0 {
		return errno
	}
	return k.timerfd(t, c, f, object.TimerSetting{Query: true}, c.Args[1])
}

// timerfdClock checks that a file is a timerfd, here or elsewhere, and says whether
// it goes by the wall clock.
func timerfdClock(f *object.File) (wall bool, errno int64) {
	if f == nil {
		return false, -abi.EBADF
	}
	switch d := f.Impl.(type) {
	case *object.Timerfd:
		return d.Wall, 0
	case *object.Remote:
		if d.Timer {
			return d.Wall, 0
		}
	}
	return false, -abi.EINVAL
}

// timerfd sets or asks a timer. One on another node is sent what is to be done.
func (k *Kernel) timerfd(t *proc.Thread, c *proc.Call, f *object.File, s object.TimerSetting, old uint64) int64 {
	was := object.TimerSetting{}
	if c.Slot != 0 && c.Answer == nil {
		return -abi.EBLOCKED
	}
	if c.Slot != 0 { // it was elsewhere when it was asked
		a, _ := k.Link(t).Answer()
		if a.Status != std.OK || a.Header.Status() != std.OK {
			return -abi.EIO
		}
		if a.Header.Extra != 0 {
			return -int64(a.Header.Extra)
		}
		var ok bool
		if was, ok = object.DecodeTimerSetting(a.Data); !ok {
			return -abi.EIO
		}
	} else if d, here := f.Impl.(*object.Timerfd); here {
		was = d.Apply(s)
	} else {
		k.Link(t).Ask(f.Impl.(*object.Remote).Addr, &std.Header{Command: fileio.Timer}, s.Append(nil))
		return -abi.EBLOCKED
	}
	if old == 0 && !s.Query {
		return 0
	}
	return k.copyOut(t, old, append(timespec(was.Period), timespec(was.Left)...))
}
