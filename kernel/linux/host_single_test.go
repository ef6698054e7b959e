package linux_test

import (
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
)

// Single calls, most of them with something wrong, compared with the host's.
// bad is an address nobody may use, buf 64 zero bytes.
func TestHost_SingleCalls(t *testing.T) {
	const bad, none = 0x2000, 99
	b, h := New(t), NewHost(t)
	p := b.Process()
	buf := p.Alloc(64)
	word := func(v ...uint64) uint64 {
		at := p.Words(v...)
		h.Put(at, p.Get(at, 8*len(v)))
		return at
	}
	text := func(s string) uint64 {
		at := p.Text(s)
		h.Put(at, append([]byte(s), 0))
		return at
	}
	minus := func(v int64) uint64 { return uint64(-v) }
	for _, test := range []struct {
		name string
		nr   int
		args []uint64
	}{
		{"sigaction: signal 0", abi.SysRtSigaction, []uint64{0, 0, 0, 8}},
		{"sigaction: signal 65", abi.SysRtSigaction, []uint64{65, 0, 0, 8}},
		{"sigaction: size", abi.SysRtSigaction, []uint64{10, 0, 0, 4}},
		{"sigaction: KILL", abi.SysRtSigaction, []uint64{9, word(1, 0, 0, 0), 0, 8}},
		{"sigaction: KILL, reading", abi.SysRtSigaction, []uint64{9, 0, buf, 8}},
		{"sigaction: bad memory", abi.SysRtSigaction, []uint64{10, bad, 0, 8}},
		{"sigprocmask: how", abi.SysRtSigprocmask, []uint64{3, buf, 0, 8}},
		{"sigprocmask: how, reading", abi.SysRtSigprocmask, []uint64{3, 0, buf, 8}},
		{"sigprocmask: size", abi.SysRtSigprocmask, []uint64{0, buf, 0, 16}},
		{"sigpending: bad memory", abi.SysRtSigpending, []uint64{bad, 8}},
		{"sigpending: size", abi.SysRtSigpending, []uint64{buf, 9}},
		{"sigtimedwait: size", abi.SysRtSigtimedwait, []uint64{buf, 0, word(0, 0), 4}},
		{"sigtimedwait: nothing", abi.SysRtSigtimedwait, []uint64{buf, 0, word(0, 0), 8}},
		{"sigtimedwait: time", abi.SysRtSigtimedwait, []uint64{buf, 0, word(0, 1e9), 8}},
		{"sigsuspend: size", abi.SysRtSigsuspend, []uint64{buf, 4}},
		{"sigaltstack: too small", abi.SysSigaltstack, []uint64{word(0x10000000, 0, 1000), 0}},
		{"sigaltstack: flags", abi.SysSigaltstack, []uint64{word(0x10000000, 4, 100000), 0}},
		{"sigaltstack: off", abi.SysSigaltstack, []uint64{word(0, 2, 0), 0}},
		{"kill: signal", abi.SysKill, []uint64{1, 65}},
		{"kill: nobody", abi.SysKill, []uint64{0x1fffffff, 0}},
		{"kill: no group", abi.SysKill, []uint64{minus(0x1fffffff), 0}},
		{"tgkill: pid 0", abi.SysTgkill, []uint64{0, 1, 0}},
		{"tgkill: tid 0", abi.SysTgkill, []uint64{1, 0, 0}},
		{"tgkill: nobody", abi.SysTgkill, []uint64{0x1fffffff, 0x1fffffff, 0}},
		{"tkill: tid", abi.SysTkill, []uint64{minus(1), 0}},
		{"sigqueue: nobody", abi.SysRtSigqueueinfo, []uint64{0x1fffffff, 10, word(10, 0xffffffff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)}},

		{"clock_nanosleep: raw", abi.SysClockNanosleep, []uint64{4, 0, word(0, 0), 0}},
		{"clock_nanosleep: coarse", abi.SysClockNanosleep, []uint64{6, 0, word(0, 0), 0}},
		{"clock_nanosleep: TAI, in the past", abi.SysClockNanosleep, []uint64{11, 1, word(0, 5), 0}},
		{"clock_nanosleep: wall clock, in the past", abi.SysClockNanosleep, []uint64{0, 1, word(1, 5), 0}},
		{"clock_nanosleep: absolute, negative", abi.SysClockNanosleep, []uint64{1, 1, word(minus(1), 0), 0}},
		{"clock_nanosleep: bad memory", abi.SysClockNanosleep, []uint64{1, 1, bad, 0}},
		{"clock_gettime: TAI", abi.SysClockGettime, []uint64{11, buf}},
		{"clock_gettime: 10", abi.SysClockGettime, []uint64{10, buf}},
		{"clock_gettime: the caller's CPU time", abi.SysClockGettime, []uint64{minus(2), buf}},
		{"clock_gettime: of a thread that is not there", abi.SysClockGettime, []uint64{minus(0x7fffffff*8+1-4) & 0xffffffff, buf}},
		{"clock_gettime: of a descriptor", abi.SysClockGettime, []uint64{minus(5), buf}},
		{"nanosleep: not at all", abi.SysNanosleep, []uint64{word(0, 0), 0}},
		{"nanosleep: too many ns", abi.SysNanosleep, []uint64{word(0, 1e9), 0}},
		{"nanosleep: negative", abi.SysNanosleep, []uint64{word(minus(1), 0), 0}},
		{"nanosleep: bad memory", abi.SysNanosleep, []uint64{bad, 0}},
		{"clock_nanosleep: clock", abi.SysClockNanosleep, []uint64{99, 0, word(0, 0), 0}},
		{"clock_nanosleep: thread CPU", abi.SysClockNanosleep, []uint64{3, 0, word(0, 0), 0}},
		{"clock_nanosleep: in the past", abi.SysClockNanosleep, []uint64{1, 1, word(0, 5), 0}},
		{"clock_gettime: clock", abi.SysClockGettime, []uint64{99, buf}},
		{"clock_gettime: bad memory", abi.SysClockGettime, []uint64{1, bad}},
		{"clock_getres: clock", abi.SysClockGetres, []uint64{99, buf}},
		{"clock_getres: no buffer", abi.SysClockGetres, []uint64{1, 0}},
		{"gettimeofday: nothing", abi.SysGettimeofday, []uint64{0, 0}},
		{"gettimeofday: bad memory", abi.SysGettimeofday, []uint64{bad, 0}},
		{"getitimer: which", abi.SysGetitimer, []uint64{3, buf}},
		{"getitimer: bad memory", abi.SysGetitimer, []uint64{0, bad}},
		{"setitimer: which", abi.SysSetitimer, []uint64{3, buf, 0}},
		{"setitimer: usec", abi.SysSetitimer, []uint64{1, word(0, 0, 0, 1e6), 0}},
		{"setitimer: negative", abi.SysSetitimer, []uint64{1, word(0, 0, minus(1), 0), 0}},
		{"alarm: none was set", abi.SysAlarm, []uint64{0}},
		{"times: no buffer is fine", abi.SysTimes, []uint64{bad}},
		{"getrusage: who", abi.SysGetrusage, []uint64{7, buf}},

		{"wait4: no child", abi.SysWait4, []uint64{minus(1), 0, 0, 0}},
		{"wait4: options", abi.SysWait4, []uint64{minus(1), 0, 0x100, 0}},
		{"wait4: __WALL as a negative int", abi.SysWait4, []uint64{minus(1), 0, minus(0x80000000) | 0x40000000, 0}},
		{"waitid: type", abi.SysWaitid, []uint64{9, 0, 0, 4, 0}},
		{"waitid: no options", abi.SysWaitid, []uint64{0, 0, 0, 0, 0}},
		{"waitid: bad options", abi.SysWaitid, []uint64{0, 0, 0, 4 | 0x100, 0}},
		{"waitid: pid 0", abi.SysWaitid, []uint64{1, 0, 0, 4, 0}},
		{"waitid: no child", abi.SysWaitid, []uint64{0, 0, 0, 4, 0}},
		{"clone: thread without memory", abi.SysClone, []uint64{0x10000, 0, 0, 0, 0}},
		{"clone: handlers without memory", abi.SysClone, []uint64{0x800, 0, 0, 0, 0}},
		{"clone3: size", abi.SysClone3, []uint64{buf, 8}},
		{"setpgid: negative", abi.SysSetpgid, []uint64{0, minus(1)}},
		{"setpgid: nobody", abi.SysSetpgid, []uint64{0x1fffffff, 0}},
		{"getpgid: nobody", abi.SysGetpgid, []uint64{0x1fffffff}},
		{"getsid: nobody", abi.SysGetsid, []uint64{0x1fffffff}},

		{"futex: unaligned", abi.SysFutex, []uint64{buf + 2, 0, 0, 0, 0, 0}},
		{"futex: bad memory", abi.SysFutex, []uint64{bad, 0, 0, 0, 0, 0}},
		{"futex: the word differs", abi.SysFutex, []uint64{buf, 0, 1, 0, 0, 0}},
		{"futex: the word differs, private", abi.SysFutex, []uint64{buf, 128, 1, 0, 0, 0}},
		{"futex: bitset 0", abi.SysFutex, []uint64{buf, 9, 0, word(0, 0), 0, 0}},
		{"futex: time", abi.SysFutex, []uint64{buf, 0, 0, word(0, 1e9), 0, 0}},
		{"futex: no time at all", abi.SysFutex, []uint64{buf, 0, 0, word(0, 0), 0, 0}},
		{"futex: wake nobody", abi.SysFutex, []uint64{buf, 1, 1, 0, 0, 0}},
		{"futex: wake with bitset 0", abi.SysFutex, []uint64{buf, 10, 1, 0, 0, 0}},
		{"futex: requeue nobody", abi.SysFutex, []uint64{buf, 3, 1, 1, buf + 4, 0}},
		{"futex: cmp_requeue, the word differs", abi.SysFutex, []uint64{buf, 4, 1, 1, buf + 4, 7}},
		{"futex: requeue a negative number", abi.SysFutex, []uint64{buf, 3, 1, minus(1) & 0xffffffff, buf + 4, 0}},
		{"futex: wake_op", abi.SysFutex, []uint64{buf + 8, 5, 1, 1, buf + 12, 1<<28 | 5<<12}},
		{"futex: wake_op, bad operation", abi.SysFutex, []uint64{buf, 5, 1, 1, buf + 4, 7 << 28}},
		{"futex: operation", abi.SysFutex, []uint64{buf, 77, 1, 0, 0, 0}},
		{"robust list: size", abi.SysSetRobustList, []uint64{0, 23}},

		{"poll: too many", abi.SysPoll, []uint64{0, 5000, 0}},
		{"poll: bad memory", abi.SysPoll, []uint64{bad, 1, 0}},
		{"poll: nothing", abi.SysPoll, []uint64{0, 0, 0}},
		{"ppoll: time", abi.SysPpoll, []uint64{0, 0, word(0, minus(1)), 0, 8}},
		{"ppoll: size", abi.SysPpoll, []uint64{0, 0, word(0, 0), buf, 4}},
		{"select: negative", abi.SysSelect, []uint64{minus(1), 0, 0, 0, word(0, 0)}},
		{"select: closed", abi.SysSelect, []uint64{64, word(1 << 40), 0, 0, word(0, 0)}},
		{"select: time", abi.SysSelect, []uint64{0, 0, 0, 0, word(minus(1), 0)}},
		{"select: many microseconds", abi.SysSelect, []uint64{0, 0, 0, 0, word(0, 0)}},
		{"epoll_create: 0", abi.SysEpollCreate, []uint64{0}},
		{"epoll_create1: flags", abi.SysEpollCreate1, []uint64{5}},
		{"epoll_wait: closed", abi.SysEpollWait, []uint64{none, buf, 1, 0}},

		{"open: bad memory", abi.SysOpen, []uint64{bad, 0, 0}},
		{"open: nowhere", abi.SysOpen, []uint64{text("nowhere/at/all"), 0, 0}},
		{"open: directory for writing", abi.SysOpen, []uint64{text("/"), 1, 0}},
		{"openat: closed", abi.SysOpenat, []uint64{none, text("x"), 0, 0}},
		{"close_range: backwards", abi.SysCloseRange, []uint64{9, 8, 0}},
		{"dup3: the same", abi.SysDup3, []uint64{none, none, 0}},
		{"dup2: too high", abi.SysDup2, []uint64{none, 70_000}},
		{"fcntl: closed", abi.SysFcntl, []uint64{none, 1, 0}},
		{"ioctl: closed", abi.SysIoctl, []uint64{none, 0x5401, buf}},
		{"pipe: bad memory", abi.SysPipe, []uint64{bad}},
		{"eventfd2: flags", abi.SysEventfd2, []uint64{0, 2}},
		{"lseek: closed", abi.SysLseek, []uint64{none, 0, 0}},
		{"pread: negative", abi.SysPread64, []uint64{none, buf, 1, minus(1)}},
		{"readv: closed", abi.SysReadv, []uint64{none, bad, 1}},
		{"getdents: closed", abi.SysGetdents64, []uint64{none, buf, 64}},
		{"getcwd: too small", abi.SysGetcwd, []uint64{buf, 1}},
		{"chdir: nowhere", abi.SysChdir, []uint64{text("nowhere")}},
		{"fchdir: closed", abi.SysFchdir, []uint64{none}},
		{"readlink: size 0", abi.SysReadlink, []uint64{text("/"), buf, 0}},
		{"readlink: no link", abi.SysReadlink, []uint64{text("/"), buf, 8}},
		{"rmdir: root", abi.SysRmdir, []uint64{text("/")}},
		{"fstat: closed", abi.SysFstat, []uint64{none, buf}},
		{"stat: empty", abi.SysStat, []uint64{text(""), buf}},
		{"fstatfs: closed", abi.SysFstatfs, []uint64{none, buf}},
		{"memfd_create: bad memory", abi.SysMemfdCreate, []uint64{bad, 0}},
		{"renameat2: flags", abi.SysRenameat2, []uint64{minus(100), text("a"), minus(100), text("b"), 0x100}},
		{"execve: nowhere", abi.SysExecve, []uint64{text("nowhere"), 0, 0}},
		{"execve: bad memory", abi.SysExecve, []uint64{bad, 0, 0}},
		{"execve: a directory", abi.SysExecve, []uint64{text("/"), 0, 0}},

		{"mmap: nothing", abi.SysMmap, []uint64{0, 0, 3, 0x22, minus(1), 0}},
		{"mmap: neither shared nor private", abi.SysMmap, []uint64{0, 4096, 3, 0x20, minus(1), 0}},
		{"mmap: offset", abi.SysMmap, []uint64{0, 4096, 3, 0x22, minus(1), 1}},
		{"mmap: closed", abi.SysMmap, []uint64{0, 4096, 3, 2, none, 0}},
		{"mmap: everything", abi.SysMmap, []uint64{0, 1 << 47, 3, 0x22, minus(1), 0}},
		{"mmap: fixed, unaligned", abi.SysMmap, []uint64{0x30000001, 4096, 3, 0x32, minus(1), 0}},
		{"mmap: fixed, in the kernel half", abi.SysMmap, []uint64{0xffff800000000000, 4096, 3, 0x32, minus(1), 0}},
		{"munmap: nothing", abi.SysMunmap, []uint64{0x30000000, 0}},
		{"munmap: unaligned", abi.SysMunmap, []uint64{0x30000001, 4096}},
		{"munmap: a hole", abi.SysMunmap, []uint64{0x30000000, 4096}},
		{"munmap: too long", abi.SysMunmap, []uint64{0x30000000, 1 << 47}},
		{"mprotect: a hole", abi.SysMprotect, []uint64{0x30000000, 4096, 1}},
		{"mprotect: wraps", abi.SysMprotect, []uint64{0x10000000, minus(1), 1}},
		{"mremap: a hole", abi.SysMremap, []uint64{0x30000000, 4096, 8192, 1, 0}},
		{"mremap: flags", abi.SysMremap, []uint64{0x10000000, 4096, 8192, 8, 0}},
		{"mremap: to nothing", abi.SysMremap, []uint64{0x10000000, 4096, 0, 1, 0}},
		{"mincore: unaligned", abi.SysMincore, []uint64{0x10000001, 1, buf}},
		{"mincore: a hole", abi.SysMincore, []uint64{0x30000000, 1, buf}},
		{"madvise: unaligned", abi.SysMadvise, []uint64{0x10000001, 1, 4}},
		{"msync: unaligned", abi.SysMsync, []uint64{0x10000001, 1, 4}},

		{"getrlimit: which", abi.SysGetrlimit, []uint64{16, buf}},
		{"setrlimit: above the maximum", abi.SysSetrlimit, []uint64{7, word(10, 5)}},
		{"setrlimit: bad memory", abi.SysSetrlimit, []uint64{7, bad}},
		{"prlimit: nobody", abi.SysPrlimit64, []uint64{0x1fffffff, 7, 0, buf}},
		{"prctl: option", abi.SysPrctl, []uint64{0x7777, 0, 0, 0, 0}},
		{"prctl: death signal", abi.SysPrctl, []uint64{1, 65, 0, 0, 0}},
		{"arch_prctl: code", abi.SysArchPrctl, []uint64{0x9999, 0}},
		{"arch_prctl: in the kernel half", abi.SysArchPrctl, []uint64{0x1002, 0xffff800000000000}},
		{"uname: bad memory", abi.SysUname, []uint64{bad}},
		{"getrandom: flags", abi.SysGetrandom, []uint64{buf, 8, 0x80}},
		{"getrandom: bad memory", abi.SysGetrandom, []uint64{bad, 8, 0}},
		{"getrandom: nothing", abi.SysGetrandom, []uint64{buf, 0, 0}},
		{"sysinfo: bad memory", abi.SysSysinfo, []uint64{bad}},
		{"sched_getaffinity: too small", abi.SysSchedGetaffinity, []uint64{0, 1, buf}},
		{"sched_yield", abi.SysSchedYield, nil},
		{"membarrier: two commands", abi.SysMembarrier, []uint64{3, 0, 0}},
		{"membarrier: flags of a query", abi.SysMembarrier, []uint64{0, 5, 0}},
		{"membarrier: everybody", abi.SysMembarrier, []uint64{1, 0, 0}},
		{"membarrier: registering", abi.SysMembarrier, []uint64{16, 0, 0}},
		{"membarrier: the process", abi.SysMembarrier, []uint64{8, 0, 0}},
		{"sched_get_priority_max: normal", abi.SysSchedPriorityMax, []uint64{0}},
		{"sched_get_priority_max: FIFO", abi.SysSchedPriorityMax, []uint64{1}},
		{"sched_get_priority_max: 4", abi.SysSchedPriorityMax, []uint64{4}},
		{"sched_get_priority_max: batch", abi.SysSchedPriorityMax, []uint64{3}},
		{"sched_get_priority_max: deadline", abi.SysSchedPriorityMax, []uint64{6}},
		{"sched_get_priority_min: RR", abi.SysSchedPriorityMin, []uint64{2}},
		{"sched_get_priority_min: 99", abi.SysSchedPriorityMin, []uint64{99}},
		{"sched_rr_get_interval", abi.SysSchedRrInterval, []uint64{0, buf}},
		{"sched_rr_get_interval: negative", abi.SysSchedRrInterval, []uint64{minus(1), buf}},
		{"sched_rr_get_interval: nobody", abi.SysSchedRrInterval, []uint64{0x1fffffff, buf}},
		{"personality", abi.SysPersonality, []uint64{0xffffffff}},
		{"prctl: capability", abi.SysPrctl, []uint64{23, 99, 0, 0, 0}},
		{"prctl: capability 0", abi.SysPrctl, []uint64{23, 0, 0, 0, 0}},
		{"prctl: timer slack", abi.SysPrctl, []uint64{30, 0, 0, 0, 0}},
		{"prctl: keepcaps", abi.SysPrctl, []uint64{7, 0, 0, 0, 0}},
		{"prctl: THP", abi.SysPrctl, []uint64{42, 0, 0, 0, 0}},
		{"syncfs: closed", abi.SysSyncfs, []uint64{none}},
		{"sync_file_range: closed", abi.SysSyncFileRange, []uint64{none, 0, 0, 0}},
		{"readahead: closed", abi.SysReadahead, []uint64{none, 0, 0}},
		{"mlockall: nothing", abi.SysMunlockall, nil},
		{"clock_settime: monotonic", abi.SysClockSettime, []uint64{1, word(0, 0)}},
		{"membarrier: command", abi.SysMembarrier, []uint64{1 << 20, 0, 0}},
		{"reboot: magic", abi.SysReboot, []uint64{0, 0, 0}},
		{"umask", abi.SysUmask, []uint64{0o22}},
		{"no such call", 5000, nil},
	} {
		args := make([]any, len(test.args))
		for i, a := range test.args {
			args[i] = a
		}
		mine, theirs := p.Call(test.nr, args...), h.Call(test.nr, test.args...)
		if mine != theirs {
			t.Errorf("%s: %v, Linux says %v", test.name, mine, theirs)
		}
	}
}
