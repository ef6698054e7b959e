package node

import (
	"errors"
	"fmt"
	"slices"

	"motile/ipc/flip"
	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/seal"
	"motile/proc"
)

// captured is processes written down: a frozen set, as the source of a move holds it
// between freeze and commit, or a process of which there is to be a copy.
type captured struct {
	forWhom

	census *census
	im     *image.Process // the first of images: it has the tables of all
	images []*image.Process
	states []*image.RPC
	rpc    *image.RPC // the first of states: it has the exports of all

	objects []image.Object
	stores  []*vm.Store // memory the page stream must carry, by index into im.Stores

	files   []*object.File // by index into im.Files
	moving  []*export      // exports that go along
	holding []*export      // exports at which the target was entered as a holder
	rehomed []*object.File // descriptions that local processes go on using, from afar
	pinned  []*export      // what the image of a copy refers to
}

// forWhom says what a process is captured for.
type forWhom struct {
	target   int    // of a move
	boot     uint64 // its
	residual bool   // even if something stays behind
	copy     bool   // no move: the process stays, and nobody is to notice
}

// newCaptured has room for as many processes; with none, for an object.
func (n *Node) newCaptured(s set, why forWhom) *captured {
	c := &captured{forWhom: why, census: n.census(s)}
	c.census.copy = why.copy
	for range max(len(s), 1) {
		c.images, c.states = append(c.images, new(image.Process)), append(c.states, new(image.RPC))
	}
	c.im, c.rpc = c.images[0], c.states[0]
	return c
}

// capture writes down frozen processes and everything they have open. It changes
// nothing here that undo does not put back.
func (n *Node) capture(s set, why forWhom) (*captured, error) {
	c := n.newCaptured(s, why)
	if p, err := n.captureSet(c); err != nil {
		return c, blame(p, err)
	}
	for i, p := range s {
		if err := n.captureRPC(c.states[i], p); err != nil {
			return c, blame(p, err)
		}
	}
	err := n.captureExports(c)
	n.perform()
	return c, err
}

// captureSet writes down all but the endpoints. An error is about p.
func (n *Node) captureSet(c *captured) (p *proc.Process, err error) {
	for i, p := range c.census.set {
		c.process(i, p)
	}
	for i, p := range c.census.set {
		if err := n.captureDescriptors(c, c.images[i], p); err != nil {
			return p, err
		}
	}
	n.captureWatches(c)
	return nil, nil
}

// blame says whom an error is about.
func blame(p *proc.Process, err error) error {
	return fmt.Errorf("process %d cannot move: %w", p.PID, err)
}

// process writes down one process. Its stores go to the table of the first, so that
// what several map is one thing.
func (c *captured) process(i int, p *proc.Process) {
	im, stores := p.Table().Capture(p)
	im.Kept, im.Shake = of(p).kept, of(p).shakeThere()
	of(p).captureStun(im)
	list := im.Stores
	im.Stores = nil
	*c.images[i] = *im
	im = c.images[i]
	if k := c.census.set.spaceOf(i); k != i {
		im.Space, im.Regions, im.Brk, im.BrkStart = int32(k+1), nil, 0, 0
		if t := p.VforkParent(); t != nil {
			im.Vfork = t.TID
		}
		return
	}
	index := make([]int32, len(stores))
	for k, st := range stores {
		index[k] = c.store(st, list[k])
	}
	for k := range im.Regions {
		if r := &im.Regions[k]; r.Store >= 0 {
			r.Store = index[r.Store]
		}
	}
}

// store is the index of a store, which is entered if it is new.
func (c *captured) store(st *vm.Store, m image.Store) int32 {
	for i, x := range c.stores {
		if x == st {
			return int32(i)
		}
	}
	c.stores, c.im.Stores = append(c.stores, st), append(c.im.Stores, m)
	return int32(len(c.stores) - 1)
}

func (n *Node) captureDescriptors(c *captured, im *image.Process, p *proc.Process) error {
	for fd := range p.FDs.Len() {
		f := p.FDs.Held(int32(fd))
		if f == nil {
			continue
		}
		i, err := n.captureFile(c, f)
		if err != nil {
			return fmt.Errorf("fd %d (%s): %w", fd, f.Path, err)
		}
		im.FDs = append(im.FDs, image.FD{FD: int32(fd), File: i,
			Cloexec: p.FDs.Cloexec(int32(fd)), Opening: p.FDs.Opening(int32(fd))})
	}
	for _, own := range []struct {
		f *object.File
		i *int32
	}{{p.TTY, &im.TTY}, {p.Log, &im.Log}} {
		if own.f == nil {
			continue
		}
		i, err := n.captureFile(c, own.f)
		if err != nil {
			return fmt.Errorf("%s: %w", own.f.Path, err)
		}
		*own.i = i
	}
	return nil
}

// captureObject writes down an object that no process here has open.
func (n *Node) captureObject(c *captured, x *export) error {
	c.files = append(c.files, x.file)
	m := image.File{Flags: x.file.Flags, Offset: x.file.Offset, Path: x.file.Path, Object: -1}
	c.im.Files = append(c.im.Files, m)
	if r, ok := x.file.Impl.(*fs.Regular); ok && r.Store().Immutable() && r.Store().Digest != (vm.Digest{}) {
		captureName(x.file, &m)
	} else {
		n.captureValue(c, x.file, &m)
	}
	c.im.Files[0] = m
	err := n.captureExports(c)
	n.perform()
	return err
}

// captureFile adds a description, once, and returns its index.
func (n *Node) captureFile(c *captured, f *object.File) (int32, error) {
	for i, x := range c.files {
		if x == f {
			return int32(i), nil
		}
	}
	i := int32(len(c.files))
	c.files = append(c.files, f)
	c.im.Files = append(c.im.Files, image.File{})
	m := image.File{Flags: f.Flags, Offset: f.Offset, Path: f.Path, Object: -1}
	d, why := c.census.dispose(f, c.residual)
	if c.copy {
		d, why = c.census.disposeCopy(f, c.residual)
	}
	switch d {
	case refused:
		return 0, errors.New(why)
	case byReference:
		n.captureReference(c, f, &m)
	case byName:
		n.shareOffset(c, f)
		captureName(f, &m)
		if c.copy && len(m.Shared) == 0 {
			m.Offset = f.Reached() // what is under way it asks for again
		}
		if s, ok := f.Impl.(*object.Served); ok && !c.copy && s.LockID != [16]byte{} {
			m.Lock = s.LockID[:]
		}
		if s, ok := f.Impl.(*object.Served); ok && s.Mapped != nil {
			st := s.Mapped.Store
			m.Mapped, m.Sums, m.Store = true, s.Mapped.Sums(), c.store(st, image.Store{Size: st.Size()})
		}
	case byValue:
		n.captureValue(c, f, &m)
	}
	c.im.Files[i] = m
	return i, nil
}

// captureReference: the description stays where it is.
func (n *Node) captureReference(c *captured, f *object.File, m *image.File) {
	m.Kind = image.KindRemote
	if r, ok := f.Impl.(*object.Remote); ok {
		m.Address = r.Addr[:]
		m.Mode, m.Rdev, m.Terminal, m.Counted = r.Mode, r.Rdev, r.Terminal, r.Counted
		m.Seekable, m.Residual, m.Home = r.Seekable, r.Residual, r.Home
		m.Timer, m.Wall = r.Timer, r.Wall
		captureSocket(r, m)
		return
	}
	x := n.exported(f)
	if c.copy {
		x.pins++
		c.pinned = append(c.pinned, x)
	} else {
		x.reserve(c.target, c.boot)
		c.holding = append(c.holding, x)
	}
	st := f.Impl.Stat()
	addr := x.ep.Address()
	m.Address, m.Counted, m.Home = addr[:], true, n.Number
	m.Mode, m.Rdev = st.Mode, st.Rdev
	_, m.Terminal = f.Impl.(object.Controllable)
	_, m.Seekable = f.Impl.(object.Seekable)
	switch impl := f.Impl.(type) {
	case *object.TTY, *fs.FIFO:
		m.Residual = true
	case *object.Timerfd:
		m.Timer, m.Wall = true, impl.Wall
	case *fs.Regular:
		m.Residual = !impl.Store().Immutable()
	}
}

// captureName: the target has the same thing under the same name or digest.
func captureName(f *object.File, m *image.File) {
	switch impl := f.Impl.(type) {
	case *fs.Dir:
		m.Kind = image.KindDir
	case *object.Served:
		m.Kind, m.Server, m.Root, m.Mode = image.KindServed, impl.Cap.Append(nil), impl.Root, impl.Known.Attr.Mode
		if impl.Shared != nil {
			m.Shared, m.Offset = impl.Shared.ID[:], impl.Shared.Start
		}
	case *fs.Regular:
		d := impl.Store().Digest
		m.Kind, m.Digest = image.KindRegular, d[:]
	case object.Null:
		m.Kind, m.Path = image.KindDevice, "/dev/null"
	case object.Zero:
		m.Kind, m.Path = image.KindDevice, "/dev/zero"
	case object.Full:
		m.Kind, m.Path = image.KindDevice, "/dev/full"
	case object.Random:
		m.Kind, m.Path = image.KindDevice, "/dev/urandom"
	}
}

// captureValue: the description's object moves along.
func (n *Node) captureValue(c *captured, f *object.File, m *image.File) {
	if r, ok := f.Impl.(*fs.Regular); ok && r.Node.Nameless() {
		m.Kind, m.Mode = image.KindMemory, r.Stat().Mode
		m.Store = c.store(r.Store(), image.Store{Size: r.Size()})
		return
	}
	m.Object = c.object(f)
	o := &c.objects[m.Object]
	switch impl := f.Impl.(type) {
	case *object.Pipe:
		m.Kind = image.KindPipeW
		if f.Readable() {
			m.Kind = image.KindPipeR
		}
		o.Pipe = impl.Bytes()
		o.Readers, o.Writers = impl.Ends()
		if !c.copy {
			n.captureFarEnds(c, impl)
		}
	case *object.Eventfd:
		m.Kind = image.KindEventfd
		o.Count, o.Sema = impl.Count, impl.Semaphore
	case *object.Epoll:
		m.Kind = image.KindEpoll
	case *object.Master, *object.Slave:
		n.capturePTY(c, f, m, o)
	case *object.Timerfd, *object.Signalfd, *object.Pidfd:
		n.captureEvent(c.census.first(), impl, m, o)
	case *object.Log:
		m.Kind = image.KindLog
		o.Log, o.LogBase = impl.Snapshot()
		if !c.copy && !c.census.exclusive(f) {
			c.rehomed = append(c.rehomed, f)
			n.exported(f)
			impl.Hold(true) // others here still have it open
		}
	case *fs.Regular:
		m.Kind = image.KindText
		o.Text = make([]byte, impl.Size())
		impl.Store().ReadAt(o.Text, 0)
	}
}

// object returns the index of the object behind a description: the two ends of a
// pipe or a pseudo-terminal have one.
func (c *captured) object(f *object.File) int32 {
	for i, x := range c.files[:len(c.files)-1] {
		same := x.Impl == f.Impl || object.PTYOf(f) != nil && object.PTYOf(x) == object.PTYOf(f)
		if same && c.im.Files[i].Object >= 0 {
			return c.im.Files[i].Object
		}
	}
	c.objects = append(c.objects, image.Object{})
	return int32(len(c.objects) - 1)
}

// captureFarEnds adds the descriptions of a pipe that only other nodes hold: they
// move along, with the holders.
func (n *Node) captureFarEnds(c *captured, pipe *object.Pipe) {
	for _, x := range n.exports {
		if x.file.Impl != object.Impl(pipe) || slices.Contains(c.files, x.file) || x.file.Refs() > 1 {
			continue
		}
		kind := image.KindPipeW
		if x.file.Readable() {
			kind = image.KindPipeR
		}
		c.files = append(c.files, x.file)
		c.im.Files = append(c.im.Files, image.File{Kind: kind, Flags: x.file.Flags, Path: x.file.Path, Object: int32(len(c.objects) - 1)})
	}
}

// captureWatches writes down what epoll sets watch, now that all files have indices.
func (n *Node) captureWatches(c *captured) {
	for i, f := range c.files {
		e, ok := f.Impl.(*object.Epoll)
		if !ok || c.im.Files[i].Kind != image.KindEpoll {
			continue
		}
		o := &c.objects[c.im.Files[i].Object]
		for _, in := range e.Interests {
			for k, g := range c.files {
				if g == in.File {
					o.Watches = append(o.Watches, image.Watch{FD: in.FD, File: int32(k),
						Events: in.Events, Data: in.Data, Listed: in.Listed()})
				}
			}
		}
	}
}

// captureRPC takes the state of a process's frozen endpoints.
func (n *Node) captureRPC(state *image.RPC, p *proc.Process) error {
	x := of(p)
	st, ok := n.ipc.m.Export(x.pid)
	if !ok {
		return errors.New("its endpoint is not frozen")
	}
	state.PID = st.Append(nil)
	if x.own != nil {
		if st, ok = n.ipc.m.Export(x.own); !ok {
			return errors.New("its own endpoint is not frozen")
		}
		state.Own = st.Append(nil)
	}
	if x.raw != nil {
		if state.Raw, ok = n.ipc.raw.Export(x.raw); !ok {
			return errors.New("its raw endpoints are not frozen")
		}
	}
	return n.captureGroups(state, x)
}

// captureExports freezes the exports that move along and takes their state.
func (n *Node) captureExports(c *captured) error {
	for i, f := range c.files {
		if c.im.Files[i].Kind == image.KindRemote {
			continue
		}
		e := n.findExport(f)
		if e == nil {
			continue
		}
		if e.leaving {
			return fmt.Errorf("%s: it is on the move itself", f.Path)
		}
		e.leaving = true
		c.moving = append(c.moving, e)
		e.askAgain()
		n.ipc.m.Freeze(n.Tab.Now, e.ep)
		st, ok := n.ipc.m.Export(e.ep)
		n.perform()
		if !ok {
			return fmt.Errorf("%s: its endpoint cannot be frozen", f.Path)
		}
		ex := image.Export{File: int32(i), State: st.Append(nil)}
		ex.Holders = e.exportHolders()
		for _, r := range c.rehomed {
			if r == f {
				ex.Holders = append(ex.Holders, image.Holder{Node: n.Number, Boot: n.ipc.boot})
			}
		}
		c.rpc.Exports = append(c.rpc.Exports, ex)
	}
	return nil
}

// undo puts back what capture has changed: the process stays.
func (n *Node) undo(c *captured, target int, boot uint64) {
	for _, e := range c.moving {
		e.leaving = false
		n.ipc.m.Thaw(n.Tab.Now, e.ep)
	}
	n.perform()
	c.unreserve()
	for _, e := range c.moving {
		e.closeUnused()
	}
	for _, f := range c.rehomed {
		f.Impl.(*object.Log).Hold(false)
	}
}

// unreserve ends what captureReference has begun: the target speaks for itself now, or
// the process stays.
func (c *captured) unreserve() {
	for _, x := range c.holding {
		x.unreserve(c.target, c.boot)
	}
	c.holding = nil
}

// leave lets go of what has moved: the process is elsewhere.
func (n *Node) leave(c *captured) {
	c.unreserve()
	c.leavePTYs()
	for _, e := range c.moving {
		e.gone = true
		for i, y := range n.exports {
			if y == e {
				n.exports = append(n.exports[:i], n.exports[i+1:]...)
				break
			}
		}
		addr := e.ep.Address()
		n.ipc.m.Remove(n.Tab.Now, e.ep)
		for _, f := range c.rehomed {
			if f == e.file {
				n.rehome(f, addr)
			}
		}
		e.file.Release()
	}
	n.perform()
}

// rehome makes a description that processes here go on using refer to its object's
// new home.
func (n *Node) rehome(f *object.File, addr flip.Address) {
	old := f.Impl
	r := &object.Remote{Addr: addr, Mode: old.Stat().Mode, Counted: true}
	n.adoptRemote(r)
	n.holdsAlready(r)
	f.Impl = r
	if l, ok := old.(*object.Log); ok {
		l.Hold(false) // who waits tries again, from afar
	}
	old.Close(f)
}

// record is one of an image, before it is encoded.
type record struct {
	Type    image.Type
	Payload any
}

// encode makes the image of a move or checkpoint: a container with the processes, their
// objects, and, sealed and bound to that, the state of their endpoints; and more.
func (n *Node) encode(c *captured, bound []byte, more ...record) ([]byte, error) {
	var list []record
	for _, im := range c.images {
		list = append(list, record{image.TypeProcess, im})
	}
	list = append(list, record{image.TypeObjects, c.objects})
	for _, st := range c.states {
		list = append(list, record{image.TypeRPC, st})
	}
	w := image.NewWriter()
	for _, r := range append(list, more...) {
		b, err := image.Marshal(r.Payload)
		if err != nil {
			return nil, err
		}
		if r.Type == image.TypeRPC {
			var nonce [16]byte
			n.K.Random(nonce[:])
			b = seal.Seal((*[32]byte)(&n.ipc.key), nonce, bound, b)
		}
		w.Add(image.Record{Type: r.Type, Required: true, Payload: b})
	}
	return w.Bytes(), nil
}
