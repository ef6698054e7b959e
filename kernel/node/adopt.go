package node

import (
	"fmt"

	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/move"
	"motile/proc"
)

// build makes the process of a checked image, parked: nothing of it runs, and its
// addresses are not registered here. Objects that count their holders are told of
// this node first; when all have answered, the target is ready.
func (t *target) build() {
	if t.why == "" {
		t.why = t.assemble()
	}
	if t.why != "" {
		t.step(move.BuildFailed)
		return
	}
	for _, r := range t.held {
		t.asks++
		t.n.acquire(r, func(ok bool) {
			if !ok && t.why == "" {
				t.why = fmt.Sprintf("object %v, which the process has open, does not answer", r.Addr)
			}
			t.asks--
			t.acquired()
		})
	}
	t.acquired()
}

func (t *target) acquired() {
	switch {
	case t.asks > 0 || t.m.State() != move.Building:
	case t.why != "":
		t.step(move.BuildFailed)
	default:
		t.step(move.Built)
	}
}

// assemble puts the process together and returns what is wrong, or "".
func (t *target) assemble() string {
	if t.im.PID == 0 {
		if why := t.endpointsFrom(nil); why != "" {
			return why
		}
		return t.files()
	}
	if why := t.memory(); why != "" {
		return why
	}
	p, ok := t.n.Tab.Adopt(t.im, t.space)
	if !ok {
		return "a process or thread id of it is in use here"
	}
	t.p = p
	x := t.n.newProcess(p)
	x.arriving, x.kept = t, t.im.Kept
	p.Ext = x
	if why := t.endpointsFrom(x); why != "" {
		return why
	}
	return t.files()
}

// memory gives the space its regions and rights.
func (t *target) memory() string {
	stores := make([]*vm.Store, len(t.im.Stores))
	defer func() {
		for _, st := range stores {
			if st != nil {
				st.Release()
			}
		}
	}()
	for i, s := range t.im.Stores {
		if len(s.Digest) == 32 {
			node := t.n.K.FS.ByDigest(vm.Digest(s.Digest))
			if node == nil {
				return fmt.Sprintf("a file it maps (%x…) is not here", s.Digest[:4])
			}
			stores[i] = node.Store()
			stores[i].Retain()
		} else {
			if stores[i] = t.stored[i]; stores[i] == nil {
				stores[i] = vm.NewStore()
			}
			delete(t.stored, i)
			stores[i].Truncate(s.Size)
		}
	}
	if len(t.stored) > 0 {
		return "a page of memory that is not there"
	}
	for _, r := range t.im.Regions {
		nr := vm.Region{Prot: r.Prot, Shared: r.Shared, Stack: r.Stack, Off: r.Off}
		if r.Store >= 0 {
			nr.Store = stores[r.Store]
			nr.Store.Retain()
		}
		if !t.space.Place(r.Start, r.End, nr) {
			return fmt.Sprintf("region %#x overlaps another", r.Start)
		}
	}
	t.space.Brk, t.space.BrkStart = t.im.Brk, t.im.BrkStart
	if !t.space.Settle() {
		return "a page lies in no region"
	}
	return ""
}

func (t *target) endpointsFrom(x *process) string {
	n := t.n
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
		if t.pid, why = load(t.state.PID, x); why != "" {
			return why
		}
		x.pid = t.pid
		if len(t.state.Own) > 0 {
			if t.own, why = load(t.state.Own, x); why != "" {
				return why
			}
			x.own = t.own
		}
		if len(t.state.Raw) > 0 {
			var err error
			if x.raw, err = n.ipc.raw.Import(x, t.state.Raw); err != nil {
				return err.Error()
			}
		}
		if why := t.groupsFrom(x); why != "" {
			return why
		}
		x.keepSlots()
	}
	for _, ex := range t.state.Exports {
		e := &export{n: n}
		if e.ep, why = load(ex.State, e); why != "" {
			return why
		}
		for _, h := range ex.Holders {
			e.addHolder(h.Node, h.Boot)
		}
		t.exps = append(t.exps, e)
		if ex.File < 0 || int(ex.File) >= len(t.im.Files) {
			return "an exported file is not there"
		}
	}
	return ""
}

// keepSlots takes the slots in which the process's calls wait.
func (x *process) keepSlots() {
	keep := func(c *proc.Call) {
		if c.Slot != 0 && c.Slot&proc.ServerSlot == 0 {
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
func (t *target) files() string {
	pipes := make(map[int32]*object.Pipe)
	files := make([]*object.File, len(t.im.Files))
	defer func() {
		for _, f := range files {
			if f != nil {
				f.Release()
			}
		}
	}()
	for i := range t.im.Files {
		f, why := t.file(&t.im.Files[i], pipes)
		if why != "" {
			return why
		}
		files[i] = f
	}
	for i, ex := range t.state.Exports {
		files[ex.File].Retain()
		t.exps[i].file = files[ex.File]
	}
	if t.p != nil {
		t.descriptors(files)
	}
	return ""
}

// descriptors gives the process its descriptors, and its epoll sets what they watch.
func (t *target) descriptors(files []*object.File) {
	p := t.p
	for _, fd := range t.im.FDs {
		files[fd.File].Retain()
		p.FDs.Set(fd.FD, files[fd.File], fd.Cloexec)
	}
	for _, own := range []struct {
		i    int32
		dest **object.File
	}{{t.im.TTY, &p.TTY}, {t.im.Log, &p.Log}} {
		if own.i >= 0 {
			files[own.i].Retain()
			*own.dest = files[own.i]
		}
	}
	for i := range t.im.Files {
		if e, ok := files[i].Impl.(*object.Epoll); ok {
			for _, w := range t.objects[t.im.Files[i].Object].Watches {
				e.Restore(w.FD, files[w.File], w.Events, w.Data, w.Listed)
			}
		}
	}
}

func (t *target) file(m *image.File, pipes map[int32]*object.Pipe) (*object.File, string) {
	n := t.n
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
			Counted: m.Counted, Seekable: m.Seekable, Residual: m.Residual, Home: m.Home}
		if x := n.exportAt(r.Addr); x != nil && !x.leaving { // its home is here: no need to go through the network
			x.file.Retain()
			return x.file, ""
		}
		n.adoptRemote(r)
		if m.Counted {
			t.held = append(t.held, r)
		}
		impl = r
	default:
		if impl = t.value(m, pipes); impl == nil {
			return nil, "out of memory"
		}
	}
	f := object.NewFile(impl, m.Flags, m.Path)
	f.Offset = m.Offset
	return f, ""
}

// value makes an object that came along.
func (t *target) value(m *image.File, pipes map[int32]*object.Pipe) object.Impl {
	o := &t.objects[m.Object]
	switch m.Kind {
	case image.KindPipeR, image.KindPipeW:
		if pipes[m.Object] == nil {
			pipes[m.Object] = object.RestorePipe(o.Pipe, o.Readers, o.Writers)
		}
		return pipes[m.Object]
	case image.KindEventfd:
		return &object.Eventfd{Count: o.Count, Semaphore: o.Sema}
	case image.KindEpoll:
		return new(object.Epoll)
	case image.KindLog:
		l := object.NewLog()
		if !l.Restore(o.LogBase, o.Log) {
			l.Close(nil)
			return nil
		}
		return l
	}
	return t.n.K.FS.Snapshot(o.Text)
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
