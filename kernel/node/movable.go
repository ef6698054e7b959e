package node

import (
	"fmt"
	"iter"
	"slices"

	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// What of a set of processes can move, and how. The questions are asked twice: before
// anything is frozen, so that a refusal costs nothing and names the object, and
// when the processes are captured.

// disposition says how a file description moves.
type disposition uint8

const (
	byValue     disposition = iota // it and its object move along
	byReference                    // it stays, or is elsewhere already: the process keeps a Remote
	byName                         // the target has the same thing
	refused
)

// census counts what a set has, to compare with how often it is in use at all: what is
// the set's alone can move by value.
type census struct {
	n      *Node
	set    set
	copy   bool                 // nobody moves: there is to be a copy
	files  map[*object.File]int // references to each description
	stores map[*vm.Store]int    // uses of each that can be written
	open   []*object.File       // the descriptions, in the order they are met
}

func (n *Node) census(s set) *census {
	c := &census{n: n, set: s, files: make(map[*object.File]int), stores: make(map[*vm.Store]int)}
	for _, p := range s {
		for fd := range p.FDs.Len() {
			c.file(p.FDs.Held(int32(fd)))
		}
		c.file(p.TTY)
		c.file(p.Log)
	}
	spaces, _ := s.spaces()
	for _, space := range spaces {
		for _, r := range space.Regions() {
			if r.Store != nil && !r.Store.Immutable() {
				c.stores[r.Store]++
			}
		}
	}
	for _, f := range c.open {
		if s, ok := f.Impl.(*object.Served); ok && s.Mapped != nil {
			c.stores[s.Mapped.Store]++
		}
	}
	// A file without a name holds its store as long as it is open.
	nodes := make(map[*fs.Node]int)
	for _, f := range c.open {
		if r, ok := f.Impl.(*fs.Regular); ok && r.Node.Nameless() && c.exclusive(f) {
			if nodes[r.Node]++; nodes[r.Node] == r.Node.Users() {
				c.stores[r.Store()]++
			}
		}
	}
	return c
}

// first is the process whose clock counts for what several have; nil: none moves.
func (c *census) first() *proc.Process {
	if len(c.set) == 0 {
		return nil
	}
	return c.set[0]
}

func (c *census) file(f *object.File) {
	if f == nil {
		return
	}
	if c.files[f]++; c.files[f] == 1 {
		c.open = append(c.open, f)
	}
}

// exclusive reports whether no process of this node outside the set has a description.
func (c *census) exclusive(f *object.File) bool {
	refs := f.Refs()
	if c.n.findExport(f) != nil {
		refs--
	}
	return refs == c.files[f] && !c.watchedByOthers(f)
}

// watchedByOthers reports whether an epoll set that is not the set's watches a
// description: by a descriptor that was closed since. The watch lasts as long as the
// description is open (epoll(7)), and that it is where the watch is.
func (c *census) watchedByOthers(f *object.File) (others bool) {
	f.Watchers(func(e *object.Epoll) {
		mine := slices.ContainsFunc(c.open, func(g *object.File) bool { return g.Impl == object.Impl(e) })
		others = others || !mine
	})
	return others
}

// watchesOthers names a description that an epoll set of the set watches and only other
// processes have open any more, or is "". What they do with it is no business of the
// node that the set would be on.
func (c *census) watchesOthers(e *object.Epoll) string {
	for _, in := range e.Interests {
		if c.files[in.File] == 0 {
			return in.File.Path
		}
	}
	return ""
}

// alone reports whether all uses of a store are the set's.
func (c *census) alone(st *vm.Store) bool { return c.stores[st] == st.Users() }

// dispose decides about one description. why names what stands in the way.
func (c *census) dispose(f *object.File, residual bool) (d disposition, why string) {
	alone := c.exclusive(f)
	switch impl := f.Impl.(type) {
	case object.Null, object.Zero, object.Full, object.Random:
		return byName, ""
	case *object.Remote, *object.TTY, *fs.FIFO:
		return byReference, ""
	case *fs.Dir:
		if c.locked(impl.Node, f) {
			return refused, "is a directory of this node that it has locked; unlock it first"
		}
		return byName, ""
	case *object.Served:
		if impl.Mapped != nil && (!alone || c.copy) {
			return refused, "is mapped shared, and others have it too, or it is to be copied; unmap it first"
		}
		if alone || c.copy || impl.IsDir() || impl.Shared != nil || impl.Known.KeepsOffsets() {
			return byName, ""
		}
		return refused, "is a file of a server that keeps no offsets, and its offset is shared; it " +
			c.remedy(c.n.holdersOf(c.set, f), "open it there by its name")
	case *object.Log:
		if alone || c.logs(f) {
			return byValue, ""
		}
		return byReference, ""
	case *object.Pipe:
		if c.pipe(impl) {
			return byValue, ""
		}
		return byReference, ""
	case *object.Master, *object.Slave:
		if c.pty(object.PTYOf(f)) {
			return byValue, ""
		}
		return byReference, ""
	case *object.Signalfd, *object.Pidfd:
		return byValue, "" // each has its own
	case *object.Eventfd, *object.Timerfd:
		if alone {
			return byValue, ""
		}
		return byReference, ""
	case *object.Epoll:
		if path := c.watchesOthers(impl); path != "" {
			return refused, fmt.Sprintf("is an epoll set that watches a file (%s) which only another process has open any more; "+
				"a program should remove a watch before it closes the descriptor", path)
		}
		if alone {
			return byValue, ""
		}
		return refused, "is an epoll set that " + c.remedy(c.n.holdersOf(c.set, f), "close it there")
	case *fs.Regular:
		return c.regular(f, impl, alone, residual)
	}
	return refused, fmt.Sprintf("is a %T, which cannot move", f.Impl)
}

// logs reports whether a description is the log of one of the set.
func (c *census) logs(f *object.File) bool {
	for _, p := range c.set {
		if p.Log == f {
			return true
		}
	}
	return false
}

// locked reports whether one of the set has a lock of a file, or waits for one.
func (c *census) locked(node *fs.Node, f *object.File) bool {
	for _, p := range c.set {
		if node.Locked(p.PID, f) {
			return true
		}
	}
	return false
}

// regular decides about a file. One that is locked stays with its locks: it is as if
// somebody else had it.
func (c *census) regular(f *object.File, r *fs.Regular, alone, residual bool) (disposition, string) {
	st, locked := r.Store(), c.locked(r.Node, f)
	alone = alone && !locked
	switch {
	case r.Node.Nameless() && c.alone(st) && !locked:
		return byValue, ""
	case !st.Immutable() && residual, st.Immutable() && !alone:
		return byReference, ""
	case r.Node.Nameless() && locked:
		return refused, "is a file without a name that it has locked; unlock it first"
	case r.Node.Nameless():
		return refused, "is a file without a name that " + c.remedy(c.n.mappersOf(c.set, st), "close it there")
	case !st.Immutable():
		return refused, "is a writable file of this node; close it, or use --residual to go on using it from afar"
	case st.Digest == (vm.Digest{}):
		return byValue, "" // made up on the fly: its text goes along
	}
	return byName, ""
}

// pipe reports whether all descriptions of both ends of a pipe are the set's alone, or
// held by other nodes only. A set of none asks for the latter.
func (c *census) pipe(pipe *object.Pipe) bool {
	readers, writers := pipe.Ends()
	count := func(f *object.File) {
		if f.Readable() {
			readers--
		}
		if f.Writable() {
			writers--
		}
	}
	for _, f := range c.open {
		if f.Impl != object.Impl(pipe) {
			continue
		}
		if !c.exclusive(f) {
			return false
		}
		count(f)
	}
	// Descriptions that only other nodes hold move along with the pipe.
	for _, x := range c.n.exports {
		if x.file.Impl != object.Impl(pipe) || c.files[x.file] > 0 {
			continue
		}
		if x.file.Refs() > 1 || c.watchedByOthers(x.file) {
			return false
		}
		count(x.file)
	}
	return readers == 0 && writers == 0
}

// homeless reports whether an object is open on other nodes only. An object lives
// beside a holder: it must go to one.
func (n *Node) homeless(x *export) bool { return !x.taking && n.abroad(x) }

func (n *Node) abroad(x *export) bool {
	if x.file.Refs() > 1 || n.census(nil).watchedByOthers(x.file) || !x.held() || n.usesRemote(x.ep.Address()) || x.leaving || x.gone {
		return false
	}
	if pipe, ok := x.file.Impl.(*object.Pipe); ok {
		return n.census(nil).pipe(pipe)
	}
	if pty := object.PTYOf(x.file); pty != nil {
		return n.census(nil).pty(pty)
	}
	switch impl := x.file.Impl.(type) {
	case *object.Eventfd, *object.Timerfd:
		return true
	case *fs.Regular:
		return impl.Store().Immutable() && !impl.Node.HasLocks()
	}
	return false // a node's own
}

// obstacle returns what forbids moving a set, in words, or "".
func (n *Node) obstacle(s set, residual bool) string {
	c := n.census(s)
	for _, p := range s {
		for what, why := range c.obstacles(p, residual) {
			return fmt.Sprintf("process %d cannot move: %s %s", p.PID, what, why)
		}
	}
	if b := c.stateBytes(); b > maxState {
		return fmt.Sprintf("%v cannot move: %s", s, tooLarge(b))
	}
	return ""
}

// stateBytes is how much the set has beside its pages, as far as that is known before it
// is frozen.
func (c *census) stateBytes() (n int) {
	const threadBytes = 700 // registers, and what a call needs
	for _, p := range c.set {
		n += threadBytes * len(p.Threads)
	}
	pipes := make(map[*object.Pipe]bool)
	for _, f := range c.open {
		switch impl := f.Impl.(type) {
		case *object.Log:
			n += int(min(impl.End(), object.LogSize))
		case *object.Pipe:
			if !pipes[impl] {
				pipes[impl] = true
				n += impl.Buffered()
			}
		case *object.Master, *object.Slave:
			_, _, _, out := object.PTYOf(f).Ends()
			n += len(out)
		}
	}
	return n
}

// obstacles are what forbids moving one process, and why.
func (c *census) obstacles(p *proc.Process, residual bool) iter.Seq2[string, string] {
	return func(yield func(what, why string) bool) {
		for fd := range p.FDs.Len() {
			f := p.FDs.Held(int32(fd))
			if f == nil {
				continue
			}
			if d, why := c.dispose(f, residual); d == refused && !yield(fmt.Sprintf("fd %d (%s)", fd, f.Path), why) {
				return
			}
		}
		for _, r := range p.Space.Regions() {
			if why := c.region(&r); why != "" && !yield(fmt.Sprintf("memory at %#x", r.Start), why) {
				return
			}
		}
	}
}

func (c *census) region(r *vm.Region) string {
	st := r.Store
	if st == nil || st.Immutable() || c.alone(st) {
		return ""
	}
	others := c.n.mappersOf(c.set, st)
	switch {
	case len(others) > 0:
		return c.remedy(others, "end the sharing")
	case r.Shared:
		return "is a file of this node that can be written; unmap it first"
	}
	return "maps a writable file of this node; unmap it first"
}
