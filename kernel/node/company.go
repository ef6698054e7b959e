package node

import (
	"fmt"
	"slices"

	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/migrate/wire"
	"motile/proc"
)

// company is processes that are being put together because they come together. They
// are in the order of the image; the first has the tables.
type company struct {
	n     *Node
	all   []*assembly
	later []samePage
	base  func(file int) *vm.Store // of a file that was offered; nil: there is none
}

// samePage is a private page that is another's, which has not come yet.
type samePage struct{ word, as uint64 }

// maxLater is how many of those there may be: the messages of the stream may overtake
// each other, by a window.
const maxLater = 1 << 15

// member is the i-th process; it is made when something of it comes first. nil: there
// are no so many, or memory is short.
func (c *company) member(i int) *assembly {
	if i >= proc.MaxProcesses {
		return nil
	}
	for len(c.all) <= i {
		a := newAssembly(c.n)
		if a.space == nil {
			return nil
		}
		if len(c.all) > 0 {
			a.tables = c.all[0].tables
		}
		c.all = append(c.all, &a)
	}
	return c.all[i]
}

// decode takes the image apart and checks it. It returns what is wrong, or "".
func (c *company) decode(b, bound []byte) string {
	images, states, objects, why := c.n.decodeImage(b, bound)
	switch {
	case why != "":
		return why
	case len(images) < len(c.all):
		return "a page of a process that is not there"
	case c.member(len(images)-1) == nil:
		return "out of memory"
	}
	first := c.all[0]
	first.first, first.objects = images[0], objects
	for i, a := range c.all {
		a.im, a.state = images[i], states[i]
		if i > 0 && len(a.state.Exports) > 0 {
			return fmt.Sprintf("image of process %d: it has objects that are in the tables of the first", a.im.PID)
		}
	}
	return ""
}

// install takes pages. A page that is another's waits for that.
func (c *company) install(m *wire.Pages) bool {
	ok := m.Entries(func(e wire.Entry) bool {
		switch {
		case wire.Same(e.Word):
			return c.same(samePage{e.Word, e.As})
		case wire.Run(e.Word):
			process, addr, pages, kind := wire.RunOf(e.Word, e.Next)
			origin := addr
			if kind == wire.Filed {
				origin = filed(e.At)
			}
			return c.run(process, vm.Run{Addr: addr, Pages: pages}, kind, origin)
		}
		return c.page(e.Word, &e.Page)
	})
	if ok {
		// Each round of precopying begins when all messages of the one before have come, so what
		// waits for a page must not see a later one in its place.
		c.later = slices.DeleteFunc(c.later, c.share)
	}
	return ok
}

// run takes what there is to say of a run of pages. Those that are elsewhere are found there by
// their origin.
func (c *company) run(process int, r vm.Run, kind wire.RunKind, origin uint64) bool {
	a := c.member(process)
	if a == nil {
		return false
	}
	a.space.Uninstall(r)
	if kind == wire.Gone {
		return true
	}
	if r.Pages > maxAway {
		return false
	}
	return a.space.SetAwayRun(r, origin)
}

// maxAway is how many pages one run may leave away: 64 GB.
const maxAway = 1 << 24

// void forgets the pages that have come: they are of memory that the processes no longer have.
func (c *company) void() {
	for _, a := range c.all {
		a.space.Release()
	}
	c.all, c.later = nil, nil
}

func (c *company) page(word uint64, data *wire.Page) bool {
	page := c.place(word)
	if page == nil {
		return false
	}
	if data.Over {
		file := c.base(data.File)
		if file == nil {
			return false
		}
		filePage(file, data.At, page)
	}
	data.CopyTo(page)
	return true
}

// place is where a page is to be, nil: nowhere, or memory is short.
func (c *company) place(word uint64) *[vm.PageBytes]byte {
	store, page, stored := wire.Stored(word)
	i, addr := wire.Private(word)
	if stored {
		i = 0
	}
	switch a := c.member(i); {
	case a == nil:
		return nil
	case stored:
		return a.installStored(store, page)
	default:
		return a.space.Install(addr)
	}
}

func (c *company) same(s samePage) bool {
	if c.share(s) {
		return true
	}
	c.later = append(c.later, s)
	return len(c.later) <= maxLater
}

// share reports false if there is no such page, or no memory.
func (c *company) share(s samePage) bool {
	i, addr := wire.Private(s.word)
	k, at := wire.Private(s.as)
	if k >= len(c.all) {
		return false
	}
	a := c.member(i)
	return a != nil && a.space.ShareFrom(addr, c.all[k].space, at)
}

// assemble makes the processes of checked images, parked: nothing of them runs, and
// their addresses are not registered here. It returns what is wrong, or "".
func (c *company) assemble() (why string) {
	first := c.all[0]
	defer first.settle()
	for _, s := range c.later {
		if !c.share(s) {
			return "a page that is the same as one that has not come, or no memory for it"
		}
	}
	c.later = nil
	if !first.inPlace {
		if why = first.openStores(); why != "" {
			return why
		}
	}
	if first.im.PID == 0 {
		if why = first.endpointsFrom(nil); why != "" {
			return why
		}
		why = first.openFiles()
		if why == "" {
			first.watches()
		}
		return why
	}
	for _, a := range c.all {
		why = c.memory(a)
		if why == "" {
			why = a.adopt()
		}
		if a.im.Locking {
			first.lockers = append(first.lockers, a.im.PID)
		}
		if why != "" {
			return fmt.Sprintf("image of process %d: %s", a.im.PID, why)
		}
	}
	if why = first.openFiles(); why != "" {
		return why
	}
	for _, a := range c.all {
		a.descriptors()
		if a.im.Vfork != 0 {
			c.n.Tab.VforkAdopt(a.im.Vfork, a.p)
		}
	}
	first.watches()
	return ""
}

// memory gives a process its memory, its own or that of one before it.
func (c *company) memory(a *assembly) string {
	switch {
	case a.inPlace:
		return ""
	case a.im.Space == 0:
		return a.memory()
	}
	if pages, _ := a.space.Resident(); pages > 0 {
		return "pages of a process that runs in another's memory"
	}
	a.space.Release()
	a.space = c.all[a.im.Space-1].space
	a.space.Retain()
	return ""
}

// acquire tells objects that count their holders of this node. done is called when all
// have answered, with what is wrong, or "".
func (c *company) acquire(done func(why string)) { c.all[0].acquire(done) }

// register lets others find what came, and the processes find their objects here.
func (c *company) register() {
	for _, a := range c.all {
		a.register()
	}
}

// release gives back everything: the processes will not be.
func (c *company) release() {
	for _, a := range c.all {
		a.release()
	}
	c.all, c.later = nil, nil
}

// processes are those that were made, and what they were made of.
func (c *company) processes() (all []*proc.Process, images []*image.Process) {
	for _, a := range c.all {
		if a.p != nil {
			all, images = append(all, a.p), append(images, a.im)
		}
	}
	return all, images
}
