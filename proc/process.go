package proc

import (
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/kernel/wait"
)

// Limits of the table. Every thread and descriptor costs kernel memory, so there
// is an end to them.
const (
	MaxThreads = 1024 // of one process
	MaxFDs     = 4096
)

// Limit is a struct rlimit.
type Limit struct{ Cur, Max uint64 }

// Resources with a limit (getrlimit(2)).
const (
	LimitCPU    = 0
	LimitFsize  = 1
	LimitStack  = 3
	LimitNproc  = 6
	LimitNofile = 7
	LimitAS     = 9
	Nlimits     = 16

	Infinity = ^uint64(0)
)

// Process is one process: threads that share memory, descriptors and a name.
type Process struct {
	PID    int32
	Parent int32 // pid; the parent may be on another node
	PGID   int32
	SID    int32

	Threads  []*Thread // in order of creation
	Space    *vm.Space
	FDs      *FDs
	Actions  [65]Action // by signal number
	Pending  Pending
	Children []*Child // in order of creation
	Limits   [Nlimits]Limit
	Umask    uint32
	Cwd      string       // absolute
	TTY      *object.File // controlling terminal, nil if none

	Comm    string // last path element of the program, at most 15 bytes
	Args    []string
	Exe     string
	Comment string // SETCOMMENT: 31 characters
	Owner   []byte // SETOWNER: an encoded capability, or empty

	// Offsets from the node's clocks to the process's: both survive every move,
	// so the process's time never steps.
	MonoOffset int64
	WallOffset int64 // at wallSince; it is slewed to zero from there
	wallSince  int64

	Started   int64 // the process's own monotonic time
	UserNs    int64 // of threads that ended
	SystemNs  int64
	ChildUser int64 // of children waited for
	ChildSys  int64
	Timers    [3]Interval // setitimer(2)
	posix     []*PosixTimer
	nextTimer int32
	DeathSig  int // prctl(PR_SET_PDEATHSIG)
	ExitSig   int // what the parent gets when this process ends
	Subreaper bool
	// Locking: it has used record locks, which end when it closes the file by any
	// descriptor (fcntl(2)).
	Locking bool

	Former     []int32  // pids of the processes that this one is a copy of, see Thread.Former
	Lineage    [16]byte // of its checkpoints; zero: there was none
	Generation uint64   // how many there were
	Random     uint64   // where the random bytes are that it was started with, 0: unknown

	Moves   int
	Trail   []int          // nodes it was on, this one last
	Missing map[uint32]int // unimplemented calls it made, by number
	Lost    int            // the node with which some of its memory was lost, why it ended; 0: none

	Heard int64 // when a message last came for one of its threads, on the node's clock; 0: none has here

	Log *object.File // the log its output goes to, nil if it is not detached
	Ext any          // what the node keeps for the process

	table     *Table
	nextIndex uint32
	stopped   bool    // by a signal
	stunned   bool    // until somebody resumes it
	frozen    bool    // by a move, or while it is written down
	moving    bool    // frozen, and where it will go on is not decided yet
	forwarded Pending // signals sent to its address meanwhile
	execed    bool    // has called execve: setpgid by the parent is too late
	exiting   bool
	events    uint64     // its parent was told of
	childQ    wait.Queue // woken by every change of a child
	signalQ   wait.Queue // woken by every signal
}

// Table is the table p is in.
func (p *Process) Table() *Table { return p.table }

// ChildQueue is woken when a child changes state.
func (p *Process) ChildQueue() *wait.Queue { return &p.childQ }

// Stopped reports whether a signal has stopped p.
func (p *Process) Stopped() bool { return p.stopped }

// Frozen reports whether p is held by a move or by a stun.
func (p *Process) Frozen() bool { return p.frozen || p.stunned }

// Stunned reports whether p was stunned. A stunned process can be frozen too: it moves,
// and is stunned where it arrives.
func (p *Process) Stunned() bool { return p.stunned }

// Moving reports whether p is one end of a move: the copy that is leaving, or the
// one that is arriving. Nobody changes it. What happens to the process meanwhile is
// sent to its address, and reaches it wherever it goes on.
func (p *Process) Moving() bool { return p.moving }

// Exiting reports whether p has begun to end.
func (p *Process) Exiting() bool { return p.exiting }

// held reports whether threads of p must not run now.
func (p *Process) held() bool { return p.stopped || p.frozen || p.stunned }

// Leader is the oldest thread.
func (p *Process) Leader() *Thread { return p.Threads[0] }

// CPU is the CPU time of p so far, in user mode and in the kernel, in ns.
func (p *Process) CPU() (user, system int64) {
	user, system = p.UserNs, p.SystemNs
	for _, t := range p.Threads {
		user += t.UserNs
		system += t.SystemNs
	}
	return user, system
}

// Now is p's monotonic time.
func (p *Process) Now() int64 { return p.table.Now + p.MonoOffset }

// Wall is p's wall-clock time, in ns since 1970.
func (p *Process) Wall() int64 {
	return p.table.Now + p.table.WallBase + p.slewed(p.table.Now)
}

// slewRate: a clock that is off is corrected by a 2000th of the time that
// passes, so that it never steps and never runs backwards.
const slewRate = 2000

// ShiftWall corrects the node's wall clock. Processes do not see a step: they
// keep their clocks and slew.
func (tb *Table) ShiftWall(d int64) {
	for _, p := range tb.procs {
		p.WallOffset = p.slewed(tb.Now) - d
		p.wallSince = tb.Now
	}
	tb.WallBase += d
	for _, p := range tb.procs {
		p.wallShifted()
	}
}

// UntilWall is how long it takes until p's wall clock says at: a little less or more
// than the difference, while the clock is slewed.
func (p *Process) UntilWall(at int64) int64 {
	left, off := at-p.Wall(), p.slewed(p.table.Now)
	switch {
	case left <= 0:
		return left
	case off >= 0: // it goes slower
		return left + min((left+slewRate-2)/(slewRate-1), off)
	}
	return left - min(left/(slewRate+1), -off)
}

func (p *Process) slewed(now int64) int64 {
	gone := (now - p.wallSince) / slewRate
	if p.WallOffset >= 0 {
		return max(p.WallOffset-gone, 0)
	}
	return min(p.WallOffset+gone, 0)
}
