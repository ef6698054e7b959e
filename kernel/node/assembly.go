package node

import (
	"fmt"
	"slices"

	"motile/ipc/flip"
	"motile/ipc/group"
	"motile/ipc/rpc"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/seal"
	"motile/proc"
)

// assembly is a process that is being put together out of an image: the target of a
// move has some, and a restart has one. The steps are decode, install for each page,
// assemble, acquire, register; release undoes them all until the process runs.
// Processes that move together are assemblies (company.go).
type assembly struct {
	n     *Node
	space *vm.Space
	*tables

	im    *image.Process
	state image.RPC

	p      *proc.Process
	pid    *rpc.Endpoint
	own    *rpc.Endpoint
	exps   []*export
	held   []*object.Remote // to be acquired for it
	served []*object.Served // likewise
	// Of the first of a company: the processes that have used record locks.
	lockers []int32

	timers []madeTimer   // timerfds that stand still
	ptys   []*object.PTY // pseudo-terminals that nobody finds yet

	copy     bool                   // what comes of it is another process than the image is of
	replaced map[int32]*object.File // what stands for files of the image
	inPlace  bool                   // space is the process's own already, with regions and pages
}

// tables are what the images of processes that move together refer to by index.
type tables struct {
	first   *image.Process // the one that has them
	objects []image.Object
	stored  map[int]*vm.Store // memory stores, as their pages come
	stores  []*vm.Store       // all, from assemble on
	files   []*object.File    // likewise
}

// newAssembly has no space if memory is short.
func newAssembly(n *Node) assembly {
	return assembly{n: n, space: vm.New(), tables: &tables{stored: make(map[int]*vm.Store)}}
}

// decode takes the image of one process apart and checks it. It returns what is wrong,
// or "".
func (a *assembly) decode(b, bound []byte) string {
	images, states, objects, why := a.n.decodeImage(b, bound)
	switch {
	case why != "":
		return why
	case len(images) != 1:
		return fmt.Sprintf("an image of %d processes", len(images))
	}
	a.im, a.state, a.first, a.objects = images[0], states[0], images[0], objects
	return ""
}

// decodeImage takes an image apart, which belongs to a move or a checkpoint, and checks
// it.
func (n *Node) decodeImage(b, bound []byte) (set image.Set, states []image.RPC, objects []image.Object, why string) {
	recs, err := image.Read(b)
	if err != nil {
		return nil, nil, nil, err.Error()
	}
	processes, sealed := image.FindAll(recs, image.TypeProcess), image.FindAll(recs, image.TypeRPC)
	if len(processes) == 0 || len(sealed) > 0 && len(processes) != len(sealed) || len(processes) > proc.MaxProcesses {
		return nil, nil, nil, fmt.Sprintf("an image with %d process records and %d rpc records", len(processes), len(sealed))
	}
	in := func(t image.Type, i int, err error) error {
		if err != nil {
			err = fmt.Errorf("image: %v record %d: %w", t, i, err)
		}
		return err
	}
	payload, err := image.Find(recs, image.TypeObjects)
	if err == nil {
		err = in(image.TypeObjects, 0, image.Unmarshal(payload, &objects))
	}
	set, states = make(image.Set, len(processes)), make([]image.RPC, len(processes))
	for i := 0; i < len(processes) && err == nil; i++ {
		set[i] = new(image.Process)
		if err = in(image.TypeProcess, i, image.Unmarshal(processes[i], set[i])); err != nil || len(sealed) == 0 {
			continue // without rpc records it was made by hand: a copy's endpoints are new anyway, and a move refuses it
		}
		if payload, err = seal.Open((*[32]byte)(&n.ipc.key), bound, sealed[i]); err == nil {
			err = image.Unmarshal(payload, &states[i])
		}
		err = in(image.TypeRPC, i, err)
	}
	switch {
	case err != nil:
	case set[0].PID == 0 && len(set) == 1:
		err = set[0].CheckFiles(objects)
	default:
		err = set.Check(objects)
	}
	if err != nil {
		return nil, nil, nil, err.Error()
	}
	return set, states, objects, ""
}

// assemble makes the process of a checked image, parked: nothing of it runs, and its
// addresses are not registered here. It returns what is wrong, or "".
func (a *assembly) assemble() string {
	return (&company{n: a.n, all: []*assembly{a}}).assemble()
}

func (t *tables) installStored(store, page int) *[vm.PageBytes]byte {
	st := t.stored[store]
	if st == nil {
		if store >= maxStores {
			return nil
		}
		st = vm.NewStore()
		st.SetSize(vm.MaxStore) // until the image says
		t.stored[store] = st
	}
	return st.Install(page)
}

// maxStores bounds the memory stores of an image.
const maxStores = 1 << 14

// openStores makes what regions and files refer to.
func (a *assembly) openStores() string {
	a.stores = make([]*vm.Store, len(a.first.Stores))
	for i, s := range a.first.Stores {
		if len(s.Digest) == 32 {
			node := a.n.K.FS.ByDigest(vm.Digest(s.Digest))
			if node == nil {
				return fmt.Sprintf("a file it maps (%x…) is not here", s.Digest[:4])
			}
			a.stores[i] = node.Store()
			a.stores[i].Retain()
		} else {
			if a.stores[i] = a.stored[i]; a.stores[i] == nil {
				a.stores[i] = vm.NewStore()
			}
			delete(a.stored, i)
			a.stores[i].Truncate(s.Size)
			if s.Still {
				a.stores[i].SealNameless()
			}
		}
	}
	if len(a.stored) > 0 {
		return "a page of memory that is not there"
	}
	return ""
}

// settle drops what the tables keep for those who refer to it.
func (t *tables) settle() {
	for _, st := range t.stores {
		if st != nil {
			st.Release()
		}
	}
	for _, f := range t.files {
		if f != nil {
			f.Release()
		}
	}
	t.stores, t.files = nil, nil
}

// memory gives the space its regions and rights.
func (a *assembly) memory() string {
	for _, r := range a.im.Regions {
		nr := vm.Region{Prot: r.Prot, Shared: r.Shared, Stack: r.Stack, Off: r.Off, Fork: vm.ForkMode(r.Fork)}
		if r.Store >= 0 {
			nr.Store = a.stores[r.Store]
			nr.Store.Retain()
		}
		if !a.space.Place(r.Start, r.End, nr) {
			nr.Drop()
			return fmt.Sprintf("region %#x overlaps another", r.Start)
		}
	}
	a.space.Brk, a.space.BrkStart = a.im.Brk, a.im.BrkStart
	if !a.space.Settle() {
		return "a page lies in no region"
	}
	return ""
}

// adopt makes the process, with its endpoints.
func (a *assembly) adopt() string {
	if a.copy && !a.n.makeCopy(a.im) {
		return fmt.Sprintf("node %d has as many processes as it can have", a.n.Number)
	}
	a.im.Moves, a.im.Trail = a.im.Moves+1, append(slices.Clip(a.im.Trail), a.n.Number)
	p, ok := a.n.Tab.Adopt(a.im, a.space)
	if !ok {
		return "a process or thread id of it is in use here"
	}
	a.p = p
	x := a.n.newProcess(p)
	x.kept = a.im.Kept
	p.Ext = x
	if a.copy {
		return ""
	}
	return a.endpointsFrom(x)
}

// acquire tells objects that count their holders of this node. done is called when all
// have answered, with what is wrong, or "".
func (a *assembly) acquire(done func(why string)) {
	why, asks := "", 1
	answered := func() {
		if asks--; asks == 0 {
			done(why)
		}
	}
	for _, r := range a.held {
		asks++
		a.n.acquire(r, func(ok bool) {
			if !ok && why == "" {
				why = fmt.Sprintf("object %v, which the process has open, does not answer", r.Addr)
			}
			answered()
		})
	}
	a.n.holdServed(a.served, a.lockers, func() { asks++ }, func(wrong string) {
		if why == "" {
			why = wrong
		}
		answered()
	})
	answered()
}

// register lets others find what came with the process, and the process find its
// objects here.
func (a *assembly) register() {
	n := a.n
	for _, ep := range a.endpoints() {
		n.ipc.m.Activate(n.Tab.Now, ep)
	}
	n.exports = append(n.exports, a.exps...)
	for _, x := range append([]*export(nil), a.exps...) {
		x.comesHome()
		x.closeUnused()
	}
	if a.p == nil {
		return
	}
	if r := of(a.p).raw; r != nil && !n.ipc.raw.Activate(n.Tab.Now, r) {
		n.Log("motile: process %d: an address of its raw endpoints is in use here", a.p.PID)
	}
	of(a.p).eachGroup(func(now int64, mb *group.Member) {
		if !n.ipc.grp.Activate(now, mb) {
			n.Log("motile: process %d: the address of a group member is in use here", a.p.PID)
		}
	})
}

// usesRemote reports whether a process here reaches an object through the network.
func (n *Node) usesRemote(a flip.Address) bool {
	for _, r := range n.remotes {
		if r.Addr == a {
			return true
		}
	}
	return false
}

// endpoints are all that are the process's.
func (a *assembly) endpoints() []*rpc.Endpoint {
	eps := []*rpc.Endpoint{a.pid, a.own}
	for _, x := range a.exps {
		eps = append(eps, x.ep)
	}
	some := eps[:0]
	for _, ep := range eps {
		if ep != nil {
			some = append(some, ep)
		}
	}
	return some
}

// release gives back everything: the process will not be.
func (a *assembly) release() {
	n := a.n
	for _, ep := range a.endpoints() {
		n.ipc.m.Remove(n.Tab.Now, ep)
	}
	for _, x := range a.exps {
		if x.file != nil {
			x.file.Release()
		}
	}
	switch {
	case a.p != nil:
		x := of(a.p)
		if x.raw != nil {
			n.ipc.raw.Remove(n.Tab.Now, x.raw)
		}
		x.eachGroup(n.ipc.grp.Remove)
		x.groups = [maxGroups]*group.Member{}
		x.pid, x.own, x.raw = nil, nil, nil
		x.dropTimers()
		n.Tab.Discard(a.p)
	case a.space != nil:
		a.space.Release()
	}
	a.p, a.space = nil, nil
	for _, st := range a.stored {
		st.Release()
	}
	clear(a.stored)
	a.settle()
	a.pid, a.own, a.exps = nil, nil, nil
	n.perform()
}
