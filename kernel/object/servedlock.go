package object

import (
	"motile/ipc/fileio"
	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Locks of a file of a server: the server has them. It knows processes by their ids, and
// descriptions by numbers; and on which nodes they are, so that what a node has locked is
// free when the node is lost. Nothing of that needs to be known here when somebody moves.

// askedLock, in Op.Asked, is after how many moves a lock was asked for, and one.
const askedLock = 0

// Lock implements Lockable. A description has a number before it asks for a lock of its own.
func (s *Served) Lock(op *Op, f *File, q *LockRequest) int {
	if op.Link == nil {
		return abi.ENOLCK
	}
	if !q.Test && !q.allowed(f) {
		return abi.EBADF
	}
	a, ok := op.Link.Answer()
	// A process that has moved meanwhile asks again: the server may have taken it to be
	// where it was, and have given its locks up with that.
	if !ok || op.Asked[askedLock] != q.Moves+1 {
		l, errno := s.wanted(op, f, q)
		if errno != 0 {
			return errno
		}
		op.Asked[askedLock] = q.Moves + 1
		o := s.Known.files.speaker()
		s.Ask(op, &std.Header{Command: filesys.Lock}, l.Append(o.Append(nil)))
		return abi.EBLOCKED
	}
	if a.Header.Status() == std.ComBad {
		return abi.ENOLCK // the host's folder
	}
	switch errno := served(&a); errno {
	case 0:
	case filesys.NotHere:
		q.Soon = true
		return abi.EAGAIN
	default:
		return errno
	}
	s.Known.server.answered(a.At)
	if !q.Test {
		return 0
	}
	l, ok := filesys.DecodeLock(a.Data)
	if !ok {
		return abi.EIO
	}
	if q.Type = int16(l.Type); q.Type != fileio.Unlocked {
		q.Whence, q.Start, q.Len, q.PID = 0, l.Start, l.Len, l.PID
	}
	return 0
}

// wanted is a request as the server takes it.
func (s *Served) wanted(op *Op, f *File, q *LockRequest) (l filesys.LockAsk, errno int) {
	if q.Kind == fileio.RecordLock {
		l.PID = op.Who.PID
	} else {
		l.ID = s.LockID
	}
	l.Test, l.Whole, l.Type, l.At = q.Test, q.Kind == fileio.WholeLock, uint8(q.Type), q.At
	if l.Whole {
		return l, 0
	}
	switch q.Whence {
	case seekSet, seekCur, seekEnd:
	default:
		return l, abi.EINVAL
	}
	if q.Type < fileio.SharedLock || q.Type > fileio.Unlocked {
		return l, abi.EINVAL
	}
	l.Start, l.Len, l.End = q.Start, q.Len, q.Whence == seekEnd
	if q.Whence == seekCur {
		if s.Shared != nil {
			return l, abi.ENOLCK // the offset is the server's
		}
		if l.Start += f.Offset; q.Start > 0 && l.Start < 0 {
			return l, abi.EOVERFLOW
		}
	}
	return l, 0
}

const (
	seekSet = iota
	seekCur
	seekEnd
)

// LockQueue implements Lockable: there is none, who waits asks again.
func (s *Served) LockQueue(*Op, *File, *LockRequest) (*wait.Queue, uint64) { return nil, 0 }

// Unlock implements Lockable.
func (s *Served) Unlock(pid int32, upto int64) {
	s.unlocked(filesys.Unlocked{LockOwner: filesys.LockOwner{PID: pid}, Upto: upto})
}

// Left: a process has gone to another node, with the record locks it has, if it has used
// any, and with the description's memory.
func (s *Served) Left(pid int32, locking bool) {
	if locking {
		s.Unlock(pid, -1)
	}
	if s.Mapped != nil {
		s.Mapped.Live = false
	}
}

// closeLocks: the description is closed, or has gone to another node.
func (s *Served) closeLocks() {
	if s.LockID != [16]byte{} {
		s.unlocked(filesys.Unlocked{LockOwner: filesys.LockOwner{ID: s.LockID}})
	}
}

// Overtaken is told when what Hold has said is over, answered or not: what was closed
// meanwhile, because nobody comes, is said farewell to again, for Hold may have been the
// later of the two. Who has come by another Hold since is not meant.
func (fs *Files) Overtaken(list []*Served, lockers []int32, said uint64) {
	o := filesys.Opener{Node: fs.Node, Boot: fs.Boot, Seq: said}
	for _, s := range list {
		if !s.closed {
			continue
		}
		if k := fs.known[s.Known.key]; k == nil || k.uses == 0 {
			h := s.Known.held(false)
			h.Upto = said
			fs.Tell(s.Cap, filesys.Release, h.Append(o.Append(nil)))
			continue
		}
		var owners []filesys.LockOwner
		if s.LockID != [16]byte{} {
			owners = append(owners, filesys.LockOwner{ID: s.LockID})
		}
		for _, pid := range lockers {
			owners = append(owners, filesys.LockOwner{PID: pid})
		}
		for _, w := range owners {
			u := filesys.Unlocked{LockOwner: w, Upto: -1}
			fs.Tell(s.Cap, filesys.Unlock, u.Append(o.Append(nil)))
		}
	}
}

// unlocked says so under a number of its own: what was asked for under lower ones is meant
// also if it comes later, and what is asked for from now on is not.
func (s *Served) unlocked(u filesys.Unlocked) {
	fs := s.Known.files
	o := fs.Opener()
	fs.Tell(s.Cap, filesys.Unlock, u.Append(o.Append(nil)))
}
