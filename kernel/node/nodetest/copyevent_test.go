package nodetest

import (
	"fmt"
	"maps"

	"motile/kernel/abi"
)

// What a copy has of timers, and of descriptors for signals and processes. These are
// cases of TestCopy.

const half = 500e6 // ns

// orCanceled is what a read must have returned of a timer that is cancelled when the
// clock is set: 8, unless the wall clock has gone on without the monotonic one since B
// was noted, which is the difference of the two.
func orCanceled(u *User, _ uint64) string {
	want := int64(8)
	if parted := u.Wall() - u.Mono() - int64(u.B()); parted > 1e9 {
		want = -abi.ECANCELED
	}
	if u.Ret != want {
		return fmt.Sprintf("%d, want %d", u.Ret, want)
	}
	return ""
}

func init() {
	const sig, at = 40, textAt
	set := le64(1<<(sig-1) | 1<<(abi.SIGALRM-1))
	block := func() step { return call(abi.SysRtSigprocmask, 0, DataBase+at, 0, 8) }
	isSelf := func(u *User, next uint64) string {
		u.Call(next, abi.SysPidfdOpen, uint64(u.t.Process().PID), 0)
		return ""
	}
	maps.Copy(copied, map[string]int{
		"a timerfd": sequence(
			call(abi.SysTimerfdCreate, clockMono, 0), keepFD(0), put(at, itimerspec(half, half)...), mark(),
			onFD(0, abi.SysTimerfdSettime, 0, DataBase+at, 0), want(0),
			onFD(0, abi.SysRead, DataBase+at, 8), want(8), has(at, string(le64(1))), elapsed(half),
			sleep(3*half+half/2), onFD(0, abi.SysRead, DataBase+at, 8), want(8), has(at, string(le64(3)))),
		"a timerfd of the wall clock": sequence(
			call(abi.SysTimerfdCreate, clockWall, 0), keepFD(0),
			func(u *User, _ uint64) string {
				u.SetB(uint64(u.Wall() - u.Mono()))
				u.Put(at, itimerspec(u.Wall()+half, 0))
				return ""
			},
			onFD(0, abi.SysTimerfdSettime, 3, DataBase+at, 0), want(0), // TFD_TIMER_CANCEL_ON_SET
			onFD(0, abi.SysRead, DataBase+at, 8), orCanceled),
		"a timer of timer_create": sequence(
			put(at, set...), block(), put(at+64, put64(5, sig, 0, 0, 0, 0, 0, 0)...),
			call(abi.SysTimerCreate, clockMono, DataBase+at+64, DataBase+at+128), want(0),
			put(at+64, itimerspec(half, half)...), mark(),
			call(abi.SysTimerSettime, 0, 0, DataBase+at+64, 0), want(0),
			call(abi.SysRtSigtimedwait, DataBase+at, 0, 0, 8), want(sig), elapsed(half),
			sleep(3*half+half/2), call(abi.SysRtSigtimedwait, DataBase+at, 0, 0, 8), want(sig),
			call(abi.SysTimerGetoverrun, 0), want(2)),
		"a signalfd": sequence(
			put(at, set...), block(), call(abi.SysSignalfd4, 1<<64-1, DataBase+at, 8, 0), keepFD(0),
			put(at, append(make([]byte, 16), timeval(half/1000)...)...), mark(),
			call(abi.SysSetitimer, 0, DataBase+at, 0), want(0),
			onFD(0, abi.SysRead, DataBase+at, 128), want(128), has(at, "\x0e\x00"), elapsed(half)),
		"a pidfd of itself": sequence(
			handle(abi.SIGUSR1, 0), isSelf, keepFD(0), sleep(half),
			onFD(0, abi.SysPidfdSendSignal, abi.SIGUSR1, 0, 0), want(0), has(signalAt, "\x01")),
		"a pidfd of a child": sequence(
			call(abi.SysFork), func(u *User, next uint64) string {
				if u.Ret == 0 {
					u.Goto(pauses)
					return ""
				}
				u.Call(next, abi.SysPidfdOpen, uint64(u.Ret), 0)
				return ""
			}, keepFD(0),
			func(u *User, next uint64) string {
				u.Call(next, abi.SysPoll, u.Put(at, put64(u.FD(0)|pollIn<<32)), 1, 1<<64-1)
				return ""
			}, want(1),
			func(u *User, next uint64) string {
				u.Call(next, abi.SysWaitid, waitPidfd, u.FD(0), DataBase+at, wexited|wnohang, 0)
				return ""
			}, want(0), has(at, "\x11")),
	})
	theirs = append(theirs, "a pidfd of a child")
}
