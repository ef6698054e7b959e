package image

import (
	"fmt"

	"motile/ipc/capability"
	"motile/kernel/abi"
)

// Limits on what an image may hold.
const (
	maxThreads = 1024
	maxRegions = 16384
	maxFiles   = 4096
	maxTable   = 16384 // files of all processes of a set
	maxSignals = 1024
	maxPipe    = 64 << 10
	maxLog     = 1 << 20
	fxSize     = 512
	maxBelow   = 64
	maxSlot    = 4096    // of RPC
	maxSize    = 1 << 40 // of a store
	maxTime    = 1 << 62 // ns; twice that is no number any more
	maxEnds    = 1 << 20 // descriptions of a pipe
	maxTrail   = 1024

	replyHeader = 64 // std.HeaderLen
	pageSize    = abi.PageSize
)

// Check reports the first thing that is wrong with a decoded image. What passes
// can be adopted: every number is in range, every reference resolves.
func (p *Process) Check(objects []Object) error {
	for _, f := range []func() error{
		p.checkIdentity, p.checkThreads, p.checkMemory,
		func() error { return p.checkFiles(objects) },
		p.checkSignals, p.checkTimers,
	} {
		if err := f(); err != nil {
			return fmt.Errorf("image of process %d: %w", p.PID, err)
		}
	}
	return nil
}

const maxPID = 1 << 29

func validPID(pid int32) bool { return pid > 0 && pid < maxPID }

func (p *Process) checkIdentity() error {
	switch {
	case !validPID(p.PID) || !validPID(p.Parent) || !validPID(p.PGID) || !validPID(p.SID):
		return fmt.Errorf("ids %d %d %d %d out of range", p.PID, p.Parent, p.PGID, p.SID)
	case p.Cwd == "" || p.Cwd[0] != '/' || len(p.Cwd) > 4096:
		return fmt.Errorf("working directory %.20q", p.Cwd)
	case len(p.Comm) > 15 || len(p.Comment) > 31 || len(p.Owner) > 64 || len(p.Exe) > 4096 || len(p.Args) > 8192:
		return fmt.Errorf("names too long")
	case len(p.Lineage) != 0 && len(p.Lineage) != 16 || p.Generation > maxTime || p.Random >= abi.UserTop:
		return fmt.Errorf("lineage of %d bytes, generation %d, random bytes at %#x", len(p.Lineage), p.Generation, p.Random)
	case len(p.Children) > maxArray || len(p.Limits) > 16 || len(p.Missing) > 1024 || len(p.Trail) > maxTrail:
		return fmt.Errorf("tables too long")
	}
	if !formerFit(p.Former) {
		return fmt.Errorf("%d former pids, or one that cannot be", len(p.Former))
	}
	for _, c := range p.Children {
		if !validPID(c.PID) || c.State > 3 {
			return fmt.Errorf("child %d in state %d", c.PID, c.State)
		}
	}
	if p.Lease < 0 || p.Lease > maxTime {
		return fmt.Errorf("lease of %d ns", p.Lease)
	}
	if s := p.Stun; s != nil && (s.Signal < 0 || s.Signal > abi.NSIG || s.Slot >= maxSlot || s.Silence > 0) {
		return fmt.Errorf("stunned by signal %d, asks in slot %d", s.Signal, s.Slot)
	}
	for i, t := range p.Timers {
		if t.Left < 0 || t.Left > maxTime || t.Period < 0 || t.Period > maxTime {
			return fmt.Errorf("interval timer %d: %d ns left of %d", i, t.Left, t.Period)
		}
	}
	return nil
}

func (p *Process) checkThreads() error {
	if len(p.Threads) == 0 || len(p.Threads) > maxThreads {
		return fmt.Errorf("%d threads", len(p.Threads))
	}
	seen := make(map[int32]bool, len(p.Threads))
	for i := range p.Threads {
		t := &p.Threads[i]
		switch {
		case !validPID(t.TID) || seen[t.TID]:
			return fmt.Errorf("thread id %d", t.TID)
		case len(t.FX) != fxSize:
			return fmt.Errorf("thread %d: %d bytes of floating-point state", t.TID, len(t.FX))
		case len(t.Name) > 15 || len(t.Pending) > maxSignals || len(t.Below) > maxBelow:
			return fmt.Errorf("thread %d: tables too long", t.TID)
		case !t.callsFit():
			return fmt.Errorf("thread %d: a call that cannot be", t.TID)
		case !t.registersFit():
			return fmt.Errorf("thread %d: at %#x, with segments at %#x and %#x", t.TID, t.Regs[regIP], t.Regs[regFS], t.Regs[regGS])
		case !formerFit(t.Former):
			return fmt.Errorf("thread %d: %d former ids, or one that cannot be", t.TID, len(t.Former))
		case t.Index >= p.NextIndex:
			return fmt.Errorf("thread %d: index %d of %d", t.TID, t.Index, p.NextIndex)
		}
		seen[t.TID] = true
	}
	return nil
}

// Indices into Regs.
const (
	regIP = 16
	regFS = 18
	regGS = 19
)

// registersFit: the addresses among the registers are a user's. (What else a user may
// not set is masked where registers are loaded.)
func (t *Thread) registersFit() bool {
	return t.Regs[regIP] <= abi.UserTop && t.Regs[regFS] < abi.UserTop && t.Regs[regGS] < abi.UserTop
}

func formerFit(ids []int32) bool {
	for _, id := range ids {
		if !validPID(id) {
			return false
		}
	}
	return len(ids) <= MaxFormer
}

// MaxFormer is how many former ids of a thread or process are remembered.
const MaxFormer = 32

// callsFit: replies have headers, and slots are numbers that RPC hands out; those of
// serving are the thread's own.
func (t *Thread) callsFit() bool {
	const serving = 1 << 31
	ok := func(c *Call) bool {
		slot := c.Slot < maxSlot || c.Slot&serving != 0 && c.Slot&^serving == t.Server
		return slot && c.Done <= maxTime && (c.Reply == nil || len(c.Reply.Header) == replyHeader)
	}
	if t.Server >= maxSlot || t.Patience < 0 || t.Patience > maxTime {
		return false
	}
	if t.Call != nil && !ok(t.Call) {
		return false
	}
	for i := range t.Below {
		if !ok(&t.Below[i].Call) {
			return false
		}
	}
	return true
}

func (p *Process) checkMemory() error {
	if len(p.Regions) > maxRegions || len(p.Stores) > maxRegions {
		return fmt.Errorf("%d regions over %d stores", len(p.Regions), len(p.Stores))
	}
	for i, s := range p.Stores {
		if s.Size < 0 || s.Size > maxSize || s.Still && len(s.Digest) != 0 || len(s.Digest) != 0 && len(s.Digest) != 32 {
			return fmt.Errorf("store %d: size %d, digest of %d bytes", i, s.Size, len(s.Digest))
		}
	}
	end := uint64(pageSize)
	for _, r := range p.Regions {
		switch {
		case r.Start < end || r.End <= r.Start || r.End > abi.UserTop || r.Start%pageSize != 0 || r.End%pageSize != 0:
			return fmt.Errorf("region %#x-%#x", r.Start, r.End)
		case r.Prot > 7 || r.Fork > 2 || r.Off < 0 || r.Off%pageSize != 0:
			return fmt.Errorf("region %#x: protection %d, offset %d", r.Start, r.Prot, r.Off)
		case r.Store < -1 || int(r.Store) >= len(p.Stores) || r.Shared && r.Store < 0:
			return fmt.Errorf("region %#x: store %d of %d", r.Start, r.Store, len(p.Stores))
		}
		end = r.End
	}
	if p.Brk < p.BrkStart || p.Brk > abi.UserTop {
		return fmt.Errorf("brk %#x below its start %#x", p.Brk, p.BrkStart)
	}
	return nil
}

// CheckFiles checks the image of objects that move without a process.
func (p *Process) CheckFiles(objects []Object) error {
	if len(p.FDs) != 0 || p.TTY != 0 || p.Log != 0 {
		return fmt.Errorf("image of objects has descriptors")
	}
	q := *p
	q.TTY, q.Log = -1, -1
	return q.checkFiles(objects)
}

// hasMemory: Store is an index.
func (f *File) hasMemory() bool { return f.Kind == KindMemory || f.Kind == KindServed && f.Mapped }

func (p *Process) checkFiles(objects []Object) error {
	if len(p.Files) > maxTable || len(objects) > maxTable {
		return fmt.Errorf("%d files, %d objects", len(p.Files), len(objects))
	}
	for i := range p.Files {
		f := &p.Files[i]
		if err := f.check(objects); err != nil {
			return fmt.Errorf("file %d: %w", i, err)
		}
		if f.hasMemory() && (f.Store < 0 || int(f.Store) >= len(p.Stores) || len(p.Stores[f.Store].Digest) != 0 || f.Mapped && p.Stores[f.Store].Still) {
			return fmt.Errorf("file %d: store %d of %d", i, f.Store, len(p.Stores))
		}
	}
	if err := p.checkObjects(objects); err != nil {
		return err
	}
	return p.checkDescriptors()
}

func (p *Process) inFiles(i int32) bool { return i >= 0 && int(i) < len(p.Files) }

// checkDescriptors: what a process has of files that are checked.
func (p *Process) checkDescriptors() error {
	if len(p.FDs) > maxFiles {
		return fmt.Errorf("%d descriptors", len(p.FDs))
	}
	last := int32(-1)
	for _, fd := range p.FDs {
		if fd.FD <= last || fd.FD >= maxFiles || !p.inFiles(fd.File) {
			return fmt.Errorf("descriptor %d for file %d", fd.FD, fd.File)
		}
		last = fd.FD
	}
	if p.TTY != -1 && !p.inFiles(p.TTY) || p.Log != -1 && !p.inFiles(p.Log) {
		return fmt.Errorf("terminal %d or log %d is no file", p.TTY, p.Log)
	}
	return nil
}

func (p *Process) checkObjects(objects []Object) error {
	for i, o := range objects {
		if len(o.Pipe) > maxPipe || len(o.Log) > maxLog || len(o.Text) > maxLog || len(o.Watches) > maxFiles ||
			o.LogBase < 0 || o.LogBase > maxTime || o.Readers < 0 || o.Readers > maxEnds || o.Writers < 0 || o.Writers > maxEnds {
			return fmt.Errorf("object %d is out of range", i)
		}
		for _, w := range o.Watches {
			if !p.inFiles(w.File) {
				return fmt.Errorf("object %d watches file %d", i, w.File)
			}
		}
	}
	return nil
}

func (f *File) check(objects []Object) error {
	if f.Offset < 0 {
		return fmt.Errorf("offset %d", f.Offset)
	}
	switch f.Kind {
	case KindDevice, KindDir:
		if f.Path == "" || f.Path[0] != '/' {
			return fmt.Errorf("path %.20q", f.Path)
		}
	case KindRegular:
		if len(f.Digest) != 32 {
			return fmt.Errorf("digest of %d bytes", len(f.Digest))
		}
	case KindRemote:
		if len(f.Address) != 16 {
			return fmt.Errorf("address of %d bytes", len(f.Address))
		}
		if n := len(f.Service); n != 0 && n != capability.EncodedLen || n == 0 && len(f.Socket) > 0 {
			return fmt.Errorf("capability of %d bytes", n)
		}
		if n := len(f.Socket); n != 0 && n != 3 {
			return fmt.Errorf("socket of %d numbers", n)
		}
	case KindServed:
		if len(f.Server) != capability.EncodedLen {
			return fmt.Errorf("capability of %d bytes", len(f.Server))
		}
		if len(f.Shared) != 0 && len(f.Shared) != 16 {
			return fmt.Errorf("offset under a number of %d bytes", len(f.Shared))
		}
		if len(f.Lock) != 0 && len(f.Lock) != 16 {
			return fmt.Errorf("locks under a number of %d bytes", len(f.Lock))
		}
	case KindMemory: // its store is known to the process
	case KindPipeR, KindPipeW, KindEventfd, KindEpoll, KindLog, KindText, KindTimerfd, KindSignalfd, KindPidfd,
		KindPTYMaster, KindPTYSlave:
		if f.Object < 0 || int(f.Object) >= len(objects) {
			return fmt.Errorf("object %d of %d", f.Object, len(objects))
		}
		return f.checkEvent(&objects[f.Object])
	default:
		return fmt.Errorf("unknown kind %d", f.Kind)
	}
	return nil
}

func (p *Process) checkSignals() error {
	if len(p.Actions) > abi.NSIG || len(p.Pending) > maxSignals {
		return fmt.Errorf("%d actions, %d signals", len(p.Actions), len(p.Pending))
	}
	for _, a := range p.Actions {
		if a.Signal < 1 || a.Signal > abi.NSIG || a.Signal == abi.SIGKILL || a.Signal == abi.SIGSTOP {
			return fmt.Errorf("action for signal %d", a.Signal)
		}
	}
	all := p.Pending
	for i := range p.Threads {
		all = append(all[:len(all):len(all)], p.Threads[i].Pending...)
	}
	for _, s := range all {
		if s.Signo < 1 || s.Signo > abi.NSIG || s.Timer < 0 {
			return fmt.Errorf("pending signal %d", s.Signo)
		}
	}
	return nil
}
