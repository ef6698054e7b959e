package linux_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
)

// timerActions make and set timerfds. The two sides' time is not the same: timers run
// out long ago, or long after the test.
func (w *twin) timerActions() actions {
	const longAgo, never = 1, 3 << 30 // ns; s
	return actions{
		"timerfd_create": func() {
			w.call(abi.SysTimerfdCreate, w.pick("clock", 0, 1, 7, 1, 2, 3, 4, 99), object.ONonblock|w.pick("flags", 0, object.OCloexec, 1))
		},
		"timerfd_settime": func() {
			fd, flags := w.fd(), w.pick("flags", 0, 1, 1, 3, 4)
			value := []uint64{0, longAgo}
			switch w.pick("value", 0, 1, 2, 3) {
			case 0:
				value[1] = 0
			case 1:
				value = []uint64{never, 0}
			case 2:
				value[1] = w.pick("nanoseconds", 999_999_999, 1e9, ^uint64(0))
				if flags&1 == 0 {
					value[0] = never
				}
			}
			spec := w.put(le(w.pick("period", 0, never, never), 0, value[0], value[1]))
			w.call(abi.SysTimerfdSettime, fd, flags, spec, 0)
			w.moment()
		},
		"timerfd_gettime": func() {
			at, fd := w.put(make([]byte, 32)), w.fd()
			if w.call(abi.SysTimerfdGettime, fd, at) == 0 {
				w.same("period", at, 16)
				mine, theirs := w.p.Word(at+16), le64(w.h.Get(at+16, 8))
				if (mine == 0) != (theirs == 0) {
					w.Fatalf("%d s left, Linux says %d", mine, theirs)
				}
			}
		},
		"signalfd": func() {
			w.call(abi.SysSignalfd4, w.pick("fd", ^uint64(0), ^uint64(0), w.fd()), w.put(le(1<<40)), w.pick("size", 8, 8, 4), object.ONonblock|w.pick("flags", 0, object.OCloexec, 1))
		},
	}
}

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// moment lets what is due happen on both sides.
func (w *twin) moment() {
	at := w.put(le(0, 1e6))
	w.h.Call(abi.SysNanosleep, at, 0)
	w.b.Advance(time.Millisecond)
}

func TestHost_Timerfd(t *testing.T) {
	forTwins(t, func(w *twin) {
		d := w.descriptorActions()
		delete(d, "F_GETFL") // F_GETFL of a signalfd has no O_RDWR on newer versions
		w.run(merge(d, w.ioActions(), w.timerActions(), w.timerActions()))
	})
}

func TestHost_TimerfdAndEpoll(t *testing.T) {
	forTwins(t, func(w *twin) {
		d, i := w.descriptorActions(), w.ioActions()
		w.run(merge(actions{"eventfd": d["eventfd"], "dup": d["dup"], "close": d["close"], "read": i["read"], "poll": i["poll"]},
			w.timerActions(), w.epollActions(), w.epollActions()))
	})
}

// sides makes the same call on both, whose own ids may be among the arguments.
type sides struct {
	testing.TB
	b          *Bench
	p          *Thread
	h          *Host
	mine, host uint64 // the thread's id on each
}

// me stands for the caller's thread in arguments of call.
const me = 0x5eafbeef

func (s *sides) call(name string, nr int, args ...uint64) Result {
	s.Helper()
	var a []any
	theirs := append([]uint64(nil), args...)
	for i, x := range args {
		if x == me {
			x, theirs[i] = s.mine, s.host
		}
		a = append(a, x)
	}
	mine, host := s.p.Call(nr, a...), s.h.Call(nr, theirs...)
	if mine != host {
		s.Errorf("%s: %v, Linux says %v", name, mine, host)
	}
	return mine
}

func (s *sides) words(v ...uint64) uint64 {
	at := s.p.Words(v...)
	s.h.Put(at, s.p.Get(at, 8*len(v)))
	for i, x := range v {
		if x == me {
			s.p.Put(at+8*uint64(i), le(s.mine))
			s.h.Put(at+8*uint64(i), le(s.host))
		}
	}
	return at
}

// same compares memory but for the ids in it.
func (s *sides) same(name string, at uint64, n int, ids ...int) {
	s.Helper()
	mine, host := s.p.Get(at, n), s.h.Get(at, n)
	for _, i := range ids {
		clear(mine[i : i+4])
		clear(host[i : i+4])
	}
	if !bytes.Equal(mine, host) {
		s.Errorf("%s: %x, Linux says %x", name, mine, host)
	}
}

func (s *sides) moment() {
	s.h.Call(abi.SysNanosleep, s.words(0, 3e6), 0)
	s.b.Advance(3 * time.Millisecond)
}

func newSides(t *testing.T) *sides {
	b, h := New(t), NewHost(t)
	s := &sides{TB: t, b: b, p: b.Process(), h: h}
	s.mine, s.host = s.p.Must(abi.SysGettid), uint64(h.Call(abi.SysGettid))
	return s
}

// Signals by a signalfd, byte for byte.
func TestHost_SignalfdInfo(t *testing.T) {
	s := newSides(t)
	const a, rt = abi.SIGUSR1, 40
	set := s.words(Set(a, rt))
	s.call("block", abi.SysRtSigprocmask, 0, set, 0, 8)
	fd := uint64(s.call("signalfd4", abi.SysSignalfd4, ^uint64(0), set, 8, object.ONonblock))
	at := s.words(make([]uint64, 64)...)
	s.call("nothing", abi.SysRead, fd, at, 512)
	s.call("too short", abi.SysRead, fd, at, 127)
	s.call("tkill", abi.SysTkill, me, a)
	s.call("tkill again", abi.SysTkill, me, a)
	for i := range uint64(2) {
		s.call("queue", abi.SysRtTgsigqueueinf, me, me, rt, s.words(0, 0xffffffff, 0x100000002, 0x1122334455667788+i, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	}
	if n := s.call("read", abi.SysRead, fd, at, 512); n != 3*128 {
		t.Errorf("%d bytes", n)
	}
	s.same("siginfo", at, 512, 12) // but for the sender's pid
	s.call("timer_create", abi.SysTimerCreate, 1, s.words(0x1122334455667788, rt|4<<32, me, 0, 0, 0, 0, 0), at)
	s.same("id", at, 4)
	s.call("timer_settime", abi.SysTimerSettime, 0, 0, s.words(0, 0, 0, 1), 0)
	s.moment()
	s.call("read the timer's", abi.SysRead, fd, at, 512)
	s.same("timer's siginfo", at, 128)
	s.call("another set", abi.SysSignalfd4, fd, s.words(Set(rt)), 8, 0)
	s.call("tkill", abi.SysTkill, me, a)
	s.call("not in the set", abi.SysRead, fd, at, 512)
}

// Timers of timer_create, with what a signal of theirs says.
func TestHost_PosixTimers(t *testing.T) {
	s := newSides(t)
	const sig = 40
	const none, thread, signal = 1 << 32, 4 << 32, 0
	set, id, info := s.words(Set(sig)), s.words(0), s.words(make([]uint64, 16)...)
	spec := s.words(9, 9, 9, 9)
	s.call("block", abi.SysRtSigprocmask, 0, set, 0, 8)
	event := func(how, tid uint64) uint64 { return s.words(0x77, sig|how, tid, 0, 0, 0, 0, 0) }
	for _, clock := range []uint64{4, 5, 6, 10, 12, 99, ^uint64(4)} { // raw, coarse, and none
		s.call("clock", abi.SysTimerCreate, clock, event(thread, me), id)
	}
	for _, clock := range []uint64{0, 1, 7, 2, 3} {
		if s.call("timer_create", abi.SysTimerCreate, clock, event(thread, me), id) != 0 {
			continue
		}
		mine, theirs := uint64(s.p.Word32(id)), uint64(binary.LittleEndian.Uint32(s.h.Get(id, 4)))
		if mine != theirs {
			t.Fatalf("timer %d, Linux has %d", mine, theirs)
		}
		s.call("gettime", abi.SysTimerGettime, mine, spec)
		s.same("not set", spec, 32)
		s.call("settime: nothing", abi.SysTimerSettime, mine, 0, 0, 0)
		s.call("settime: bad memory", abi.SysTimerSettime, mine, 0, 0x2000, 0)
		s.call("settime: nanoseconds", abi.SysTimerSettime, mine, 0, s.words(0, 0, 0, 1e9), 0)
		s.call("settime: negative", abi.SysTimerSettime, mine, 0, s.words(0, 0, ^uint64(0), 0), 0)
		s.call("settime: bad period", abi.SysTimerSettime, mine, 0, s.words(0, 1e9, 0, 1), 0)
		s.call("overruns", abi.SysTimerGetoverrun, mine)
		if clock != 2 && clock != 3 { // the host's CPU time is its own
			s.call("long ago", abi.SysTimerSettime, mine, 1, s.words(3<<30, 0, 0, 1), spec)
			s.same("what it said before", spec, 32)
			s.moment()
			s.call("its signal", abi.SysRtSigtimedwait, set, info, s.words(0, 0), 8)
			s.same("siginfo", info, 32)
			s.call("overruns", abi.SysTimerGetoverrun, mine)
			s.call("no other", abi.SysRtSigtimedwait, set, info, s.words(0, 0), 8)
			s.call("period stays", abi.SysTimerGettime, mine, spec)
			s.same("period", spec, 16)
		}
		s.call("stop", abi.SysTimerSettime, mine, 0, s.words(5, 0, 0, 0), 0)
		s.call("stopped", abi.SysTimerGettime, mine, spec)
		s.same("stopped", spec, 32)
		s.call("pending when deleted", abi.SysTimerDelete, mine)
		s.call("deleted", abi.SysTimerGettime, mine, spec)
		s.call("deleted", abi.SysTimerSettime, mine, 0, s.words(0, 0, 0, 0), 0)
	}
	s.call("none such", abi.SysTimerDelete, 4711)
	s.call("none such", abi.SysTimerGetoverrun, 4711)
	if s.call("no notification", abi.SysTimerCreate, 1, event(none, 0), id) == 0 {
		tm := uint64(s.p.Word32(id))
		s.call("long ago", abi.SysTimerSettime, tm, 1, s.words(0, 0, 0, 1), 0)
		s.call("it is over", abi.SysTimerGettime, tm, spec)
		s.same("it is over", spec, 32)
	}
	// Linux has given these a number before it refuses them.
	s.call("signal 0", abi.SysTimerCreate, 1, s.words(0, 0, 0, 0, 0, 0, 0, 0), id)
	s.call("signal 65", abi.SysTimerCreate, 1, s.words(0, 65, 0, 0, 0, 0, 0, 0), id)
	s.call("how", abi.SysTimerCreate, 1, event(7<<32, me), id)
	s.call("how: none and thread", abi.SysTimerCreate, 1, event(none|thread, me), id)
	s.call("no such thread", abi.SysTimerCreate, 1, event(thread, 0x1ffffffe), id)
	s.call("bad memory", abi.SysTimerCreate, 1, 0x2000, id)
}

// A process's descriptor for itself.
func TestHost_Pidfd(t *testing.T) {
	s := newSides(t)
	s.mine, s.host = s.p.Must(abi.SysGetpid), uint64(s.h.Call(abi.SysGetpid))
	const byPidfd, none = 3, 99
	s.call("pid 0", abi.SysPidfdOpen, 0, 0)
	s.call("negative", abi.SysPidfdOpen, ^uint64(0), 0)
	s.call("nobody", abi.SysPidfdOpen, 0x1fffffff, 0)
	s.call("flags", abi.SysPidfdOpen, me, 1)
	fd := uint64(s.call("itself", abi.SysPidfdOpen, me, object.ONonblock))
	s.call("close-on-exec", abi.SysFcntl, fd, getFD)
	buf := s.words(0)
	s.call("read", abi.SysRead, fd, buf, 8)
	s.call("write", abi.SysWrite, fd, buf, 8)
	poll := s.words(fd | 5<<32)
	s.call("poll", abi.SysPoll, poll, 1, 0)
	s.same("poll", poll, 8)
	for _, options := range []uint64{4, 1, 0, 4 | 0x100, 4 | 0x40000000, 4 | 0x1000000, 2, 8} {
		s.call("waitid", abi.SysWaitid, byPidfd, fd, 0, options, 0)
		s.call("waitid: any", abi.SysWaitid, 0, 0, 0, options, 0)
		s.call("waitid: group", abi.SysWaitid, 2, 0, 0, options, 0)
	}
	s.call("waitid: closed", abi.SysWaitid, byPidfd, none, 0, 4, 0)
	s.call("waitid: negative", abi.SysWaitid, byPidfd, ^uint64(0), 0, 4, 0)
	s.call("waitid: negative group", abi.SysWaitid, 2, ^uint64(0), 0, 4, 0)
	s.call("wait4: least pid", abi.SysWait4, 1<<31, 0, 0, 0)
	s.call("wait4: WNOWAIT", abi.SysWait4, ^uint64(0), 0, 0x1000000, 0)
	s.call("signal 0", abi.SysPidfdSendSignal, fd, 0, 0, 0)
	s.call("signal 65", abi.SysPidfdSendSignal, fd, 65, 0, 0)
	s.call("flags", abi.SysPidfdSendSignal, fd, 0, 0, 8)
	s.call("closed", abi.SysPidfdSendSignal, none, 0, 0, 0)
	s.call("another signal", abi.SysPidfdSendSignal, fd, 0, s.words(make([]uint64, 16)...)+8*0, 0)
	s.call("another signal", abi.SysPidfdSendSignal, fd, abi.SIGURG, s.words(make([]uint64, 16)...), 0)
	s.call("bad memory", abi.SysPidfdSendSignal, fd, 0, 0x2000, 0)
}
