package fileio

import "encoding/binary"

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
