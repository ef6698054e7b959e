package fs

import (
	"motile/kernel/object"
	"motile/kernel/wait"
)

// Locks of files and directories belong to the node in the tree: whoever has it open,
// by whatever name, meets the same ones.

func (t *Tree) locks(n *Node) *object.Locks {
	if n.locks == nil {
		n.locks = object.NewLocks(&t.Locks)
	}
	return n.locks
}

// Locked reports whether a process or an open file description has a lock of the node,
// or waits for one.
func (n *Node) Locked(pid int32, f *object.File) bool {
	return n.locks != nil && n.locks.Concerns(pid, f)
}

// HasLocks reports whether anybody has a lock.
func (n *Node) HasLocks() bool { return n.locks != nil && n.locks.Used() }

// unlock: an open file description is closed.
func (n *Node) unlock(f *object.File) {
	if n.locks != nil {
		n.locks.UnlockFile(f)
	}
}

func (n *Node) unlockProcess(pid int32, upto int64) {
	if n.locks != nil {
		n.locks.UnlockProcess(pid, upto)
	}
}

// Lock implements object.Lockable.
func (r *Regular) Lock(op *object.Op, f *object.File, q *object.LockRequest) int {
	return r.tree.locks(r.Node).Set(op, f, q, r.Size())
}

// LockQueue implements object.Lockable.
func (r *Regular) LockQueue(op *object.Op, f *object.File, q *object.LockRequest) (*wait.Queue, uint64) {
	return r.tree.locks(r.Node).Await(op, f, q, r.Size())
}

// Unlock implements object.Lockable.
func (r *Regular) Unlock(pid int32, upto int64) { r.Node.unlockProcess(pid, upto) }

// LockVersion is the version of the file's locks.
func (r *Regular) LockVersion() uint64 { return r.tree.locks(r.Node).Version() }

// Lock implements object.Lockable.
func (d *Dir) Lock(op *object.Op, f *object.File, q *object.LockRequest) int {
	return d.tree.locks(d.Node).Set(op, f, q, 0)
}

// LockQueue implements object.Lockable.
func (d *Dir) LockQueue(op *object.Op, f *object.File, q *object.LockRequest) (*wait.Queue, uint64) {
	return d.tree.locks(d.Node).Await(op, f, q, 0)
}

// Unlock implements object.Lockable.
func (d *Dir) Unlock(pid int32, upto int64) { d.Node.unlockProcess(pid, upto) }
