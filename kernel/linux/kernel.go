package linux

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// Kernel is what system calls work on: one node.
type Kernel struct {
	Tab  *proc.Table
	FS   *fs.Tree
	Name string // of the node, for uname
	PTYs *object.PTYs

	// Random fills memory from the node's generator.
	Random func([]byte)
	// Link gives a thread's operations a way to objects on other nodes.
	Link func(*proc.Thread) object.Link
	// Network reaches a TCP/IP server; nil: there is none.
	Network Network
	// Cluster reaches processes on other nodes; nil: there are none.
	Cluster Cluster
	// Native handles Motile's own calls; nil: they are unknown.
	Native func(*proc.Thread, *proc.Call) int64
	// Fetch is told that a process waits for a page of its memory that is away, perhaps not
	// for the first time. Arrive may be called at once, or later. Nil: nothing is ever away.
	Fetch func(p *proc.Process, addr uint64)
	// Pressure reports that the kernel's own heap is nearly used up: calls that
	// would make the kernel hold more fail with ENOMEM.
	Pressure func() bool
	// Starving reports that the heap has outgrown what was set aside for it, and that
	// little else is left: users' memory has to be freed.
	Starving func() bool
	// TotalPages and FreePages describe the node's memory.
	TotalPages, FreePages func() uint64
	// HeapPages is how much of it the kernel's heap takes; nil: unknown.
	HeapPages func() uint64
	// LiveHeap collects the kernel's garbage and says how many bytes of the heap are in
	// use then; nil: unknown.
	LiveHeap func() uint64
	asks     map[uint64]bool // questions to nodes that calls wait for; see ask

	// Log writes a line to the kernel's log.
	Log func(format string, args ...any)

	// HWCap is AT_HWCAP: CPUID leaf 1, EDX.
	HWCap uint32

	OutOfMemory int  // processes ended because memory was short
	Yielded     bool // the running thread gave up its slice; the dispatcher clears it
	Halt        bool // a program asked the node to end

	// Files is what the node knows of files of servers.
	Files object.Files

	scratch object.Op    // of the operation in progress
	paths   int          // how many paths the step in progress has read
	lead    lead         // what stands for one of them
	current *proc.Thread // whose path is being resolved, for /proc/self
}

// Cluster is what system calls need of the rest of the cluster.
type Cluster interface {
	// SignalRequest is the transaction that signals a process, wherever it is.
	SignalRequest(pid int32, in proc.Info) (to flip.Address, h *std.Header, data []byte)
	// Spread reports whether a process group may have members on other nodes.
	Spread(pgid int32) bool
	// SignalGroup signals all members of a group, each once; done gets their number.
	SignalGroup(pgid int32, in proc.Info, done func(count int))
	// SessionOf finds the session of a process group of which nobody is here; 0: there
	// is no such group.
	SessionOf(pgid int32, done func(sid int32))
	// JoinRequest is the transaction that puts a child, wherever it is, into a process
	// group of its parent's session. The answer's Extra is an errno.
	JoinRequest(child, pgid int32, parent *proc.Process) (to flip.Address, h *std.Header)
	// Joined notes that a process of another node has joined a group.
	Joined(pgid int32)
}

// Network is what system calls need to have sockets.
type Network interface {
	// Server is the TCP/IP server.
	Server() capability.Capability
	// Open makes the node's end of a socket of that server.
	Open(c capability.Capability, s object.Socket) *object.Remote
	// Missing notes that the server does not answer.
	Missing()
}

type handler func(*Kernel, *proc.Thread, *proc.Call) int64

// Syscall starts the call a thread has just trapped with.
func (k *Kernel) Syscall(t *proc.Thread) {
	k.step(t, t.Begin())
}

// Prepare brings a ready thread to the border of user mode: it repeats a call
// that was waiting and delivers signals. It reports false when the thread does
// not run now: it waits, its process was stopped or has ended.
func (k *Kernel) Prepare(t *proc.Thread) bool {
	for {
		p := t.Process()
		interrupted := k.Tab.Settle(t)
		if t.State() == proc.Dead || p.Stopped() || p.Frozen() {
			return false
		}
		if t.Call.Active {
			t.Call.Interrupted = interrupted
			k.step(t, &t.Call)
			if t.State() != proc.Running {
				return false
			}
			if t.Call.Active && !interrupted {
				continue // sigreturn put another call on top
			}
		}
		if !interrupted {
			if t.Call.Active || t.Deliverable() != 0 {
				continue
			}
			return true
		}
		k.Tab.PushSignal(t)
	}
}

// step runs the handler of a call once, or again when it had to wait for memory that is away.
func (k *Kernel) step(t *proc.Thread, c *proc.Call) {
	s := t.Process().Space
	if s.Away() == 0 {
		s.WantNone()
		k.Tab.Finish(t, k.handle(t, c))
		return
	}
	before := t.Before()
	for {
		s.WantNone()
		ret := k.handle(t, c)
		page, wanted := s.Wanted()
		if !wanted || !unreadable(&before, ret) {
			k.Tab.Finish(t, ret)
			return
		}
		t.PutBack(&before)
		if !k.await(t, page) {
			return
		}
	}
}

// handle runs the handler of a call.
func (k *Kernel) handle(t *proc.Thread, c *proc.Call) int64 {
	k.paths, k.lead = 0, lead{}
	switch {
	case c.Phase > servedFirst && c.Nr < abi.MaxSys && calls[c.Nr] != nil:
		return k.served(t, c)
	case c.Nr < abi.MaxSys && calls[c.Nr] != nil:
		return calls[c.Nr](k, t, c)
	case c.Nr >= abi.SysMotile && k.Native != nil:
		return k.Native(t, c)
	}
	return k.missing(t, c)
}

// missing answers a call that is not implemented.
func (k *Kernel) missing(t *proc.Thread, c *proc.Call) int64 {
	p := t.Process()
	if p.Missing == nil {
		p.Missing = make(map[uint32]int)
	}
	if _, ok := p.Missing[c.Nr]; ok || len(p.Missing) < 64 {
		p.Missing[c.Nr]++
	}
	return -abi.ENOSYS
}

// Fault handles a page fault of a user thread.
func (k *Kernel) Fault(t *proc.Thread) {
	const wrote, user, fetched = 2, 4, 16
	f := t.Frame
	if f.Err&user == 0 {
		// The CPU did this by itself, with the kernel's rights: for a table of its own,
		// or (QEMU's, for IRET) on the user's stack, where SMAP forbids it. Whatever is
		// mapped there, it would fault again.
		k.Tab.Force(t, proc.Info{Signo: abi.SIGSEGV, Code: proc.SiKernel})
		return
	}
	access := uint8(vm.ProtRead)
	switch {
	case f.Err&fetched != 0:
		access = vm.ProtExec
	case f.Err&wrote != 0:
		access = vm.ProtWrite
	}
	for {
		switch t.Process().Space.Touch(f.CR2, access) {
		case vm.OK:
			return
		case vm.NoMap:
			k.Tab.Force(t, proc.Info{Signo: abi.SIGSEGV, Code: proc.SegvMapErr, Addr: f.CR2})
			return
		case vm.NoAccess:
			k.Tab.Force(t, proc.Info{Signo: abi.SIGSEGV, Code: proc.SegvAccErr, Addr: f.CR2})
			return
		case vm.BeyondEnd:
			k.Tab.Force(t, proc.Info{Signo: abi.SIGBUS, Code: proc.BusAdrErr, Addr: f.CR2})
			return
		case vm.NoMemory:
			if !k.freeMemory(t) {
				return
			}
		case vm.Away:
			if !k.await(t, f.CR2) {
				return
			}
		}
	}
}

// Exception handles any other exception of a user thread.
func (k *Kernel) Exception(t *proc.Thread) {
	f := t.Frame
	in := proc.Info{Signo: abi.SIGSEGV, Code: proc.SiKernel}
	switch f.Vector {
	case abi.VecDivide:
		in = proc.Info{Signo: abi.SIGFPE, Code: proc.FpeIntDiv, Addr: f.IP}
	case abi.VecX87, abi.VecSIMD:
		in = proc.Info{Signo: abi.SIGFPE, Code: proc.FpeFltInv, Addr: f.IP}
	case abi.VecOpcode:
		in = proc.Info{Signo: abi.SIGILL, Code: proc.IllIllOpn, Addr: f.IP}
	case abi.VecBreak:
		in = proc.Info{Signo: abi.SIGTRAP, Code: proc.SiKernel}
	case abi.VecDebug:
		in = proc.Info{Signo: abi.SIGTRAP, Code: proc.TrapBrkpt, Addr: f.IP}
	case abi.VecAlign:
		in = proc.Info{Signo: abi.SIGBUS, Code: 1}
	}
	k.Tab.Force(t, in)
}

// freeMemory ends the process that holds most memory of its own. It reports
// false when that was t's. The shell is never it while a hog lives: what counts
// is private pages.
func (k *Kernel) freeMemory(t *proc.Thread) bool {
	victim, pages := k.largest()
	if victim == nil {
		victim = t.Process()
	}
	k.endForMemory(victim, pages)
	return t.State() != proc.Dead
}

// EndLargest ends the process that holds most memory of its own, for there is none left.
func (k *Kernel) EndLargest() {
	if victim, pages := k.largest(); victim != nil {
		k.endForMemory(victim, pages)
	}
}

// largest finds the process with most pages of its own that is not on its way elsewhere.
func (k *Kernel) largest() (is *proc.Process, pages int) {
	pages = -1
	for _, p := range k.Tab.Processes() {
		if p.Space == nil || p.Frozen() {
			continue
		}
		_, private := p.Space.Resident()
		if n := private + p.Space.Tables(); n > pages {
			is, pages = p, n
		}
	}
	return is, pages
}

func (k *Kernel) endForMemory(p *proc.Process, pages int) {
	k.OutOfMemory++
	if k.Log != nil {
		k.Log("out of memory: killed process %d (%s), %d pages", p.PID, p.Comm, pages)
	}
	k.Tab.Exit(p, abi.SIGKILL)
}

// Relieve is for the dispatcher, between two threads: what the kernel's heap needs is
// taken from the process that has most.
func (k *Kernel) Relieve() {
	if k.Starving == nil || !k.Starving() {
		return
	}
	for vm.Sweep() {
	}
	if !k.Starving() { // what has ended already is enough
		return
	}
	if p, pages := k.largest(); p != nil {
		k.endForMemory(p, pages)
	}
}

// fault turns a failed copy into an error number.
func (k *Kernel) fault(f vm.Fault) int64 {
	switch f {
	case vm.OK:
		return 0
	case vm.NoMemory:
		return -abi.ENOMEM
	}
	return -abi.EFAULT
}

// copyIn reads n bytes of the caller's memory.
func (k *Kernel) copyIn(t *proc.Thread, addr uint64, b []byte) bool {
	_, f := t.Process().Space.CopyIn(b, addr)
	return f == vm.OK
}

// copyOut writes to the caller's memory and returns 0 or -EFAULT.
func (k *Kernel) copyOut(t *proc.Thread, addr uint64, b []byte) int64 {
	_, f := t.Process().Space.CopyOut(addr, b)
	return k.fault(f)
}

// file returns the file of a descriptor, or nil.
func file(t *proc.Thread, fd uint64) *object.File { return t.Process().FDs.Get(int32(fd)) }
