package node

import (
	"fmt"

	"motile/ipc/flip"
	"motile/ipc/rpc"
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
		if ex.File < 0 || int(ex.File) >= len(a.im.Files) {
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

// files opens what the process had open.
func (a *assembly) files() string {
	pipes := make(map[int32]*object.Pipe)
	files := make([]*object.File, len(a.im.Files))
	defer func() {
		for _, f := range files {
			if f != nil {
				f.Release()
			}
		}
	}()
	for i := range a.im.Files {
		if f := a.replaced[int32(i)]; f != nil {
			f.Retain()
			files[i] = f
			continue
		}
		f, why := a.file(&a.im.Files[i], pipes)
		if why != "" {
			return why
		}
		files[i] = f
	}
	for i, ex := range a.state.Exports {
		if a.copy {
			break // a copy has none that others know
		}
		files[ex.File].Retain()
		a.exps[i].file = files[ex.File]
	}
	if a.p != nil {
		a.descriptors(files)
	}
	return ""
}

// descriptors gives the process its descriptors, and its epoll sets what they watch.
func (a *assembly) descriptors(files []*object.File) {
	p := a.p
	for _, fd := range a.im.FDs {
		files[fd.File].Retain()
		p.FDs.Set(fd.FD, files[fd.File], fd.Cloexec)
		p.FDs.SetOpening(fd.FD, fd.Opening)
	}
	for _, own := range []struct {
		i    int32
		dest **object.File
	}{{a.im.TTY, &p.TTY}, {a.im.Log, &p.Log}} {
		if own.i >= 0 {
			files[own.i].Retain()
			*own.dest = files[own.i]
		}
	}
	for i := range a.im.Files {
		if e, ok := files[i].Impl.(*object.Epoll); ok {
			for _, w := range a.objects[a.im.Files[i].Object].Watches {
				e.Restore(w.FD, files[w.File], w.Events, w.Data, w.Listed)
			}
		}
	}
}

func (a *assembly) file(m *image.File, pipes map[int32]*object.Pipe) (*object.File, string) {
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
		if x := n.exportAt(r.Addr); x != nil && !x.leaving { // its home is here: no need to go through the network
			x.file.Retain()
			return x.file, ""
		}
		n.adoptRemote(r)
		if m.Counted {
			a.held = append(a.held, r)
		}
		impl = r
	default:
		if impl = a.value(m, pipes); impl == nil {
			return nil, "out of memory"
		}
	}
	f := object.NewFile(impl, m.Flags, m.Path)
	f.Offset = m.Offset
	return f, ""
}

// value makes an object that came along.
func (a *assembly) value(m *image.File, pipes map[int32]*object.Pipe) object.Impl {
	o := &a.objects[m.Object]
	switch m.Kind {
	case image.KindPipeR, image.KindPipeW:
		if pipes[m.Object] == nil {
			pipes[m.Object] = object.RestorePipe(o.Pipe, o.Readers, o.Writers)
		}
		return pipes[m.Object]
	case image.KindEventfd:
		return &object.Eventfd{Count: o.Count, Semaphore: o.Sema}
	case image.KindEpoll:
		return &object.Epoll{Who: a.signals()}
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

// exportAt returns the export with an address, or nil.
func (n *Node) exportAt(a flip.Address) *export {
	for _, x := range n.exports {
		if x.ep.Address() == a {
			return x
		}
	}
	return nil
}
