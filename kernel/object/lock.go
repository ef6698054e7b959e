package object

import (
	"math"
	"slices"

	"motile/ipc/fileio"
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Locks are the locks on one file (flock(2), fcntl(2)). They live where the file is: a
// process that reaches it from afar asks there, by transactions. Record locks are held
// by a process, which its pid names wherever it is; the others by an open file
// description. So holders need not be told when somebody moves.
//
// Nobody waits at a file for a lock to be given to him: who is in the way of somebody
// gives up a lock, and all who wait try again. So a wait can be given up, or go on from
// another node, and no lock is ever held by somebody who is not there any more.
type Locks struct {
	space   *LockSpace
	records []heldLock // those of one owner together, by start; owners in order of coming
	whole   []heldLock // flock(2)'s
	queue   wait.Queue // those who wait, tagged
	pending []pendingLock
	version uint64 // counts what was given up
}

// LockSpace is all files that have locks: who waits for whom is a question beyond one.
type LockSpace struct {
	files []*Locks
	tag   uint64
}

// LockOwner is a process, or an open file description.
type LockOwner struct {
	PID  int32
	File *File
}

// Range of a lock, both ends included.
type lockRange struct {
	kind       int16
	start, end int64
}

type heldLock struct {
	lockRange
	owner LockOwner
	at    int64 // the process's own clock when it took it
}

// pendingLock is a request that waits, as long as its tag is in the queue.
type pendingLock struct {
	lockRange
	owner LockOwner
	whole bool
	tag   uint64
}

// maxLocks bounds what is kept for one file.
const maxLocks = 4096

// LockRequest is one request. Test's answer is put into it.
type LockRequest struct {
	fileio.LockRequest
	PID   int32  // Test's answer: whose lock is in the way; -1: a description's
	Moves uint64 // how often the process has moved
	Soon  bool   // EAGAIN: not because of a lock; ask again
}

// Lockable is an Impl that can be locked.
type Lockable interface {
	// Lock is one step: EAGAIN if another lock is in the way.
	Lock(op *Op, f *File, q *LockRequest) (errno int)
	// LockQueue is where to wait then; the step is repeated when it is woken.
	LockQueue(op *Op, f *File, q *LockRequest) (queue *wait.Queue, tag uint64)
	// Unlock gives up the record locks that a process has taken up to a time of its
	// own clock: it has closed the file.
	Unlock(pid int32, upto int64)
}

// NewLocks returns the locks of a file that has none.
func NewLocks(s *LockSpace) *Locks { return &Locks{space: s} }

// Set takes, changes or gives up a lock, or looks for one in the way. size is the
// file's.
func (l *Locks) Set(op *Op, f *File, q *LockRequest, size int64) int {
	r, whole, errno := q.place(f, size)
	if errno != 0 {
		return errno
	}
	owner := q.owner(op, f)
	switch {
	case q.Test:
		q.answer(l.conflict(owner, r, false))
		return 0
	case !q.allowed(f):
		return abi.EBADF
	case whole:
		l.giveUp(owner, r) // to change a lock is to give it up first (flock(2))
	}
	if c := l.conflict(owner, r, whole); c != nil {
		if q.Wait && !whole && owner.PID != 0 && l.space.deadlock(l, owner, r) {
			return abi.EDEADLK
		}
		return abi.EAGAIN
	}
	if r.kind != fileio.Unlocked && (len(l.records)+len(l.whole) >= maxLocks || op.Pressure != nil && op.Pressure()) {
		return abi.ENOLCK
	}
	if !whole {
		if !l.setRecord(owner, r, q.At) {
			return abi.ENOLCK
		}
	} else if r.kind != fileio.Unlocked {
		l.whole = append(l.whole, heldLock{r, owner, 0})
	}
	l.space.note(l)
	return 0
}

// giveUp drops a lock of the whole file, unless it is what is wanted.
func (l *Locks) giveUp(owner LockOwner, r lockRange) {
	n := len(l.whole)
	l.whole = slices.DeleteFunc(l.whole, func(h heldLock) bool { return h.owner == owner })
	if len(l.whole) < n {
		l.changed()
	}
}

func (q *LockRequest) owner(op *Op, f *File) LockOwner {
	if q.Kind == fileio.RecordLock {
		return LockOwner{PID: op.Who.PID}
	}
	return LockOwner{File: f}
}

// allowed: a shared record lock takes a descriptor that can read, an exclusive one
// that can write.
func (q *LockRequest) allowed(f *File) bool {
	switch {
	case q.Kind == fileio.WholeLock || q.Type == fileio.Unlocked:
		return true
	case q.Type == fileio.SharedLock:
		return f.Readable()
	}
	return f.Writable()
}

// place finds out what range is meant.
func (q *LockRequest) place(f *File, size int64) (r lockRange, whole bool, errno int) {
	if q.Kind == fileio.WholeLock {
		return lockRange{q.Type, 0, math.MaxInt64}, true, 0
	}
	const set, cur, end = 0, 1, 2
	start := q.Start
	switch q.Whence {
	case set:
	case cur:
		start += f.Offset
	case end:
		start += size
	default:
		return r, false, abi.EINVAL
	}
	if q.Start > 0 && start < q.Start {
		return r, false, abi.EOVERFLOW
	}
	r.kind = q.Type
	if r.start, r.end, errno = fileio.LockSpan(start, q.Len); errno != 0 {
		return r, false, errno
	}
	if q.Type < fileio.SharedLock || q.Type > fileio.Unlocked {
		return r, false, abi.EINVAL
	}
	return r, false, 0
}

// answer says what is in the way, as fcntl(F_GETLK) does.
func (q *LockRequest) answer(c *heldLock) {
	if c == nil {
		q.Type = fileio.Unlocked
		return
	}
	q.Type, q.Whence, q.Start, q.Len, q.PID = c.kind, 0, c.start, fileio.LockLength(c.start, c.end), -1
	if c.owner.File == nil {
		q.PID = c.owner.PID
	}
}

// conflict finds a lock that is in the way.
func (l *Locks) conflict(owner LockOwner, r lockRange, whole bool) *heldLock {
	list := l.records
	if whole {
		list = l.whole
	}
	for i := range list {
		if h := &list[i]; h.blocks(owner, r) {
			return h
		}
	}
	return nil
}

func (h *heldLock) blocks(owner LockOwner, r lockRange) bool {
	return r.kind != fileio.Unlocked && h.owner != owner && h.start <= r.end && r.start <= h.end &&
		(h.kind == fileio.ExclusiveLock || r.kind == fileio.ExclusiveLock)
}

// setRecord gives a range of owner's locks another type, joining neighbours of one type.
// It reports false if that would make too many.
func (l *Locks) setRecord(owner LockOwner, r lockRange, at int64) bool {
	first := slices.IndexFunc(l.records, func(h heldLock) bool { return h.owner == owner })
	if first < 0 {
		if r.kind != fileio.Unlocked {
			l.records = append(l.records, heldLock{r, owner, at})
		}
		return true
	}
	last := first
	for last < len(l.records) && l.records[last].owner == owner {
		last++
	}
	var out []heldLock
	less := false
	fresh := heldLock{r, owner, at}
	placed := r.kind == fileio.Unlocked
	for _, h := range l.records[first:last] {
		switch joins := h.kind == r.kind && !placed; {
		case joins && h.start <= after(fresh.end) && fresh.start <= after(h.end):
			fresh.start, fresh.end = min(fresh.start, h.start), max(fresh.end, h.end)
			continue
		case h.end < r.start:
			out = append(out, h)
			continue
		case h.start > r.end:
			if !placed {
				out, placed = append(out, fresh), true
			}
			out = append(out, h)
			continue
		}
		less = less || h.kind == fileio.ExclusiveLock || r.kind == fileio.Unlocked
		if h.start < r.start {
			left := h
			left.end = r.start - 1
			out = append(out, left)
		}
		if h.end > r.end {
			if !placed {
				out, placed = append(out, fresh), true
			}
			h.start = r.end + 1
			out = append(out, h)
		}
	}
	if !placed {
		out = append(out, fresh)
	}
	if len(out) > last-first && len(l.records) >= maxLocks {
		return false
	}
	l.records = slices.Concat(l.records[:first], out, l.records[last:])
	if less {
		l.changed()
	}
	return true
}

// after is the byte behind one, if there is one.
func after(at int64) int64 {
	if at == math.MaxInt64 {
		return at
	}
	return at + 1
}

// changed lets those who wait try again.
func (l *Locks) changed() {
	l.version++
	l.queue.Wake(0)
	l.prune()
	l.space.note(l)
}

// UnlockProcess gives up the record locks of a process.
func (l *Locks) UnlockProcess(pid int32, upto int64) {
	l.drop(&l.records, func(h heldLock) bool { return h.owner.PID == pid && h.owner.File == nil && h.at <= upto })
}

// UnlockFile gives up what an open file description holds: it is closed.
func (l *Locks) UnlockFile(f *File) {
	mine := func(h heldLock) bool { return h.owner.File == f }
	l.drop(&l.records, mine)
	l.drop(&l.whole, mine)
}

func (l *Locks) drop(list *[]heldLock, which func(heldLock) bool) {
	n := len(*list)
	if *list = slices.DeleteFunc(*list, which); len(*list) < n {
		l.changed()
	}
}

// Await enters a request that waits. Its place in the queue has the tag.
func (l *Locks) Await(op *Op, f *File, q *LockRequest, size int64) (queue *wait.Queue, tag uint64) {
	l.prune()
	l.space.tag++
	if r, whole, errno := q.place(f, size); errno == 0 {
		l.pending = append(l.pending, pendingLock{r, q.owner(op, f), whole, l.space.tag})
	}
	l.space.note(l)
	return &l.queue, l.space.tag
}

// prune forgets requests that do not wait any more.
func (l *Locks) prune() {
	waits := make(map[uint64]bool)
	for w := l.queue.First(); w != nil; w = w.Next() {
		waits[w.Tag] = true
	}
	l.pending = slices.DeleteFunc(l.pending, func(p pendingLock) bool { return !waits[p.tag] })
}

// Version changes whenever a lock is given up.
func (l *Locks) Version() uint64 { return l.version }

// Concerns reports whether a process or an open file description has a lock, or waits
// for one.
func (l *Locks) Concerns(pid int32, f *File) bool {
	l.prune()
	is := func(o LockOwner) bool { return o.File == f || o.File == nil && o.PID == pid }
	return slices.ContainsFunc(l.records, func(h heldLock) bool { return is(h.owner) }) ||
		slices.ContainsFunc(l.whole, func(h heldLock) bool { return is(h.owner) }) ||
		slices.ContainsFunc(l.pending, func(p pendingLock) bool { return is(p.owner) })
}

// Used reports whether anybody has a lock, or waits.
func (l *Locks) Used() bool { return len(l.records)+len(l.whole) > 0 || !l.queue.Empty() }

// note keeps the list of files with locks.
func (s *LockSpace) note(l *Locks) {
	i := slices.Index(s.files, l)
	switch used := l.Used() || len(l.pending) > 0; {
	case used && i < 0:
		s.files = append(s.files, l)
	case !used && i >= 0:
		s.files = slices.Delete(s.files, i, i+1)
	}
}

// deadlock reports whether a process that waited for a range would wait, in the end,
// for itself.
func (s *LockSpace) deadlock(l *Locks, owner LockOwner, r lockRange) bool {
	seen := make(map[int32]bool)
	var waits func(l *Locks, who LockOwner, r lockRange) bool
	waits = func(l *Locks, who LockOwner, r lockRange) bool {
		for i := range l.records {
			h := &l.records[i]
			if !h.blocks(who, r) || h.owner.PID == 0 {
				continue
			}
			if h.owner == owner {
				return true
			}
			if seen[h.owner.PID] {
				continue
			}
			seen[h.owner.PID] = true
			for _, x := range s.files {
				for _, p := range x.pending {
					if p.owner == h.owner && !p.whole && waits(x, p.owner, p.lockRange) {
						return true
					}
				}
			}
		}
		return false
	}
	for _, x := range s.files {
		x.prune()
	}
	return waits(l, owner, r)
}

// Any reports whether there is a lock on any file.
func (s *LockSpace) Any() bool { return len(s.files) > 0 }

// Processes lists those that have record locks, in no order that counts.
func (s *LockSpace) Processes() (pids []int32) {
	for _, l := range s.files {
		for i := range l.records {
			if o := l.records[i].owner; o.File == nil && !slices.Contains(pids, o.PID) {
				pids = append(pids, o.PID)
			}
		}
	}
	return pids
}

// Unlock gives up all record locks of a process: it has ended.
func (s *LockSpace) Unlock(pid int32) {
	for _, l := range slices.Clone(s.files) {
		l.UnlockProcess(pid, math.MaxInt64)
	}
}
