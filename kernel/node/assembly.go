package node

import (
	"encoding/binary"
	"fmt"
	"slices"

	"motile/ipc/flip"
	"motile/ipc/group"
	"motile/ipc/rpc"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/seal"
	"motile/migrate/wire"
	"motile/proc"
)

// assembly is a process that is being put together out of an image: the target of a
// move has one, and a restart. The steps are decode, install for each page, assemble,
// acquire, register; release undoes them all until the process runs.
type assembly struct {
	n      *Node
	space  *vm.Space
	stored map[int]*vm.Store // memory stores of the image, as their pages come

	im      *image.Process
	objects []image.Object
	state   image.RPC

	p    *proc.Process
	pid  *rpc.Endpoint
	own  *rpc.Endpoint
	exps []*export
	held []*object.Remote // to be acquired for it

	timers []madeTimer // timerfds that stand still

	copy     bool                   // what comes of it is another process than the image is of
	replaced map[int32]*object.File // what stands for files of the image
	inPlace  bool                   // space is the process's own already, with regions and pages
}

// newAssembly has no space if memory is short.
func newAssembly(n *Node) assembly {
	return assembly{n: n, space: vm.New(), stored: make(map[int]*vm.Store)}
}

// decode takes the image apart, which belongs to a move or a checkpoint, and checks it.
// It returns what is wrong, or "".
func (a *assembly) decode(b, bound []byte) string {
	recs, err := image.Read(b)
	if err != nil {
		return err.Error()
	}
	im, objects, state := new(image.Process), []image.Object(nil), image.RPC{}
	for _, part := range []struct {
		rec image.Type
		v   any
	}{{image.TypeProcess, im}, {image.TypeObjects, &objects}, {image.TypeRPC, &state}} {
		payload, err := image.Find(recs, part.rec)
		if err == nil && part.rec == image.TypeRPC {
			payload, err = seal.Open((*[32]byte)(&a.n.ipc.key), bound, payload)
		}
		if err == nil {
			err = image.Unmarshal(payload, part.v)
		}
		if err != nil {
			return err.Error()
		}
	}
	check := im.Check
	if im.PID == 0 {
		check = im.CheckFiles
	}
	if err := check(objects); err != nil {
		return err.Error()
	}
	a.im = im
	a.objects, a.state = objects, state
	return ""
}

// install takes pages as they travel: what each is, and their contents.
func (a *assembly) install(words, pages []byte) bool {
	for ; len(words) > 0; words, pages = words[8:], pages[vm.PageBytes:] {
		word := binary.LittleEndian.Uint64(words)
		if store, page, ok := wire.Stored(word); ok {
			if !a.installStored(store, page, pages) {
				return false
			}
			continue
		}
		page := a.space.Install(word)
		if page == nil {
			return false
		}
		copy(page[:], pages)
	}
	return true
}

func (a *assembly) installStored(store, page int, data []byte) bool {
	st := a.stored[store]
	if st == nil {
		if store >= maxStores {
			return false
		}
		st = vm.NewStore()
		st.SetSize(vm.MaxStore) // until the image says
		a.stored[store] = st
	}
	m := st.Install(page)
	if m == nil {
		return false
	}
	copy(m[:], data)
	return true
}

// maxStores bounds the memory stores of an image.
const maxStores = 1 << 14

// assemble makes the process of a checked image, parked: nothing of it runs, and its
// addresses are not registered here. It returns what is wrong, or "".
func (a *assembly) assemble() string {
	if a.im.PID == 0 {
		if why := a.endpointsFrom(nil); why != "" {
			return why
		}
		return a.files()
	}
	if !a.inPlace {
		if why := a.memory(); why != "" {
			return why
		}
	}
	if a.copy && !a.n.makeCopy(a.im, a.objects) {
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
		return a.files()
	}
	if why := a.endpointsFrom(x); why != "" {
		return why
	}
	return a.files()
}

// memory gives the space its regions and rights.
func (a *assembly) memory() string {
	stores := make([]*vm.Store, len(a.im.Stores))
	defer func() {
		for _, st := range stores {
			if st != nil {
				st.Release()
			}
		}
	}()
	for i, s := range a.im.Stores {
		if len(s.Digest) == 32 {
			node := a.n.K.FS.ByDigest(vm.Digest(s.Digest))
			if node == nil {
				return fmt.Sprintf("a file it maps (%x…) is not here", s.Digest[:4])
			}
			stores[i] = node.Store()
			stores[i].Retain()
		} else {
			if stores[i] = a.stored[i]; stores[i] == nil {
				stores[i] = vm.NewStore()
			}
			delete(a.stored, i)
			stores[i].Truncate(s.Size)
		}
	}
	if len(a.stored) > 0 {
		return "a page of memory that is not there"
	}
	for _, r := range a.im.Regions {
		nr := vm.Region{Prot: r.Prot, Shared: r.Shared, Stack: r.Stack, Off: r.Off}
		if r.Store >= 0 {
			nr.Store = stores[r.Store]
			nr.Store.Retain()
		}
		if !a.space.Place(r.Start, r.End, nr) {
			return fmt.Sprintf("region %#x overlaps another", r.Start)
		}
	}
	a.space.Brk, a.space.BrkStart = a.im.Brk, a.im.BrkStart
	if !a.space.Settle() {
		return "a page lies in no region"
	}
	return ""
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
	a.stored, a.pid, a.own, a.exps = nil, nil, nil, nil
	n.perform()
}
