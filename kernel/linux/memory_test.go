package linux_test

import (
	"testing"

	"motile/kernel/abi"
	"motile/kernel/hw"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

const (
	protNone, protRead, protWrite, protExec = 0, 1, 2, 4

	mapShared, mapPrivate, mapFixed, mapAnonymous, mapNoReplace = 1, 2, 0x10, 0x20, 0x100000
)

func TestMmap_Placement(t *testing.T) {
	b := New(t)
	p := b.Process()
	one := p.Mmap(8192, 3, mapPrivate)
	two := p.Mmap(4096, 3, mapPrivate)
	if two != one-4096 {
		t.Errorf("second mapping at %#x, want below %#x", two, one)
	}
	hint := uint64(0x40000000)
	if at := p.Must(abi.SysMmap, hint, 4096, 3, mapPrivate|mapAnonymous, -1, 0); at != hint {
		t.Errorf("hint %#x gave %#x", hint, at)
	}
	if at := p.Must(abi.SysMmap, hint, 4096, 3, mapPrivate|mapAnonymous, -1, 0); at == hint {
		t.Error("a hint replaced what was there")
	}
	if at := p.Must(abi.SysMmap, hint+0x2345, 4096, 3, mapPrivate|mapAnonymous, -1, 0); at != hint+0x2000 {
		t.Errorf("an unaligned hint gave %#x", at)
	}
	for _, wrong := range []uint64{0x1000, abi.UserTop - 4096, abi.UserTop, 1 << 63} {
		if at := p.Must(abi.SysMmap, wrong, 8192, 3, mapPrivate|mapAnonymous, -1, 0); at >= abi.UserTop-4096 || at < 0x10000 {
			t.Errorf("hint %#x gave %#x", wrong, at)
		}
	}
}

// The gap that munmap leaves is found again, if it is large enough.
func TestMmap_ReusesGaps(t *testing.T) {
	b := New(t)
	p := b.Process()
	a := p.Mmap(4096, 3, mapPrivate)
	gap := p.Mmap(4*4096, 3, mapPrivate)
	p.Mmap(4096, protRead, mapPrivate)
	p.Must(abi.SysMunmap, gap, 4*4096)
	if at := p.Mmap(4*4096, 3, mapPrivate); at != gap {
		t.Errorf("a mapping of the gap's size at %#x, gap at %#x", at, gap)
	}
	_ = a
}

func TestMmap_ZeroFilledAndFreed(t *testing.T) {
	b := New(t)
	p := b.Process()
	free := hw.Stats().Free
	at := p.Mmap(100*4096, 3, mapPrivate)
	for i := range uint64(100) {
		p.SetWord32(at+i*4096, 1)
	}
	p.Must(abi.SysMunmap, at, 100*4096)
	if lost := free - hw.Stats().Free; lost > 4 {
		t.Errorf("%d frames are not back", lost)
	}
	at = p.Mmap(100*4096, 3, mapPrivate)
	if !p.Zeroed(at, 100*4096) {
		t.Error("somebody's old memory")
	}
}

func TestMadvise_DontNeed(t *testing.T) {
	b := New(t)
	p := b.Process()
	private, shared := p.Mmap(8192, 3, mapPrivate), p.Mmap(8192, 3, mapShared)
	for _, at := range []uint64{private, shared} {
		p.SetWord32(at, 7)
		p.Must(abi.SysMadvise, at, 8192, 4)
	}
	if p.Word32(private) != 0 || p.Word32(shared) != 7 {
		t.Errorf("private %d, shared %d", p.Word32(private), p.Word32(shared))
	}
}

func TestMmap_FileAndWritesSeeEachOther(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Create("/tmp/f", "0123456789")
	fd := p.Open("/tmp/f", object.ORdwr)
	shared := p.Must(abi.SysMmap, 0, 4096, 3, mapShared, fd, 0)
	private := p.Must(abi.SysMmap, 0, 4096, 3, mapPrivate, fd, 0)
	p.Put(private, []byte("P"))
	p.Put(shared, []byte("S"))
	p.Must(abi.SysPwrite64, fd, p.Text("W"), 1, 1)
	if got := string(p.Get(shared, 3)); got != "SW2" {
		t.Errorf("shared mapping %q", got)
	}
	if got := string(p.Get(private, 3)); got != "P12" {
		t.Errorf("private mapping %q", got)
	}
	if got := b.Content("/tmp/f"); got != "SW23456789" {
		t.Errorf("file %q", got)
	}
	q := p.Fork()
	q.Put(shared+2, []byte("Q"))
	p.Close(fd) // the mapping stays
	if got := string(p.Get(shared, 3)); got != "SWQ" {
		t.Errorf("after the child's write: %q", got)
	}
	// What is written behind the end of the file is in memory only.
	p.Put(shared+20, []byte("x"))
	if got := b.Content("/tmp/f"); got != "SWQ3456789" {
		t.Errorf("file %q", got)
	}
}

func TestMmap_ImmutableFileIsNotChanged(t *testing.T) {
	b := New(t)
	b.File("/bin/data", 0o644, []byte("original"))
	p := b.Process()
	fd := p.Open("/bin/data", 0)
	private := p.Must(abi.SysMmap, 0, 4096, 3, mapPrivate, fd, 0)
	p.Put(private, []byte("CHANGED!"))
	p.Want(-abi.EACCES, abi.SysMmap, 0, 4096, 3, mapShared, fd, 0)
	if got := b.Content("/bin/data"); got != "original" {
		t.Errorf("file %q", got)
	}
	// Opened for writing, the tree has a copy of its own; the mapping keeps the old.
	old := p.Must(abi.SysMmap, 0, 4096, 1, mapPrivate, fd, 0)
	w := p.Open("/bin/data", object.ORdwr)
	p.Write(w, "modified")
	if got := b.Content("/bin/data"); got != "modified" {
		t.Errorf("file %q", got)
	}
	if got := string(p.Get(old, 8)); got != "original" {
		t.Errorf("old mapping %q", got)
	}
}

func TestMmap_ReadOnlyFileStaysReadOnly(t *testing.T) {
	t.Skip("mprotect makes a shared mapping of a file that was opened read-only writable, and the file with it")
	b := New(t)
	b.File("/bin/data", 0o644, []byte("original"))
	p := b.Process()
	at := p.Must(abi.SysMmap, 0, 4096, protRead, mapShared, p.Open("/bin/data", 0), 0)
	p.Want(-abi.EACCES, abi.SysMprotect, at, 4096, protRead|protWrite)
	if r := p.Fault(at, WriteFault); r != Dead {
		t.Errorf("writing: %v", r)
	}
	if got := b.Content("/bin/data"); got != "original" {
		t.Errorf("file %q", got)
	}
}

func TestMmap_BeyondTheEnd(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Create("/tmp/f", "x")
	fd := p.Open("/tmp/f", object.ORdwr)
	at := p.Must(abi.SysMmap, 0, 3*4096, 3, mapShared, fd, 0)
	if !p.Zeroed(at+1, 4095) {
		t.Error("the rest of the last page is not zero")
	}
	p.Want(-abi.EFAULT, abi.SysWrite, fd, at+4096, 1)
	p.Must(abi.SysFtruncate, fd, 2*4096)
	p.SetWord32(at+4096, 5) // the file has grown
	p.Want(-abi.EFAULT, abi.SysWrite, fd, at+2*4096, 1)
	p.Handle(abi.SIGBUS, 0, 0)
	if r := p.Fault(at+2*4096, ReadFault); r != InHandler {
		t.Errorf("touching it: %v", r)
	}
}

func TestMmap_TruncatedUnderneath(t *testing.T) {
	t.Skip("pages that are mapped stay when the file is cut off below them; Linux takes them away (SIGBUS)")
	b := New(t)
	p := b.Process()
	p.Create("/tmp/f", "x")
	fd := p.Open("/tmp/f", object.ORdwr)
	p.Must(abi.SysFtruncate, fd, 8192)
	at := p.Must(abi.SysMmap, 0, 8192, 3, mapShared, fd, 0)
	p.SetWord32(at+4096, 1)
	p.Must(abi.SysFtruncate, fd, 4096)
	p.Want(-abi.EFAULT, abi.SysWrite, fd, at+4096, 1)
}

// Offsets near the end of what an offset can be.
func TestMmap_HugeOffset(t *testing.T) {
	b := New(t)
	p := b.Process()
	fd := p.Open("/tmp/f", object.OCreat|object.ORdwr)
	if r := p.Call(abi.SysMmap, 0, 2*4096, 3, mapShared, fd, uint64(1<<63-4096)); r < 0 {
		if r != -abi.EOVERFLOW && r != -abi.EINVAL {
			t.Error(r)
		}
		return
	} else {
		p.Want(-abi.EFAULT, abi.SysWrite, fd, r, 1)
		p.Want(-abi.EFAULT, abi.SysWrite, fd, r+4096, 1)
	}
}

// A file or a shared mapping may be large where it is empty; the kernel's own
// memory must not follow.
func TestMmap_SparseIsCheap(t *testing.T) {
	t.Skip("a store's page list is as long as its highest page: one page at 1 TB costs 1 GB of kernel heap")
	b := New(t)
	p := b.Process()
	fd := p.Open("/tmp/f", object.OCreat|object.ORdwr)
	p.Must(abi.SysPwrite64, fd, p.Text("x"), 1, uint64(1)<<40-1)
	at := p.Mmap(1<<40, 3, mapShared)
	p.SetWord32(at+1<<40-4096, 1)
	p.Want(-abi.EFBIG, abi.SysPwrite64, fd, p.Text("x"), 1, uint64(1)<<62)
}

func TestMprotect_TakesAndGives(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Mmap(3*4096, 3, mapPrivate)
	p.SetWord32(at+4096, 9)
	before := len(p.Process().Space.Regions())
	p.Must(abi.SysMprotect, at+4096, 4096, protNone)
	null := p.Open("/dev/null", object.OWronly)
	p.Want(-abi.EFAULT, abi.SysPipe, at+4096)
	if n := len(p.Process().Space.Regions()); n != before+2 {
		t.Errorf("%d regions, want %d", n, before+2)
	}
	p.Must(abi.SysMprotect, at+4096, 4096, 3)
	if p.Word32(at+4096) != 9 {
		t.Error("the contents are gone")
	}
	if n := len(p.Process().Space.Regions()); n != before { // and they are one again
		t.Errorf("%d regions, want %d", n, before)
	}
	p.Must(abi.SysMprotect, at, 4096, protRead)
	p.Want(1, abi.SysWrite, null, at, 1)
	p.Want(-abi.EFAULT, abi.SysPipe, at)
	p.Handle(abi.SIGSEGV, 0, 0)
	if r := p.Fault(at, WriteFault); r != InHandler {
		t.Error(r)
	}
	p.Return()
	if r := p.Fault(at+4096, FetchFault); r != InHandler {
		t.Error(r)
	}
}

// A private page that fork shares does not become writable by mprotect alone.
func TestMprotect_AfterFork(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Mmap(4096, 3, mapPrivate)
	p.SetWord32(at, 1)
	q := p.Fork()
	p.Must(abi.SysMprotect, at, 4096, protRead)
	p.Must(abi.SysMprotect, at, 4096, 3)
	if r := p.Fault(at, WriteFault); r != 0 {
		t.Fatal(r)
	}
	p.SetWord32(at, 2)
	if q.Word32(at) != 1 {
		t.Error("the child sees the parent's write")
	}
}

func TestMremap_GrowMoveShrink(t *testing.T) {
	const mayMove, fixed = 1, 2
	b := New(t)
	p := b.Process()
	at := p.Must(abi.SysMmap, 0x40000000, 2*4096, 3, mapPrivate|mapAnonymous, -1, 0)
	p.SetWord32(at, 1)
	p.SetWord32(at+4096, 2)
	p.Want(Result(at), abi.SysMremap, at, 2*4096, 4*4096, 0) // there is room
	p.SetWord32(at+3*4096, 4)
	p.Must(abi.SysMmap, at+4*4096, 4096, protRead, mapPrivate|mapAnonymous|mapFixed, -1, 0)
	p.Want(-abi.ENOMEM, abi.SysMremap, at, 4*4096, 5*4096, 0)
	to := p.Must(abi.SysMremap, at, 4*4096, 5*4096, mayMove)
	if to == at || p.Word32(to) != 1 || p.Word32(to+4096) != 2 || p.Word32(to+3*4096) != 4 || !p.Zeroed(to+4*4096, 4096) {
		t.Errorf("moved to %#x", to)
	}
	p.Want(-abi.EFAULT, abi.SysPipe, at)
	p.Want(Result(to), abi.SysMremap, to, 5*4096, 4096, 0)
	p.Want(-abi.EFAULT, abi.SysPipe, to+4096)
	p.Want(0x41000000, abi.SysMremap, to, 4096, 4096, mayMove|fixed, 0x41000000)
	if p.Word32(0x41000000) != 1 {
		t.Error("contents lost")
	}
	p.Want(-abi.EINVAL, abi.SysMremap, 0x41000000, 8192, 8192, mayMove|fixed, 0x41001000) // overlap
	p.Want(-abi.EINVAL, abi.SysMremap, 0x41000000, 4096, 4096, fixed, 0x42000000)
}

func TestBrk(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Want(Heap, abi.SysBrk, 0)
	p.Want(Heap+5000, abi.SysBrk, Heap+5000)
	p.SetWord32(Heap+4996, 7)
	p.Want(Heap+100, abi.SysBrk, Heap+100) // gives back whole pages
	p.Want(Heap+5000, abi.SysBrk, Heap+5000)
	if p.Word32(Heap+4996) != 0 {
		t.Error("the heap came back with old contents")
	}
	p.Want(Heap+5000, abi.SysBrk, Heap-1)
	p.Want(Heap+5000, abi.SysBrk, uint64(1)<<63)
	// It does not grow over something else.
	p.Must(abi.SysMmap, Heap+0x10000, 4096, 3, mapPrivate|mapAnonymous|mapFixed, -1, 0)
	p.Want(Heap+5000, abi.SysBrk, Heap+0x20000)
	p.Want(Heap+0x10000, abi.SysBrk, Heap+0x10000)
	p.Must(abi.SysMunmap, Heap+0x10000, 4096)
	p.Want(Heap+0x10001, abi.SysBrk, Heap+0x10001)
}

func TestBrk_Fork(t *testing.T) {
	b := New(t)
	p := b.Process()
	p.Must(abi.SysBrk, Heap+8192)
	q := p.Fork()
	q.Want(Heap+8192, abi.SysBrk, 0)
	q.Want(Heap, abi.SysBrk, Heap)
	q.Want(-abi.EFAULT, abi.SysPipe, Heap)
	p.Want(Heap+8192, abi.SysBrk, 0)
	p.Want(0, abi.SysPipe, Heap)
}

func TestMincore(t *testing.T) {
	b := New(t)
	b.Stay()
	p := b.Process()
	at, vec := p.Mmap(3*4096, 3, mapPrivate), p.Alloc(3)
	p.SetWord32(at+4096, 1)
	p.Must(abi.SysMincore, at, 3*4096, vec)
	if got := p.Get(vec, 3); got[0] != 0 || got[1] != 1 || got[2] != 0 {
		t.Errorf("resident %v", got)
	}
}

func TestLimits_AddressSpace(t *testing.T) {
	b := New(t)
	p := b.Process()
	now := uint64(p.Process().Space.Virtual()) * 4096
	p.Must(abi.SysSetrlimit, proc.LimitAS, p.Words(now+8192, now+8192))
	p.Want(-abi.ENOMEM, abi.SysMmap, 0, 3*4096, 3, mapPrivate|mapAnonymous, -1, 0)
	p.Mmap(8192, 3, mapPrivate)
}

// Regions are kernel memory: there is an end to them, by whatever call.
func TestLimits_Regions(t *testing.T) {
	const most = 16384
	for _, test := range []struct {
		name string
		open string // why it is not tested
		more func(p *Thread, i uint64) Result
	}{
		{"mmap", "", func(p *Thread, i uint64) Result {
			return p.Call(abi.SysMmap, 0x100000000+i*8192, 4096, 3, mapPrivate|mapAnonymous|mapFixed, -1, 0)
		}},
		{"mprotect", "", func(p *Thread, i uint64) Result {
			return p.Call(abi.SysMprotect, 0x100000000+i*8192, 4096, protRead)
		}},
		{"munmap", "munmap does not look at the limit", func(p *Thread, i uint64) Result {
			return p.Call(abi.SysMunmap, 0x100000000+i*8192, 4096)
		}},
		{"mremap", "mremap does not look at the limit", func(p *Thread, i uint64) Result {
			return p.Call(abi.SysMremap, 0x100000000+i*8192, 4096, 4096, 3, 0x200000000+i*8192)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.open != "" {
				t.Skip(test.open)
			}
			b := New(t)
			b.Unchecked = true
			p := b.Process()
			if test.name != "mmap" {
				p.Must(abi.SysMmap, 0x100000000, uint64(most)*8192*2, 3, mapPrivate|mapAnonymous|mapFixed, -1, 0)
			}
			for i := uint64(0); ; i++ {
				if r := test.more(p, i); r == -abi.ENOMEM {
					break
				} else if r < 0 {
					t.Fatal(r)
				}
				if i > 2*most {
					t.Fatalf("%d regions", len(p.Process().Space.Regions()))
				}
			}
			b.Unchecked = false
		})
	}
}

// When memory is used up, the process that has most of it ends; the others do
// not notice.
func TestOutOfMemory_TheHogDies(t *testing.T) {
	b := New(t)
	b.Stay()
	small, hog := b.Process(), b.Process()
	at := hog.Mmap(1000*4096, 3, mapPrivate)
	defer LeaveFrames(300)()
	for i := uint64(0); hog.Result() != Dead; i++ {
		if i == 1000 {
			t.Fatal("there is no end to the memory")
		}
		hog.Fault(at+i*4096, WriteFault)
	}
	if b.K.OutOfMemory != 1 {
		t.Errorf("%d processes were ended", b.K.OutOfMemory)
	}
	if r := small.Fault(small.Mmap(4096, 3, mapPrivate), WriteFault); r != 0 {
		t.Errorf("the other: %v", r)
	}
}

// It is the hog that dies, also when another needs the page.
func TestOutOfMemory_NotTheOneWhoAsks(t *testing.T) {
	b := New(t)
	b.Stay()
	small, hog := b.Process(), b.Process()
	at := hog.Mmap(1000*4096, 3, mapPrivate)
	defer LeaveFrames(300)()
	for hw.UserFree() > 0 {
		hog.Fault(at, WriteFault)
		at += 4096
	}
	if r := small.Fault(small.Mmap(4096, 3, mapPrivate), WriteFault); r != 0 {
		t.Errorf("the small one: %v", r)
	}
	hog.Expect(Dead)
}

// A call that runs out of memory fails; nobody is killed for it.
func TestOutOfMemory_InACall(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Mmap(4096, 3, mapPrivate)
	restore := LeaveFrames(0)
	p.Want(-abi.ENOMEM, abi.SysPipe, at)
	p.Want(-abi.ENOMEM, abi.SysFork)
	restore()
	p.Want(0, abi.SysPipe, at)
	p.Fork()
}

// Every step of a fork may be the one that fails; nothing is left of it.
func TestOutOfMemory_Fork(t *testing.T) {
	b := New(t)
	p := b.Process()
	at := p.Mmap(20*4096, 3, mapPrivate)
	for i := range uint64(20) {
		p.SetWord32(at+i*4096, uint32(i))
	}
	for free := uint64(0); ; free++ {
		restore := LeaveFrames(free)
		r := p.Call(abi.SysFork)
		restore()
		if r > 0 {
			break
		}
		if r != -abi.ENOMEM || free > 50 {
			t.Fatalf("with %d frames: %v", free, r)
		}
	}
	p.SetWord32(at, 99)
	if p.Word32(at+19*4096) != 19 {
		t.Error("memory was damaged")
	}
}
