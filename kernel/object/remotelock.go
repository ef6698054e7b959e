package object

import (
	"motile/ipc/fileio"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Locks of a file elsewhere. A request is a transaction of the process; the wait, which
// must end when a signal comes, is a question of this node's.

// Lock implements Lockable.
func (r *Remote) Lock(op *Op, f *File, q *LockRequest) int {
	if op.Link == nil {
		return abi.ENOLCK
	}
	a, ok := op.Link.Answer()
	if !ok {
		h := std.Header{Command: fileio.Lock}
		op.Link.Ask(r.Addr, &h, q.LockRequest.Append(op.who(nil)))
		return abi.EBLOCKED
	}
	if errno := unreachable(a.Status); errno != 0 {
		return errno
	}
	r.lockVersion = a.Header.Offset
	if found, ok := fileio.DecodeFound(a.Data); ok && q.Test {
		q.Type, q.Whence, q.Start, q.Len, q.PID = found.Type, 0, found.Start, found.Len, found.PID
	}
	return int(a.Header.Extra)
}

// LockQueue implements Lockable.
func (r *Remote) LockQueue(op *Op, f *File, q *LockRequest) (*wait.Queue, uint64) {
	if r.AskLocks != nil {
		r.AskLocks(r, q.LockRequest.Append(op.who(nil)), r.lockVersion)
	}
	return &r.queue, 0
}

// LocksChanged is the answer to AskLocks.
func (r *Remote) LocksChanged() { r.queue.Wake(0) }

// Unlock implements Lockable.
func (r *Remote) Unlock(pid int32, upto int64) {
	if r.Unlocked != nil && r.Mode&ModeType == ModeReg {
		r.Unlocked(r, pid, upto)
	}
}
