package fileio

import (
	"encoding/binary"

	"motile/ipc/std"
)

// Commands. Read and Write have the numbers of Amoeba's FSQ.
const (
	// Read: Offset is the position, Stream for the object's own; Size how much;
	// Extra 1: what there is, for it has waited long enough; data: Who. Reply: Size and
	// the data, Offset the description's status flags, see FlagsKnown. With EAGAIN, Size is
	// for how many ms to wait, see Some.
	Read = std.TTYFirst + 52
	// Write: likewise, data: Who and the bytes. Reply: Size taken, Offset as for Read.
	Write = std.TTYFirst + 53
	// Poll: Size is the events asked for, Extra 1 to wait for one. Reply: Size is
	// the events that hold. An answer of NotNow means: ask again, I am moving.
	Poll = std.PrivateFirst + 100
	// Control: Extra the request, Offset the argument, data: Who and the input.
	// Reply: data the output.
	Control = std.PrivateFirst + 101
	// Seek: Offset, Size whence. Reply: Offset.
	Seek = std.PrivateFirst + 102
	// Truncate: Offset the size.
	Truncate = std.PrivateFirst + 103
	// Stat. Reply: data, StatSize bytes.
	Stat = std.PrivateFirst + 104
	// Lock, data: Who and a LockRequest. Reply: Offset the version of the file's locks;
	// for a test, data: Found.
	Lock = std.PrivateFirst + 105
	// LockWait: Offset a version, data as for Lock. Reply, when locks have been given up
	// since: nothing. An answer of NotNow means: ask again, I am moving.
	LockWait = std.PrivateFirst + 106
	// Timer sets a timerfd, or asks it: data: object.TimerSetting. Reply: what it said
	// before, likewise.
	Timer = std.PrivateFirst + 107
	// Flags changes the status flags of a description, as fcntl(2) does with F_SETFL:
	// Extra says which, Size what to. Reply: Offset all of them, see FlagsKnown.
	Flags = std.PrivateFirst + 108
)

// Stream as an Offset means the object's own position.
const Stream = ^uint64(0)

// FlagsKnown in the Offset of a reply says that status flags are in the rest of it. An
// object that has no description to itself, such as a terminal of the host, leaves its
// holders theirs.
const FlagsKnown = 1 << 63

// Some in the Size of an answer of EAGAIN says that there is some of what was wanted, and
// the time counts from the last byte that came.
const Some = 1 << 31

// MaxData is how much one Read or Write moves.
const MaxData = 32 << 10

// Who asks; terminals look at it for job control. WhoSize bytes.
type Who struct {
	PID, PGID, SID int32
	NoTTOU         bool
}

const WhoSize = 13

// Append encodes w.
func (w Who) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(w.PID))
	b = binary.BigEndian.AppendUint32(b, uint32(w.PGID))
	b = binary.BigEndian.AppendUint32(b, uint32(w.SID))
	if w.NoTTOU {
		return append(b, 1)
	}
	return append(b, 0)
}

// DecodeWho reads a Who from the front of b and returns the rest.
func DecodeWho(b []byte) (w Who, rest []byte, ok bool) {
	if len(b) < WhoSize {
		return w, nil, false
	}
	w.PID = int32(binary.BigEndian.Uint32(b))
	w.PGID = int32(binary.BigEndian.Uint32(b[4:]))
	w.SID = int32(binary.BigEndian.Uint32(b[8:]))
	w.NoTTOU = b[12] != 0
	return w, b[WhoSize:], true
}

// Status is what Stat returns: Mode, Rdev, Size, Ino. StatSize bytes.
type Status struct {
	Mode uint32
	Rdev uint64
	Size int64
	Ino  uint64
}

const StatSize = 28

// Append encodes s.
func (s Status) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, s.Mode)
	b = binary.BigEndian.AppendUint64(b, s.Rdev)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Size))
	return binary.BigEndian.AppendUint64(b, s.Ino)
}

// DecodeStatus reads a Status.
func DecodeStatus(b []byte) (s Status, ok bool) {
	if len(b) < StatSize {
		return s, false
	}
	s.Mode = binary.BigEndian.Uint32(b)
	s.Rdev = binary.BigEndian.Uint64(b[4:])
	s.Size = int64(binary.BigEndian.Uint64(b[12:]))
	s.Ino = binary.BigEndian.Uint64(b[20:])
	return s, true
}
