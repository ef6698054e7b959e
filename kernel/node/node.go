package node

import (
	"fmt"
	"strconv"

	"motile/ipc/flip"
	"motile/kernel/fs"
	"motile/kernel/linux"
	"motile/kernel/object"
	"motile/kernel/trace"
	"motile/kernel/vm"
	"motile/migrate/move"
	"motile/migrate/wire"
	"motile/netdev"
	"motile/proc"
	"motile/proc/api"
)

// Config is what a node is made of.
type Config struct {
	Number   int // 1 to 500
	FirstPID int32
	// Epoch is higher at each boot: what the node said before does not count then. Its
	// clock does not tell, for a slow boot may be followed by a quick one.
	Epoch    uint32
	WallBase int64 // wall clock at monotonic zero, ns since 1970
	Random   func([]byte)
	HWCap    uint32   // CPUID leaf 1, EDX
	Files    *fs.Tree // with the boot archive in it
	// Print shows a line of the kernel's log.
	Print   func(string)
	Key     api.Key
	Links   []netdev.Link
	Weights []uint8     // what crossing each of them costs; 0, or none: as much as an Ethernet
	Outside netdev.Link // a card that leads out of the cluster; nil: there is none
	IPNode  int         // the node that has the TCP/IP server, and such a card if any has; 0: none
	Machine string      // type of the machine, for people
	CPU     [3]CPUID
	Disk    Disk // nil: none
	DiskNew bool // nobody has written it yet: it is all zeros
}

// CPUID is a leaf of the instruction.
type CPUID = wire.CPUID

// Node is one node.
type Node struct {
	Number int
	Tab    *proc.Table
	K      *linux.Kernel
	Ring   trace.Ring
	Strace bool // log every system call
	// Sampler takes samples of where the CPU is; nil: this machine cannot.
	Sampler Sampler

	m         Machine
	print     func(string)
	unprinted []string // lines of the log that the console has not shown
	logged    []byte   // the kernel's log, the last logSize bytes
	machine   string
	cpu       [3]CPUID

	ipc         ipc
	nic         *nic // the card to the outside; nil: there is none
	sockets     sockets
	std         standards
	disk        *disk
	slice       int64 // how long a thread runs while others wait, ns
	link        link  // of the operation in progress
	exports     []*export
	remotes     []*object.Remote
	holds       map[flip.Address]*hold // conversations with objects of other nodes
	holdSeq     uint64                 // of the last message in one
	partials    map[vm.Digest]*partial
	late        []*late
	left        []departed
	spread      map[int32]bool // process groups that have had members elsewhere
	neighbours  map[int]neighbour
	sources     map[int32]*source           // moves from here, by pid
	objectMoves map[uint64]*source          // moves of objects from here, by number
	wantRehome  bool                        // a process ended or left: objects may be homeless
	targets     map[wire.MoveID]*target     // moves to here
	residues    map[uint64]*residue         // memory that processes have left here, by the number of the move
	pagers      map[*vm.Space]*pager        // those whose memory is not all here
	finished    map[uint64]move.SourceState // how moves from here ended, by number
	arrived     map[wire.MoveID]bool        // moves to here that are over
	arrivals    []wire.MoveID               // those, oldest first
	unclaimed   map[int32]int               // children elsewhere: how often nobody answered for them
	lockers     map[int32]int               // processes elsewhere that hold locks here: likewise
	news        map[int32]*news             // of processes here, on the way to parents elsewhere, by pid
	watches     map[int32]*endWatch         // processes elsewhere whose end somebody here waits for, by pid
	segments    []*segment                  // by number
	lowSegment  int                         // no number below is free
	nextAge     int64                       // when segments age again
	restarts    []*restart                  // under way
	nextLook    int64                       // when children elsewhere are looked for again
	moveNr      uint64
	flights     *flights // what the last moves did
	profile     profile  // being made
	pace        pace     // of the last moves from here by the kernel
	movers      movers
	echo        *echo    // under way
	forward     [16]byte // head of a loopback frame
	clock       timeSync
	wallSet     bool  // the wall clock was set by the time service
	began       int64 // monotonic time of the start
	hello       proc.Timer
	loadMilli   int
	calls       uint64         // system calls of programs
	faults      uint64         // page faults of programs
	unsent      uint64         // frames for which a card had no room
	movedIn     map[uint32]int // processes that have arrived in the middle of a call, by its number
	denied      int            // requests refused for their capability
	strangers   int            // broadcasts that were not from this cluster
}

// New returns a node without processes or files.
func New(cfg Config, m Machine) *Node {
	n := &Node{Number: cfg.Number, m: m, print: cfg.Print}
	n.Tab = proc.NewTable(cfg.Number, cfg.FirstPID)
	n.Tab.WallBase = cfg.WallBase
	n.Tab.Now = m.Now()
	n.K = &linux.Kernel{
		Fetch: n.fetch,
		Tab:   n.Tab, FS: cfg.Files, Name: "node" + strconv.Itoa(cfg.Number),
		Random: cfg.Random, HWCap: cfg.HWCap, Log: n.Log,
	}
	n.machine, n.cpu = cfg.Machine, cfg.CPU
	n.partials = make(map[vm.Digest]*partial)
	n.spread = make(map[int32]bool)
	n.holds = make(map[flip.Address]*hold)
	n.neighbours = make(map[int]neighbour)
	n.sources = make(map[int32]*source)
	n.objectMoves = make(map[uint64]*source)
	n.targets = make(map[wire.MoveID]*target)
	n.residues = make(map[uint64]*residue)
	n.pagers = make(map[*vm.Space]*pager)
	n.finished = make(map[uint64]move.SourceState)
	n.arrived = make(map[wire.MoveID]bool)
	n.unclaimed = make(map[int32]int)
	n.lockers = make(map[int32]int)
	n.news = make(map[int32]*news)
	n.movedIn = make(map[uint32]int)
	n.watches = make(map[int32]*endWatch)
	n.slice = defaultSlice
	n.flights = &flights{now: m.Now}
	n.profile.n = n
	n.profile.lease.Init(&n.profile)
	n.initIPC(&cfg)
	n.movers.nr = n.ipc.boot // so that a server brings no answer to what another node gave it
	n.initStandards()
	n.initFiles()
	n.initSegments()
	n.initDisk(&cfg)
	n.initNIC(cfg.Outside)
	n.initSockets(cfg.IPNode)
	n.Tab.Born, n.Tab.Died, n.Tab.Forget, n.Tab.Uncaught = n.born, n.died, n.threadEnded, n.uncaught
	n.Tab.Remote = n
	n.K.Link, n.K.Native, n.K.Cluster = n.linkOf, n.native, n
	n.began = n.Tab.Now
	n.startHello()
	n.tickTime()
	return n
}

const logSize = 64 << 10

// Log writes a line to the kernel's log.
func (n *Node) Log(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	n.logged = append(append(n.logged, line...), '\n')
	if len(n.logged) > logSize {
		n.logged = append(n.logged[:0], n.logged[len(n.logged)-logSize:]...)
	}
	n.unprinted = append(n.unprinted, line)
}

// printLog shows what was logged on the console. That is slow, and waits until
// frames have left and a thread has run: a move logs while a process stands still.
func (n *Node) printLog() {
	for _, line := range n.unprinted {
		if n.print != nil {
			n.print(line)
		}
	}
	n.unprinted = n.unprinted[:0]
}

// Devices fills /dev and mounts /proc. console is the terminal of the machine.
func (n *Node) Devices(console object.Impl) {
	n.K.FS.Wall = n.Tab.WallBase + n.Tab.Now
	for _, dir := range []string{"/dev", "/tmp", "/root", "/etc"} {
		if pl, errno := n.K.FS.Lookup(n.K.FS.Root, dir, true); errno == 0 && pl.Node == nil {
			n.K.FS.Mkdir(pl, 0o755)
		}
	}
	random := object.Random{Fill: n.K.Random}
	for _, d := range []struct {
		name string
		impl object.Impl
	}{
		{"null", object.Null{}}, {"zero", object.Zero{}}, {"full", object.Full{}},
		{"random", random}, {"urandom", random}, {"console", console},
	} {
		if d.impl != nil {
			n.device("/dev/"+d.name, d.impl.Stat(), func() (object.Impl, int) { return d.impl, 0 })
		}
	}
	n.device("/dev/tty", object.Stat{Mode: 0o666, Rdev: object.Device(5, 0)}, n.K.OpenTTY)
	n.K.MountProc()
}

func (n *Node) device(name string, st object.Stat, open func() (object.Impl, int)) {
	if pl, errno := n.K.FS.Lookup(n.K.FS.Root, name, true); errno == 0 {
		n.K.FS.Device(pl, st.Mode&0o777, st.Rdev, open)
	}
}
