package proc

import (
	"sort"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
)

// PIDs are decimal node × PIDsPerNode + n of the node where they were born; n = 1
// is the node's init, which is the kernel itself.
const PIDsPerNode = 1_000_000

// Table holds the processes of one node.
type Table struct {
	Node     int
	Now      int64 // monotonic time of this step, ns
	WallBase int64 // wall clock at monotonic zero, ns since 1970

	WokenLast bool // woken threads have no priority

	// SpillFPU completes a frame whose floating-point registers may still be in
	// the CPU. Nil where there is no CPU to ask.
	SpillFPU func(*abi.Frame)
	// Born, Died and Forget are called when a process is made, when it ends
	// (before its parent is told), and when a thread ends, so that others can
	// keep what they need beside it. May be nil.
	Born   func(*Process)
	Died   func(p *Process, status int)
	Forget func(*Thread)
	// Uncaught is asked before a signal that nobody catches, and that dumps core on
	// Linux, ends a process: true says that it shall not. May be nil.
	Uncaught func(p *Process, in Info) bool
	// Remote reaches processes on other nodes. May be nil: then there are none.
	Remote Remote

	procs   []*Process // by pid
	threads map[int32]*Thread
	lastN   int32

	urgent, normal runQueue
	turns          uint64 // that threads have had
	timers         timers
	futexes        map[futexKey]*futexQueue
	futexSeq       uint64
	ends           map[int32]*object.End // processes whose end is waited for by descriptors, by pid
	maxThreads     int
	orphans        Orphans
}

// Remote is what the table needs of the rest of the cluster. Calls return at
// once; delivery is reliable as long as the other process lives.
type Remote interface {
	// ChildChanged tells a parent on another node what became of its child.
	ChildChanged(parent int32, c Child)
	// Orphaned tells a child on another node that its parent is gone.
	Orphaned(child int32, parent int32)
	// Signal sends a signal to a process, or with tid to one of its threads, at its
	// address.
	Signal(pid, tid int32, in Info)
	// WatchEnd has Ended called when a process that is not here ends.
	WatchEnd(pid int32)
}

// Orphans counts what init has reaped.
type Orphans struct{ Reaped int }

// NewTable returns the empty table of a node, whose first pid will be
// node × PIDsPerNode + first.
func NewTable(node int, first int32) *Table {
	return &Table{
		Node:       node,
		threads:    make(map[int32]*Thread),
		futexes:    make(map[futexKey]*futexQueue),
		ends:       make(map[int32]*object.End),
		lastN:      max(first, 2) - 1,
		maxThreads: 8192,
	}
}

// Init is the pid of this node's init.
func (tb *Table) Init() int32 { return int32(tb.Node)*PIDsPerNode + 1 }

// isInit reports whether a pid is that of some node's init. The one of the node
// where a process became an orphan stays its parent, wherever it moves.
func isInit(pid int32) bool { return pid%PIDsPerNode == 1 }

// allocate returns an unused id for a process or thread, or 0.
func (tb *Table) allocate() int32 {
	for range 100_000 {
		if tb.lastN++; tb.lastN >= PIDsPerNode {
			tb.lastN = 2
		}
		id := int32(tb.Node)*PIDsPerNode + tb.lastN
		if tb.threads[id] == nil && tb.Process(id) == nil && !tb.known(id) {
			return id
		}
	}
	return 0
}

// Draw returns a number that nothing else of the cluster has which is numbered likewise,
// or 0.
func (tb *Table) Draw() int32 { return tb.allocate() }

// known reports whether id is still some process's group, session or child.
func (tb *Table) known(id int32) bool {
	for _, p := range tb.procs {
		if p.PGID == id || p.SID == id || p.child(id) != nil {
			return true
		}
	}
	return false
}

func (tb *Table) index(pid int32) int {
	return sort.Search(len(tb.procs), func(i int) bool { return tb.procs[i].PID >= pid })
}

// Process returns the process with that pid if it is on this node, or nil.
func (tb *Table) Process(pid int32) *Process {
	if i := tb.index(pid); i < len(tb.procs) && tb.procs[i].PID == pid {
		return tb.procs[i]
	}
	return nil
}

// Processes are all processes of this node, by pid. The slice is the table's.
func (tb *Table) Processes() []*Process { return tb.procs }

func (tb *Table) insert(p *Process) {
	i := tb.index(p.PID)
	tb.procs = append(tb.procs, nil)
	copy(tb.procs[i+1:], tb.procs[i:])
	tb.procs[i] = p
	p.FDs.owner = p
}

func (tb *Table) remove(p *Process) {
	i := tb.index(p.PID)
	tb.procs = append(tb.procs[:i], tb.procs[i+1:]...)
}

// New makes a process with one thread, a child of init, with nothing but memory
// and defaults. It returns nil when the table is full.
func (tb *Table) New(space *vm.Space) *Process {
	pid := tb.allocate()
	if pid == 0 || len(tb.threads) >= tb.maxThreads {
		return nil
	}
	p := &Process{
		PID: pid, Parent: tb.Init(), PGID: pid, SID: pid,
		Space: space, FDs: new(FDs), Umask: 0o022, Cwd: "/",
		ExitSig: abi.SIGCHLD, Started: tb.Now, Trail: []int{tb.Node}, table: tb,
	}
	for i := range p.Limits {
		p.Limits[i] = Limit{Infinity, Infinity}
	}
	p.Limits[LimitStack] = Limit{8 << 20, Infinity}
	p.Limits[LimitNofile] = Limit{1024, MaxFDs}
	p.initTimers()
	tb.insert(p)
	tb.newThread(p, pid)
	tb.born(p)
	return p
}

// Fork makes a child of p, run by a copy of t. space is the child's memory.
// It returns nil when the table is full.
func (tb *Table) Fork(t *Thread, space *vm.Space) *Process {
	p := t.proc
	pid := tb.allocate()
	if pid == 0 || len(tb.threads) >= tb.maxThreads || !tb.mayFork(p) {
		return nil
	}
	c := &Process{
		PID: pid, Parent: p.PID, PGID: p.PGID, SID: p.SID,
		Space: space, FDs: p.FDs.clone(), Actions: p.Actions, Limits: p.Limits,
		Umask: p.Umask, Cwd: p.Cwd, TTY: p.TTY,
		Comm: p.Comm, Args: p.Args, Exe: p.Exe, Random: p.Random,
		MonoOffset: p.MonoOffset, WallOffset: p.WallOffset, Started: p.Now(),
		ExitSig: abi.SIGCHLD, Trail: []int{tb.Node}, table: tb,
	}
	if c.TTY != nil {
		c.TTY.Retain()
	}
	c.initTimers()
	tb.insert(c)
	ct := tb.newThread(c, pid)
	if tb.SpillFPU != nil {
		tb.SpillFPU(t.Frame)
	}
	*ct.Frame = *t.Frame
	ct.Mask, ct.AltStack, ct.Name = t.Mask, t.AltStack, t.Name
	p.Children = append(p.Children, &Child{PID: pid, PGID: c.PGID, State: ChildRunning, ExitSig: abi.SIGCHLD})
	tb.born(c)
	return c
}

func (tb *Table) born(p *Process) {
	if tb.Born != nil {
		tb.Born(p)
	}
}

// mayFork keeps one job from filling the table: the shell it was started from
// must still be able to start a kill.
func (tb *Table) mayFork(p *Process) bool {
	limit := min(p.Limits[LimitNproc].Cur, uint64(tb.maxThreads))
	if uint64(len(tb.procs)) >= limit {
		return false
	}
	if len(tb.procs) < MaxProcesses/2 {
		return true
	}
	n := 0
	for _, q := range tb.procs {
		if q.PGID == p.PGID {
			n++
		}
	}
	return n < MaxProcesses/2 && len(tb.procs) < MaxProcesses
}

// MaxProcesses is how many processes a node runs.
const MaxProcesses = 1024
