package fileio

import (
	"encoding/binary"
	"math"
)

// Kinds of locks: who holds them, and of what.
const (
	RecordLock = 0 // a process, of a range (fcntl(2))
	FileLock   = 1 // an open file description, of a range ("OFD")
	WholeLock  = 2 // an open file description, of the file (flock(2))
)

// Types of locks, with the numbers of fcntl(2).
const (
	SharedLock    = 0
	ExclusiveLock = 1
	Unlocked      = 2
)

// LockSpan finds what bytes a record lock is for, the last one included, that begins at
// start and has a length: 0 is to the end, wherever that will be; below 0, what is before
// start. errno is 0 or Linux's number (fcntl(2)).
func LockSpan(start, length int64) (first, last int64, errno int) {
	const einval, eoverflow = 22, 75
	switch {
	case start < 0, length < 0 && start+length < 0:
		return 0, 0, einval
	case length < 0:
		return start + length, start - 1, 0
	case length == 0:
		return start, math.MaxInt64, 0
	case length-1 > math.MaxInt64-start:
		return 0, 0, eoverflow
	}
	return start, start + length - 1, 0
}

// LockLength is the length that a record lock of some bytes is said to have.
func LockLength(first, last int64) int64 {
	if last == math.MaxInt64 {
		return 0
	}
	return last - first + 1
}

// LockRequest asks for a lock, or whether one is in the way. LockSize bytes.
type LockRequest struct {
	Kind   uint8
	Test   bool // fcntl(F_GETLK)
	Wait   bool // who gets no lock will wait for it
	Type   int16
	Whence int16
	Start  int64
	Len    int64
	At     int64 // the asking process's own monotonic clock, ns
}

const LockSize = 31

// Append encodes q.
func (q *LockRequest) Append(b []byte) []byte {
	bit := func(v bool) byte {
		if v {
			return 1
		}
		return 0
	}
	b = append(b, q.Kind, bit(q.Test), bit(q.Wait))
	b = binary.BigEndian.AppendUint16(b, uint16(q.Type))
	b = binary.BigEndian.AppendUint16(b, uint16(q.Whence))
	b = binary.BigEndian.AppendUint64(b, uint64(q.Start))
	b = binary.BigEndian.AppendUint64(b, uint64(q.Len))
	return binary.BigEndian.AppendUint64(b, uint64(q.At))
}

// DecodeLock reads a LockRequest.
func DecodeLock(b []byte) (q LockRequest, ok bool) {
	if len(b) < LockSize || b[0] > WholeLock || b[1] > 1 || b[2] > 1 {
		return q, false
	}
	return LockRequest{
		Kind: b[0], Test: b[1] == 1, Wait: b[2] == 1,
		Type: int16(binary.BigEndian.Uint16(b[3:])), Whence: int16(binary.BigEndian.Uint16(b[5:])),
		Start: int64(binary.BigEndian.Uint64(b[7:])), Len: int64(binary.BigEndian.Uint64(b[15:])),
		At: int64(binary.BigEndian.Uint64(b[23:])),
	}, true
}

// Found is the answer to a test: a lock in the way, from the file's start; Unlocked:
// none. FoundSize bytes.
type Found struct {
	Type  int16
	Start int64
	Len   int64
	PID   int32 // -1: it is a description's
}

const FoundSize = 22

// Append encodes f.
func (f Found) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(f.Type))
	b = binary.BigEndian.AppendUint64(b, uint64(f.Start))
	b = binary.BigEndian.AppendUint64(b, uint64(f.Len))
	return binary.BigEndian.AppendUint32(b, uint32(f.PID))
}

// DecodeFound reads a Found.
func DecodeFound(b []byte) (f Found, ok bool) {
	if len(b) < FoundSize {
		return f, false
	}
	return Found{int16(binary.BigEndian.Uint16(b)), int64(binary.BigEndian.Uint64(b[2:])),
		int64(binary.BigEndian.Uint64(b[10:])), int32(binary.BigEndian.Uint32(b[18:]))}, true
}
