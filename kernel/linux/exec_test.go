package linux_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// start is what a program finds at its first stack pointer.
type start struct {
	args, env []string
	auxv      map[uint64]uint64
}

func stackOf(p *Thread) (s start) {
	sp := p.Frame.SP
	word := func() uint64 { sp += 8; return p.Word(sp - 8) }
	argc := word()
	for range argc {
		s.args = append(s.args, p.CString(word()))
	}
	if end := word(); end != 0 {
		panic(fmt.Sprintf("argv ends with %#x", end))
	}
	for at := word(); at != 0; at = word() {
		s.env = append(s.env, p.CString(at))
	}
	s.auxv = make(map[uint64]uint64)
	for key := word(); key != 0; key = word() {
		s.auxv[key] = word()
	}
	return s
}

func TestExec_Stack(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	p := b.Process()
	p.Must(abi.SysExecve, p.Text("/bin/prog"), p.Vector("prog", "-x", ""), p.Vector("HOME=/root", "A="))
	s := stackOf(p)
	if !slices.Equal(s.args, []string{"prog", "-x", ""}) || !slices.Equal(s.env, []string{"HOME=/root", "A="}) {
		t.Errorf("args %q, env %q", s.args, s.env)
	}
	const phdr, phent, phnum, pagesz, entry, hwcap, clktck, secure, random, platform, execfn = 3, 4, 5, 6, 9, 16, 17, 23, 25, 15, 31
	for key, want := range map[uint64]uint64{phent: 56, phnum: 2, pagesz: 4096, entry: ProgramEntry,
		hwcap: uint64(b.K.HWCap), clktck: 100, secure: 0} {
		if got, ok := s.auxv[key]; !ok || got != want {
			t.Errorf("auxv %d: %#x, want %#x", key, got, want)
		}
	}
	if got := p.CString(s.auxv[execfn]); got != "/bin/prog" {
		t.Errorf("AT_EXECFN %q", got)
	}
	if got := p.CString(s.auxv[platform]); got != "x86_64" {
		t.Errorf("AT_PLATFORM %q", got)
	}
	if p.Zeroed(s.auxv[random], 16) {
		t.Error("AT_RANDOM is zero")
	}
	_ = phdr // Program's headers are not mapped: see TestExec_ProgramHeaders
	// The System V ABI, 3.4.1: the stack pointer is a multiple of 16.
	f := p.Frame
	if f.SP%16 != 0 || f.IP != ProgramEntry {
		t.Errorf("sp %#x, ip %#x", f.SP, f.IP)
	}
	for name, v := range map[string]uint64{"ax": f.AX, "bx": f.BX, "cx": f.CX, "dx": f.DX, "di": f.DI, "si": f.SI, "bp": f.BP, "fs": f.FSBase} {
		if v != 0 {
			t.Errorf("%s is %#x at the start", name, v)
		}
	}
	if cw, mx := uint32(f.FX[0])|uint32(f.FX[1])<<8, f.FX[abi.FXMXCSR:][:2]; cw != abi.FCWDefault || mx[0] != 0x80 || mx[1] != 0x1f {
		t.Errorf("floating-point control %#x, mxcsr %x", cw, mx)
	}
}

func TestExec_Memory(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	p := b.Process()
	p.Must(abi.SysExecve, p.Text("/bin/prog"), 0, 0)
	if got := string(p.Get(ProgramText, 19)); got != "text of the program" {
		t.Errorf("text %q", got)
	}
	if got := string(p.Get(ProgramData+0x123, 6)); got != "data\x00\x00" {
		t.Errorf("data %q", got)
	}
	if !p.Zeroed(ProgramData+0x127, 3*4096-4) {
		t.Error("memory behind the data is not zero")
	}
	const end = ProgramData + 4*4096 // of the page that holds the last byte
	p.Want(end, abi.SysBrk, 0)
	p.Want(end+100, abi.SysBrk, end+100)
	if !p.Zeroed(end, 100) {
		t.Error("the heap is not zero")
	}
	if r := p.Fault(ProgramText, WriteFault); r != Dead {
		t.Errorf("writing text: %v", r)
	}
}

// The stack grows on demand, down to its limit, and not into what lies below.
func TestExec_StackGrows(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	p := b.Process()
	p.Must(abi.SysExecve, p.Text("/bin/prog"), 0, 0)
	top := p.Frame.SP
	for _, down := range []uint64{200 << 10, 4 << 20, 7 << 20} {
		if r := p.Fault(top-down, WriteFault); r != 0 {
			t.Fatalf("%d bytes down: %v", down, r)
		}
	}
	if r := p.Fault(top-9<<20, WriteFault); r != Dead {
		t.Errorf("beyond the limit: %v", r)
	}
}

func TestExec_WhatStays(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	p := b.Process()
	p.Must(abi.SysChdir, p.Text("/tmp"))
	keep := p.Open("/dev/null", 0)
	gone := p.Open("/dev/null", object.OCloexec)
	p.Handle(abi.SIGUSR1, 0, 0)
	p.Disposition(abi.SIGUSR2, proc.SigIgn)
	p.Block(abi.SIGHUP)
	b.Send(p, abi.SIGHUP)
	p.Must(abi.SysSigaltstack, p.Words(p.Alloc(8192), 0, 8192), 0)
	pid := p.Process().PID
	p.Must(abi.SysUmask, 0o77)
	p.Must(abi.SysExecve, p.Text("/bin/prog"), p.Vector("a"), 0)

	q := p.Process()
	if q.PID != pid || q.Cwd != "/tmp" || q.Umask != 0o77 || q.Comm != "prog" || q.Exe != "/bin/prog" {
		t.Errorf("pid %d, cwd %s, umask %o, comm %s, exe %s", q.PID, q.Cwd, q.Umask, q.Comm, q.Exe)
	}
	if a := q.Actions[abi.SIGUSR1]; a != (proc.Action{}) {
		t.Errorf("the handler is still %+v", a)
	}
	if q.Actions[abi.SIGUSR2].Handler != proc.SigIgn || p.Mask != Set(abi.SIGHUP) || q.Pending.Set != Set(abi.SIGHUP) {
		t.Errorf("ignored %v, mask %#x, pending %#x", q.Actions[abi.SIGUSR2], p.Mask, q.Pending.Set)
	}
	if p.AltStack != (abi.Stack{}) {
		t.Error("there is still an alternate stack")
	}
	p.Want(0, abi.SysFcntl, keep, 1)
	p.Want(-abi.EBADF, abi.SysFcntl, gone, 1)
}

func TestExec_OtherThreadsEnd(t *testing.T) {
	for _, test := range []struct {
		name   string
		leader bool
	}{{"by the first thread", true}, {"by another", false}} {
		t.Run(test.name, func(t *testing.T) {
			b := New(t)
			b.File("/bin/prog", 0o755, Program())
			p := b.Process()
			x, y := p.NewThread(), p.NewThread()
			y.Want(Blocked, abi.SysNanosleep, y.Timespec(1000*ms), 0)
			who, other := p, x
			if !test.leader {
				who, other = x, p
			}
			pid := p.Process().PID
			who.Must(abi.SysExecve, who.Text("/bin/prog"), 0, 0)
			other.Expect(Dead)
			y.Expect(Dead)
			who.Want(Result(pid), abi.SysGettid) // it is the process's thread now
			who.Want(Result(pid), abi.SysGetpid)
			if n := len(who.Process().Threads); n != 1 {
				t.Errorf("%d threads", n)
			}
		})
	}
}

// A call that fails has changed nothing.
func TestExec_Errors(t *testing.T) {
	b := New(t)
	big := ELF{Entry: 0x800000, Segments: []Segment{{Flags: 5, Addr: 0x800000, Data: []byte("x"), Memsz: 1 << 46}, {Flags: 5, Addr: 0x400000800000, Memsz: 1 << 46}}}
	for name, content := range map[string][]byte{
		"/bin/prog": Program(), "/bin/empty": {}, "/bin/text": []byte("hello\n"), "/bin/short": Program()[:100],
		"/bin/bang": []byte("#!"), "/bin/bang2": []byte("#!   \n"), "/bin/lost": []byte("#!/bin/none\n"),
		"/bin/loop": []byte("#!/bin/loop\n"), "/bin/endless": []byte("#!/bin/" + strings.Repeat("x", 300)),
		"/bin/huge": big.Bytes(),
	} {
		b.File(name, 0o755, content)
	}
	b.File("/bin/plain", 0o644, Program())
	p := b.Process()
	fd := p.Open("/dev/null", object.OCloexec)
	p.Handle(abi.SIGUSR1, 0, 0)
	long := p.Text(strings.Repeat("a", 130<<10))
	for _, test := range []struct {
		name       string
		path       string
		argv, envp uint64
		want       Result
	}{
		{"missing", "/bin/none", 0, 0, -abi.ENOENT},
		{"not executable", "/bin/plain", 0, 0, -abi.EACCES},
		{"directory", "/bin", 0, 0, -abi.EACCES},
		{"device", "/dev/null", 0, 0, -abi.EACCES},
		{"below a file", "/bin/prog/x", 0, 0, -abi.ENOTDIR},
		{"empty file", "/bin/empty", 0, 0, -abi.ENOEXEC},
		{"text", "/bin/text", 0, 0, -abi.ENOEXEC},
		{"cut off", "/bin/short", 0, 0, -abi.ENOEXEC},
		{"script without interpreter", "/bin/bang", 0, 0, -abi.ENOEXEC},
		{"script with a blank interpreter", "/bin/bang2", 0, 0, -abi.ENOEXEC},
		{"script, first line too long", "/bin/endless", 0, 0, -abi.ENOEXEC},
		{"script, interpreter missing", "/bin/lost", 0, 0, -abi.ENOENT},
		{"script that runs itself", "/bin/loop", 0, 0, -abi.ELOOP},
		{"arguments at a bad address", "/bin/prog", 0x1000, 0, -abi.EFAULT},
		{"a bad argument", "/bin/prog", p.Words(0x1000, 0), 0, -abi.EFAULT},
		{"environment at a bad address", "/bin/prog", 0, 0x1000, -abi.EFAULT},
		{"arguments too long", "/bin/prog", p.Words(long, 0), 0, -abi.E2BIG},
		{"together too long", "/bin/prog", p.Words(long+64<<10, 0), p.Words(long+64<<10, 0), -abi.E2BIG},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := p.Call(abi.SysExecve, p.Text(test.path), test.argv, test.envp); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
			p.Want(1, abi.SysFcntl, fd, 1)
			if p.Process().Actions[abi.SIGUSR1].Handler <= proc.SigIgn {
				t.Error("the handler is gone")
			}
		})
	}
	if r := p.Call(abi.SysExecve, p.Text("/bin/huge"), 0, 0); r != -abi.ENOMEM && r != -abi.ENOEXEC {
		t.Errorf("a program as large as memory can be: %v", r)
	}
}

func TestExec_Script(t *testing.T) {
	b := New(t)
	b.File("/bin/sh", 0o755, Program())
	b.File("/bin/script", 0o755, []byte("#! /bin/sh  -e x \nexit\n"))
	b.File("/bin/wrapped", 0o755, []byte("#!/bin/script\n"))
	for _, test := range []struct {
		path string
		want []string
	}{
		{"/bin/script", []string{"/bin/sh", "-e x", "/bin/script", "one", "two"}},
		{"/bin/wrapped", []string{"/bin/sh", "-e x", "/bin/script", "/bin/wrapped", "one", "two"}},
	} {
		p := b.Process()
		p.Must(abi.SysExecve, p.Text(test.path), p.Vector("argv0", "one", "two"), 0)
		if s := stackOf(p); !slices.Equal(s.args, test.want) {
			t.Errorf("%s: args %q, want %q", test.path, s.args, test.want)
		}
		p.Exit(0)
	}
}

func TestExec_RelativeAndAt(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	const emptyPath, fdcwd = 0x1000, -100
	p := b.Process()
	p.Must(abi.SysChdir, p.Text("/bin"))
	p.Must(abi.SysExecve, p.Text("prog"), 0, 0)
	if p.Process().Exe != "/bin/prog" {
		t.Errorf("exe %q", p.Process().Exe)
	}
	p = b.Process()
	p.Process().Exe = "/bin/prog"
	p.Must(abi.SysExecve, p.Text("/proc/self/exe"), 0, 0)
	if p.Process().Exe != "/bin/prog" {
		t.Errorf("exe %q of one that executes itself", p.Process().Exe)
	}
	p = b.Process()
	dir := p.Open("/bin", object.ODirectory)
	p.Must(abi.SysExecveat, dir, p.Text("prog"), 0, 0, 0)
	p = b.Process()
	fd := p.Open("/bin/prog", 0)
	p.Want(-abi.ENOENT, abi.SysExecveat, fd, p.Text(""), 0, 0, 0)
	p.Must(abi.SysExecveat, fd, p.Text(""), 0, 0, emptyPath)
	if p.Frame.IP != ProgramEntry {
		t.Errorf("ip %#x", p.Frame.IP)
	}
}

// A position-independent program is moved to its base, its headers are found.
func TestExec_ProgramHeaders(t *testing.T) {
	b := New(t)
	file := ELF{Type: 3, Entry: 0x1010, Segments: []Segment{
		{Flags: 4, Addr: 0, Off: 0, Filesz: 200, Memsz: 200},
		{Flags: 5, Addr: 0x1000, Data: []byte("pie")},
	}}.Bytes()
	b.File("/bin/pie", 0o755, file)
	p := b.Process()
	p.Must(abi.SysExecve, p.Text("/bin/pie"), 0, 0)
	s := stackOf(p)
	base := p.Frame.IP - 0x1010
	if base == 0 || base%4096 != 0 || s.auxv[9] != p.Frame.IP {
		t.Errorf("base %#x, entry %#x", base, s.auxv[9])
	}
	if got := string(p.Get(base+0x1000, 3)); got != "pie" {
		t.Errorf("text %q", got)
	}
	if s.auxv[3] != base+64 || p.Word32(s.auxv[3]) != 1 {
		t.Errorf("AT_PHDR %#x, base %#x", s.auxv[3], base)
	}
}

// What the kernel does not have it must refuse: a dynamic program needs a loader.
func TestExec_Dynamic(t *testing.T) {
	b := New(t)
	b.File("/bin/dynamic", 0o755, ELF{Entry: 0x800000, Segments: []Segment{
		{Flags: 5, Addr: 0x800000, Data: []byte("x")}, {Type: 3, Flags: 4, Addr: 0x900000, Data: []byte("/lib/ld.so\x00")}}}.Bytes())
	p := b.Process()
	p.Want(-abi.ENOEXEC, abi.SysExecve, p.Text("/bin/dynamic"), 0, 0)
}

// Two processes that run a program share its read-only pages.
func TestExec_TextIsShared(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	p, q := b.Process(), b.Process()
	for _, x := range []*Thread{p, q} {
		x.Must(abi.SysExecve, x.Text("/bin/prog"), 0, 0)
		x.Get(ProgramText, 1)
	}
	frame := func(x *Thread) any { return x.Process().Space.Frame(ProgramText) }
	if frame(p) != frame(q) {
		t.Error("each has its own copy of the text")
	}
}

func TestSpawn_Errors(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	b.File("/bin/text", 0o755, []byte("hello"))
	f := object.NewFile(object.Null{}, object.ORdwr, "/dev/null")
	for name, want := range map[string]int{"/bin/none": abi.ENOENT, "/bin/text": abi.ENOEXEC, "/bin": abi.EACCES} {
		if _, errno := b.K.Spawn(name, nil, nil, []*object.File{f}); errno != want {
			t.Errorf("%s: error %d, want %d", name, errno, want)
		}
	}
	p := b.Spawn("/bin/prog", []string{"a"}, []string{"E=1"}, f, nil, f)
	if s := stackOf(p); !slices.Equal(s.args, []string{"a"}) || !slices.Equal(s.env, []string{"E=1"}) {
		t.Errorf("%+v", s)
	}
	if f.Refs() != 2 || p.Process().FDs.Get(2) != f || p.Process().FDs.Get(1) != nil {
		t.Errorf("%d references", f.Refs())
	}
}

// Memory that runs out during an exec leaves the caller as it was.
func TestExec_OutOfMemory(t *testing.T) {
	b := New(t)
	b.File("/bin/prog", 0o755, Program())
	p := b.Process()
	path, args := p.Text("/bin/prog"), p.Vector("x")
	for free := uint64(0); ; free++ {
		restore := LeaveFrames(free)
		r := p.Call(abi.SysExecve, path, args, 0)
		restore()
		if r == 0 {
			if free < 5 {
				t.Errorf("it ran with %d frames", free)
			}
			break
		}
		if r != -abi.ENOMEM || free > 100 {
			t.Fatalf("with %d frames: %v", free, r)
		}
	}
	if _, f := p.Process().Space.Load32(ProgramText); f != vm.OK {
		t.Error("the program is not there")
	}
}
