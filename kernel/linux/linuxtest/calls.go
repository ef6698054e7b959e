package linuxtest

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

// The calls tests make most, spelled shorter. They fail the test if the call
// does not succeed.

// Pipe makes a pipe: its ends are descriptors r and w.
func (th *Thread) Pipe() (r, w uint64) { return th.Pipe2(0) }

// Pipe2 is pipe2(2).
func (th *Thread) Pipe2(flags int) (r, w uint64) {
	th.b.Helper()
	at := th.Alloc(8)
	th.Must(abi.SysPipe2, at, flags)
	return uint64(th.Word32(at)), uint64(th.Word32(at + 4))
}

// Write writes a string to a descriptor, all of it.
func (th *Thread) Write(fd uint64, s string) {
	th.b.Helper()
	if n := th.Must(abi.SysWrite, fd, th.Bytes([]byte(s)), len(s)); n != uint64(len(s)) {
		th.b.Fatalf("wrote %d of %d bytes", n, len(s))
	}
}

// Read reads up to n bytes from a descriptor.
func (th *Thread) Read(fd uint64, n int) string {
	th.b.Helper()
	buf := th.Alloc(n)
	return string(th.Get(buf, int(th.Must(abi.SysRead, fd, buf, n))))
}

// Open is open(2) with mode 0644.
func (th *Thread) Open(path string, flags int) uint64 {
	th.b.Helper()
	return th.Must(abi.SysOpen, th.Text(path), flags, 0o644)
}

// Create makes a file with some content.
func (th *Thread) Create(path, content string) {
	th.b.Helper()
	fd := th.Open(path, object.OCreat|object.OWronly|object.OTrunc)
	th.Write(fd, content)
	th.Close(fd)
}

// Close is close(2).
func (th *Thread) Close(fd uint64) {
	th.b.Helper()
	th.Must(abi.SysClose, fd)
}

// Mmap maps anonymous memory.
func (th *Thread) Mmap(n int, prot, flags int) uint64 {
	th.b.Helper()
	return th.Must(abi.SysMmap, 0, n, prot, flags|0x20, -1, 0)
}

// Fork makes a child that is, like its parent, in user mode after the call.
func (th *Thread) Fork() *Thread {
	th.b.Helper()
	return th.Child(th.Must(abi.SysFork))
}

// Child is the leader of a process or a thread by its id.
func (th *Thread) Child(tid uint64) *Thread {
	th.b.Helper()
	c := th.b.ThreadOf(int32(tid))
	if c == nil {
		th.b.Fatalf("there is no thread %d", tid)
	}
	return c
}

// Flags of clone(2) for a thread.
const threadFlags = 0x00000100 | 0x00000200 | 0x00000400 | 0x00000800 | 0x00010000 | 0x00040000

// NewThread makes another thread of th's process, with a stack of its own.
func (th *Thread) NewThread() *Thread {
	th.b.Helper()
	stack := th.Alloc(16<<10) + 16<<10
	return th.Child(th.Must(abi.SysClone, threadFlags, stack, 0, 0, 0))
}

// Exit ends th's process.
func (th *Thread) Exit(status int) {
	th.b.Helper()
	th.Want(Dead, abi.SysExitGroup, status)
}

// Kill sends a signal to a process.
func (th *Thread) Kill(to *Thread, sig int) {
	th.b.Helper()
	th.Must(abi.SysKill, to.Process().PID, sig)
}

// Wait reaps a child that has ended and returns its status word.
func (th *Thread) Wait(pid int32) uint32 {
	th.b.Helper()
	st := th.Alloc(4)
	if got := th.Must(abi.SysWait4, pid, st, 0, 0); pid > 0 && got != uint64(pid) {
		th.b.Fatalf("wait4(%d) = %d", pid, got)
	}
	return th.Word32(st)
}

// Handle installs a handler for a signal. The test is the handler: th's Signal
// says when it runs, Return ends it.
func (th *Thread) Handle(sig int, flags uint64, mask uint64) {
	th.b.Helper()
	th.action(sig, Handlers+uint64(sig)*0x1000, flags, mask)
}

// HandleWith installs a handler that follows a script.
func (th *Thread) HandleWith(sig int, flags uint64, f func(*Thread)) {
	th.b.Helper()
	at := uint64(Handlers + 0x80000 + 16*len(th.b.programs))
	th.b.programs[at] = f
	th.action(sig, at, flags, 0)
}

// Disposition sets a signal's action to proc.SigDfl or proc.SigIgn.
func (th *Thread) Disposition(sig int, handler uint64) {
	th.b.Helper()
	th.action(sig, handler, 0, 0)
}

func (th *Thread) action(sig int, handler, flags, mask uint64) {
	th.b.Helper()
	th.Must(abi.SysRtSigaction, sig, th.Words(handler, flags|proc.SaRestorer, Restorer, mask), 0, 8)
}

// Block adds signals to th's mask.
func (th *Thread) Block(sigs ...int) {
	th.b.Helper()
	th.Must(abi.SysRtSigprocmask, 0, th.Words(Set(sigs...)), 0, 8)
}

// Unblock takes signals out of th's mask; what becomes of th is returned.
func (th *Thread) Unblock(sigs ...int) Result {
	th.b.Helper()
	return th.Call(abi.SysRtSigprocmask, 1, th.Words(Set(sigs...)), 0, 8)
}

// Set is a signal set.
func Set(sigs ...int) (set uint64) {
	for _, s := range sigs {
		set |= 1 << (s - 1)
	}
	return set
}
