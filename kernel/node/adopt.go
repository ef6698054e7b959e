package node

import (
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/proc"
)

// What came with the process, made anew: its endpoints, its descriptors and their
// objects.

// endpointsFrom makes the endpoints, which answer nobody until register. x is nil if an
// object moves, and no process.
func (a *assembly) endpointsFrom(x *process) string {
	n := a.n
	load := func(b []byte, owner any) (*rpc.Endpoint, string) {
		st, err := rpc.DecodeState(b)
		if err != nil {
			return nil, err.Error()
		}
		ep := n.ipc.m.Import(n.Tab.Now, owner, st)
		if ep == nil {
			return nil, "the state of an endpoint makes no sense, or its address is in use here"
		}
		return ep, ""
	}
	var why string
	if x != nil {
		if a.pid, why = load(a.state.PID, x); why != "" {
			return why
		}
		x.pid = a.pid
		if len(a.state.Own) > 0 {
			if a.own, why = load(a.state.Own, x); why != "" {
				return why
			}
			x.own = a.own
		}
		if len(a.state.Raw) > 0 {
			var err error
			if x.raw, err = n.ipc.raw.Import(x, a.state.Raw); err != nil {
				return err.Error()
			}
		}
		if why := a.groupsFrom(x); why != "" {
			return why
		}
		x.keepSlots()
	}
	for _, ex := range a.state.Exports {
		e := &export{n: n}
		if e.ep, why = load(ex.State, e); why != "" {
			return why
		}
		e.importHolders(ex.Holders)
		a.exps = append(a.exps, e)
		if ex.File < 0 || int(ex.File) >= len(a.first.Files) {
			return "an exported file is not there"
		}
	}
	return ""
}

// keepSlots takes the slots in which the process's calls wait.
func (x *process) keepSlots() {
	keep := func(c *proc.Call) {
		if c.Slot != 0 && c.Slot&proc.ServerSlot == 0 && c.Answer == nil {
			x.slots.keep(c.Slot)
		}
	}
	for _, t := range x.p.Threads {
		keep(&t.Call)
		for i := range t.Below {
			keep(&t.Below[i].Call)
		}
		if t.Server != 0 {
			x.servers.keep(t.Server)
		}
	}
}

// openFiles opens what the processes had open.
func (a *assembly) openFiles() string {
	made := make(map[int32]object.Impl)
	a.files = make([]*object.File, len(a.first.Files))
	for i := range a.first.Files {
		if f := a.replaced[int32(i)]; f != nil {
			f.Retain()
			a.files[i] = f
			continue
		}
		f, why := a.file(&a.first.Files[i], made)
		if why != "" {
			return why
		}
		a.files[i] = f
	}
	for i, ex := range a.state.Exports {
		if a.copy {
			break // a copy has none that others know
		}
		a.files[ex.File].Retain()
		a.exps[i].file = a.files[ex.File]
	}
	return ""
}

// watches gives epoll sets what they watch, once everybody has his descriptors.
func (a *assembly) watches() {
	for i := range a.first.Files {
		if e, ok := a.files[i].Impl.(*object.Epoll); ok {
			for _, w := range a.objects[a.first.Files[i].Object].Watches {
				e.Restore(w.FD, a.files[w.File], w.Events, w.Data, w.Listed)
			}
		}
	}
}

// descriptors gives the process its descriptors. An epoll set looks for the signals of
// the first that has it: parents come before their children.
func (a *assembly) descriptors() {
	p := a.p
	for _, fd := range a.im.FDs {
		a.files[fd.File].Retain()
		if e, ok := a.files[fd.File].Impl.(*object.Epoll); ok && e.Who == nil {
			e.Who = p.Leader()
		}
		p.FDs.Set(fd.FD, a.files[fd.File], fd.Cloexec)
		p.FDs.SetOpening(fd.FD, fd.Opening)
	}
	for _, own := range []struct {
		i    int32
		dest **object.File
	}{{a.im.TTY, &p.TTY}, {a.im.Log, &p.Log}} {
		if own.i >= 0 {
			a.files[own.i].Retain()
			*own.dest = a.files[own.i]
		}
	}
}

func (a *assembly) file(m *image.File, made map[int32]object.Impl) (*object.File, string) {
	n := a.n
	var impl object.Impl
	switch m.Kind {
	case image.KindDevice, image.KindDir:
		pl, errno := n.K.FS.Lookup(n.K.FS.Root, m.Path, true)
		if errno != 0 || pl.Node == nil {
			return nil, m.Path + " is not here"
		}
		var e int
		if impl, e = n.K.FS.Open(pl.Node, m.Flags&^object.OCreat); e != 0 {
			return nil, fmt.Sprintf("%s cannot be opened here: error %d", m.Path, e)
		}
	case image.KindRegular:
		node := n.K.FS.ByDigest(vm.Digest(m.Digest))
		if node == nil {
			return nil, m.Path + ": a file of that content is not here"
		}
		var e int
		if impl, e = n.K.FS.Open(node, object.ORdonly); e != 0 {
			return nil, fmt.Sprintf("%s cannot be opened here: error %d", m.Path, e)
		}
	case image.KindRemote:
		r := &object.Remote{Addr: flip.Address(m.Address), Mode: m.Mode, Rdev: m.Rdev, Terminal: m.Terminal,
			Counted: m.Counted, Seekable: m.Seekable, Residual: m.Residual, Home: m.Home,
			Timer: m.Timer, Wall: m.Wall}
		adoptService(r, m)
		if x := n.exportAt(r.Addr); x != nil && !x.leaving { // its home is here: no need to go through the network
			x.file.Retain()
			return x.file, ""
		}
		n.adoptRemote(r)
		if m.Counted {
			a.held = append(a.held, r)
		}
		impl = r
	case image.KindServed:
		c, _ := capability.Decode(m.Server)
		s := n.K.Files.Adopt(c, m.Root, m.Mode)
		a.served = append(a.served, s)
		if len(m.Shared) > 0 {
			s.Shared = &filesys.Shared{ID: [16]byte(m.Shared), Start: m.Offset}
		}
		if len(m.Lock) > 0 {
			s.LockID = [16]byte(m.Lock)
		}
		if m.Mapped {
			a.stores[m.Store].Retain()
			s.Mapped = object.RestoreMapping(a.stores[m.Store], m.Sums)
		}
		impl = s
	case image.KindPTYMaster, image.KindPTYSlave:
		if made[m.Object] == nil {
			p, why := a.pty(a.objects[m.Object].PTY)
			if why != "" {
				return nil, why
			}
			made[m.Object] = p.End(false)
		}
		impl = made[m.Object].(*object.Slave).End(m.Kind == image.KindPTYMaster)
	default:
		if impl = a.value(m, made); impl == nil {
			return nil, "out of memory"
		}
	}
	f := object.NewFile(impl, m.Flags, m.Path)
	f.Offset = m.Offset
	return f, ""
}

// value makes an object that came along.
func (a *assembly) value(m *image.File, made map[int32]object.Impl) object.Impl {
	if m.Kind == image.KindMemory {
		return a.memoryFile(m, made)
	}
	o := &a.objects[m.Object]
	switch m.Kind {
	case image.KindPipeR, image.KindPipeW:
		if made[m.Object] == nil {
			made[m.Object] = object.RestorePipe(o.Pipe, o.Readers, o.Writers)
		}
		return made[m.Object]
	case image.KindEventfd:
		return &object.Eventfd{Count: o.Count, Semaphore: o.Sema}
	case image.KindEpoll:
		return new(object.Epoll)
	case image.KindTimerfd, image.KindSignalfd, image.KindPidfd:
		return a.event(m, o)
	case image.KindLog:
		l := object.NewLog()
		if !l.Restore(o.LogBase, o.Log) {
			l.Close(nil)
			return nil
		}
		return l
	}
	return a.n.K.FS.Snapshot(o.Text)
}

// memoryFile opens a file without a name over a store: once more, if another
// description has it. made has those with the numbers of their stores, below zero.
func (a *assembly) memoryFile(m *image.File, made map[int32]object.Impl) object.Impl {
	if r, ok := made[-1-m.Store].(*fs.Regular); ok {
		return r.Again()
	}
	st := a.stores[m.Store]
	st.Retain()
	r := a.n.K.FS.Memory(st, m.Mode)
	made[-1-m.Store] = r
	return r
}

// exportAt returns the export with an address, or nil.
func (n *Node) exportAt(a flip.Address) *export {
	for _, x := range n.exports {
		if x.ep.Address() == a {
			return x
		}
	}
	return nil
}
