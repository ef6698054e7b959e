package linux

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

// open(2) of a FIFO waits until somebody has the other end. The descriptor is taken
// meanwhile, and the end counts as open: so the record is the descriptor's number, and
// the wait goes on wherever the process then is.

// waitsForPeer is the phase of such an open; Aux[0] is the descriptor.
const waitsForPeer = 1

func (k *Kernel) awaitPeer(t *proc.Thread, c *proc.Call, fd int32) int64 {
	c.Phase, c.Aux[0] = waitsForPeer, uint64(fd)
	t.Process().FDs.SetOpening(fd, true)
	return k.fifoOpened(t, c)
}

// fifoOpened looks whether the other end has been opened.
func (k *Kernel) fifoOpened(t *proc.Thread, c *proc.Call) int64 {
	fds, fd := t.Process().FDs, int32(c.Aux[0])
	if !fds.Opening(fd) {
		return -abi.EBADF
	}
	f := fds.Held(fd)
	if f.Impl.Ready(f)&object.Joined != 0 {
		fds.SetOpening(fd, false)
		return int64(fd)
	}
	if c.Interrupted && !k.Tab.HandlerRestarts(t) {
		fds.Abandon(fd)
		return -abi.EINTR
	}
	// A handler that wants it so runs on top of the wait: to open the FIFO anew would
	// be to look for its name, on another node perhaps.
	t.WaitOn(f.Impl.Queue())
	if d, ok := f.Impl.(object.Distant); ok {
		d.Watch(object.Joined)
	}
	return -abi.EBLOCKED
}
