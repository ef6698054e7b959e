//go:build metal

package rt

import (
	"motile/kernel/abi"
	"motile/kernel/hw"
)

// The system calls the Go runtime makes, with the least answer each needs
// (runtime/os_linux.go, sys_linux_amd64.s; the numbers are Linux's).

type timespec struct{ Sec, Nsec int64 }

//go:nosplit
func (t timespec) ns() int64 { return t.Sec*1e9 + t.Nsec }

// epollEvent is struct epoll_event, packed on x86-64.
type epollEvent struct {
	Events uint32
	Data   [8]byte
}

// The netpoller's one event source is its own wake-up counter.
var (
	events    uint64  // the eventfd's counter
	eventData [8]byte // what epoll_ctl registered for it
)

const (
	fdEpoll = 100
	fdEvent = 101
	epollIn = 1
)

// kernelSyscall serves a SYSCALL instruction of ring 0 and returns the frame to
// resume. The caller's registers are in f; AX is the number and gets the result.
//
//go:nosplit
func kernelSyscall(f *abi.Frame) *abi.Frame {
	t := running()
	switching := false
	r := uint64(0)
	switch f.AX {
	case abi.SysMmap:
		r = mmap(f.DI, f.SI, f.DX, f.R10)
	case abi.SysMunmap:
		hw.UnmapHeap(uintptr(f.DI), uintptr(f.SI))
	case abi.SysMadvise:
		if f.DX == 4 || f.DX == 8 { // MADV_DONTNEED, MADV_FREE
			hw.UnmapHeap(uintptr(f.DI), uintptr(f.SI))
		}
	case abi.SysArchPrctl: // ARCH_SET_FS
		f.FSBase = f.SI
		hw.WriteMSR(hw.MSRFSBase, f.SI)
	case abi.SysRtSigaction:
		r = rtSigaction(f.DI, f.SI, f.DX)
	case abi.SysRtSigprocmask:
		sigprocmask(t, f.DI, f.SI, f.DX)
	case abi.SysSigaltstack:
		if f.SI != 0 {
			*(*abi.Stack)(pointer(f.SI)) = t.altStack
		}
		if f.DI != 0 {
			t.altStack = *(*abi.Stack)(pointer(f.DI))
			if t.altStack.Flags&2 != 0 { // SS_DISABLE
				t.altStack.Size = 0
			}
		}
	case abi.SysRtSigreturn:
		sigreturn(t)
		return resumeFrame(t)
	case abi.SysGettid:
		r = uint64(t.tid)
	case abi.SysGetpid:
		r = 1
	case abi.SysClone:
		r = clone(f)
	case abi.SysExit:
		t.state = free
		numReady--
	case abi.SysExitGroup:
		hw.Fail()
	case abi.SysFutex:
		futex(t, f)
		return resumeFrame(pick(false))
	case abi.SysNanosleep:
		f.AX = 0
		d := (*timespec)(pointer(f.DI)).ns()
		if t.tid == sysmonTID && d < sysmonNap {
			d = sysmonNap
		}
		block(t, asleep, hw.Now()+d)
		return resumeFrame(pick(false))
	case abi.SysSchedYield:
		switching = true
	case abi.SysSchedGetaffinity:
		*(*uint64)(pointer(f.DX)) = 1
		r = 8
	case abi.SysClockGettime:
		now := hw.Now()
		if f.DI == 0 {
			now += wallBase
		}
		*(*timespec)(pointer(f.SI)) = timespec{now / 1e9, now % 1e9}
	case abi.SysTgkill:
		tgkill(f.SI, f.DX)
	case abi.SysOpenat:
		r = negErrno(abi.ENOENT)
	case abi.SysFcntl, abi.SysPrlimit64, abi.SysEpollCtl:
		if f.AX == abi.SysEpollCtl {
			eventData = (*epollEvent)(pointer(f.R10)).Data
		}
	case abi.SysPrctl:
		r = negErrno(abi.EINVAL)
	case abi.SysEpollCreate1:
		r = fdEpoll
	case abi.SysEventfd2:
		r = fdEvent
	case abi.SysEpollPwait:
		return epollWait(t, f)
	case abi.SysRead:
		r = readEvent(f)
	case abi.SysWrite:
		r = write(f)
	default:
		r = negErrno(abi.ENOSYS)
	}
	f.AX = r
	return resumeFrame(pick(switching))
}

// heapNext is the end of what mmap has given out. A hint is honoured only at or
// above it: honouring one that overlaps something handed out corrupts the heap.
var heapNext uint64 = hw.HeapBase + 1<<30

//go:nosplit
func mmap(addr, n, prot, flags uint64) uint64 {
	const fixed = 0x10
	n = (n + hw.PageSize - 1) &^ (hw.PageSize - 1)
	if flags&fixed != 0 {
		if prot == 0 {
			hw.UnmapHeap(uintptr(addr), uintptr(n))
		}
		return addr
	}
	at := heapNext
	if addr >= heapNext && addr < hw.HeapTop {
		at = addr
	}
	if n > hw.HeapTop-at {
		return negErrno(abi.ENOMEM)
	}
	heapNext = at + n
	return at
}

//go:nosplit
func rtSigaction(sig, act, old uint64) uint64 {
	if sig == 0 || sig > 64 {
		return negErrno(abi.EINVAL)
	}
	if old != 0 {
		*(*sigaction)(pointer(old)) = actions[sig]
	}
	if act != 0 {
		actions[sig] = *(*sigaction)(pointer(act))
	}
	return 0
}

//go:nosplit
func sigprocmask(t *thread, how, set, old uint64) {
	if old != 0 {
		*(*uint64)(pointer(old)) = t.mask
	}
	if set == 0 {
		return
	}
	m := *(*uint64)(pointer(set))
	switch how {
	case 0:
		t.mask |= m
	case 1:
		t.mask &^= m
	case 2:
		t.mask = m
	}
}

// clone makes a thread: a copy of the caller's registers with its own stack
// and TLS, and 0 as the result.
//
//go:nosplit
func clone(f *abi.Frame) uint64 {
	for i := range idleThread {
		t := &threads[i]
		if t.state != free {
			continue
		}
		t.frame = *f
		t.frame.AX = 0
		t.frame.SP = f.SI
		t.frame.FSBase = f.R8
		t.tid = nextTID
		t.mask = running().mask
		t.pending, t.altStack = 0, abi.Stack{}
		nextTID++
		makeReady(t)
		return uint64(t.tid)
	}
	return negErrno(abi.EAGAIN)
}

//go:nosplit
func futex(t *thread, f *abi.Frame) {
	const wait, wake, cmd = 0, 1, 0x7f
	switch f.SI & cmd {
	case wait:
		if *(*uint32)(pointer(f.DI)) != uint32(f.DX) {
			f.AX = negErrno(abi.EAGAIN)
			return
		}
		deadline := int64(0)
		if f.R10 != 0 {
			deadline = hw.Now() + (*timespec)(pointer(f.R10)).ns()
		}
		t.key = f.DI
		f.AX = 0
		block(t, onFutex, deadline)
	case wake:
		n := uint64(0)
		for i := range threads {
			w := &threads[i]
			if n < f.DX && w.state == onFutex && w.key == f.DI {
				w.frame.AX = 0
				makeReady(w)
				n++
			}
		}
		f.AX = n
	default:
		f.AX = negErrno(abi.ENOSYS)
	}
}

//go:nosplit
func tgkill(tid, sig uint64) {
	for i := range threads {
		if t := &threads[i]; t.state != free && uint64(t.tid) == tid && sig-1 < 64 {
			t.pending |= 1 << (sig - 1)
		}
	}
}

//go:nosplit
func epollWait(t *thread, f *abi.Frame) *abi.Frame {
	if events != 0 {
		*(*epollEvent)(pointer(f.SI)) = epollEvent{epollIn, eventData}
		f.AX = 1
		return resumeFrame(pick(false))
	}
	timeout := int64(int32(f.R10))
	f.AX = 0
	if timeout == 0 {
		return resumeFrame(pick(false))
	}
	deadline := int64(0)
	if timeout > 0 {
		deadline = hw.Now() + timeout*1e6
	}
	t.result = f.SI
	block(t, onPoll, deadline)
	return resumeFrame(pick(false))
}

//go:nosplit
func readEvent(f *abi.Frame) uint64 {
	if f.DI != fdEvent {
		return negErrno(abi.EBADF)
	}
	if events == 0 {
		return negErrno(abi.EAGAIN)
	}
	*(*uint64)(pointer(f.SI)) = events
	events = 0
	return 8
}

//go:nosplit
func write(f *abi.Frame) uint64 {
	switch f.DI {
	case 1, 2:
		runtimeOutput(f.SI, f.DX)
		return f.DX
	case fdEvent:
		events++
		for i := range threads {
			if t := &threads[i]; t.state == onPoll {
				*(*epollEvent)(pointer(t.result)) = epollEvent{epollIn, eventData}
				t.frame.AX = 1
				makeReady(t)
			}
		}
		return 8
	}
	return negErrno(abi.EBADF)
}
