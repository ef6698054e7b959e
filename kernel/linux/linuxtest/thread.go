package linuxtest

import (
	"fmt"

	"motile/kernel/abi"
	"motile/proc"
)

// Thread is a thread and what the bench knows of its program.
type Thread struct {
	*proc.Thread
	b *Bench

	level    int           // how many signal handlers it is in
	handlers []active      // the innermost last
	entered  bool          // it stands at the first instruction of a handler
	scripts  []*script     // by level; nil where the test itself is the program
	inside   *script       // the one that runs now
	children func(*Thread) // what the next child runs
}

// active is one signal handler that has not returned.
type active struct {
	signal int32
	frame  uint64 // address of its signal frame
}

// siteSize is the distance between the SYSCALL instructions of two levels, so
// that a call that goes on below a handler is told from the handler's own.
const siteSize = 16

// site is the SYSCALL instruction of the level th is on.
func (th *Thread) site() uint64 { return Text + uint64(th.level)*siteSize }

// Result is what became of a call: what it returned, or one of the values below.
type Result int64

// What can become of a call beside a result.
const (
	Blocked   = Result(-abi.EBLOCKED)  // it waits
	InHandler = Result(-abi.ENORETURN) // a signal handler has begun to run
	Stopped   = Result(-abi.EBLOCKED - 100)
	Dead      = Result(-abi.EBLOCKED - 101)
	Queued    = Result(-abi.EBLOCKED - 102) // it was not looked at yet
)

func (r Result) String() string {
	switch r {
	case Blocked:
		return "blocked"
	case InHandler:
		return "in a handler"
	case Stopped:
		return "stopped"
	case Dead:
		return "dead"
	case Queued:
		return "queued"
	}
	if name, ok := errnos[-int64(r)]; ok {
		return name
	}
	return fmt.Sprintf("%d (%#x)", int64(r), uint64(r))
}

var errnos = map[int64]string{
	abi.EPERM: "EPERM", abi.ENOENT: "ENOENT", abi.ESRCH: "ESRCH", abi.EINTR: "EINTR", abi.EIO: "EIO",
	abi.ENXIO: "ENXIO", abi.E2BIG: "E2BIG", abi.ENOEXEC: "ENOEXEC", abi.EBADF: "EBADF", abi.ECHILD: "ECHILD",
	abi.EAGAIN: "EAGAIN", abi.ENOMEM: "ENOMEM", abi.EACCES: "EACCES", abi.EFAULT: "EFAULT", abi.EBUSY: "EBUSY",
	abi.EEXIST: "EEXIST", abi.EXDEV: "EXDEV", abi.ENODEV: "ENODEV", abi.ENOTDIR: "ENOTDIR", abi.EISDIR: "EISDIR",
	abi.EINVAL: "EINVAL", abi.ENFILE: "ENFILE", abi.EMFILE: "EMFILE", abi.ENOTTY: "ENOTTY", abi.EFBIG: "EFBIG",
	abi.ENOSPC: "ENOSPC", abi.ESPIPE: "ESPIPE", abi.EROFS: "EROFS", abi.EPIPE: "EPIPE", abi.ERANGE: "ERANGE",
	abi.ENAMETOOLONG: "ENAMETOOLONG", abi.ENOSYS: "ENOSYS", abi.ENOTEMPTY: "ENOTEMPTY", abi.ELOOP: "ELOOP",
	abi.EOVERFLOW: "EOVERFLOW", abi.EOPNOTSUPP: "EOPNOTSUPP", abi.ETIMEDOUT: "ETIMEDOUT",
	abi.EDEADLK: "EDEADLK", abi.ENOLCK: "ENOLCK",
}

// Call makes a system call and says what became of it. Arguments are integers.
func (th *Thread) Call(nr int, args ...any) Result {
	th.b.Helper()
	if th.inside != nil {
		return th.ask(nr, args)
	}
	if r := th.Result(); th.State() != proc.Running {
		th.b.Fatalf("thread %d cannot make call %d: it is %v", th.TID, nr, r)
	}
	var w [6]uint64
	for i, a := range args {
		w[i] = th.b.word(a)
	}
	th.TrapWith(uint64(nr), w)
	th.b.settle()
	return th.Result()
}

// TrapWith is a call with all of its registers given; it runs no other thread.
func (th *Thread) TrapWith(nr uint64, args [6]uint64) {
	th.load(nr, args)
	th.b.trap(th)
	th.b.user(th)
}

// load fills the registers as a program does for a call, and the SYSCALL
// instruction after it.
func (th *Thread) load(nr uint64, args [6]uint64) {
	f := th.Frame
	if f.IP < Text || f.IP >= Restorer+siteSize { // a new program
		th.level, th.handlers, th.scripts = 0, nil, nil
	}
	f.AX, f.DI, f.SI, f.DX, f.R10, f.R8, f.R9 = nr, args[0], args[1], args[2], args[3], args[4], args[5]
	f.IP, f.Vector, f.Err = th.site()+2, abi.VecSyscall, 0
	f.CX, f.R11 = f.IP, f.Flags
	th.entered = false
}

func (b *Bench) word(a any) uint64 {
	b.Helper()
	switch v := a.(type) {
	case int:
		return uint64(v)
	case int32:
		return uint64(v)
	case int64:
		return uint64(v)
	case uint32:
		return uint64(v)
	case uint64:
		return v
	case Result:
		return uint64(v)
	}
	b.Fatalf("argument %v of type %T", a, a)
	return 0
}

// Result is what has become of the last call on th's level.
func (th *Thread) Result() Result {
	switch held := th.Process().Stopped() || th.Process().Frozen(); {
	case th.State() == proc.Dead:
		return Dead
	case held:
		return Stopped
	case th.State() == proc.Waiting:
		return Blocked
	case th.State() == proc.Ready:
		return Queued
	}
	if th.entered {
		return InHandler
	}
	return Result(th.Frame.AX)
}

// Want makes a call and compares what became of it.
func (th *Thread) Want(want Result, nr int, args ...any) {
	th.b.Helper()
	if got := th.Call(nr, args...); got != want {
		th.b.Fatalf("call %d%v: %v, want %v", nr, args, got, want)
	}
}

// Expect compares what has become of th's last call by now.
func (th *Thread) Expect(want Result) {
	th.b.Helper()
	if got := th.Result(); got != want {
		th.b.Fatalf("thread %d: %v, want %v", th.TID, got, want)
	}
}

// Must makes a call that must succeed and returns its result.
func (th *Thread) Must(nr int, args ...any) uint64 {
	th.b.Helper()
	r := th.Call(nr, args...)
	if r < 0 {
		th.b.Fatalf("call %d%v: %v", nr, args, r)
	}
	return uint64(r)
}

// Fault is an access to memory from user mode (vm.Prot bits), as the CPU reports
// it. It repeats until the page is there or a signal is.
func (th *Thread) Fault(addr uint64, err uint64) Result {
	th.b.Helper()
	th.Frame.Vector, th.Frame.CR2, th.Frame.Err = abi.VecPage, addr, err
	th.b.takeAway(th.Thread)
	th.b.K.Fault(th.Thread)
	for th.b.memory != never && th.AwaitsPage() { // and, when it has come, the CPU repeats the access
		th.b.away.midway[th.Thread] = true
		th.b.Run()
		th.b.K.Fault(th.Thread)
	}
	th.b.settle()
	return th.after()
}

// after is what became of th in user mode: 0 if it goes on.
func (th *Thread) after() Result {
	if th.State() == proc.Running && !th.entered {
		return 0
	}
	return th.Result()
}

// Error codes of Fault.
const (
	ReadFault  = 4
	WriteFault = 6
	FetchFault = 20
)

// Exception is any other trap from user mode.
func (th *Thread) Exception(vector uint64) Result {
	th.b.Helper()
	th.Frame.Vector, th.Frame.Err = vector, 0
	th.b.K.Exception(th.Thread)
	th.b.settle()
	return th.after()
}

// enter notes that the kernel has put th at the start of a signal handler.
func (th *Thread) enter() {
	f := th.Frame
	if th.State() != proc.Running || f.IP < Handlers || f.IP >= Restorer {
		return
	}
	if n := len(th.handlers); th.entered && th.handlers[n-1].frame == f.SP {
		return
	}
	th.level++
	th.handlers = append(th.handlers, active{int32(f.DI), f.SP})
	th.entered = true
}

// Signal is the signal whose handler th is in, 0 if none.
func (th *Thread) Signal() int32 {
	if n := len(th.handlers); n > 0 {
		return th.handlers[n-1].signal
	}
	return 0
}

// SignalFrame is the address of the frame of the handler th is in.
func (th *Thread) SignalFrame() uint64 { return th.handlers[len(th.handlers)-1].frame }

// Return returns from a signal handler: to the restorer, and so to rt_sigreturn.
func (th *Thread) Return() Result {
	th.b.Helper()
	th.sigreturn()
	th.b.settle()
	return th.Result()
}

func (th *Thread) sigreturn() {
	th.b.Helper()
	n := len(th.handlers) - 1
	if n < 0 {
		th.b.Fatalf("thread %d is in no handler", th.TID)
	}
	if at := th.Word(th.handlers[n].frame); at != Restorer {
		th.b.Fatalf("the handler would return to %#x, want the restorer", at)
	}
	f := th.Frame
	f.SP, f.IP, f.AX = th.handlers[n].frame+8, Restorer+2, abi.SysRtSigreturn
	th.Leave()
	th.b.trap(th)
	th.enter()
	th.b.user(th)
}

// Leave forgets the innermost handler: th has jumped out of it.
func (th *Thread) Leave() {
	n := len(th.handlers) - 1
	th.handlers, th.level, th.entered = th.handlers[:n], th.level-1, false
	for len(th.scripts) > th.level+1 {
		th.scripts[len(th.scripts)-1].abandon()
		th.scripts = th.scripts[:len(th.scripts)-1]
	}
}
