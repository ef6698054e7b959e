package wire

import "encoding/binary"

// MoveID names a move: a number, and which boot of which node gave it.
type MoveID struct {
	Boot uint64 `cbor:"1,keyasint"` // of the source
	Nr   uint64 `cbor:"2,keyasint"`
}

// Bound is what seals of the move are bound to: they open in no other.
func (m MoveID) Bound() []byte {
	b := binary.BigEndian.AppendUint64([]byte("move"), m.Boot)
	return binary.BigEndian.AppendUint64(b, m.Nr)
}

// Offer asks the target to take a process.
type Offer struct {
	Move    MoveID      `cbor:"1,keyasint"`
	Source  int         `cbor:"2,keyasint"`
	PID     int32       `cbor:"3,keyasint"` // 0: an object moves, and no process
	Version int         `cbor:"4,keyasint"` // of the image
	CPU     [3]CPUID    `cbor:"5,keyasint"`
	Pages   int         `cbor:"6,keyasint"` // of memory that is nobody else's, about
	Files   []FileOffer `cbor:"7,keyasint"` // immutable files it uses
	Dirs    []string    `cbor:"8,keyasint"` // directories it is in or has open
	Command string      `cbor:"9,keyasint"`
	Uptime  int64       `cbor:"10,keyasint"`
	// Others are the processes that come along, as far as they are known: while files
	// are sent, some end and some are born.
	Others []int32 `cbor:"11,keyasint,omitempty"`
	// Ask: it is only a question. Nothing is kept for the process, and all that is in
	// its way is said.
	Ask bool `cbor:"12,keyasint,omitempty"`
	// Void: the pages that have come are of memory that the processes no longer have.
	Void bool `cbor:"13,keyasint,omitempty"`
}

// CPUID is a leaf of the instruction: what a program may have found out about the
// CPU, and relies on after a move.
type CPUID struct {
	Leaf uint32    `cbor:"1,keyasint"`
	Regs [4]uint32 `cbor:"2,keyasint"` // EAX EBX ECX EDX
}

// FileOffer names a file by its content.
type FileOffer struct {
	Digest []byte `cbor:"1,keyasint"`
	Path   string `cbor:"2,keyasint"`
	Size   int64  `cbor:"3,keyasint"`
}

// OfferReply accepts or says why not.
type OfferReply struct {
	Refused string `cbor:"1,keyasint"` // empty: accepted
	Boot    uint64 `cbor:"2,keyasint"` // of the target
	Missing []int  `cbor:"3,keyasint"` // indices into Files
	// Reasons are all that is in the way, in the answer to a question.
	Reasons []string `cbor:"4,keyasint,omitempty"`
}

// File carries a piece of a file that the target lacks.
type File struct {
	Move   MoveID `cbor:"1,keyasint"`
	Digest []byte `cbor:"2,keyasint"`
	Path   string `cbor:"3,keyasint"`
	Size   int64  `cbor:"4,keyasint"`
	Data   []byte `cbor:"5,keyasint"`
	Off    int64  `cbor:"6,keyasint"`
}

// State carries a piece of an image that one message does not take.
type State struct {
	Move MoveID `cbor:"1,keyasint"`
	Off  int    `cbor:"2,keyasint"`
	Data []byte `cbor:"3,keyasint"`
}

// Prepare carries the image, or what is left of it; the answer is READY.
type Prepare struct {
	Move     MoveID `cbor:"1,keyasint"`
	Image    []byte `cbor:"2,keyasint"`
	Messages int    `cbor:"3,keyasint"`           // of the page stream, all of which were answered
	Before   int    `cbor:"4,keyasint,omitempty"` // bytes of the image that State has brought
	// File has the pages that are Filed: the capability of a file of Bullet's.
	File   []byte `cbor:"5,keyasint,omitempty"`
	FileOn int    `cbor:"6,keyasint,omitempty"` // the node of its server
}

// Pull asks a source for pages that it kept when the processes left; its answer is a message
// of the page stream. Without any it says that nothing of them is wanted any more.
type Pull struct {
	Move MoveID `cbor:"1,keyasint"`
	// Pages are words as in the page stream: which process of the set, and the address that
	// the page had when it was frozen.
	Pages []uint64 `cbor:"2,keyasint"`
}

// Commit is the order to activate. ABORT and STATUS have its Move alone.
type Commit struct {
	Move MoveID `cbor:"1,keyasint"`
	// FrozenNs is how long the process stood still when this was sent, FrozeAt the
	// wall clock when it was frozen, if the source's was set by the time service.
	FrozenNs int64 `cbor:"2,keyasint"`
	FrozeAt  int64 `cbor:"3,keyasint"`
}

// Answer is what the target says to prepare, commit and abort, and the source
// to status.
type Answer struct {
	State      string `cbor:"1,keyasint"` // ready, committed, dropped, unknown; of a source: moving, committed, aborted
	Error      string `cbor:"2,keyasint"`
	Boot       uint64 `cbor:"3,keyasint"`
	FirstRunUs int64  `cbor:"4,keyasint"`
}
