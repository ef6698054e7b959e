package linux_test

import (
	"fmt"
	"testing"
	"time"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/proc"
)

// Offsets in the signal frame (abi.SigFrame), from what a handler is given.
const (
	infoCode, infoPID, infoValue, infoAddr = 8, 16, 24, 16 // of siginfo_t
	contextMask                            = 16 + 24 + 256 // of ucontext_t
)

func TestSignal_HandlerArguments(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	p.Handle(abi.SIGUSR2, proc.SaSiginfo, Set(abi.SIGHUP))
	p.Block(abi.SIGTERM)
	p.Must(abi.SysGetpid)
	q.Kill(p, abi.SIGUSR2)
	p.Expect(InHandler)
	f := p.Frame
	if f.DI != abi.SIGUSR2 || f.AX != 0 {
		t.Errorf("rdi %d, rax %d", f.DI, f.AX)
	}
	if signo, code, pid := p.Word32(f.SI), p.Word32(f.SI+infoCode), p.Word32(f.SI+infoPID); signo != abi.SIGUSR2 || code != proc.SiUser || pid != uint32(q.Process().PID) {
		t.Errorf("siginfo: signal %d, code %d, pid %d", signo, code, pid)
	}
	if m := p.Word(f.DX + contextMask); m != Set(abi.SIGTERM) {
		t.Errorf("mask in the context %#x", m)
	}
	if p.Mask != Set(abi.SIGTERM, abi.SIGUSR2, abi.SIGHUP) {
		t.Errorf("mask in the handler %#x", p.Mask)
	}
	// The System V ABI: at function entry SP+8 is a multiple of 16.
	if f.SP%16 != 8 || f.SP != f.DX-8 {
		t.Errorf("sp %#x, context %#x", f.SP, f.DX)
	}
	p.Return()
	if p.Mask != Set(abi.SIGTERM) {
		t.Errorf("mask afterwards %#x", p.Mask)
	}
}

// Returning from a handler brings every register back, the floating-point ones too.
func TestSignal_RegistersComeBack(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, 0, 0)
	f := p.Frame
	f.BX, f.BP, f.R12, f.R13, f.R14, f.R15, f.R8 = 1, 2, 3, 4, 5, 6, 7
	f.FX[abi.FXXMM], f.FX[abi.FXXMM+255] = 0xaa, 0xbb
	f.Flags |= 0x40 | 0x400
	before := *f
	b.Send(p, abi.SIGUSR1)
	if f.FX[abi.FXXMM] != 0 || f.Flags&0x400 != 0 {
		t.Error("the handler does not start with clean floating point and direction")
	}
	f.BX, f.R15, f.FX[abi.FXXMM] = 99, 99, 99
	p.Return()
	after := *f
	after.Vector, before.Vector = 0, 0
	if after != before {
		t.Errorf("registers changed:\n%+v\n%+v", before, after)
	}
}

// And what a handler writes into its context is what comes back.
func TestSignal_ContextCanBeChanged(t *testing.T) {
	const contextBX, contextIP, contextSP = 40 + 11*8, 40 + 16*8, 40 + 15*8
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, 0, 0)
	b.Send(p, abi.SIGUSR1)
	uc := p.Frame.DX
	p.Put(uc+contextBX, p.Get(p.Words(77), 8))
	p.Put(uc+contextSP, p.Get(p.Words(ArenaEnd-0x1000), 8))
	p.Put(uc+contextMask, p.Get(p.Words(^uint64(0)), 8))
	p.Put(uc+contextIP, p.Get(p.Words(1<<63), 8))
	p.Return()
	if p.Frame.BX != 77 || p.Frame.SP != ArenaEnd-0x1000 {
		t.Errorf("bx %d, sp %#x", p.Frame.BX, p.Frame.SP)
	}
	if p.Frame.IP != abi.UserTop || p.Mask != ^Set(abi.SIGKILL, abi.SIGSTOP) {
		t.Errorf("ip %#x, mask %#x: not sanitised", p.Frame.IP, p.Mask)
	}
}

func TestSignal_LowestNumberFirst(t *testing.T) {
	b := New(t)
	p := b.Process()
	var order []int32
	for _, sig := range []int{abi.SIGTERM, abi.SIGHUP, abi.SIGUSR1} {
		p.Handle(sig, 0, ^uint64(0))
	}
	p.Block(abi.SIGTERM, abi.SIGHUP, abi.SIGUSR1)
	for _, sig := range []int32{abi.SIGTERM, abi.SIGUSR1, abi.SIGHUP} {
		b.Send(p, sig)
	}
	for r := p.Unblock(abi.SIGTERM, abi.SIGHUP, abi.SIGUSR1); r == InHandler; r = p.Return() {
		order = append(order, p.Signal())
	}
	if got := fmt.Sprint(order); got != "[1 10 15]" {
		t.Errorf("order %s", got)
	}
}

func TestSignal_StandardOnesMergeRealTimeOnesQueue(t *testing.T) {
	const rt = 34
	b := New(t)
	p := b.Process()
	q := p.Fork()
	p.Handle(rt, proc.SaSiginfo, 0)
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Block(rt, abi.SIGUSR1)
	for i := range 3 {
		info := make([]byte, 128)
		copy(info[infoCode:], []byte{0xff, 0xff, 0xff, 0xff}) // SI_QUEUE
		info[infoValue] = byte(10 + i)
		q.Must(abi.SysRtSigqueueinfo, p.Process().PID, rt, q.Bytes(info))
		q.Kill(p, abi.SIGUSR1)
	}
	pending := p.Alloc(8)
	p.Must(abi.SysRtSigpending, pending, 8)
	if p.Word(pending) != Set(rt, abi.SIGUSR1) {
		t.Errorf("pending %#x", p.Word(pending))
	}
	var got []uint64
	for r := p.Unblock(rt, abi.SIGUSR1); r == InHandler; r = p.Return() {
		if p.Signal() == rt {
			got = append(got, p.Word(p.Frame.SI+infoValue))
		} else {
			got = append(got, 0)
		}
	}
	// Linux pushes one frame per pending signal before user mode; what runs first
	// is what was pushed last, and each kind keeps its order otherwise.
	want := map[uint64]int{0: 1, 10: 1, 11: 1, 12: 1}
	for _, v := range got {
		want[v]--
	}
	for v, n := range want {
		if n != 0 {
			t.Errorf("value %d: %d too few, in %v", v, n, got)
		}
	}
}

// sigqueue's answer when the queue is full.
func TestSignal_QueueIsBounded(t *testing.T) {
	b := New(t)
	p := b.Process()
	const rt = 40
	p.Handle(rt, 0, 0)
	p.Block(rt)
	n := 0
	for ; n < 10_000; n++ {
		if r := p.Call(abi.SysTgkill, p.Process().PID, p.TID, rt); r != 0 {
			if r != -abi.EAGAIN {
				t.Errorf("%v, want EAGAIN", r)
			}
			break
		}
	}
	if n == 10_000 {
		t.Error("signals are queued without end")
	}
	p.Disposition(rt, proc.SigIgn)
	if p.Thread.Pending.Set != 0 || len(p.Thread.Pending.Queue) != 0 {
		t.Error("ignored signals are still queued")
	}
}

func TestSignal_Nesting(t *testing.T) {
	for _, test := range []struct {
		name   string
		flags  uint64
		mask   uint64
		second int
		nested bool
	}{
		{"another signal", 0, 0, abi.SIGUSR2, true},
		{"another signal, masked", 0, Set(abi.SIGUSR2), abi.SIGUSR2, false},
		{"the same", 0, 0, abi.SIGUSR1, false},
		{"the same, SA_NODEFER", proc.SaNoDefer, 0, abi.SIGUSR1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			p.Handle(abi.SIGUSR1, test.flags, test.mask)
			p.Handle(abi.SIGUSR2, 0, 0)
			b.Send(p, abi.SIGUSR1)
			first := p.SignalFrame()
			p.Must(abi.SysGetpid)
			b.Send(p, int32(test.second))
			if nested := p.SignalFrame() != first; nested != test.nested {
				t.Fatalf("nested: %v", nested)
			}
			if test.nested {
				if p.SignalFrame() >= first {
					t.Error("the second frame does not lie below the first")
				}
				p.Return()
			}
			p.Expect(Result(p.Process().PID)) // the first handler goes on where it was
			r := p.Return()
			if !test.nested { // the second was only held back
				if r != InHandler || p.Signal() != int32(test.second) {
					t.Fatalf("after the first: %v", r)
				}
				p.Return()
			}
			if p.Mask != 0 || p.Signal() != 0 {
				t.Errorf("mask %#x, in signal %d", p.Mask, p.Signal())
			}
		})
	}
}

func TestSignal_ResetHand(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, proc.SaResetHand, 0)
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	p.Return()
	b.Send(p, abi.SIGUSR1)
	p.Expect(Dead)
}

func TestSignal_AlternateStack(t *testing.T) {
	const onStack, disabled = 1, 2
	b := New(t)
	p := b.Process()
	stack := p.Alloc(16 << 10)
	old := p.Alloc(24)
	flags := func() uint32 {
		p.Must(abi.SysSigaltstack, 0, old)
		return p.Word32(old + 8)
	}
	if f := flags(); f != disabled {
		t.Errorf("flags %d at first", f)
	}
	p.Must(abi.SysSigaltstack, p.Words(stack, 0, 16<<10), 0)
	p.Handle(abi.SIGUSR1, proc.SaOnStack, 0)
	p.Handle(abi.SIGUSR2, 0, 0) // without the flag
	p.Handle(abi.SIGHUP, proc.SaOnStack, 0)
	b.Send(p, abi.SIGUSR2)
	if sp := p.Frame.SP; sp >= stack && sp < stack+16<<10 {
		t.Errorf("handler without SA_ONSTACK has sp %#x", sp)
	}
	b.Send(p, abi.SIGUSR1)
	sp := p.Frame.SP
	if sp < stack || sp >= stack+16<<10 {
		t.Errorf("sp %#x, want it in the alternate stack at %#x", sp, stack)
	}
	if f := flags(); f != onStack {
		t.Errorf("flags %d in the handler", f)
	}
	p.Want(-abi.EPERM, abi.SysSigaltstack, p.Words(stack, 0, 8<<10), 0)
	b.Send(p, abi.SIGHUP) // already there: it goes on below
	if p.Frame.SP >= sp || p.Frame.SP < stack {
		t.Errorf("nested sp %#x, below %#x", p.Frame.SP, sp)
	}
	p.Return()
	p.Return()
	p.Return()
	if f := flags(); f != 0 {
		t.Errorf("flags %d afterwards", f)
	}
	q := p.Fork()
	if q.AltStack != p.AltStack {
		t.Error("a child of fork has another alternate stack")
	}
}

// The process is ended when its stack cannot take the frame.
func TestSignal_NoRoomForTheFrame(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	q.Handle(abi.SIGUSR1, 0, 0)
	q.Frame.SP = 0x3000
	p.Kill(q, abi.SIGUSR1)
	q.Expect(Dead)
	if st := p.Wait(-1); st&0x7f != abi.SIGSEGV {
		t.Errorf("status %#x", st)
	}
}

func TestSignal_Suspend(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, proc.SaRestart, 0)
	p.Handle(abi.SIGUSR2, proc.SaRestart, 0)
	p.Block(abi.SIGUSR1)
	wait := p.Words(Set(abi.SIGUSR2))
	p.Want(Blocked, abi.SysRtSigsuspend, wait, 8)
	b.Send(p, abi.SIGUSR2) // blocked for now
	p.Expect(Blocked)
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	if p.Signal() != abi.SIGUSR1 || p.Mask != Set(abi.SIGUSR1, abi.SIGUSR2) {
		t.Errorf("signal %d, mask %#x", p.Signal(), p.Mask)
	}
	// The old mask comes back with the return, and lets the other one through.
	if r := p.Return(); r != InHandler || p.Signal() != abi.SIGUSR2 {
		t.Fatalf("%v in signal %d", r, p.Signal())
	}
	if p.Return() != -abi.EINTR || p.Mask != Set(abi.SIGUSR1) {
		t.Errorf("%v, mask %#x", p.Result(), p.Mask)
	}
	b.Send(p, abi.SIGUSR1) // pending already: no wait at all
	p.Want(InHandler, abi.SysRtSigsuspend, p.Words(0), 8)
	if p.Return() != -abi.EINTR || p.Mask != Set(abi.SIGUSR1) {
		t.Errorf("%v, mask %#x", p.Result(), p.Mask)
	}
}

func TestSignal_SuspendOverStop(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Block(abi.SIGUSR1)
	p.Want(Blocked, abi.SysRtSigsuspend, p.Words(0), 8)
	b.Send(p, abi.SIGSTOP)
	p.Expect(Stopped)
	b.Send(p, abi.SIGCONT)
	p.Expect(Blocked)
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	if p.Return() != -abi.EINTR || p.Mask != Set(abi.SIGUSR1) {
		t.Errorf("%v, mask %#x", p.Result(), p.Mask)
	}
}

func TestSignal_TimedWait(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	p.Block(abi.SIGUSR1, abi.SIGUSR2)
	set, info := p.Words(Set(abi.SIGUSR1, abi.SIGUSR2)), p.Alloc(128)
	p.Want(Blocked, abi.SysRtSigtimedwait, set, info, p.Timespec(10*ms), 8)
	b.Advance(10 * time.Millisecond)
	p.Expect(-abi.EAGAIN)
	p.Want(Blocked, abi.SysRtSigtimedwait, set, info, 0, 8)
	q.Kill(p, abi.SIGUSR2)
	p.Expect(abi.SIGUSR2)
	if pid := p.Word32(info + infoPID); pid != uint32(q.Process().PID) {
		t.Errorf("sender %d", pid)
	}
	q.Kill(p, abi.SIGUSR1) // before the call
	p.Want(abi.SIGUSR1, abi.SysRtSigtimedwait, set, 0, p.Timespec(0), 8)
	p.Want(-abi.EAGAIN, abi.SysRtSigtimedwait, set, 0, p.Timespec(0), 8)
	// Another signal with a handler ends the wait.
	p.Handle(abi.SIGHUP, proc.SaRestart, 0)
	p.Want(Blocked, abi.SysRtSigtimedwait, set, 0, 0, 8)
	b.Send(p, abi.SIGHUP)
	p.Expect(InHandler)
	if p.Return() != -abi.EINTR {
		t.Error(p.Result())
	}
}

// A blocked signal that would be ignored is kept for sigwait.
func TestSignal_WaitForChild(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	p.Block(abi.SIGCHLD)
	p.Want(Blocked, abi.SysRtSigtimedwait, p.Words(Set(abi.SIGCHLD)), 0, 0, 8)
	q.Exit(0)
	p.Expect(abi.SIGCHLD)
}

// What a signal without a handler does to a process that waits, and what its
// parent is told.
func TestSignal_DefaultActions(t *testing.T) {
	const ignore, stop = -1, -2
	for sig, want := range map[int]int{
		abi.SIGHUP: 1, abi.SIGINT: 2, abi.SIGQUIT: 3 | 0x80, abi.SIGILL: 4 | 0x80, abi.SIGTRAP: 5 | 0x80, abi.SIGABRT: 6 | 0x80,
		abi.SIGBUS: 7 | 0x80, abi.SIGFPE: 8 | 0x80, abi.SIGKILL: 9, abi.SIGUSR1: 10, abi.SIGSEGV: 11 | 0x80, abi.SIGUSR2: 12,
		abi.SIGPIPE: 13, abi.SIGALRM: 14, abi.SIGTERM: 15, abi.SIGSTKFLT: 16, abi.SIGXCPU: 24 | 0x80, abi.SIGXFSZ: 25 | 0x80,
		abi.SIGVTALRM: 26, abi.SIGPROF: 27, abi.SIGIO: 29, abi.SIGPWR: 30, abi.SIGSYS: 31 | 0x80, 32: 32, 64: 64,
		abi.SIGCHLD: ignore, abi.SIGCONT: ignore, abi.SIGURG: ignore, abi.SIGWINCH: ignore,
		abi.SIGSTOP: stop, abi.SIGTSTP: stop, abi.SIGTTIN: stop, abi.SIGTTOU: stop,
	} {
		t.Run(fmt.Sprint(sig), func(t *testing.T) {
			b := New(t)
			p := b.Process()
			q := p.Fork()
			q.Must(abi.SysSetpgid, 0, 0)
			q.Want(Blocked, abi.SysPause)
			p.Kill(q, sig)
			switch want {
			case ignore:
				q.Expect(Blocked)
			case stop:
				q.Expect(Stopped)
				st := p.Alloc(4)
				p.Must(abi.SysWait4, -1, st, 2, 0)
				if got := p.Word32(st); got != uint32(sig)<<8|0x7f {
					t.Errorf("status %#x", got)
				}
			default:
				q.Expect(Dead)
				if st := p.Wait(-1); st != uint32(want) {
					t.Errorf("status %#x, want %#x", st, want)
				}
			}
		})
	}
}

func TestSignal_Pause(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, proc.SaRestart, 0)
	p.Want(Blocked, abi.SysPause)
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	if p.Return() != -abi.EINTR {
		t.Error(p.Result())
	}
}

func TestSignal_IgnoredIsDropped(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Disposition(abi.SIGUSR1, proc.SigIgn)
	b.Send(p, abi.SIGUSR1)
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Want(Result(p.Process().PID), abi.SysGetpid) // nothing was kept
	// A blocked one is kept, until it is ignored.
	p.Block(abi.SIGUSR1)
	b.Send(p, abi.SIGUSR1)
	p.Disposition(abi.SIGUSR1, proc.SigIgn)
	p.Handle(abi.SIGUSR1, 0, 0)
	if r := p.Unblock(abi.SIGUSR1); r != 0 {
		t.Errorf("unblocking: %v", r)
	}
}

func TestSignal_KillAndStopCannotBeHandled(t *testing.T) {
	b := New(t)
	p := b.Process()
	for _, sig := range []int{abi.SIGKILL, abi.SIGSTOP} {
		p.Want(-abi.EINVAL, abi.SysRtSigaction, sig, p.Words(Handlers, proc.SaRestorer, Restorer, 0), 0, 8)
	}
	p.Block(abi.SIGKILL, abi.SIGSTOP, abi.SIGUSR1)
	if p.Mask != Set(abi.SIGUSR1) {
		t.Errorf("mask %#x", p.Mask)
	}
}

func TestSignal_ActionReadsBack(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Handle(abi.SIGUSR1, proc.SaRestart, Set(abi.SIGHUP))
	old := p.Alloc(32)
	p.Must(abi.SysRtSigaction, abi.SIGUSR1, p.Words(proc.SigIgn, 0, 0, 0), old, 8)
	want := []uint64{Handlers + abi.SIGUSR1*0x1000, proc.SaRestart | proc.SaRestorer, Restorer, Set(abi.SIGHUP)}
	for i, v := range want {
		if got := p.Word(old + 8*uint64(i)); got != v {
			t.Errorf("word %d: %#x, want %#x", i, got, v)
		}
	}
	p.Must(abi.SysRtSigaction, abi.SIGUSR1, 0, old, 8)
	if p.Word(old) != proc.SigIgn {
		t.Errorf("handler %#x", p.Word(old))
	}
}

func TestSignal_StopAndContinue(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	x := q.NewThread() // all threads stop
	r, _ := q.Pipe()
	x.Want(Blocked, abi.SysRead, r, q.Alloc(1), 1)
	p.Kill(q, abi.SIGSTOP)
	q.Expect(Stopped)
	x.Expect(Stopped)
	p.Kill(q, abi.SIGTERM) // waits for the continuation
	q.Expect(Stopped)
	p.Kill(q, abi.SIGKILL) // this one does not
	q.Expect(Dead)
	if st := p.Wait(-1); st != abi.SIGKILL {
		t.Errorf("status %#x", st)
	}
}

func TestSignal_ContinueDropsStopsAndBack(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	q.Must(abi.SysSetpgid, 0, 0)
	q.Block(abi.SIGTSTP, abi.SIGCONT)
	q.Handle(abi.SIGCONT, 0, 0)
	p.Kill(q, abi.SIGTSTP)
	p.Kill(q, abi.SIGCONT)
	if s := q.Process().Pending.Set; s != Set(abi.SIGCONT) {
		t.Errorf("pending %#x after SIGCONT", s)
	}
	p.Kill(q, abi.SIGTSTP)
	if s := q.Process().Pending.Set; s != Set(abi.SIGTSTP) {
		t.Errorf("pending %#x after SIGTSTP", s)
	}
	if r := q.Unblock(abi.SIGTSTP, abi.SIGCONT); r != Stopped {
		t.Fatal(r)
	}
	p.Kill(q, abi.SIGCONT)
	q.Expect(InHandler)
	q.Return()
}

// A handler for SIGCONT interrupts what the process waited in.
func TestSignal_ContinueHandlerInterrupts(t *testing.T) {
	b := New(t)
	p := b.Process()
	q := p.Fork()
	q.Handle(abi.SIGCONT, 0, 0)
	r, _ := q.Pipe()
	q.Want(Blocked, abi.SysRead, r, q.Alloc(1), 1)
	p.Kill(q, abi.SIGSTOP)
	p.Kill(q, abi.SIGCONT)
	q.Expect(InHandler)
	if q.Return() != -abi.EINTR {
		t.Error(q.Result())
	}
}

func TestSignal_Addressees(t *testing.T) {
	b := New(t)
	p := b.Process()
	one, two, three := p.Fork(), p.Fork(), p.Fork()
	one.Must(abi.SysSetpgid, 0, 0)
	p.Must(abi.SysSetpgid, two.Process().PID, one.Process().PID)
	other := b.Process()
	for _, x := range []*Thread{one, two, three, other} {
		x.Disposition(abi.SIGCHLD, proc.SigIgn)
		x.Handle(abi.SIGUSR1, 0, 0)
	}
	p.Handle(abi.SIGUSR1, 0, 0)
	hit := func() (s string) {
		for i, x := range []*Thread{p, one, two, three, other} {
			if x.Result() == InHandler {
				s += fmt.Sprint(i)
				x.Return()
			}
		}
		return s
	}
	for _, test := range []struct {
		name string
		from *Thread
		pid  int64
		want string
	}{
		{"a process", p, int64(two.Process().PID), "2"},
		{"a group", p, -int64(one.Process().PID), "12"},
		{"the own group", three, 0, "03"},
		{"everybody else", other, -1, "0123"},
	} {
		test.from.Call(abi.SysKill, test.pid, abi.SIGUSR1)
		if got := hit(); got != test.want {
			t.Errorf("%s: processes %s were hit, want %s", test.name, got, test.want)
		}
	}
	p.Want(0, abi.SysKill, one.Process().PID, 0)
	one.Exit(0)
	p.Want(0, abi.SysKill, one.Process().PID, 0) // a zombie is still somebody
	p.Wait(one.Process().PID)
	p.Want(-abi.ESRCH, abi.SysKill, one.Process().PID, 0)
}

// A signal to the process goes to a thread that does not block it; one to a
// thread waits for that thread.
func TestSignal_Threads(t *testing.T) {
	b := New(t)
	p := b.Process()
	x, y := p.NewThread(), p.NewThread()
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Block(abi.SIGUSR1)
	x.Block(abi.SIGUSR1)
	y.Want(Blocked, abi.SysPause)
	b.Send(p, abi.SIGUSR1)
	y.Expect(InHandler)
	y.Return()
	p.Must(abi.SysTgkill, p.Process().PID, x.TID, abi.SIGUSR1)
	if x.Thread.Pending.Set != Set(abi.SIGUSR1) || p.Process().Pending.Set != 0 {
		t.Errorf("pending %#x for the thread, %#x for the process", x.Thread.Pending.Set, p.Process().Pending.Set)
	}
	if x.Unblock(abi.SIGUSR1) != InHandler {
		t.Error(x.Result())
	}
	x.Return()
	// Blocked by all, it waits for the first that unblocks it.
	x.Block(abi.SIGUSR1)
	y.Block(abi.SIGUSR1)
	b.Send(p, abi.SIGUSR1)
	if p.Unblock(abi.SIGUSR1) != InHandler {
		t.Error(p.Result())
	}
	p.Return()
}

func TestSignal_ThreadNamesAreChecked(t *testing.T) {
	b := New(t)
	p, q := b.Process(), b.Process()
	x := p.NewThread()
	p.Want(0, abi.SysTgkill, p.Process().PID, x.TID, 0)
	p.Want(-abi.ESRCH, abi.SysTgkill, q.Process().PID, x.TID, 0)
	q.Want(0, abi.SysTkill, x.TID, 0)
}

func TestSigreturn_WithoutFrame(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Frame.SP = 0x2000
	p.Want(Dead, abi.SysRtSigreturn)
}

// A stray rt_sigreturn cannot gain anything: see proc for random frames.
func TestSigreturn_OfZeros(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Frame.SP = p.Alloc(2000) + 8
	p.Call(abi.SysRtSigreturn)
	if p.State() != proc.Running || p.Frame.IP != 0 || p.Frame.Flags != abi.FlagsAlways {
		t.Errorf("%v, ip %#x, flags %#x", p.Result(), p.Frame.IP, p.Frame.Flags)
	}
}

// Leaving handlers by longjmp for ever must not pile anything up in the kernel.
func TestSignal_Longjmp(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, _ := p.Pipe()
	p.Handle(abi.SIGUSR1, proc.SaNoDefer, 0)
	sp := p.Frame.SP
	for range 50 {
		p.Want(Blocked, abi.SysRead, r, p.Alloc(1), 1)
		b.Send(p, abi.SIGUSR1)
		p.Expect(InHandler)
		p.Frame.SP = sp
		p.Leave()
	}
	if n := len(p.Below); n != 0 {
		t.Errorf("%d suspended calls", n)
	}
}
