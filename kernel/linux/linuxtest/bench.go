package linuxtest

import (
	"slices"
	"sync"
	"time"

	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/hw"
	"motile/kernel/linux"
	"motile/kernel/object"
	"motile/kernel/tty"
	"motile/kernel/vm"
	"motile/proc"
)

// Where a bench process finds its memory.
const (
	Text     = 0x400000   // its calls are made from here; nothing is mapped
	Handlers = 0x500000   // signal handlers: one page apart, by signal number
	Restorer = 0x600000   // where handlers return to
	Arena    = 0x10000000 // readable and writable memory, handed out by Alloc
	ArenaEnd = 0x14000000 // and the initial stack pointer
	Heap     = 0x20000000 // brk(2) starts here
)

// Clock values at the start.
const (
	StartMono = int64(time.Second)
	StartWall = int64(1_700_000_000 * time.Second)
)

// TB is what the bench needs of a test: testing's or rapid's.
type TB interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Failed() bool
	Cleanup(f func())
}

// Bench is one node.
type Bench struct {
	TB
	K       *linux.Kernel
	Tab     *proc.Table
	Console *object.TTY

	// Paused keeps calls from running the other threads: the test does it, with
	// Run.
	Paused bool
	// Unchecked leaves out the comparison after every step, for benchmarks.
	Unchecked bool

	threads map[*proc.Thread]*Thread
	order   []*Thread // as they were first seen
	next    uint64    // next free byte of every arena
	frames  uint64    // free page frames before the first process
	Output  []byte    // what the console has shown

	programs map[uint64]func(*Thread) // scripts of signal handlers, by address
	closed   bool
	memory   Absence
	away     elsewhere
}

var initMemory = sync.OnceFunc(vm.Init)

// New makes a bench that is checked for leaks when the test ends.
func New(t TB) *Bench {
	initMemory()
	tab := proc.NewTable(1, 100)
	tab.Now, tab.WallBase = StartMono, StartWall-StartMono
	b := &Bench{TB: t, Tab: tab, threads: make(map[*proc.Thread]*Thread),
		programs: make(map[uint64]func(*Thread)), next: Arena + 16, frames: hw.Stats().Free}
	seed := byte(0)
	b.K = &linux.Kernel{
		Tab: tab, FS: fs.New(), Name: "node1",
		Random: func(p []byte) {
			for i := range p {
				seed = seed*5 + 17
				p[i] = seed
			}
		},
		TotalPages: func() uint64 { return hw.Stats().Total },
		FreePages:  hw.UserFree,
		HWCap:      0x078bfbff,
	}
	b.memory = Memory
	b.away = elsewhere{pages: make(map[uint64]*[vm.PageBytes]byte), last: Text, midway: make(map[*proc.Thread]bool)}
	b.K.Fetch = b.fetch
	tab.Forget = b.forget
	b.console()
	b.files()
	t.Cleanup(b.Close)
	return b
}

func (b *Bench) console() {
	b.Console = &object.TTY{
		Line: tty.New(), Rdev: object.Device(5, 1),
		Signal: func(pgrp int32, sig int) {
			b.Tab.SignalGroup(pgrp, proc.Info{Signo: int32(sig), Code: proc.SiKernel})
		},
	}
	b.Console.Kick = func() {
		p := b.Console.Pending()
		b.Output = append(b.Output, p...)
		b.Console.Sent(len(p))
	}
}

func (b *Bench) files() {
	b.K.FS.Wall = StartWall
	for _, dir := range []string{"/dev", "/tmp", "/bin"} {
		b.K.FS.Mkdir(b.place(dir), 0o755)
	}
	device := func(name string, impl object.Impl) {
		b.K.FS.Device(b.place(name), 0o666, impl.Stat().Rdev, func() (object.Impl, int) { return impl, 0 })
	}
	device("/dev/null", object.Null{})
	device("/dev/zero", object.Zero{})
	device("/dev/full", object.Full{})
	device("/dev/urandom", object.Random{Fill: b.K.Random})
	device("/dev/console", b.Console)
	b.K.FS.Device(b.place("/dev/tty"), 0o666, object.Device(5, 0), b.K.OpenTTY)
	b.K.MountProc()
}

func (b *Bench) place(name string) fs.Place {
	b.Helper()
	pl, errno := b.K.FS.Lookup(b.K.FS.Root, name, true)
	if errno != 0 {
		b.Fatalf("%s: error %d", name, errno)
	}
	return pl
}

// File puts a file into the tree, as the boot archive does: it cannot change.
func (b *Bench) File(name string, mode uint32, content []byte) {
	b.Helper()
	if errno := b.K.FS.File(b.place(name), mode, vm.NewFile(content, 0, vm.Digest{}), name[1:]); errno != 0 {
		b.Fatalf("%s: error %d", name, errno)
	}
}

// Content is what a regular file of the tree holds.
func (b *Bench) Content(name string) string {
	b.Helper()
	n := b.place(name).Node
	if n == nil || n.Store() == nil {
		b.Fatalf("%s is no regular file", name)
	}
	out := make([]byte, n.Store().Size())
	n.Store().ReadAt(out, 0)
	return string(out)
}

// Process makes a process, a child of init, that leads a session and group of its own.
func (b *Bench) Process() *Thread {
	b.Helper()
	s := vm.New()
	if s == nil {
		b.Fatal("no memory for a process")
	}
	MapArena(s)
	p := b.Tab.New(s)
	if p == nil {
		b.Fatal("the process table is full")
	}
	t := p.Leader()
	t.Frame.IP, t.Frame.SP = Text+2, ArenaEnd-8
	proc.ResetFPU(t.Frame)
	proc.Sanitize(t.Frame)
	b.Tab.Start(t)
	b.settle()
	return b.thread(t)
}

// MapArena gives a space the memory that Alloc hands out.
func MapArena(s *vm.Space) {
	s.Map(Arena, ArenaEnd-Arena, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true)
	s.BrkStart, s.Brk = Heap, Heap
}

// Spawn starts a program from the file tree; it stands at its first instruction.
// The caller's reference to each of the files is taken over.
func (b *Bench) Spawn(name string, args, env []string, files ...*object.File) *Thread {
	b.Helper()
	p, errno := b.K.Spawn(name, args, env, files)
	if errno != 0 {
		b.Fatalf("spawn %s: error %d", name, errno)
	}
	for i, f := range files {
		if f != nil && !slices.Contains(files[:i], f) {
			f.Release()
		}
	}
	b.settle()
	return b.thread(p.Leader())
}

// Shell makes a process that leads a session on the console, which is open as
// its descriptors 0, 1 and 2.
func (b *Bench) Shell() *Thread {
	b.Helper()
	p := b.Process()
	f := object.NewFile(b.Console, object.ORdwr, "/dev/console")
	for fd := range int32(3) {
		f.Retain()
		p.Process().FDs.Set(fd, f, false)
	}
	b.K.AdoptTerminal(p.Process(), f)
	f.Release()
	return p
}

// Type sends keys to the console.
func (b *Bench) Type(keys string) {
	b.Helper()
	b.Console.Receive([]byte(keys))
	b.settle()
}

// Advance lets time pass, timer by timer.
func (b *Bench) Advance(d time.Duration) {
	b.Helper()
	end := b.Tab.Now + int64(d)
	for at := b.Tab.Deadline(); at != 0 && at <= end; at = b.Tab.Deadline() {
		b.Tab.Now = max(b.Tab.Now, at)
		b.Tab.Tick()
		b.Run()
	}
	b.Tab.Now = end
	b.Run()
}

// Send sends a signal to a process from outside, as the kernel does.
func (b *Bench) Send(p *Thread, sig int32) {
	b.Helper()
	b.Tab.Signal(p.Process(), proc.Info{Signo: sig, Code: proc.SiKernel})
	b.settle()
}

// ThreadOf returns the bench's side of a thread id, nil if there is no such thread.
func (b *Bench) ThreadOf(tid int32) *Thread {
	if t := b.Tab.Thread(tid); t != nil {
		return b.thread(t)
	}
	return nil
}

// Close ends every process and looks for what is left over. It is called when
// the test ends, if the test has not done so before.
func (b *Bench) Close() {
	b.Helper()
	if b.closed {
		return
	}
	b.closed = true
	for len(b.Tab.Processes()) > 0 {
		b.Tab.Exit(b.Tab.Processes()[0], abi.SIGKILL)
	}
	for _, th := range b.order {
		th.abandon()
	}
	b.clearFiles()
	if b.Failed() {
		return
	}
	b.checkEmpty()
}
