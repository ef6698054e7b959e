package linux_test

import (
	"strings"
	"testing"
	"time"

	"motile/kernel/abi"
	"motile/kernel/linux"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// Memory that is away, step by step: a page comes when the test says so. That no call
// notices is for the other tests (TestMain).

// distant makes a process and lets none of its memory come by itself.
func distant(t *testing.T) (b *Bench, p *Thread) {
	b = New(t)
	b.Withhold()
	return b, b.Process()
}

func TestAway_CallWaits(t *testing.T) {
	b, p := distant(t)
	r, w := p.Pipe()
	at := p.Bytes([]byte("message"))
	p.TakeAway(at)
	p.Want(Blocked, abi.SysWrite, w, at, 7)
	if !p.AwaitsPage() || !p.Thread.Call.Active {
		t.Error("it does not wait for memory, or has no record")
	}
	if s := linux.StateLetter(p.Process()); s != "D" {
		t.Errorf("its state is %s", s)
	}
	b.Advance(time.Hour)
	p.Expect(Blocked)
	b.Bring(p, at)
	p.Expect(7)
	if got := p.Read(r, 10); got != "message" {
		t.Errorf("read %q", got)
	}
}

// A transfer that needs more than one page begins when all of them are there: it is not
// cut short.
func TestAway_ReadIsNotShort(t *testing.T) {
	b, p := distant(t)
	r, w := p.Pipe()
	p.Write(w, strings.Repeat("x", 3000))
	at := p.Mmap(2*vm.PageBytes, 3, mapPrivate)
	p.Put(at, make([]byte, 2*vm.PageBytes))
	p.TakeAway(at, at+vm.PageBytes)
	buf := at + vm.PageBytes - 1000
	p.Want(Blocked, abi.SysRead, r, buf, 3000)
	b.Bring(p, at)
	p.Expect(Blocked)
	b.Bring(p, at+vm.PageBytes)
	p.Expect(3000)
	if got := p.Get(buf, 3000); string(got) != strings.Repeat("x", 3000) {
		t.Error("other bytes")
	}
}

// So is what prctl reads as far as it can.
func TestAway_NameOverTwoPages(t *testing.T) {
	const setName, getName = 15, 16
	b, p := distant(t)
	at := p.Mmap(2*vm.PageBytes, 3, mapPrivate)
	name := at + vm.PageBytes - 4
	p.Put(name, []byte("somebody\x00"))
	p.TakeAway(at + vm.PageBytes)
	p.Want(Blocked, abi.SysPrctl, setName, name)
	b.Bring(p, at+vm.PageBytes)
	p.Expect(0)
	p.Must(abi.SysPrctl, getName, name)
	if got := p.CString(name); got != "somebody" {
		t.Errorf("the name is %q", got)
	}
}

// What the kernel writes is written at once.
func TestAway_ResultsAreWritten(t *testing.T) {
	b, p := distant(t)
	at := p.Alloc(16)
	p.SetWord32(at+12, 77)
	p.TakeAway(at)
	p.Want(0, abi.SysPipe, at)
	if got := p.Word32(at + 4); got != 1 {
		t.Errorf("the end of the pipe is %d", got)
	}
	b.Bring(p, at)
	if p.Word32(at+4) != 1 || p.Word32(at+12) != 77 {
		t.Errorf("descriptor %d and word %d", p.Word32(at+4), p.Word32(at+12))
	}
}

func TestAway_FaultWaits(t *testing.T) {
	b, p := distant(t)
	at := p.Mmap(vm.PageBytes, 3, mapPrivate)
	p.SetWord32(at, 5)
	p.TakeAway(at)
	if r := p.Fault(at, ReadFault); r != Blocked {
		t.Fatalf("%v", r)
	}
	b.Bring(p, at)
	if r := p.Fault(at, ReadFault); r != 0 || p.Word32(at) != 5 {
		t.Errorf("%v, %d", r, p.Word32(at))
	}
}

// Another thread may do away with the page: nobody waits for it then.
func TestAway_UnmappedUnderAWaiter(t *testing.T) {
	_, p := distant(t)
	q := p.NewThread()
	at := p.Mmap(vm.PageBytes, 3, mapPrivate)
	p.SetWord32(at, 5)
	p.TakeAway(at)
	_, w := q.Pipe()
	p.Want(Blocked, abi.SysWrite, w, at, 4)
	q.Must(abi.SysMunmap, at, vm.PageBytes)
	p.Expect(-abi.EFAULT)
}

// A signal that is caught does not end a wait for memory: its handler runs when the call
// has looked at it. What is not caught ends, or stops, the process at once.
func TestAway_Signals(t *testing.T) {
	b, p := distant(t)
	_, w := p.Pipe()
	p.Handle(abi.SIGUSR1, 0, 0)
	at := p.Bytes([]byte("message"))
	p.TakeAway(at)
	p.Want(Blocked, abi.SysWrite, w, at, 7)
	b.Send(p, abi.SIGUSR1)
	p.Expect(Blocked)
	b.Send(p, abi.SIGSTOP)
	p.Expect(Stopped)
	b.Bring(p, at)
	b.Send(p, abi.SIGCONT)
	p.Expect(InHandler)
	p.Return()
	p.Expect(7)

	p.TakeAway(at)
	p.Want(Blocked, abi.SysWrite, w, at, 7)
	b.Send(p, abi.SIGTERM)
	p.Expect(Dead)
}

// A read that is to end with EINTR does: its page has come when it hears of the signal.
func TestAway_Interrupted(t *testing.T) {
	b, p := distant(t)
	r, _ := p.Pipe()
	p.Handle(abi.SIGUSR1, 0, 0)
	at := p.Bytes([]byte("buffer"))
	p.TakeAway(at)
	p.Want(Blocked, abi.SysRead, r, at, 6)
	b.Send(p, abi.SIGUSR1)
	p.Expect(Blocked)
	b.Bring(p, at)
	p.Expect(InHandler)
	p.Return()
	p.Expect(-abi.EINTR)
}

// In user mode a handler runs at once, on a stack that may be away too.
func TestAway_HandlerInsteadOfFault(t *testing.T) {
	b, p := distant(t)
	p.Handle(abi.SIGUSR1, 0, 0)
	at := p.Mmap(vm.PageBytes, 3, mapPrivate)
	p.SetWord32(at, 5)
	stack := p.Frame.SP &^ (vm.PageBytes - 1)
	p.SetWord32(stack, 1)
	p.TakeAway(at, stack)
	if r := p.Fault(at, ReadFault); r != Blocked {
		t.Fatalf("%v", r)
	}
	b.Send(p, abi.SIGUSR1)
	p.Expect(InHandler)
	if _, away := p.Process().Space.IsAway(stack); !away {
		t.Error("the stack has come by itself")
	}
	p.Return()
	b.Bring(p, at)
	if r := p.Fault(at, ReadFault); r != 0 {
		t.Errorf("%v", r)
	}
}

// A deadline that a call had before it waited for memory still counts.
func TestAway_Deadlines(t *testing.T) {
	b, p := distant(t)
	at := p.Timespec(1e9)
	p.TakeAway(at)
	p.Want(Blocked, abi.SysNanosleep, at, 0)
	b.Advance(10 * time.Second) // as on Linux, it sleeps when it knows for how long
	b.Bring(p, at)
	p.Expect(Blocked)
	b.Advance(time.Second - 1)
	p.Expect(Blocked)
	b.Advance(1)
	p.Expect(0)

	r, _ := p.Pipe()
	fds := p.Words(1<<32 | r)
	p.Want(Blocked, abi.SysPoll, fds, 1, 1000)
	p.TakeAway(fds)
	b.Advance(time.Second) // now it looks at them, and they are away
	b.Advance(time.Second)
	p.Expect(Blocked)
	b.Bring(p, fds)
	p.Expect(0)
}

func TestAway_ForkWaitsForAll(t *testing.T) {
	b, p := distant(t)
	at := p.Mmap(2*vm.PageBytes, 3, mapPrivate)
	p.SetWord32(at, 1)
	p.SetWord32(at+vm.PageBytes, 2)
	p.TakeAway(at, at+vm.PageBytes)
	p.Want(Blocked, abi.SysFork)
	b.Bring(p, at)
	p.Expect(Blocked)
	b.Bring(p, at+vm.PageBytes)
	q := p.Child(uint64(p.Result()))
	if q.Word32(at) != 1 || q.Word32(at+vm.PageBytes) != 2 {
		t.Error("the child has other memory")
	}
}

// A thread with locks that others wait for ends when it can tell them; a process that is
// killed ends at once.
func TestAway_RobustList(t *testing.T) {
	b, p := distant(t)
	q := p.NewThread()
	at := p.Alloc(32)
	head := p.Mmap(vm.PageBytes, 3, mapPrivate)
	p.Put(head, p.Get(robustList(p, at), 24))
	p.SetWord32(at+16, uint32(q.TID))
	q.Must(abi.SysSetRobustList, head, 24)
	p.TakeAway(head)
	q.Want(Blocked, abi.SysExit, 0)
	b.Bring(p, head)
	q.Expect(Dead)
	if v := p.Word32(at + 16); v != 0x40000000 {
		t.Errorf("the lock is %#x", v)
	}
	p.Must(abi.SysSetRobustList, head, 24)
	p.TakeAway(head)
	p.Exit(0)
}

// Memory that is lost is the end, whatever the process does about SIGBUS, and for whoever
// has it too.
func TestAway_Lost(t *testing.T) {
	b, init := distant(t)
	p := init.Fork()
	p.Handle(abi.SIGBUS, 0, 0)
	at := p.Bytes([]byte("path"))
	p.TakeAway(at)
	var child Result
	p.Spawned(func(c *Thread) { child = c.Call(abi.SysChdir, at) })
	p.Want(Blocked, abi.SysVfork)
	lines := 0
	b.K.Log = func(format string, _ ...any) {
		if strings.Contains(format, "its memory on node %d is lost") {
			lines++
		}
	}
	b.K.LoseMemory(p.Process(), 3)
	b.Run()
	p.Expect(Dead)
	if child != 0 || lines != 2 {
		t.Errorf("the child's call: %v; %d lines", child, lines)
	}
	if status := init.Wait(p.Process().PID); status != abi.SIGBUS|0x80 {
		t.Errorf("status %#x", status)
	}
}

// An exec needs its arguments and nothing else.
func TestAway_Exec(t *testing.T) {
	b, p := distant(t)
	b.File("/bin/prog", 0o755, Program())
	name, more := p.Text("/bin/prog"), p.Mmap(vm.PageBytes, 3, mapPrivate)
	p.SetWord32(more, 1)
	p.TakeAway(name, more)
	p.Want(Blocked, abi.SysExecve, name, 0, 0)
	b.Bring(p, name)
	p.Expect(0)
	if p.Process().Space.Away() != 0 {
		t.Error("the new program has old memory")
	}
}

// A process that is frozen can be given memory; it looks at it when it is thawed.
func TestAway_Frozen(t *testing.T) {
	b, p := distant(t)
	fd := p.Open("/tmp/f", object.OCreat|object.OWronly)
	at := p.Bytes([]byte("x"))
	p.TakeAway(at)
	p.Want(Blocked, abi.SysWrite, fd, at, 1)
	b.Tab.Freeze(p.Process())
	b.Bring(p, at)
	p.Expect(Stopped)
	if p.State() == proc.Running || b.Content("/tmp/f") != "" {
		t.Error("a frozen process runs")
	}
	b.Tab.Thaw(p.Process())
	b.Run()
	p.Expect(1)
}
