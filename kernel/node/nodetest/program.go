package nodetest

import (
	"encoding/binary"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// Program is user code: it is called with the result of its last system call and
// says which one comes next. What it remembers is in Vars and in memory.
type Program func(u *User)

// User is a thread in user mode.
type User struct {
	t   *proc.Thread
	Ret int64 // of the last call; 0 at first
	// Signal is not 0 in a handler, which says so with Return when it is done.
	Signal int
}

// Registers that programs are made of: which program, and where in it.
const (
	DataBase = 0x200000 // a megabyte of memory of every process
	DataSize = 1 << 20

	burdenBase = 0x30000000
)

var programs []Program

// Register makes a program known; call it from a package-level variable.
func Register(p Program) int {
	programs = append(programs, p)
	return len(programs) - 1
}

// The one instruction of every program is at codeBase: a SYSCALL, two bytes long.
const codeBase = 0x1000

// handlerAt is where signal handlers are: the program itself is called, with Signal.
const handlerAt = codeBase + 0x40

// run continues a thread's program until it makes a system call. A call that the
// kernel restarts, it makes again without being asked.
func run(t *proc.Thread) {
	f := t.Frame
	if f.IP == codeBase && f.Vector == abi.VecSyscall {
		f.IP += 2
		return
	}
	f.Vector = abi.VecNone
	if f.R15 >= uint64(len(programs)) { // registers that somebody made up
		f.AX, f.IP, f.Vector = abi.SysPause, codeBase+2, abi.VecSyscall
		return
	}
	for f.Vector == abi.VecNone {
		u := &User{t: t, Ret: int64(f.AX)}
		if f.IP == handlerAt {
			u.Signal = int(f.DI)
		}
		u.turn()
	}
}

// pageFault is what a program meets that touches memory which is away. It is made to take the
// same turn again.
type pageFault struct{ addr uint64 }

// turn has the program go on, up to its next call or page fault.
func (u *User) turn() {
	f := u.t.Frame
	before := *f
	defer func() {
		switch e := recover().(type) {
		case nil:
		case pageFault:
			const user = 4
			*f = before
			f.Vector, f.CR2, f.Err = abi.VecPage, e.addr, user
		default:
			panic(e)
		}
	}()
	f.IP = codeBase
	programs[f.R15](u)
}

// touch faults if a page of [addr, addr+n) is away.
func (u *User) touch(addr, n uint64) *vm.Space {
	s := u.t.Process().Space
	if s.Missing(addr, n) {
		at, _ := s.Wanted()
		panic(pageFault{at})
	}
	return s
}

// PC is where the program is; it is its own to set.
func (u *User) PC() uint64     { return u.t.Frame.R14 }
func (u *User) Goto(pc uint64) { u.t.Frame.R14 = pc }

// A and B are two variables.
func (u *User) A() uint64     { return u.t.Frame.R13 }
func (u *User) SetA(v uint64) { u.t.Frame.R13 = v }
func (u *User) B() uint64     { return u.t.Frame.R12 }
func (u *User) SetB(v uint64) { u.t.Frame.R12 = v }

// TID says which thread this is.
func (u *User) TID() int32 { return u.t.TID }

// Mono is the process's monotonic clock, without a system call.
func (u *User) Mono() int64 { return u.t.Process().Now() }

// Wall is its wall clock.
func (u *User) Wall() int64 { return u.t.Process().Wall() }

// Call makes a system call; the program goes on at pc with its result.
func (u *User) Call(pc uint64, nr uint64, args ...uint64) {
	f := u.t.Frame
	u.Goto(pc)
	f.AX, f.Vector = nr, abi.VecSyscall
	f.IP = codeBase + 2
	for i, r := range []*uint64{&f.DI, &f.SI, &f.DX, &f.R10, &f.R8, &f.R9} {
		*r = 0
		if i < len(args) {
			*r = args[i]
		}
	}
}

// Where Print puts its text, and where pipe2 puts descriptors for FD.
const (
	fdsAt  = 0
	lineAt = 2048
)

// Print writes a text to a descriptor; the program goes on at pc.
func (u *User) Print(pc, fd uint64, text string) {
	u.Call(pc, abi.SysWrite, fd, u.Put(lineAt, []byte(text)), uint64(len(text)))
}

// FD is the i-th of the descriptors at fdsAt.
func (u *User) FD(i int) uint64 {
	return uint64(binary.LittleEndian.Uint32(u.Get(fdsAt+4*i, 4)))
}

// Handle is rt_sigaction: from now on the signal is the program's. Its frames go to the
// end of the data area.
func (u *User) Handle(pc uint64, signo int, flags uint64) {
	u.t.Frame.SP = DataBase + DataSize - 256
	var act [32]byte
	binary.LittleEndian.PutUint64(act[0:], handlerAt)
	binary.LittleEndian.PutUint64(act[8:], flags|proc.SaRestorer)
	u.Call(pc, abi.SysRtSigaction, uint64(signo), u.Put(DataSize-64, act[:]), 0, 8)
}

// Return ends a signal handler.
func (u *User) Return() {
	u.t.Frame.SP += 8 // what its RET would have taken
	u.Call(u.PC(), abi.SysRtSigreturn)
}

// Put writes bytes at an offset of the data area and returns their address.
func (u *User) Put(off int, b []byte) uint64 {
	u.touch(DataBase+uint64(off), uint64(len(b))).CopyOut(DataBase+uint64(off), b)
	return DataBase + uint64(off)
}

// Get reads bytes of the data area.
func (u *User) Get(off, n int) []byte {
	b := make([]byte, n)
	u.touch(DataBase+uint64(off), uint64(n)).CopyIn(b, DataBase+uint64(off))
	return b
}

// Load and Store reach memory anywhere, word by word.
func (u *User) Load(addr uint64) uint64 {
	b := make([]byte, 8)
	u.touch(addr, 8).CopyIn(b, addr)
	return binary.LittleEndian.Uint64(b)
}

func (u *User) Store(addr, v uint64) {
	u.touch(addr, 8).CopyOut(addr, binary.LittleEndian.AppendUint64(nil, v))
}

// Start makes a process on a node that runs a program, with descriptors.
func (nd *Node) Start(program int, files ...*object.File) *proc.Process {
	p := nd.Tab.New(vm.New())
	if p == nil {
		nd.w.T.Fatal("no room for a process")
	}
	p.Space.Map(DataBase, DataSize, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true)
	p.Comm = "test"
	for i, f := range files {
		if f != nil {
			p.FDs.Set(int32(i), f, false)
		}
	}
	t := p.Leader()
	t.Frame.R15 = uint64(program)
	proc.ResetFPU(t.Frame)
	proc.Sanitize(t.Frame)
	t.Frame.IP, t.Frame.Vector = codeBase, abi.VecNone
	nd.Tab.Start(t)
	return p
}

// Burden gives a process memory that it does not use: pages that are sent whole, more than one
// message of them.
func Burden(p *proc.Process) *proc.Process {
	const pages = 20
	p.Space.Map(burdenBase, pages*vm.PageBytes, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true)
	for i := range uint64(pages) {
		page := p.Space.Install(burdenBase + i*vm.PageBytes)
		for at := range page {
			page[at] = byte(at) | 1
		}
	}
	return p
}

// Remote is a descriptor for an object of the host.
func (nd *Node) Remote(o *Object) *object.File {
	r := nd.OpenRemote(fileRef(o))
	return object.NewFile(r, object.ORdwr, "host:")
}
