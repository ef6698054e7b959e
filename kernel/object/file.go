package object

import (
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/kernel/wait"
)

// Open flags (open(2), asm-generic/fcntl.h).
const (
	ORdonly    = 0
	OWronly    = 1
	ORdwr      = 2
	OAccMode   = 3
	OCreat     = 0x40
	OExcl      = 0x80
	ONoCTTY    = 0x100
	OTrunc     = 0x200
	OAppend    = 0x400
	ONonblock  = 0x800
	ODirectory = 0x10000
	ONofollow  = 0x20000
	OCloexec   = 0x80000
	OPath      = 0x200000

	// statusFlags are what fcntl(F_GETFL) shows of the rest and F_SETFL changes.
	OSettable = OAppend | ONonblock
)

// Events are poll(2)'s.
type Events uint32

const (
	In     Events = 0x1
	Pri    Events = 0x2
	Out    Events = 0x4
	Err    Events = 0x8
	Hup    Events = 0x10
	Nval   Events = 0x20
	RdNorm Events = 0x40
	WrNorm Events = 0x100
	RdHup  Events = 0x2000

	Always = Err | Hup // reported whether asked for or not

	// Joined is none of poll(2)'s: the other end of a FIFO has been opened since this
	// one was.
	Joined Events = 1 << 27
)

// Impl is what a File is open on. Methods are steps: they return EAGAIN instead
// of waiting. An int result named errno is 0 or a positive error number.
type Impl interface {
	// Read fills op.Buf. off is the file offset; streams ignore it.
	Read(op *Op, f *File, off int64) (errno int)
	// Write empties op.Buf.
	Write(op *Op, f *File, off int64) (errno int)
	// Ready reports which events hold now.
	Ready(f *File) Events
	// Queue is woken whenever Ready may have changed; nil if it never does.
	Queue() *wait.Queue
	// Stat describes the object.
	Stat() Stat
	// Close is called when the last descriptor of f has gone.
	Close(f *File)
}

// Op is the context of one operation.
type Op struct {
	Buf Buffer
	Now int64 // monotonic, ns
	Who Who
	// Late: a read has waited for as long as Patient says, and takes what there is.
	Late bool
	// Positioned: the offset is the caller's (pread), not the description's.
	Positioned bool
	// Pressure reports that the kernel's heap is nearly used up: what would take more
	// of it waits or fails. Nil: there is room.
	Pressure func() bool
	// Link reaches objects on other nodes; nil where there are none to reach.
	Link Link
	// Asked is where a step leaves what it will need when the answer has come. It moves
	// with the call.
	Asked *[4]uint64
}

// Link is how a step asks an object on another node: it begins a transaction and
// returns EBLOCKED. The call waits for the answer and repeats the step, which
// then finds it.
type Link interface {
	Ask(to flip.Address, h *std.Header, data []byte)
	// Answer takes the answer to what an earlier step of the same call has asked.
	Answer() (a Answer, ok bool)
}

// Answer is the outcome of a transaction.
type Answer struct {
	Status std.Status
	Header std.Header
	Data   []byte
	Size   uint32 // of data that is in the caller's memory already
	At     int64  // when it came to this node; 0: it has come to another one
}

// Distant is an Impl whose readiness must be asked for.
type Distant interface {
	// Probe reports whether Ready is up to date for the wanted events; if not, it has
	// asked, and the queue is woken when it is.
	Probe(want Events) bool
	// Spend is called when a call that has looked at Ready returns: what was known
	// is used once, unless the object has promised to tell.
	Spend()
	// Watch has the queue woken when one of the events holds.
	Watch(events Events)
}

// Who asks: terminals look at it for job control.
type Who struct {
	PID, PGID, SID int32
	NoTTOU         bool // blocks or ignores SIGTTOU: may write from the background
}

// Seekable is an Impl with an offset.
type Seekable interface {
	Size() int64
	Truncate(size int64) (errno int)
}

// Mappable is an Impl that can be mmapped.
type Mappable interface{ Store() *vm.Store }

// Controllable is an Impl with ioctls beyond those every file has.
type Controllable interface {
	Control(op *Op, f *File, c *Control) (errno int)
}

// Terminal is an Impl that may be the controlling terminal of a session. HangUp tells it
// that a session's leader has left it; f is the description that it had.
type Terminal interface{ HangUp(f *File, leader Who) }

// Patient is an Impl of which a read that has come for nothing waits for a time only, in
// ns; 0: without end. some: it has some of what is wanted, and the time counts from the
// last byte that came.
type Patient interface{ Patience() (ns int64, some bool) }

// Control is one ioctl(2). In is what the caller's memory at Arg has, Out what
// goes back there.
type Control struct {
	Request uint32
	Arg     uint64
	In, Out []byte
}

// File is an open file description (open(2)): what dup and fork share.
type File struct {
	Impl   Impl
	Flags  int // access mode and status flags
	Offset int64
	Path   string // as opened, for /proc and diagnostics

	next     int64       // where the last read of a server's file ended
	asked    int64       // how far Offset is ahead, for what is being asked of a server
	peer     int64       // of a FIFO that nobody had open at the other end: how often somebody had
	refs     int         // descriptors
	watchers []*Interest // epoll interests in this description
}

// NewFile returns a description with one reference.
func NewFile(impl Impl, flags int, path string) *File {
	return &File{Impl: impl, Flags: flags, Path: path, refs: 1}
}

// SetFlags changes those status flags that fcntl(2) lets change.
func (f *File) SetFlags(which, to int) {
	which &= OSettable
	f.Flags = f.Flags&^which | to&which
}

// Reached is how far operations that are over have come.
func (f *File) Reached() int64 { return max(f.Offset-f.asked, 0) }

// Retain adds a reference: dup, fork.
func (f *File) Retain() { f.refs++ }

// Release drops one; the last closes the file.
func (f *File) Release() {
	if f.refs--; f.refs > 0 {
		return
	}
	for len(f.watchers) > 0 {
		f.watchers[0].drop()
	}
	f.Impl.Close(f)
}

func (f *File) watched(in *Interest) { f.watchers = append(f.watchers, in) }

func (f *File) unwatched(in *Interest) {
	for i, x := range f.watchers {
		if x == in {
			f.watchers = append(f.watchers[:i], f.watchers[i+1:]...)
			return
		}
	}
}

// Watchers calls visit for each epoll set that watches f.
func (f *File) Watchers(visit func(*Epoll)) {
	for _, in := range f.watchers {
		visit(in.set)
	}
}

// Refs is the number of references.
func (f *File) Refs() int { return f.refs }

// Readable and Writable report what the access mode allows.
func (f *File) Readable() bool {
	return f.Flags&OAccMode != OWronly && f.Flags&OPath == 0
}

func (f *File) Writable() bool {
	return f.Flags&OAccMode != ORdonly && f.Flags&OPath == 0
}

// Stat is what stat(2) shows, before it is laid out.
type Stat struct {
	Ino   uint64
	Mode  uint32 // type and permissions
	Nlink uint64
	Rdev  uint64
	Size  int64
	Mtime int64 // ns since 1970
}

// File types in Stat.Mode.
const (
	ModeFIFO = 0o010000
	ModeChar = 0o020000
	ModeDir  = 0o040000
	ModeReg  = 0o100000
	ModeLink = 0o120000
	ModeType = 0o170000
)

// Device makes a device number.
func Device(major, minor uint64) uint64 {
	return major&0xfff<<8 | minor&0xff | minor&^0xff<<12 | major&^0xfff<<32
}

// stream has the answers most objects without an offset give.
type stream struct{}

func (stream) Stat() Stat { return Stat{Mode: ModeFIFO | 0o600, Nlink: 1} }

func (stream) Read(*Op, *File, int64) int  { return abi.EINVAL }
func (stream) Write(*Op, *File, int64) int { return abi.EINVAL }
