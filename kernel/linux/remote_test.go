package linux_test

import (
	"testing"

	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

// elsewhere stands for the network: what a thread asks waits for the test to answer.
type elsewhere struct {
	t     *proc.Thread
	asked int
}

func (e *elsewhere) Ask(flip.Address, *std.Header, []byte) {
	e.asked++
	e.t.Call.Slot = 1
}

func (e *elsewhere) Answer() (object.Answer, bool) {
	a := e.t.Call.Answer
	if a == nil {
		return object.Answer{}, false
	}
	e.t.Call.Slot, e.t.Call.Answer = 0, nil
	return *a, true
}

// A read of an object elsewhere that has nothing now ends with EINTR, or is made
// again, when a signal with a handler comes; one that has an answer under way goes
// on below the handler, and loses nothing.
func TestRemote_SignalInterruptsRead(t *testing.T) {
	const fd = 5
	for _, test := range []struct {
		name  string
		flags uint64
		empty bool // the object has been asked and has nothing
		want  Result
	}{
		{"waiting", 0, true, -abi.EINTR},
		{"waiting, SA_RESTART", proc.SaRestart, true, Blocked},
		{"asking", 0, false, Blocked},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			p := b.Process()
			far := &elsewhere{t: p.Thread}
			b.K.Link = func(*proc.Thread) object.Link { return far }
			r := &object.Remote{Ask: func(*object.Remote, object.Events, bool) {}}
			p.Process().FDs.Set(fd, object.NewFile(r, object.ORdonly, "far"), false)
			answer := func(errno uint32, data string) {
				b.Tab.Answered(p.Process(), 1, &object.Answer{Header: std.Header{Extra: errno}, Data: []byte(data)})
				b.Run()
			}
			p.Handle(abi.SIGUSR1, test.flags, 0)
			p.Want(Blocked, abi.SysRead, fd, p.Alloc(8), 8)
			if test.empty {
				answer(abi.EAGAIN, "")
			}
			b.Send(p, abi.SIGUSR1)
			p.Expect(InHandler)
			if got := p.Return(); got != test.want {
				t.Fatalf("after the handler: %v, want %v", got, test.want)
			}
			if test.want == Blocked {
				answer(0, "news")
				p.Expect(4)
			}
			p.Close(fd)
		})
	}
}

// relatives notes what is told to processes on other nodes.
type relatives struct{ told []int32 }

func (r *relatives) ChildChanged(parent int32, _ proc.Child) { r.told = append(r.told, parent) }
func (r *relatives) Orphaned(child, _ int32)                 { r.told = append(r.told, child) }
func (r *relatives) WatchEnd(int32)                          {}
func (r *relatives) Signal(pid, _ int32, _ proc.Info)        { r.told = append(r.told, pid) }

// An orphan that has come from another node is nobody's child here either.
func TestRemote_OrphanOfAnotherNode(t *testing.T) {
	b := New(t)
	far := new(relatives)
	b.Tab.Remote = far
	p := b.Process()
	p.Process().Parent = 2*proc.PIDsPerNode + 1 // init of node 2
	if !b.Tab.OrphanedGroup(p.Process()) {
		t.Error("its group is not orphaned")
	}
	p.Exit(0)
	if len(far.told) != 0 {
		t.Errorf("%v are told of its end", far.told)
	}
}

// A call may name an object elsewhere twice, as a shell's that looks at its terminal
// as descriptors 0 and 1. It asks the object once, then waits to be told; and the
// next call asks again.
func TestRemote_PolledTwiceInOneCall(t *testing.T) {
	b := New(t)
	p := b.Process()
	asked, waits := 0, 0
	r := &object.Remote{Ask: func(_ *object.Remote, _ object.Events, wait bool) {
		if wait {
			waits++
		} else {
			asked++
		}
	}}
	f := object.NewFile(r, object.ORdonly, "far")
	p.Process().FDs.Set(5, f, false)
	f.Retain()
	p.Process().FDs.Set(6, f, false)
	fds := p.Alloc(16)
	for i, fd := range []uint32{5, 6} {
		p.Put(fds+8*uint64(i), []byte{byte(fd), 0, 0, 0, 1, 0, 0, 0})
	}
	p.Want(Blocked, abi.SysPoll, fds, 2, -1)
	r.Told(0, false, false)
	b.Run()
	if asked != 1 || waits != 1 {
		t.Fatalf("asked %d times, and %d times to be told; want 1 and 1", asked, waits)
	}
	r.Told(object.In, true, false)
	b.Run()
	p.Expect(2)
	r.Told(0, false, false) // a read found nothing more
	p.Want(0, abi.SysPoll, fds, 2, 0)
	if asked != 1 {
		t.Errorf("asked %d times while the answer was fresh", asked)
	}
	p.Want(Blocked, abi.SysPoll, fds, 2, 0)
	if asked != 2 {
		t.Errorf("asked %d times; the next call must ask again", asked)
	}
}

// The object's home may be this node: then the answer is there before Ask returns, and
// nobody is woken by it who has not begun to wait. That it takes what is written does not
// answer whether there is something to read.
func TestRemote_PolledAtHome(t *testing.T) {
	b := New(t)
	p := b.Process()
	now := object.Out | object.WrNorm
	r := &object.Remote{}
	r.Ask = func(r *object.Remote, events object.Events, wait bool) {
		if got := now & events; got != 0 || !wait {
			r.Told(got, wait, false)
		}
	}
	p.Process().FDs.Set(5, object.NewFile(r, object.ORdwr, "near"), false)
	fds := p.Alloc(8)
	poll := func(events object.Events, want Result) {
		t.Helper()
		p.Put(fds, []byte{5, 0, 0, 0, byte(events), byte(events >> 8), 0, 0})
		p.Want(want, abi.SysPoll, fds, 1, 0)
	}
	poll(object.In, 0)
	poll(object.Out, 1)
	now |= object.In | object.RdNorm
	poll(object.In, 1)
	poll(object.RdNorm, 1)
}

// The offset of a file elsewhere is there: lseek asks, and pread says where.
func TestRemote_Seek(t *testing.T) {
	const fd = 5
	b := New(t)
	p := b.Process()
	far := &elsewhere{t: p.Thread}
	b.K.Link = func(*proc.Thread) object.Link { return far }
	r := &object.Remote{Seekable: true, Ask: func(*object.Remote, object.Events, bool) {}}
	p.Process().FDs.Set(fd, object.NewFile(r, object.ORdonly, "far"), false)
	answer := func(h std.Header) {
		b.Tab.Answered(p.Process(), 1, &object.Answer{Header: h})
		b.Run()
	}
	const set = 0
	p.Want(Blocked, abi.SysLseek, fd, 100, set)
	answer(std.Header{Offset: 100})
	p.Expect(100)
	p.Want(Blocked, abi.SysLseek, fd, ^uint64(0), set)
	answer(std.Header{Extra: abi.EINVAL})
	p.Expect(-abi.EINVAL)
	p.Want(Blocked, abi.SysPread64, fd, p.Alloc(8), 8, 40)
	answer(std.Header{})
	p.Expect(0)
	if far.asked != 3 {
		t.Errorf("asked %d times", far.asked)
	}
	r.Seekable = false
	p.Want(-abi.ESPIPE, abi.SysLseek, fd, 0, set)
}
