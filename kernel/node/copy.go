package node

import (
	"slices"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/linux"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/proc"
)

// What becomes of a process in a copy of it: a clone of one that lives, or one that
// goes on from an image. A move takes along what others know the process by; a copy has
// none of that, so it has an identity of its own, and what the process had under way
// with others stays with the original.
//
//	                       a move           a copy
//	pid, tids              the same         new; the former ones are good for itself
//	group, session         the same         its own
//	parent                 the same         init
//	children               the same         living ones count as killed; zombies stay
//	owner                  the same         the same
//	stunned, lease         the same         neither
//	addresses, ports       the same         new addresses; it may listen to the same ports
//	a trans                goes on          RPC_FAILURE, unless its reply has come
//	a getreq               goes on          begins again; a request that has come is not its own
//	serving a request      goes on          putrep: RPC_BADPORT
//	groups, raw FLIP       go on            it is in none, has none: BC_ABORT, FLIP_FAIL
//	input and output       go on            begins again, with what is left
//	kill                   goes on          is done: the original sends it
//	sleeps, timers         go on            what was left is left
//	monotonic clock        goes on          goes on from when it was written down
//	wall clock             goes on          is the node's
//	file locks             kept             it has none
//	random bytes           the same         the 16 it was started with are others
//	memory shared with itself               its own
//	pipe, eventfd: own     moves            its own
//	pseudo-terminal: own   moves            its own; of the same number if that is free
//	timerfd: own           moves            its own; one set for a time of day goes by that
//	signalfd               the same         its own
//	pidfd                  the same         the same; of itself: of the copy; of a child: it has ended
//	shared with others     by reference     by reference
//	epoll, log, text file  moves            its own
//	file, directory        found again      found again, with an offset of its own
//	terminal, remote       by reference     by reference, or as Stdio says
//
// What is new here is there for either: dispose decides, and only what a copy has of its
// own although others have the original is said below.

// disposeCopy decides about one description of a process that is to be copied.
func (c *census) disposeCopy(f *object.File, residual bool) (d disposition, why string) {
	switch impl := f.Impl.(type) {
	case *object.Epoll, *object.Log:
		return byValue, ""
	case *object.Pipe:
		if c.pipeOwn(impl) {
			return byValue, ""
		}
		return byReference, ""
	case *object.Master, *object.Slave:
		if c.ptyOwn(object.PTYOf(f)) {
			return byValue, ""
		}
		return byReference, ""
	case *fs.Regular:
		switch st := impl.Store(); {
		case !st.Immutable():
		case st.Digest == (vm.Digest{}):
			return byValue, ""
		default:
			return byName, ""
		}
	}
	return c.dispose(f, residual)
}

// pipeOwn reports whether nobody else has an end of a pipe.
func (c *census) pipeOwn(pipe *object.Pipe) bool {
	for _, x := range c.n.exports {
		if x.file.Impl == object.Impl(pipe) {
			return false
		}
	}
	return c.pipe(pipe)
}

// makeCopy makes a checked image that of a copy. It reports false if there are too many
// processes here.
func (n *Node) makeCopy(im *image.Process) bool {
	was := im.PID
	if !n.Tab.NewIdentity(im) {
		return false
	}
	for _, path := range ownPaths(im, was) {
		*path = linux.ProcDir(im.PID) + (*path)[len(linux.ProcDir(was)):]
	}
	im.Stun, im.Lease, im.Locking = nil, 0, false
	im.Wall = n.Tab.Now + n.Tab.WallBase
	for i := range im.Threads {
		t := &im.Threads[i]
		t.Server = 0
		if t.Call != nil {
			cutCall(t.Call)
		}
		for k := range t.Below {
			cutCall(&t.Below[k].Call)
		}
	}
	return true
}

// ownPaths are the paths of directories that /proc has for the process.
func ownPaths(im *image.Process, pid int32) (paths []*string) {
	if ownDir(im.Cwd, pid) {
		paths = append(paths, &im.Cwd)
	}
	for i := range im.Files {
		if f := &im.Files[i]; f.Kind == image.KindDir && ownDir(f.Path, pid) {
			paths = append(paths, &f.Path)
		}
	}
	return paths
}

// cutCall ends what a call has under way with others.
func cutCall(c *image.Call) {
	waits := c.Phase != nativeStart && c.Reply == nil
	end := func(s std.Status) {
		c.Reply = &image.Reply{Status: int32(s), Header: make([]byte, std.HeaderLen)}
	}
	switch nr := c.Nr; {
	case nr == abi.SysTrans || nr == abi.SysTransWithin || nr == abi.SysPutrep:
		if waits {
			end(std.RPCFailure)
		}
	case nr == abi.SysGetreq:
		c.Phase, c.Reply = nativeStart, nil
	case nr == abi.SysGrpJoin, nr >= abi.SysGrpCreate && nr <= abi.SysGrpForward && waits:
		if c.Phase != nativeStart {
			end(std.BCAbort)
		}
	case nr == abi.SysKill:
		if c.Slot != 0 && c.Reply == nil {
			end(std.OK)
		}
		c.Aux[1] = 0 // no node is asked
	case nr == abi.SysSetpgid:
		c.Aux[1] = 0
	}
	if c.Reply == nil && linux.AsksServer(c.Phase) {
		c.Phase = 0 // the copy asks anew
	}
	c.Slot = 0
}

// reseed gives a copy other random bytes than the original was started with.
func (n *Node) reseed(p *proc.Process) {
	if p.Random == 0 {
		return
	}
	var b [16]byte
	n.K.Random(b[:])
	p.Space.Poke(p.Random, b[:]) // if they are not there any more, nobody looks at them
}

// loseChildren tells a copy that the children it had running are not its own.
func (n *Node) loseChildren(p *proc.Process) {
	for _, c := range slices.Clone(p.Children) {
		if c.State != proc.ChildExited {
			lost := *c
			lost.State, lost.Status = proc.ChildExited, abi.SIGKILL
			n.Tab.ChildChanged(p, lost)
		}
	}
}
