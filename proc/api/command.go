package api

import "motile/ipc/std"

// Commands of Amoeba's process server (server/process/proc.h).
const (
	Stun       = std.ProcessFirst + 0 // Offset: the code; Extra: StunQuietly; stops the process until Resume
	GetOwner   = std.ProcessFirst + 1 // → the owner's capability, or nothing
	SetOwner   = std.ProcessFirst + 2 // data: a capability, or nothing
	Exec       = std.ProcessFirst + 3 // ExecRequest → ExecReply
	GetDef     = std.ProcessFirst + 4 // → Definition
	GetLoad    = std.ProcessFirst + 5 // → Load
	SegCreate  = std.ProcessFirst + 6 // Size, or Offset if that is more: bytes → a capability of a new segment
	SegWrite   = std.ProcessFirst + 7 // to a segment; Offset, data
	Checkpoint = std.ProcessFirst + 8 // to the owner: see CheckpointMessage
	GetComment = std.ProcessFirst + 9
	SetComment = std.ProcessFirst + 10 // data: the text
	SwapProc   = std.ProcessFirst + 11 // to the owner: Offset: pid of a process that was replaced; data: its capability, the new one's
	SGetLoad   = std.ProcessFirst + 12 // → SLoad
)

// Motile's own, to the process server of a node.
const (
	List    = std.PrivateFirst + 0  // → ListReply: the node's processes
	Migrate = std.PrivateFirst + 1  // MigrateRequest → MigrateReply, when it is over
	PutFile = std.PrivateFirst + 2  // Offset: of the piece; PutFileRequest → PutFileReply
	Group   = std.PrivateFirst + 3  // Offset: a pgid → GroupReply
	Nodes   = std.PrivateFirst + 4  // → NodesReply: the cluster as this node sees it
	Resolve = std.PrivateFirst + 5  // ResolveRequest: end a move in doubt by hand
	Signal  = std.PrivateFirst + 6  // SignalRequest; also to a process
	Shut    = std.PrivateFirst + 7  // end the node
	Stats   = std.PrivateFirst + 8  // → text: counters, after a collection of the kernel's garbage
	Echo    = std.PrivateFirst + 9  // EchoRequest → EchoReply: frames to a station and back
	GetFile = std.PrivateFirst + 10 // Offset, Size; data: the digest of an immutable file → GetFileReply
	Explain = std.PrivateFirst + 28 // MigrateRequest → ExplainReply: what the move would come to
	Metrics = std.PrivateFirst + 30 // → MetricsReply: what Stats says, and no garbage is collected
	Trace   = std.PrivateFirst + 31 // Offset: a pid, 0: all; Extra: TraceBriefly → TraceReply: the last moves
	Profile = std.PrivateFirst + 32 // ProfileRequest → ProfileReply: samples of where the CPU is
)

// LiveHeap is the name of the counter that says how many bytes of its heap a kernel uses.
const LiveHeap = "live_heap"

// To a process.
const (
	Info    = std.PrivateFirst + 20 // → ProcessInfo
	Wait    = std.PrivateFirst + 21 // → WaitReply, when it has ended; NotNow: ask again
	ReadLog = std.PrivateFirst + 22 // Offset: from; Size: up to; Extra 1: wait for more
	Child   = std.PrivateFirst + 23 // ChildEvent, from the node of a child
	Orphan  = std.PrivateFirst + 24 // Offset: the parent that ended
	Resume  = std.PrivateFirst + 25 // after Stun; Extra: ResumeWithoutLease

	// Snapshot writes a process down as it is, while it runs. Extra 1: references to
	// writable files of its node are taken along. → a capability of the snapshot, to
	// destroy when it has been read; SnapshotReply
	Snapshot = std.PrivateFirst + 26
	Lease    = std.PrivateFirst + 27 // Offset: ns until the process is stunned unless this comes again; 0: never
	Join     = std.PrivateFirst + 29 // setpgid by the parent, Extra, of session Size: into group Offset → Extra: errno
)

// Bits in Extra.
const (
	StunQuietly        = 1 // Stun is transparent: the owner is not told
	ResumeWithoutLease = 1 // Resume goes on although the lease has run out
	TraceBriefly       = 1 // Trace leaves steps and messages out
)

// Why an owner is sent CHECKPOINT with data: Extra.
const (
	TermNormal    = 0 // the process ended by itself; there is no data then
	TermStunned   = 1
	TermException = 2 // a signal that nobody caught
)

// Between nodes, for a move (package migrate/move).
const (
	MoveOffer   = std.PrivateFirst + 40 // Offer → OfferReply
	MoveFile    = std.PrivateFirst + 41 // contents of a file the target lacks
	MovePages   = std.PrivateFirst + 42 // a message of the page stream
	MovePrepare = std.PrivateFirst + 43 // the image → READY
	MoveCommit  = std.PrivateFirst + 44
	MoveAbort   = std.PrivateFirst + 45
	MoveStatus  = std.PrivateFirst + 46 // what has become of a move? → Answer
	MoveState   = std.PrivateFirst + 47 // a piece of an image that one message does not take
	MovePull    = std.PrivateFirst + 48 // Pull: pages that the source kept → a message of the page stream
)

// MoveNext is what a user-level migration server asks its own node, again and again. Offset:
// the number of the message that it has carried, 0: none; Extra: what its transaction came to,
// Size: the status in the answer; data: the answer's → when there is one, the next message:
// Offset: its number; Object: the node it is for; Extra: its command. NotNow: ask again, the
// node where you are.
const MoveNext = std.PrivateFirst + 49

// To an object behind descriptors (package ipc/fileio), and between nodes about
// who holds one.
const (
	ObjectAcquire = std.PrivateFirst + 60
	ObjectRelease = std.PrivateFirst + 61
)

// To the host.
const (
	HostTime       = std.PrivateFirst + 80 // → Offset: wall clock, ns since 1970
	HostForeground = std.PrivateFirst + 81 // Object: the node of a console; → Extra: its foreground group
)
