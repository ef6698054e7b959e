//go:build metal

package rt

import (
	"unsafe"

	"motile/kernel/abi"
	"motile/kernel/hw"
)

// state of a runtime thread.
type state uint32

const (
	free state = iota
	ready
	onFutex // until woken at key, or deadline
	asleep  // until deadline
	onPoll  // until the event counter is non-zero, or deadline
)

// thread is an M: a thread of the Go runtime, or the idle loop. It lies in
// static memory and holds no Go pointers, so that traps may write it.
type thread struct {
	frame    abi.Frame // must be first: *thread is used as *abi.Frame
	state    state
	tid      uint32
	key      uint64 // futex address
	deadline int64  // 0: none
	result   uint64 // epoll buffer while onPoll

	altStack abi.Stack
	mask     uint64 // blocked signals, bit sig-1
	pending  uint64 // signals to deliver, bit sig-1
}

const (
	maxThreads = 32
	idleThread = maxThreads - 1
	sysmonTID  = 2 // the first thread the runtime makes

	// sysmon polls from every 20 µs. On one CPU with a dispatcher that yields,
	// it has little to find; this is how often it may look.
	sysmonNap = 10_000_000
)

var (
	threads    [maxThreads]thread
	current    uint64 // address of the running thread's frame
	nextTID    uint32 = 2
	numReady   int    // ready threads, the running one included, idle not
	threadsMin int64  // earliest deadline of a waiting thread, 0: none
	napsMin    int64  // the same of those asleep (nanosleep), which is the monitor
)

// Shared with assembly.
var (
	pending     uint32 // interrupts the dispatcher has not seen: Pending* bits
	scratch     uint64
	userFrame   uint64
	kernelSP    uint64
	kernelBP    uint64
	liveGS      uint64
	kernelMXCSR uint32 = abi.MXCSRDefault
	wallBase    int64  // wall clock at monotonic zero, ns since 1970
)

func initThreads() {
	t := &threads[0]
	t.state, t.tid = ready, 1
	t.frame.FSBase = address(&bootTLS) + uint64(len(bootTLS))
	current = address(t)
	numReady = 1

	i := &threads[idleThread]
	i.tid = ^uint32(0)
	i.frame.IP = uint64(addrIdle())
	i.frame.SP = address(&idleStack) + uint64(len(idleStack))
	i.frame.Flags = 0x202
	*(*uint32)(unsafe.Pointer(&i.frame.FX[abi.FXMXCSR])) = abi.MXCSRDefault
	i.frame.FSBase = t.frame.FSBase
}

//go:nosplit
func running() *thread { return (*thread)(pointer(current)) }

// pointer makes a pointer from an address the runtime passed in a register.
//
// Safety: these are static records, or memory the runtime itself owns and is
// waiting on; nothing here keeps them.
//
//go:nosplit
func pointer(a uint64) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&a)) }

//go:nosplit
func makeReady(t *thread) {
	t.state = ready
	t.deadline = 0
	numReady++
}

// block stops the running thread until something makes it ready.
//
//go:nosplit
func block(t *thread, s state, deadline int64) {
	t.state = s
	t.deadline = deadline
	numReady--
	if deadline != 0 {
		wakeBy(s, deadline)
		arm()
	}
}

// pick chooses the thread to resume. A thread that can run keeps running
// unless switching is asked for; else they take turns.
//
//go:nosplit
func pick(switching bool) *thread {
	cur := running()
	if cur.state == ready && (!switching || numReady == 1) {
		return cur
	}
	start := 0
	for i := range threads {
		if &threads[i] == cur {
			start = i + 1
		}
	}
	for i := range threads {
		t := &threads[(start+i)%maxThreads]
		if t.state == ready {
			return t
		}
	}
	return &threads[idleThread]
}

// wakeBy notes a deadline.
//
//go:nosplit
func wakeBy(s state, deadline int64) {
	first := &threadsMin
	if s == asleep {
		first = &napsMin
	}
	if *first == 0 || deadline < *first {
		*first = deadline
	}
}

// expire wakes the threads whose time has come.
//
//go:nosplit
func expire(now int64) {
	if (threadsMin == 0 || now < threadsMin) && (napsMin == 0 || now < napsMin) {
		return
	}
	threadsMin, napsMin = 0, 0
	for i := range threads {
		t := &threads[i]
		if t.deadline == 0 || t.state == free || t.state == ready {
			continue
		}
		if t.deadline <= now && !(halted && t.state == asleep) {
			switch t.state {
			case onFutex:
				t.frame.AX = negErrno(abi.ETIMEDOUT)
			case asleep, onPoll:
				t.frame.AX = 0
			}
			makeReady(t)
		} else {
			wakeBy(t.state, t.deadline)
		}
	}
}

// The timer serves two masters: the runtime's threads and the dispatcher.
var (
	armed      int64 // when the LAPIC timer will fire, 0: it will not
	dispatcher int64 // the dispatcher's deadline, 0: none

	// halted: the dispatcher waits for an interrupt. The runtime's monitor then has
	// nobody to look after, and its naps wake nobody: an idle node sleeps.
	halted bool
)

// arm makes the timer fire by the earliest deadline. A timer that fires too
// early costs one interrupt; writing the device for every change costs more.
//
//go:nosplit
func arm() {
	want := threadsMin
	if !halted && napsMin != 0 && (want == 0 || napsMin < want) {
		want = napsMin
	}
	if dispatcher != 0 && (want == 0 || dispatcher < want) {
		want = dispatcher
	}
	if sampleNext != 0 && (want == 0 || sampleNext < want) {
		want = sampleNext
	}
	if want == 0 || armed != 0 && armed <= want {
		return
	}
	armed = want
	hw.SetTimer(want - hw.Now())
}

//go:nosplit
func negErrno(e uint64) uint64 { return -e }
