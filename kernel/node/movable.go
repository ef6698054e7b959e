package node

import (
	"fmt"

	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// What of a process can move, and how. The questions are asked twice: before
// anything is frozen, so that a refusal costs nothing and names the object, and
// when the process is captured.

// disposition says how a file description moves.
type disposition uint8

const (
	byValue     disposition = iota // it and its object move along
	byReference                    // it stays, or is elsewhere already: the process keeps a Remote
	byName                         // the target has the same thing
	refused
)

// uses counts p's references to a description.
func uses(p *proc.Process, f *object.File) (n int) {
	for fd := range p.FDs.Len() {
		if p.FDs.Held(int32(fd)) == f {
			n++
		}
	}
	for _, own := range []*object.File{p.TTY, p.Log} {
		if own == f {
			n++
		}
	}
	return n
}

// exclusive reports whether no other process of this node has the description.
func (n *Node) exclusive(p *proc.Process, f *object.File) bool {
	refs := f.Refs()
	if n.findExport(f) != nil {
		refs--
	}
	return refs == uses(p, f)
}

// dispose decides about one description. why names what stands in the way.
func (n *Node) dispose(p *proc.Process, f *object.File, residual bool) (d disposition, why string) {
	alone := n.exclusive(p, f)
	switch impl := f.Impl.(type) {
	case object.Null, object.Zero, object.Full, object.Random:
		return byName, ""
	case *object.Remote, *object.TTY, *fs.FIFO:
		return byReference, ""
	case *fs.Dir:
		if impl.Node.Locked(p.PID, f) {
			return refused, "is a directory of this node that it has locked; unlock it first"
		}
		return byName, ""
	case *object.Log:
		if p.Log == f || alone {
			return byValue, ""
		}
		return byReference, ""
	case *object.Pipe:
		if n.pipeAlone(p, impl) {
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
		if alone {
			return byValue, ""
		}
		return refused, "is an epoll set that another process has open too; close it there, or move before fork"
	case *fs.Regular:
		return n.disposeRegular(impl, alone && !impl.Node.Locked(p.PID, f), residual)
	}
	return refused, fmt.Sprintf("is a %T, which cannot move", f.Impl)
}

// disposeRegular decides about a file. One that is locked stays with its locks: alone is
// false then.
func (n *Node) disposeRegular(r *fs.Regular, alone, residual bool) (disposition, string) {
	st := r.Store()
	switch {
	case !st.Immutable() && residual, st.Immutable() && !alone:
		return byReference, ""
	case !st.Immutable():
		return refused, "is a writable file of this node; close it, or use --residual to go on using it from afar"
	case st.Digest == (vm.Digest{}):
		return byValue, "" // made up on the fly: its text goes along
	}
	return byName, ""
}

// pipeAlone reports whether all descriptions of both ends of a pipe are p's alone,
// or held by other nodes only. p is nil to ask for the latter.
func (n *Node) pipeAlone(p *proc.Process, pipe *object.Pipe) bool {
	readers, writers := pipe.Ends()
	var seen []*object.File
	for fd := 0; p != nil && fd < p.FDs.Len(); fd++ {
		f := p.FDs.Held(int32(fd))
		if f == nil || f.Impl != object.Impl(pipe) || contains(seen, f) {
			continue
		}
		seen = append(seen, f)
		if !n.exclusive(p, f) {
			return false
		}
		if f.Readable() {
			readers--
		}
		if f.Writable() {
			writers--
		}
	}
	// Descriptions that only other nodes hold move along with the pipe.
	for _, x := range n.exports {
		if x.file.Impl != object.Impl(pipe) || contains(seen, x.file) {
			continue
		}
		if x.file.Refs() > 1 {
			return false
		}
		if x.file.Readable() {
			readers--
		}
		if x.file.Writable() {
			writers--
		}
	}
	return readers == 0 && writers == 0
}

// homeless reports whether an object is open on other nodes only. An object lives
// beside a holder: it must go to one.
func (n *Node) homeless(x *export) bool { return !x.taking && n.abroad(x) }

func (n *Node) abroad(x *export) bool {
	if x.file.Refs() > 1 || !x.held() || n.usesRemote(x.ep.Address()) || x.leaving || x.gone {
		return false
	}
	if pipe, ok := x.file.Impl.(*object.Pipe); ok {
		return n.pipeAlone(nil, pipe)
	}
	switch impl := x.file.Impl.(type) {
	case *object.Eventfd, *object.Timerfd:
		return true
	case *fs.Regular:
		return impl.Store().Immutable() && !impl.Node.HasLocks()
	}
	return false // a node's own
}

func contains(list []*object.File, f *object.File) bool {
	for _, x := range list {
		if x == f {
			return true
		}
	}
	return false
}

// obstacle returns what forbids moving a process, in words, or "".
func (n *Node) obstacle(p *proc.Process, residual bool) string {
	for fd := range p.FDs.Len() {
		f := p.FDs.Held(int32(fd))
		if f == nil {
			continue
		}
		if d, why := n.dispose(p, f, residual); d == refused {
			return fmt.Sprintf("fd %d (%s) %s", fd, f.Path, why)
		}
	}
	for _, r := range p.Space.Regions() {
		if why := n.regionObstacle(p, &r); why != "" {
			return fmt.Sprintf("memory at %#x %s", r.Start, why)
		}
	}
	return ""
}

func (n *Node) regionObstacle(p *proc.Process, r *vm.Region) string {
	st := r.Store
	switch {
	case st == nil || st.Immutable():
		return ""
	case !r.Shared:
		return "maps a writable file of this node; unmap it first"
	}
	own := 0
	for _, q := range p.Space.Regions() {
		if q.Store == st {
			own++
		}
	}
	if st.Users() > own {
		return "is shared with another process or an open file; end the sharing, or move them together (not built yet)"
	}
	return ""
}
