package linux_test

import (
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/vm"
	"motile/proc"
)

const (
	futexWait, futexWake, futexRequeue, futexCmpRequeue, futexWakeOp = 0, 1, 3, 4, 5

	futexWaitBitset, futexWakeBitset = 9, 10
	futexPrivate, futexRealtime      = 128, 256

	anyBit = 0xffffffff
)

// waiters makes threads of p that wait at addr, in order.
func waiters(p *Thread, n int, addr uint64) (all []*Thread) {
	for range n {
		x := p.NewThread()
		x.Want(Blocked, abi.SysFutex, addr, futexWait|futexPrivate, p.Word32(addr), 0)
		all = append(all, x)
	}
	return all
}

// results shows what has become of threads.
func results(all []*Thread) (s string) {
	for _, x := range all {
		switch r := x.Result(); r {
		case 0:
			s += "0"
		case Blocked:
			s += "."
		default:
			s += "<" + r.String() + ">"
		}
	}
	return s
}

func wantResults(t *testing.T, all []*Thread, want string) {
	t.Helper()
	if got := results(all); got != want {
		t.Fatalf("threads are %s, want %s", got, want)
	}
}

func TestFutex_LongestWaitingFirst(t *testing.T) {
	b := New(t)
	p := b.Process()
	f := p.Alloc(4)
	all := waiters(p, 4, f)
	p.Want(1, abi.SysFutex, f, futexWake|futexPrivate, 1)
	wantResults(t, all, "0...")
	p.Want(2, abi.SysFutex, f, futexWake|futexPrivate, 2)
	wantResults(t, all, "000.")
	p.Want(1, abi.SysFutex, f, futexWake|futexPrivate, 1<<30)
	p.Want(0, abi.SysFutex, f, futexWake|futexPrivate, 1)
}

func TestFutex_ValueIsCompared(t *testing.T) {
	b := New(t)
	p := b.Process()
	f := p.Alloc(4)
	p.SetWord32(f, 7)
	p.Want(-abi.EAGAIN, abi.SysFutex, f, futexWait, 8, 0)
	x := p.NewThread()
	x.Want(Blocked, abi.SysFutex, f, futexWait, 7, 0)
	p.SetWord32(f, 9) // that is not a wake-up
	x.Expect(Blocked)
	p.Want(1, abi.SysFutex, f, futexWake, 1)
	x.Expect(0)
}

func TestFutex_Bitsets(t *testing.T) {
	b := New(t)
	p := b.Process()
	f := p.Alloc(4)
	var all []*Thread
	for _, bits := range []uint64{1, 2, 3, anyBit} {
		x := p.NewThread()
		x.Want(Blocked, abi.SysFutex, f, futexWaitBitset, 0, 0, 0, bits)
		all = append(all, x)
	}
	p.Want(2, abi.SysFutex, f, futexWakeBitset, 2, 0, 0, 2)
	wantResults(t, all, ".00.")
	p.Want(1, abi.SysFutex, f, futexWakeBitset, 9, 0, 0, 4)
	wantResults(t, all, ".000")
	p.Want(1, abi.SysFutex, f, futexWake, 9)
}

func TestFutex_Timeouts(t *testing.T) {
	const start = StartMono
	for _, test := range []struct {
		name  string
		op    int
		time  int64
		after time.Duration
	}{
		{"relative", futexWait, 30 * ms, 30 * time.Millisecond},
		{"absolute", futexWaitBitset, start + 40*ms, 40 * time.Millisecond},
		{"absolute wall clock", futexWaitBitset | futexRealtime, StartWall + 50*ms, 50 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			f := p.Alloc(4)
			p.Want(Blocked, abi.SysFutex, f, test.op, 0, p.Timespec(test.time), 0, anyBit)
			b.Advance(test.after - 1)
			p.Expect(Blocked)
			b.Advance(1)
			p.Expect(-abi.ETIMEDOUT)
			p.Want(0, abi.SysFutex, f, futexWake, 1) // it has left the queue
		})
	}
	t.Run("in the past", func(t *testing.T) {
		b := New(t)
		p := b.Process()
		p.Want(-abi.ETIMEDOUT, abi.SysFutex, p.Alloc(4), futexWaitBitset, 0, p.Timespec(1), 0, anyBit)
		p.Want(-abi.ETIMEDOUT, abi.SysFutex, p.Alloc(4), futexWait, 0, p.Timespec(0))
	})
}

// signal(7): restarted with SA_RESTART, but not if there was a time-out.
func TestFutex_SignalInterrupts(t *testing.T) {
	for _, test := range []struct {
		name    string
		flags   uint64
		timeout bool
		want    Result
	}{
		{"no SA_RESTART", 0, false, -abi.EINTR},
		{"SA_RESTART", proc.SaRestart, false, Blocked},
		{"SA_RESTART and a time-out", proc.SaRestart, true, -abi.EINTR},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			f := p.Alloc(4)
			p.Handle(abi.SIGUSR1, test.flags, 0)
			timeout := uint64(0)
			if test.timeout {
				timeout = p.Timespec(int64(time.Second))
			}
			p.Want(Blocked, abi.SysFutex, f, futexWait, 0, timeout)
			b.Send(p, abi.SIGUSR1)
			p.Expect(InHandler)
			p.Want(0, abi.SysFutex, f, futexWake, 1) // it does not wait during the handler
			if got := p.Return(); got != test.want {
				t.Fatalf("after the handler: %v, want %v", got, test.want)
			}
		})
	}
}

// A restarted wait looks at the word again.
func TestFutex_RestartComparesAgain(t *testing.T) {
	b := New(t)
	p := b.Process()
	f := p.Alloc(4)
	p.Handle(abi.SIGUSR1, proc.SaRestart, 0)
	p.Want(Blocked, abi.SysFutex, f, futexWait, 0, 0)
	b.Send(p, abi.SIGUSR1)
	p.SetWord32(f, 1)
	if got := p.Return(); got != -abi.EAGAIN {
		t.Errorf("after the handler: %v", got)
	}
}

// A wake-up that comes together with a signal is not lost: either it is this
// thread's, or it would have gone to another.
func TestFutex_WakeBeatsSignal(t *testing.T) {
	b := New(t)
	p := b.Process()
	f := p.Alloc(4)
	x := p.NewThread()
	x.Handle(abi.SIGUSR1, 0, 0)
	x.Want(Blocked, abi.SysFutex, f, futexWait, 0, 0)
	b.Paused = true
	p.Want(1, abi.SysFutex, f, futexWake, 1)
	p.Must(abi.SysTgkill, p.Process().PID, x.TID, abi.SIGUSR1)
	b.Run()
	x.Expect(InHandler)
	if got := x.Return(); got != 0 {
		t.Errorf("after the handler: %v, want the wake-up", got)
	}
}

// A signal for the process makes one thread look, and another takes it. A wake-up in
// between is not lost.
func TestFutex_WakeWhileLooking(t *testing.T) {
	b := New(t)
	p := b.Process()
	f := p.Alloc(4)
	x := p.NewThread()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Want(Blocked, abi.SysFutex, f, futexWait, 0, 0)
	b.Paused = true
	x.Want(InHandler, abi.SysKill, p.Process().PID, abi.SIGUSR1)
	x.Want(1, abi.SysFutex, f, futexWake, 1)
	b.Run()
	p.Expect(0)
}

// The same of a requeue: the waiter is at the new word, and still has its deadline.
func TestFutex_RequeueWhileLooking(t *testing.T) {
	b := New(t)
	p := b.Process()
	f, g := p.Alloc(4), p.Alloc(4)
	x := p.NewThread()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Want(Blocked, abi.SysFutex, f, futexWait, 0, p.Timespec(30*ms))
	b.Paused = true
	x.Want(InHandler, abi.SysKill, p.Process().PID, abi.SIGUSR1)
	x.Want(1, abi.SysFutex, f, futexCmpRequeue, 0, 1, g, 0)
	b.Run()
	p.Expect(Blocked)
	b.Advance(30 * time.Millisecond)
	p.Expect(-abi.ETIMEDOUT)
}

func TestFutex_TimeoutBeatsNothing(t *testing.T) {
	b := New(t)
	p := b.Process()
	f := p.Alloc(4)
	x := p.NewThread()
	x.Want(Blocked, abi.SysFutex, f, futexWait, 0, x.Timespec(10*ms))
	b.Paused = true
	p.Want(1, abi.SysFutex, f, futexWake, 1)
	b.Tab.Now += 10 * ms
	b.Tab.Tick()
	b.Run()
	x.Expect(0)
}

func TestFutex_Requeue(t *testing.T) {
	b := New(t)
	p := b.Process()
	from, to := p.Alloc(4), p.Alloc(4)
	all := waiters(p, 5, from)
	p.Want(1, abi.SysFutex, from, futexRequeue|futexPrivate, 1, 2, to) // the woken are counted
	wantResults(t, all, "0....")
	p.Want(2, abi.SysFutex, to, futexWake|futexPrivate, 9)
	wantResults(t, all, "000..")
	p.Want(2, abi.SysFutex, from, futexWake|futexPrivate, 9)
}

func TestFutex_CmpRequeue(t *testing.T) {
	b := New(t)
	p := b.Process()
	from, to := p.Alloc(4), p.Alloc(4)
	all := waiters(p, 3, from)
	p.Want(-abi.EAGAIN, abi.SysFutex, from, futexCmpRequeue, 1, 9, to, 5)
	p.Want(3, abi.SysFutex, from, futexCmpRequeue, 1, 9, to, 0) // woken and moved
	wantResults(t, all, "0..")
	p.Want(0, abi.SysFutex, from, futexWake, 9)
	p.Want(2, abi.SysFutex, to, futexWake, 9)
}

// A time-out keeps running over a requeue, and leaves the new queue.
func TestFutex_RequeuedTimesOut(t *testing.T) {
	b := New(t)
	p := b.Process()
	from, to := p.Alloc(4), p.Alloc(4)
	x := p.NewThread()
	x.Want(Blocked, abi.SysFutex, from, futexWait, 0, x.Timespec(10*ms))
	p.Want(0, abi.SysFutex, from, futexRequeue, 0, 9, to)
	b.Advance(10 * time.Millisecond)
	x.Expect(-abi.ETIMEDOUT)
	p.Want(0, abi.SysFutex, to, futexWake, 9)
}

// Woken for another reason, a requeued thread waits at the new word.
func TestFutex_RequeuedStops(t *testing.T) {
	b := New(t)
	p := b.Process()
	from, to := p.Alloc(4), p.Alloc(4)
	x := p.NewThread()
	x.Want(Blocked, abi.SysFutex, from, futexWait, 0, 0)
	p.Want(0, abi.SysFutex, from, futexRequeue, 0, 9, to)
	b.Send(p, abi.SIGSTOP)
	b.Send(p, abi.SIGCONT)
	x.Expect(Blocked)
	p.Want(0, abi.SysFutex, from, futexWake, 9)
	p.Want(1, abi.SysFutex, to, futexWake, 9)
	x.Expect(0)
}

func TestFutex_RequeueToItself(t *testing.T) {
	b := New(t)
	p := b.Process()
	f := p.Alloc(4)
	all := waiters(p, 2, f)
	p.Want(0, abi.SysFutex, f, futexRequeue, 0, 1<<30, f)
	wantResults(t, all, "..")
	p.Want(2, abi.SysFutex, f, futexWake, 9)
	wantResults(t, all, "00")
	one := waiters(p, 1, f)
	p.Want(0, abi.SysFutex, f, futexRequeue, 0, 1, f)
	p.Want(1, abi.SysFutex, f, futexWake, 9)
	wantResults(t, one, "0")
}

func TestFutex_WakeOp(t *testing.T) {
	const set, add, or, andn, xor, shift = 0, 1, 2, 3, 4, 8
	const eq, ne, lt, le, gt, ge = 0, 1, 2, 3, 4, 5
	code := func(op, arg, cmp, cmparg int32) uint64 {
		return uint64(uint32(op)<<28 | uint32(cmp)<<24 | uint32(arg)&0xfff<<12 | uint32(cmparg)&0xfff)
	}
	for _, test := range []struct {
		name  string
		code  uint64
		old   uint32
		value uint32 // after
		both  bool   // the second word's waiter is woken too
	}{
		{"set, equal", code(set, 5, eq, 3), 3, 5, true},
		{"set, not equal", code(set, 5, eq, 3), 4, 5, false},
		{"add, negative", code(add, -1, gt, 0), 1, 0, true},
		{"or, different", code(or, 4, ne, 0), 0, 4, false},
		{"andn", code(andn, 1, ge, 1), 3, 2, true},
		{"xor, signed comparison", code(xor, 1, lt, 0), 0xffffffff, 0xfffffffe, true},
		{"shifted argument", code(or|shift, 8, le, -1), 0, 256, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			one, two := p.Alloc(4), p.Alloc(4)
			p.SetWord32(two, test.old)
			all := append(waiters(p, 2, one), waiters(p, 2, two)...)
			want, who := Result(1), "0..."
			if test.both {
				want, who = 2, "0.0."
			}
			p.Want(want, abi.SysFutex, one, futexWakeOp, 1, 1, two, test.code)
			wantResults(t, all, who)
			if v := p.Word32(two); v != test.value {
				t.Errorf("the word is %#x, want %#x", v, test.value)
			}
		})
	}
}

// Processes that share memory share the futexes in it; those that have copies do not.
func TestFutex_AcrossProcesses(t *testing.T) {
	const shared, private = 1, 2
	b := New(t)
	p := b.Process()
	s, own := p.Mmap(4096, 3, shared), p.Mmap(4096, 3, private)
	q := p.Fork()
	q.Want(Blocked, abi.SysFutex, s+8, futexWait, 0, 0)
	p.Want(0, abi.SysFutex, s, futexWake, 9)
	p.Want(1, abi.SysFutex, s+8, futexWake, 9)
	q.Expect(0)
	q.Want(Blocked, abi.SysFutex, own, futexWait, 0, 0)
	p.Want(0, abi.SysFutex, own, futexWake, 9)
	q.Expect(Blocked)
}

// The same word at another address.
func TestFutex_SharedElsewhere(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd := p.Must(abi.SysMemfdCreate, p.Text("m"), 0)
	p.Must(abi.SysFtruncate, fd, 8192)
	one := p.Must(abi.SysMmap, 0, 8192, 3, 1, fd, 0)
	two := p.Must(abi.SysMmap, 0, 4096, 3, 1, fd, 4096)
	x := p.NewThread()
	x.Want(Blocked, abi.SysFutex, one+4096+12, futexWait, 0, 0)
	p.Want(1, abi.SysFutex, two+12, futexWake, 1)
	x.Expect(0)
}

// pthread_join: a thread that ends clears its id and wakes who waits for that.
func TestFutex_ClearChildTID(t *testing.T) {
	b := New(t)
	p := b.Process()
	word := p.Alloc(4)
	const settid, cleartid, parentSettid = 0x01000000, 0x00200000, 0x00100000
	const thread = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000
	tid := p.Must(abi.SysClone, thread|settid|cleartid|parentSettid, p.Alloc(4096)+4096, word, word, 0)
	x := p.Child(tid)
	if v := p.Word32(word); uint64(v) != tid {
		t.Fatalf("the word is %d, want %d", v, tid)
	}
	p.Want(Blocked, abi.SysFutex, word, futexWait, tid, 0)
	x.Want(Dead, abi.SysExit, 0)
	p.Expect(0)
	if v := p.Word32(word); v != 0 {
		t.Errorf("the word is %d", v)
	}
}

// robustList lays out a struct robust_list_head with its locks in order. Each
// lock is a list node and, 16 bytes above, the futex word.
func robustList(p *Thread, pending uint64, locks ...uint64) uint64 {
	head := p.Words(0, 16, pending)
	at := head
	for _, l := range locks {
		p.Put(at, p.Get(p.Words(l), 8))
		at = l
	}
	p.Put(at, p.Get(p.Words(head), 8))
	return head
}

func TestFutex_RobustList(t *testing.T) {
	const ownerDied, waiting = 0x40000000, 0x80000000
	b := New(t)
	p := b.Process()
	x := p.NewThread()
	lock := func(v uint32) uint64 {
		at := p.Alloc(24)
		p.SetWord32(at+16, v)
		return at
	}
	mine := uint32(x.TID)
	held, contended, other, pending := lock(mine), lock(mine|waiting), lock(mine+1), lock(mine)
	x.Must(abi.SysSetRobustList, robustList(p, pending, held, contended, other), 24)
	all := waiters(p, 2, contended+16)
	x.Want(Dead, abi.SysExit, 0)
	for _, test := range []struct {
		name string
		at   uint64
		want uint32
	}{
		{"held", held, ownerDied},
		{"contended", contended, ownerDied | waiting},
		{"somebody else's", other, mine + 1},
		{"about to be taken", pending, ownerDied},
	} {
		if v := p.Word32(test.at + 16); v != test.want {
			t.Errorf("%s: %#x, want %#x", test.name, v, test.want)
		}
	}
	wantResults(t, all, "0.")
}

// A list that loops, or leads nowhere, costs the kernel nothing.
func TestFutex_RobustListHostile(t *testing.T) {
	b := New(t)
	p := b.Process()
	for _, head := range []uint64{
		0x1000,                                // not mapped
		p.Words(0x1000, 0, 0),                 // its first entry is not
		^uint64(0) - 8,                        // at the end of the address space
		robustList(p, ^uint64(0), p.Alloc(8)), // a pending lock that is not
		p.Words(p.Words(0), ^uint64(0)>>1, ^uint64(0)), // an offset out of the world
	} {
		x := p.NewThread()
		x.Must(abi.SysSetRobustList, head, 24)
		x.Want(Dead, abi.SysExit, 0)
	}
	a, c := p.Alloc(8), p.Alloc(8)
	loop := p.Words(a, 16, 0)
	p.Put(a, p.Get(p.Words(c), 8))
	p.Put(c, p.Get(p.Words(a), 8))
	x := p.NewThread()
	x.Must(abi.SysSetRobustList, loop, 24)
	x.Want(Dead, abi.SysExit, 0)
}

// Exec by one thread ends the others: the locks of all of them are marked.
func TestFutex_ExecLeavesRobustLocks(t *testing.T) {
	const shared = 1
	for _, by := range []string{"the holder", "another thread", "another thread, not the first"} {
		t.Run(by, func(t *testing.T) {
			b := New(t)
			b.File("/bin/prog", 0o755, Program())
			p := b.Process()
			at := p.Mmap(4096, 3, shared)
			q := p.Fork()
			who, holder := q, q
			switch by {
			case "another thread":
				holder = q.NewThread()
			case "another thread, not the first":
				who = q.NewThread()
			}
			holder.SetWord32(at+16, uint32(holder.TID))
			holder.Must(abi.SysSetRobustList, robustList(holder, 0, at), 24)
			who.Want(0, abi.SysExecve, who.Text("/bin/prog"), 0, 0)
			if v := p.Word32(at + 16); v != 0x40000000 {
				t.Errorf("the lock is %#x", v)
			}
		})
	}
}

// The one waiter that is told of a dead owner is one that lives: not a thread that ends
// with the owner, nor one that is killed before it could do anything about it.
func TestFutex_RobustListWakesWhoLives(t *testing.T) {
	const shared, waiting = 1, 0x80000000
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	for _, end := range []string{"exit", "exec"} {
		p := b.Process()
		at := p.Mmap(4096, 3, shared)
		q, z := p.Fork(), p.Fork()
		v := uint32(q.TID) | waiting
		q.SetWord32(at+16, v)
		q.Must(abi.SysSetRobustList, robustList(q, 0, at), 24)
		mate := q.NewThread()
		mate.Must(abi.SysSetRobustList, robustList(mate, at), 24)
		mate.Want(Blocked, abi.SysFutex, at+16, futexWait, v, 0)
		z.Must(abi.SysSetRobustList, robustList(z, at), 24)
		z.Want(Blocked, abi.SysFutex, at+16, futexWait, v, 0)
		p.Want(Blocked, abi.SysFutex, at+16, futexWait, v, 0)
		if end == "exit" {
			q.Want(Dead, abi.SysExitGroup, 0)
		} else {
			q.Want(0, abi.SysExecve, q.Text("/bin/prog"), 0, 0)
		}
		b.Send(z, abi.SIGKILL) // it was woken, and wanted the lock
		p.Expect(0)
	}
}

// The waker's memory is looked at, as Linux does for shared futexes.
func TestFutex_BadAddress(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(-abi.EFAULT, abi.SysFutex, 0x1000, futexWait, 0, 0)
	p.Want(-abi.EINVAL, abi.SysFutex, p.Alloc(4)+1, futexWait, 0, 0)
	p.Want(-abi.ENOSYS, abi.SysFutex, p.Alloc(4), 6, 0, 0) // FUTEX_LOCK_PI
	page := p.Mmap(4096, 1, 2)                             // read-only
	p.Want(-abi.EFAULT, abi.SysFutex, p.Alloc(4), futexWakeOp, 0, 0, page, 0)
	if _, f := p.Process().Space.Load32(page); f != vm.OK {
		t.Error("the page is gone")
	}
}
