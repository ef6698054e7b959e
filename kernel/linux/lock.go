package linux

import (
	"motile/ipc/fileio"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

// File locks (flock(2), fcntl(2)). A call that waits is a record like any other: when
// it is woken, here or on another node, it asks again.

// fcntl commands for locks.
const (
	fGetLK     = 5
	fSetLK     = 6
	fSetLKW    = 7
	fOFDGetLK  = 36
	fOFDSetLK  = 37
	fOFDSetLKW = 38

	flockSize = 32 // struct flock
)

func sysFlock(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const shared, exclusive, nonblock, unlock = 1, 2, 4, 8
	q := object.LockRequest{LockRequest: fileio.LockRequest{Kind: fileio.WholeLock, Wait: c.Args[1]&nonblock == 0}}
	switch c.Args[1] &^ nonblock {
	case shared:
		q.Type = fileio.SharedLock
	case exclusive:
		q.Type = fileio.ExclusiveLock
	case unlock:
		q.Type = fileio.Unlocked
	default:
		return -abi.EINVAL
	}
	f := file(t, c.Args[0])
	if f == nil || f.Flags&object.OPath != 0 {
		return -abi.EBADF
	}
	return k.lock(t, c, f, &q)
}

// fcntlLock is the part of fcntl that has to do with record locks.
func (k *Kernel) fcntlLock(t *proc.Thread, c *proc.Call, f *object.File) int64 {
	if f.Flags&object.OPath != 0 {
		return -abi.EBADF
	}
	var b [flockSize]byte
	if !k.copyIn(t, c.Args[2], b[:]) {
		return -abi.EFAULT
	}
	q := object.LockRequest{LockRequest: fileio.LockRequest{
		Type: int16(le.Uint16(b[0:])), Whence: int16(le.Uint16(b[2:])),
		Start: int64(le.Uint64(b[8:])), Len: int64(le.Uint64(b[16:])),
		Test: c.Args[1] == fGetLK || c.Args[1] == fOFDGetLK,
		Wait: c.Args[1] == fSetLKW || c.Args[1] == fOFDSetLKW,
		At:   t.Process().Now(),
	}}
	if c.Args[1] >= fOFDGetLK {
		q.Kind = fileio.FileLock
		if le.Uint32(b[24:]) != 0 { // l_pid is for the answer
			return -abi.EINVAL
		}
	}
	if c.Args[1] == fGetLK && q.Type != fileio.SharedLock && q.Type != fileio.ExclusiveLock {
		return -abi.EINVAL
	}
	ret := k.lock(t, c, f, &q)
	if ret != 0 || !q.Test {
		return ret
	}
	le.PutUint16(b[0:], uint16(q.Type))
	if q.Type != fileio.Unlocked {
		le.PutUint16(b[2:], 0)
		le.PutUint64(b[8:], uint64(q.Start))
		le.PutUint64(b[16:], uint64(q.Len))
		le.PutUint32(b[24:], uint32(q.PID))
	}
	return k.copyOut(t, c.Args[2], b[:])
}

// lock is one step of a request. While the answer of another node is under way, signals
// wait: a lock that was granted must not be forgotten.
func (k *Kernel) lock(t *proc.Thread, c *proc.Call, f *object.File, q *object.LockRequest) int64 {
	l, ok := f.Impl.(object.Lockable)
	if !ok {
		return -abi.ENOLCK
	}
	if c.Slot != 0 && c.Answer == nil {
		return -abi.EBLOCKED
	}
	if q.Kind == fileio.RecordLock && !q.Test {
		t.Process().Locking = true
	}
	if c.Interrupted && c.Phase == lockWaiting {
		return -abi.ERESTARTSYS
	}
	q.Moves = uint64(t.Process().Moves)
	op := k.op(t)
	s, served := servedFile(f)
	if served && q.Kind != fileio.RecordLock && !q.Test && s.LockID == [16]byte{} {
		k.Random(s.LockID[:])
	}
	errno := l.Lock(op, f, q)
	c.Masked = errno == abi.EBLOCKED
	if q.Soon {
		if c.Aux[lockVain]++; c.Aux[lockVain] > maxVain {
			return -abi.ENOLCK
		}
	} else if errno != abi.EAGAIN || !q.Wait {
		return -int64(errno)
	} else {
		c.Aux[lockVain] = 0
	}
	if c.Interrupted {
		return -abi.ERESTARTSYS
	}
	c.Phase = lockWaiting
	if served {
		return k.lockLater(c)
	}
	queue, tag := l.LockQueue(op, f, q)
	t.WaitTagged(queue, tag)
	return -abi.EBLOCKED
}

// lockLater has a request made again after a while: a file server tells nobody that a
// lock is free. Whoever waits for long asks less often.
func (k *Kernel) lockLater(c *proc.Call) int64 {
	const first, last = 2e6, 100e6 // ns
	c.Aux[lockPause] = min(max(2*c.Aux[lockPause], first), last)
	c.Deadline = k.Tab.Now + int64(c.Aux[lockPause])
	return -abi.EBLOCKED
}

// What a request leaves in the record's Aux, behind what the file does.
const (
	lockPause = 1 + iota // before it is made again
	lockVain             // how often the server did not know that the node has the file open
)

// lockWaiting is the phase of a lock request that was refused before.
const lockWaiting = 1
