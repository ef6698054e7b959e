package linux_test

import (
	"testing"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/hw"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

// When the kernel's heap is nearly used up, what would take more of it fails, and
// what is there goes on.
func TestPressure_Pipe(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	_, w2 := p.Pipe()
	p.Write(w, "some")
	tight := true
	b.K.Pressure = func() bool { return tight }
	buf := p.Alloc(8192)
	p.Want(-abi.ENOMEM, abi.SysWrite, w2, buf, 4096) // nobody will ever make room
	p.Want(508, abi.SysWrite, w, buf, 508)           // what is there suffices
	p.Want(4+508, abi.SysRead, r, buf, 8192)
	p.Want(-abi.ENFILE, abi.SysPipe, buf)
	p.Want(-abi.ENFILE, abi.SysEventfd2, 0, 0)
	tight = false
	p.Want(8192, abi.SysWrite, w, buf, 8192)
}

func TestPressure_PipeWaitsForReader(t *testing.T) {
	b := New(t)
	p := b.Process()
	r, w := p.Pipe()
	q := p.Fork()
	p.Write(w, "some")
	b.K.Pressure = func() bool { return true }
	buf, to := p.Alloc(4096), q.Alloc(4096)
	p.Want(Blocked, abi.SysWrite, w, buf, 4096)
	b.K.Pressure = nil
	q.Want(4, abi.SysRead, r, to, 4096)
	p.Expect(4096)
}

func TestPressure_Files(t *testing.T) {
	b := New(t)
	p := b.Process()
	b.K.FS.Full = func() bool { return true }
	for _, c := range []struct {
		nr   int
		args []any
	}{
		{abi.SysMkdir, []any{p.Text("/dir"), 0o700}},
		{abi.SysSymlink, []any{p.Text("to"), p.Text("/link")}},
		{abi.SysOpen, []any{p.Text("/file"), object.OCreat | object.OWronly, 0o600}},
	} {
		p.Want(-abi.ENOSPC, c.nr, c.args...)
	}
}

// Sizes that no Store can have, and far ends of those that one can.
func TestFile_FarEnds(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd := p.Must(abi.SysOpen, p.Text("/sparse"), object.OCreat|object.ORdwr, 0o600)
	buf := p.Alloc(16)
	p.Want(1, abi.SysPwrite64, fd, buf, 1, 1<<40-1)
	p.Want(-abi.EFBIG, abi.SysPwrite64, fd, buf, 1, 1<<40)
	p.Want(-abi.EFBIG, abi.SysPwrite64, fd, buf, 1, 1<<63-1)
	p.Want(-abi.EFBIG, abi.SysFtruncate, fd, 1<<40+1)
	p.Want(1, abi.SysPread64, fd, buf, 1, 1<<39)
	p.Want(0, abi.SysFtruncate, fd, 0)
}

// The CPU touched a page in the kernel's name, which SMAP forbids: that the page is
// there for the user does not help, and must not be taken for an answer.
func TestFault_WithTheKernelsRights(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Mmap(4096, 3, 0x22)
	if r := p.Fault(at, WriteFault); r != 0 {
		t.Fatal(r)
	}
	const present = 1
	if r := p.Fault(at, present); r != Dead {
		t.Errorf("%v, want its end", r)
	}
}

// What a file is called does not grow with every step to it.
func TestOpenat_StepByStep(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd := p.Must(abi.SysOpen, p.Text("/"), 0)
	for range 2000 {
		next := p.Must(abi.SysOpenat, fd, p.Text("./././"), 0)
		p.Close(fd)
		fd = next
	}
	if got := b.K.Tab.Processes()[0].FDs.Get(int32(fd)).Path; len(got) > 4096 {
		t.Errorf("a path of %d bytes", len(got))
	}
}

// A signal that finds no room is not said to have been sent.
func TestSigqueue_Full(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Block(40)
	info := p.Bytes(make([]byte, 128))
	p.SetWord32(info+8, 0xffffffff) // SI_QUEUE
	pid := p.Must(abi.SysGetpid)
	for range 256 {
		p.Want(0, abi.SysRtSigqueueinfo, pid, 40, info)
	}
	p.Want(-abi.EAGAIN, abi.SysRtSigqueueinfo, pid, 40, info)
}

// What a program is given is kept as long as it runs.
func TestPressure_Arguments(t *testing.T) {
	b := New(t)
	p := b.Process()
	b.K.Pressure = func() bool { return true }
	p.Want(-abi.ENOMEM, abi.SysExecve, p.Text("/bin/prog"), 0, 0)
}

// Should the heap outgrow what was set aside for it all the same, the largest process
// gives it room, and no other.
func TestPressure_Relieve(t *testing.T) {
	b := New(t)
	small, large := b.Process(), b.Process()
	large.Alloc(64 << 12)
	large.Put(large.Alloc(64<<12), make([]byte, 64<<12))
	starving := false
	b.K.Starving = func() bool { return starving }
	b.K.Relieve()
	if large.State() == proc.Dead {
		t.Fatal("ended although there was memory")
	}
	starving = true
	b.K.Relieve()
	if large.State() != proc.Dead || small.State() == proc.Dead {
		t.Errorf("the large one ended: %v, the small one: %v", large.State() == proc.Dead, small.State() == proc.Dead)
	}
}

// What is written to an object elsewhere is in the kernel's heap until that has answered.
func TestPressure_WriteElsewhere(t *testing.T) {
	const fd = 5
	b := New(t)
	p := b.Process()
	far := &elsewhere{t: p.Thread}
	b.K.Link = func(*proc.Thread) object.Link { return far }
	p.Process().FDs.Set(fd, object.NewFile(&object.Remote{}, object.OWronly, "far"), false)
	b.K.Pressure = func() bool { return true }
	buf := p.Alloc(8192)
	p.Want(-abi.ENOMEM, abi.SysWrite, fd, buf, 4096)
	if far.asked != 0 {
		t.Error("it was asked")
	}
	took := func(n int) {
		b.Tab.Answered(p.Process(), 1, &object.Answer{Header: std.Header{Size: uint32(n)}})
		b.Run()
	}
	p.Want(Blocked, abi.SysWrite, fd, buf, 512) // what a shell says
	took(512)
	p.Expect(512)
	p.Want(Blocked, abi.SysWrite, fd, buf, 8192) // nobody expects that to go as a whole
	for range 8192 / 512 {
		took(512)
	}
	p.Expect(8192)
	b.K.Pressure = nil
	p.Want(Blocked, abi.SysWrite, fd, buf, 4096)
	took(4096)
	p.Expect(4096)
}

// The memory of one that has ended comes back little by little; nobody else ends because it has not
// all come yet.
func TestPressure_RelieveOnce(t *testing.T) {
	const pages = 600
	b := New(t)
	small, large := b.Process(), b.Process()
	small.Put(small.Alloc(pages/2<<12), make([]byte, pages/2<<12))
	large.Put(large.Alloc(pages<<12), make([]byte, pages<<12))
	enough := hw.Stats().Free + pages
	b.K.Starving = func() bool { return hw.Stats().Free < enough }
	for range 3 {
		b.K.Relieve()
	}
	if large.State() != proc.Dead || small.State() == proc.Dead {
		t.Errorf("the large one ended: %v, the small one: %v", large.State() == proc.Dead, small.State() == proc.Dead)
	}
}
