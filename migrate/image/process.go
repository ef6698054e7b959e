package image

// Process is everything the kernel keeps for a process, except the contents of
// its pages and the state of its RPC endpoints, which have records of their own.
// Field numbers are part of the format: they are never reused.
type Process struct {
	PID    int32 `cbor:"1,keyasint"`
	Parent int32 `cbor:"2,keyasint"`
	PGID   int32 `cbor:"3,keyasint"`
	SID    int32 `cbor:"4,keyasint"`

	Threads Threads  `cbor:"5,keyasint"`
	Regions []Region `cbor:"6,keyasint"`
	Stores  []Store  `cbor:"7,keyasint"` // what regions refer to
	Files   []File   `cbor:"8,keyasint"` // open file descriptions
	FDs     []FD     `cbor:"9,keyasint"`

	Actions  []Action  `cbor:"10,keyasint"` // signals with a disposition other than default
	Pending  []Signal  `cbor:"11,keyasint"`
	Children []Child   `cbor:"12,keyasint"`
	Limits   []Limit   `cbor:"13,keyasint"`
	Timers   [3]ITimer `cbor:"14,keyasint"`

	Umask   uint32   `cbor:"15,keyasint"`
	Cwd     string   `cbor:"16,keyasint"`
	TTY     int32    `cbor:"17,keyasint"` // index into Files of the controlling terminal, -1: none
	Comm    string   `cbor:"18,keyasint"`
	Args    []string `cbor:"19,keyasint"`
	Exe     string   `cbor:"20,keyasint"`
	Comment string   `cbor:"21,keyasint"`

	Brk      uint64 `cbor:"22,keyasint"`
	BrkStart uint64 `cbor:"23,keyasint"`

	Now       int64 `cbor:"24,keyasint"` // the process's monotonic clock when it was frozen, ns
	Wall      int64 `cbor:"25,keyasint"` // its wall clock then, ns since 1970
	Started   int64 `cbor:"26,keyasint"` // of its own monotonic clock
	UserNs    int64 `cbor:"27,keyasint"`
	SystemNs  int64 `cbor:"28,keyasint"`
	ChildUser int64 `cbor:"29,keyasint"`
	ChildSys  int64 `cbor:"30,keyasint"`

	DeathSig  int            `cbor:"31,keyasint"`
	ExitSig   int            `cbor:"32,keyasint"`
	Stopped   bool           `cbor:"33,keyasint"`
	Execed    bool           `cbor:"34,keyasint"`
	NextIndex uint32         `cbor:"35,keyasint"` // of the next thread
	Missing   map[uint32]int `cbor:"36,keyasint"` // unimplemented calls it made
	Moves     int            `cbor:"37,keyasint"`
	Trail     []int          `cbor:"38,keyasint"`
	Log       int32          `cbor:"39,keyasint"` // index into Files of its log, -1: none
	Owner     []byte         `cbor:"40,keyasint"` // capability of who is told of its end
	Kept      bool           `cbor:"41,keyasint"` // its end is remembered until somebody asks

	// Lineage and Generation are those of its last checkpoint; nothing and 0 if there
	// was none.
	Lineage    []byte  `cbor:"42,keyasint,omitempty"` // 16 bytes
	Generation uint64  `cbor:"43,keyasint,omitempty"`
	Events     uint64  `cbor:"46,keyasint,omitempty"` // that its parent was told of: stops, continuations
	Former     []int32 `cbor:"45,keyasint,omitempty"` // pids of the processes that this one is a copy of
	Random     uint64  `cbor:"44,keyasint,omitempty"` // address of the 16 random bytes it was started with, 0: unknown
	Shake      *Shake  `cbor:"70,keyasint,omitempty"` // nil: it is left in peace

	Stun  *Stun `cbor:"50,keyasint,omitempty"` // it was stunned; nil: it was not
	Lease int64 `cbor:"51,keyasint,omitempty"` // ns until it is stunned unless somebody renews it, 0: never

	PosixTimers []PosixTimer `cbor:"55,keyasint,omitempty"`
	NextTimer   int32        `cbor:"56,keyasint,omitempty"` // id of the next one
	Locking     bool         `cbor:"60,keyasint,omitempty"` // it has used record locks
	// Of a process that moves with others, see Set.
	Space int32 `cbor:"65,keyasint,omitempty"` // it runs in the memory of the process before this number, 0: in its own
	Vfork int32 `cbor:"66,keyasint,omitempty"` // thread of that one that waits until it leaves
}

// Stun says why a process stands still, and what its owner was asked.
type Stun struct {
	Code   int32 `cbor:"1,keyasint"` // of the request
	Signal int32 `cbor:"2,keyasint"` // that nobody caught, 0: none
	Lease  bool  `cbor:"3,keyasint"` // its lease ran out
	// Slot is the RPC transaction in which its owner is asked, 0: none; Silence is how
	// that ended, a std.Status, if it came to nothing.
	Slot    uint32 `cbor:"4,keyasint"`
	Silence int32  `cbor:"5,keyasint"`
}

// Shake is the setting of a process that is moved or restored again and again, as a
// test, and what has come of it. A child of fork has its parent's setting.
type Shake struct {
	Every    uint32 `cbor:"1,keyasint"` // system calls from one point to the next
	By       uint8  `cbor:"2,keyasint"` // api.ShakeBy
	Seed     uint64 `cbor:"3,keyasint"` // state of the generator of intervals
	Calls    uint32 `cbor:"4,keyasint"` // since the last point
	Left     int64  `cbor:"5,keyasint"` // ns in user mode to the next point in any case
	Points   uint32 `cbor:"6,keyasint"` // so far
	Moves    uint32 `cbor:"7,keyasint"`
	Restores uint32 `cbor:"8,keyasint"`
	Refused  uint32 `cbor:"9,keyasint"` // points at which it could be neither moved nor restored
}

// Thread is one thread: registers, and the calls it is in.
type Thread struct {
	TID   int32  `cbor:"1,keyasint"`
	Index uint32 `cbor:"2,keyasint"`
	// Regs are AX BX CX DX SI DI BP SP R8…R15 IP Flags FS GS.
	Regs [20]uint64 `cbor:"3,keyasint"`
	FX   []byte     `cbor:"4,keyasint"` // FXSAVE image, 512 bytes
	// Trap, Err and CR2 are what the last fault said, for signal frames.
	Trap uint64 `cbor:"5,keyasint"`
	Err  uint64 `cbor:"6,keyasint"`
	CR2  uint64 `cbor:"7,keyasint"`

	Call  *Call      `cbor:"8,keyasint"` // in progress, nil: in user mode
	Below Suspendeds `cbor:"9,keyasint"` // calls that wait below signal handlers

	Mask       uint64    `cbor:"10,keyasint"`
	SavedMask  uint64    `cbor:"11,keyasint"`
	MaskSaved  bool      `cbor:"12,keyasint"`
	Pending    []Signal  `cbor:"13,keyasint"`
	AltStack   [2]uint64 `cbor:"14,keyasint"` // address, size
	ClearTID   uint64    `cbor:"15,keyasint"`
	RobustList uint64    `cbor:"16,keyasint"`
	Name       string    `cbor:"17,keyasint"`
	UserNs     int64     `cbor:"18,keyasint"`
	SystemNs   int64     `cbor:"19,keyasint"`
	Server     uint32    `cbor:"20,keyasint"`           // RPC slot of its getreq, 0: none
	Patience   int64     `cbor:"21,keyasint,omitempty"` // ns that its trans looks for a server, 0: the default
	Secure     bool      `cbor:"22,keyasint,omitempty"` // its trans avoids untrusted networks
	// Former are ids it had in processes that this one is a copy of. Libraries keep them.
	Former []int32 `cbor:"23,keyasint,omitempty"`
	Turn   uint32  `cbor:"70,keyasint,omitempty"` // how many of the others had their last turn on the CPU before it had
}

// Call is the record of a system call in progress.
type Call struct {
	Nr   uint32    `cbor:"1,keyasint"`
	Args [6]uint64 `cbor:"2,keyasint"`
	// Remaining is the time left to the deadline in ns; 0: no deadline.
	Remaining int64     `cbor:"3,keyasint"`
	Done      uint64    `cbor:"4,keyasint"`
	Phase     uint8     `cbor:"5,keyasint"`
	Aux       [4]uint64 `cbor:"6,keyasint"`
	Masked    bool      `cbor:"7,keyasint"`
	// Slot is the RPC transaction it waits for, 0: none. Its state is in the
	// RPC record; Reply is there if it has come and not been looked at.
	Slot  uint32 `cbor:"8,keyasint"`
	Reply *Reply `cbor:"9,keyasint"`
}

// Reply is the outcome of a transaction.
type Reply struct {
	Status int32  `cbor:"1,keyasint"`
	Header []byte `cbor:"2,keyasint"` // 64 bytes, as on the wire
	Data   []byte `cbor:"3,keyasint"`
	Size   uint32 `cbor:"4,keyasint,omitempty"` // of data that is in memory already
}

// Suspended is a call that goes on when a signal handler returns.
type Suspended struct {
	Call  Call   `cbor:"1,keyasint"`
	Frame uint64 `cbor:"2,keyasint"`
}

// Region is a range of the address space.
type Region struct {
	Start  uint64 `cbor:"1,keyasint"`
	End    uint64 `cbor:"2,keyasint"`
	Prot   uint8  `cbor:"3,keyasint"`
	Shared bool   `cbor:"4,keyasint"`
	Stack  bool   `cbor:"5,keyasint"`
	Store  int32  `cbor:"6,keyasint"` // index into Stores, -1: zero pages
	Off    int64  `cbor:"7,keyasint"`
	Fork   uint8  `cbor:"8,keyasint,omitempty"` // what a child gets: 0 a copy, 1 zeros, 2 nothing
}

// Store is the backing of regions: a file known by its digest, or memory the
// process shares with nobody else any more.
type Store struct {
	Digest []byte `cbor:"1,keyasint"` // of an immutable file; nil: memory
	Path   string `cbor:"2,keyasint"` // where it was found, for error messages
	Size   int64  `cbor:"3,keyasint"`
	Still  bool   `cbor:"40,keyasint,omitempty"` // memory that does not change any more: of a file as it was when it was mapped
}

// FD is one descriptor.
type FD struct {
	FD      int32 `cbor:"1,keyasint"`
	File    int32 `cbor:"2,keyasint"` // index into Files
	Cloexec bool  `cbor:"3,keyasint"`
	Opening bool  `cbor:"4,keyasint,omitempty"` // its open(2) waits: it is not open to others
}

// Kind says what a file description is open on.
type Kind uint8

const (
	KindDevice  Kind = 1 // a stateless device of every node, by name
	KindRegular Kind = 2 // an immutable file, by digest
	KindDir     Kind = 3 // a directory, by path
	KindRemote  Kind = 4 // an object elsewhere, by address
	KindPipeR   Kind = 5 // an end of a pipe that moves along
	KindPipeW   Kind = 6
	KindEventfd Kind = 7
	KindEpoll   Kind = 8
	KindLog     Kind = 9  // the bounded output of a detached process
	KindText    Kind = 10 // a file made up on the fly, such as in /proc: its content

	KindTimerfd  Kind = 11
	KindSignalfd Kind = 12
	KindPidfd    Kind = 13
	KindMemory   Kind = 20 // a writable file without a name (memfd, or unlinked): a memory store
	KindServed   Kind = 21 // a file of a file server, by capability

	KindPTYMaster Kind = 30 // an end of a pseudo-terminal that moves along
	KindPTYSlave  Kind = 31
)

// File is an open file description.
type File struct {
	Kind   Kind   `cbor:"1,keyasint"`
	Flags  int    `cbor:"2,keyasint"`
	Offset int64  `cbor:"3,keyasint"`
	Path   string `cbor:"4,keyasint"`

	Digest []byte `cbor:"5,keyasint"` // KindRegular
	Object int32  `cbor:"6,keyasint"` // index into Objects of the image, for KindPipe…KindText
	// Address is the FLIP address of an object elsewhere (KindRemote).
	Address []byte `cbor:"7,keyasint"`
	// Mode is the type and permission bits a remote object shows, Rdev its device.
	Mode uint32 `cbor:"8,keyasint"`
	Rdev uint64 `cbor:"9,keyasint"`
	// Terminal and Counted describe a remote object: it answers terminal
	// requests; it counts its holders and must be told of them.
	Terminal bool `cbor:"10,keyasint"`
	Counted  bool `cbor:"11,keyasint"`
	Residual bool `cbor:"12,keyasint"` // it is a node's own: a residual dependency
	Home     int  `cbor:"13,keyasint"` // the node it was last known at, for ps
	Seekable bool `cbor:"14,keyasint"`
	Timer    bool `cbor:"20,keyasint,omitempty"` // a remote object that is a timerfd
	Wall     bool `cbor:"21,keyasint,omitempty"` // of CLOCK_REALTIME

	Store int32 `cbor:"30,keyasint,omitempty"` // index into Stores, of KindMemory

	// Server is the capability of a file of a server, as it was opened, Root the directory at
	// which the name space began in which it was (KindServed).
	Server []byte `cbor:"40,keyasint,omitempty"`
	Root   uint64 `cbor:"41,keyasint,omitempty"`
	// Shared is the number under which the server keeps the description's offset, which began at
	// Offset, because processes on several nodes have it; empty: it does not.
	Shared []byte `cbor:"42,keyasint,omitempty"`
	// Lock is the number by which the server knows the description's locks; empty: it has
	// never asked for one.
	Lock []byte `cbor:"43,keyasint,omitempty"`
	// Mapped: Store is the description's memory, which is mapped shared and can be written.
	// Sums are those of its pages as the server has them.
	Mapped bool   `cbor:"44,keyasint,omitempty"`
	Sums   []byte `cbor:"45,keyasint,omitempty"`
	// Service names a remote object that a program serves; Address only tells it from
	// others. Socket is domain, type and protocol if it is a socket.
	Service []byte   `cbor:"50,keyasint,omitempty"`
	Socket  []uint16 `cbor:"51,keyasint,omitempty"`
}

// Object is the state of something descriptors refer to that moves along.
type Object struct {
	Pipe    []byte  `cbor:"1,keyasint"` // what is in a pipe
	Readers int     `cbor:"2,keyasint"` // descriptions of each end that exist anywhere
	Writers int     `cbor:"3,keyasint"`
	Count   uint64  `cbor:"4,keyasint"` // eventfd
	Sema    bool    `cbor:"5,keyasint"`
	Watches []Watch `cbor:"6,keyasint"` // epoll
	Log     []byte  `cbor:"7,keyasint"` // the last of the output
	LogBase int64   `cbor:"8,keyasint"` // how many bytes came before
	Text    []byte  `cbor:"9,keyasint"`

	Timer Timer  `cbor:"20,keyasint,omitzero"`  // timerfd
	Mask  uint64 `cbor:"21,keyasint,omitempty"` // signalfd
	PID   int32  `cbor:"22,keyasint,omitempty"` // pidfd: the process
	Over  bool   `cbor:"23,keyasint,omitempty"` // which has ended

	PTY *PTY `cbor:"60,keyasint,omitempty"`
}

// RPC is the state of the endpoints that move: the process's two, and those of
// descriptions that other nodes hold too. It has private addresses and get-ports
// in it, so it travels sealed.
type RPC struct {
	PID     []byte   `cbor:"1,keyasint"` // rpc.State of the endpoint of the pid
	Own     []byte   `cbor:"2,keyasint"` // of the process's own; empty if it has none
	Exports []Export `cbor:"3,keyasint"`
	Raw     []byte   `cbor:"5,keyasint,omitempty"` // raw.Export of its interfaces; empty if it has none
	Groups  []Group  `cbor:"6,keyasint,omitempty"`
}

// Group is a membership of an ordered group.
type Group struct {
	GID   int    `cbor:"1,keyasint"` // by which the program knows it
	State []byte `cbor:"2,keyasint"` // group.MemberState
}

// Export is a file description that other nodes hold too and that moves along.
type Export struct {
	File    int32    `cbor:"1,keyasint"` // index into Files
	State   []byte   `cbor:"2,keyasint"`
	Holders []Holder `cbor:"3,keyasint"`
}

// Holder is a node that holds a description.
type Holder struct {
	Node int    `cbor:"1,keyasint"`
	Boot uint64 `cbor:"2,keyasint"`
	Seq  uint64 `cbor:"3,keyasint,omitempty"` // of its last message to the object
	Gone bool   `cbor:"4,keyasint,omitempty"` // it has let go: only the number counts
}

// Watch is one interest of an epoll set.
type Watch struct {
	FD     int32  `cbor:"1,keyasint"`
	File   int32  `cbor:"2,keyasint"`
	Events uint32 `cbor:"3,keyasint"`
	Data   uint64 `cbor:"4,keyasint"`
	// Listed: the interest was on the ready list, an edge not yet reported.
	Listed bool `cbor:"5,keyasint"`
}

// Action is what the process does about a signal.
type Action struct {
	Signal   int    `cbor:"1,keyasint"`
	Handler  uint64 `cbor:"2,keyasint"`
	Flags    uint64 `cbor:"3,keyasint"`
	Restorer uint64 `cbor:"4,keyasint"`
	Mask     uint64 `cbor:"5,keyasint"`
}

// Signal is a pending signal.
type Signal struct {
	Signo int32  `cbor:"1,keyasint"`
	Code  int32  `cbor:"2,keyasint"`
	PID   int32  `cbor:"3,keyasint"`
	UID   int32  `cbor:"4,keyasint"`
	Value uint64 `cbor:"5,keyasint"`
	Addr  uint64 `cbor:"6,keyasint"`
	UTime int64  `cbor:"7,keyasint"`
	STime int64  `cbor:"8,keyasint"`
	Timer int32  `cbor:"20,keyasint,omitempty"` // id of the timer whose signal it is, plus one; 0: of none
}

// Child is the process's entry for a child, running or zombie.
type Child struct {
	PID      int32  `cbor:"1,keyasint"`
	PGID     int32  `cbor:"2,keyasint"`
	State    uint8  `cbor:"3,keyasint"`
	Status   int    `cbor:"4,keyasint"`
	Reported bool   `cbor:"5,keyasint"`
	UserNs   int64  `cbor:"6,keyasint"`
	SystemNs int64  `cbor:"7,keyasint"`
	ExitSig  int    `cbor:"8,keyasint"`
	Seq      uint64 `cbor:"9,keyasint,omitempty"` // of the last event that the parent was told of
}

// Limit is a resource limit.
type Limit struct {
	Cur uint64 `cbor:"1,keyasint"`
	Max uint64 `cbor:"2,keyasint"`
}

// ITimer is an interval timer: what was left, 0 for a stopped one, and the period.
type ITimer struct {
	Left   int64 `cbor:"1,keyasint"`
	Period int64 `cbor:"2,keyasint"`
}
