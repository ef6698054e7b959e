package filesys

// Locks of files (flock(2), fcntl(2)).

// LockOwner is a process, or an open file description by a number that its node has drawn.
type LockOwner struct {
	PID int32
	ID  [16]byte
}

// LockAsk is a lock, or the wish for one. As an answer it says what is in the way: PID is -1
// if it is a description's.
type LockAsk struct {
	LockOwner
	Test  bool
	Whole bool  // flock(2)'s: those and the others do not meet
	Type  uint8 // fileio's: SharedLock, ExclusiveLock, Unlocked
	End   bool  // Start counts from the end of the file
	Start int64
	Len   int64 // 0: to the end, wherever that will be; below 0: what is before Start
	At    int64 // the process's own clock, of a process's lock
}

const (
	lockTest = 1 << iota
	lockWhole
	lockEnd
	lockFlags
)

// Append encodes l.
func (l *LockAsk) Append(b []byte) []byte {
	flags := byte(0)
	if l.Test {
		flags |= lockTest
	}
	if l.Whole {
		flags |= lockWhole
	}
	if l.End {
		flags |= lockEnd
	}
	b = append(l.LockOwner.append(b), flags, l.Type)
	return be.AppendUint64(be.AppendUint64(be.AppendUint64(b, uint64(l.Start)), uint64(l.Len)), uint64(l.At))
}

func (o *LockOwner) append(b []byte) []byte {
	return append(be.AppendUint32(b, uint32(o.PID)), o.ID[:]...)
}

func (r *reader) lockOwner() (o LockOwner) {
	o.PID = int32(r.u32())
	copy(o.ID[:], r.take(len(o.ID)))
	return o
}

// DecodeLock reads a LockAsk.
func DecodeLock(b []byte) (l LockAsk, ok bool) {
	r := reader{b: b}
	l.LockOwner = r.lockOwner()
	flags := r.u8()
	l.Test, l.Whole, l.End = flags&lockTest != 0, flags&lockWhole != 0, flags&lockEnd != 0
	l.Type, l.Start, l.Len, l.At = r.u8(), int64(r.u64()), int64(r.u64()), int64(r.u64())
	return l, !r.bad && len(r.b) == 0 && flags < lockFlags && l.Type <= 2
}

// Unlocked says that a node has a description open no more, or that a process there has
// closed the file or left: of a process, Upto is the time of its own clock up to which it gives up what it
// has taken; below 0: it gives up nothing, but is not there any more.
type Unlocked struct {
	LockOwner
	Upto int64
}

// Append encodes u.
func (u *Unlocked) Append(b []byte) []byte {
	return be.AppendUint64(u.LockOwner.append(b), uint64(u.Upto))
}

// DecodeUnlocked reads an Unlocked.
func DecodeUnlocked(b []byte) (u Unlocked, ok bool) {
	r := reader{b: b}
	u.LockOwner = r.lockOwner()
	u.Upto = int64(r.u64())
	return u, !r.bad && len(r.b) == 0
}
