package api

// Payloads are CBOR with numbered fields (image.Marshal), so that either side
// may be older than the other.

// ProcessInfo describes a process.
type ProcessInfo struct {
	PID     int32  `cbor:"1,keyasint" json:"pid"`
	Parent  int32  `cbor:"2,keyasint" json:"ppid"`
	PGID    int32  `cbor:"3,keyasint" json:"pgid"`
	SID     int32  `cbor:"4,keyasint" json:"sid"`
	Node    int    `cbor:"5,keyasint" json:"node"`
	Trail   []int  `cbor:"6,keyasint" json:"trail"` // nodes it was on, the present one last
	Threads int    `cbor:"7,keyasint" json:"threads"`
	SizeKB  int    `cbor:"8,keyasint" json:"size_kb"` // resident
	VirtKB  int    `cbor:"9,keyasint" json:"virtual_kb"`
	State   string `cbor:"10,keyasint" json:"state"` // R S T stunned frozen arriving in-doubt zombie
	CPUms   int64  `cbor:"11,keyasint" json:"cpu_ms"`
	Command string `cbor:"12,keyasint" json:"command"`
	Moves   int    `cbor:"13,keyasint" json:"moves"`
	// Residuals are what the process still needs of other nodes: "node 1: /dev/console".
	Residuals []string       `cbor:"14,keyasint" json:"residuals,omitempty"`
	Missing   map[uint32]int `cbor:"15,keyasint" json:"unimplemented,omitempty"` // calls by number
	Comment   string         `cbor:"16,keyasint" json:"comment,omitempty"`
	AgeMs     int64          `cbor:"17,keyasint" json:"age_ms"`
	Detached  bool           `cbor:"18,keyasint" json:"detached,omitempty"`
	Status    int            `cbor:"19,keyasint" json:"status,omitempty"`             // of a zombie
	Stun      string         `cbor:"20,keyasint,omitempty" json:"stun,omitempty"`     // why it is stunned, and what its owner says
	LeaseMs   int64          `cbor:"21,keyasint,omitempty" json:"lease_ms,omitempty"` // until it is stunned, unless somebody renews it
	Shaken    *Shaken        `cbor:"30,keyasint,omitempty" json:"shaken,omitempty"`
}

// CheckpointMessage is what the owner of a process is sent with CHECKPOINT when it was
// stunned, or got a signal that nobody caught. The header has the pid in Offset, one of
// TermStunned and TermException in Extra, and the code or the signal in Size. The
// process stands still until the owner answers:
//
//	STD_OK, no data           it goes on; the signal is forgotten
//	STD_OK, an image          it is replaced by a process made of that, with an id of its
//	                          own, and the owner is sent SWAPPROC
//	STD_OVERFLOW              he had no room for the message: as if he did not answer
//	anything else             it is killed
//
// An owner that cannot be found, or that is lost before it answers, changes nothing: the
// process stays stunned until somebody resumes or kills it.
//
// When a process has ended its owner is sent CHECKPOINT too, without data: Offset is the
// pid, Extra the wait(2) status, and the answer does not matter.
type CheckpointMessage struct {
	PID    int32       `cbor:"1,keyasint"`
	Cap    []byte      `cbor:"2,keyasint"` // of the process, with all rights
	Code   int32       `cbor:"3,keyasint"` // of the stun
	Signal int32       `cbor:"4,keyasint"` // that nobody caught, 0: none
	Info   ProcessInfo `cbor:"5,keyasint"`
	// Image is the process as it stands, a descriptor whose segments are on its node until
	// Snapshot, a capability, is destroyed, or nobody has touched it for long. Without says
	// why there is none.
	Image    []byte `cbor:"6,keyasint,omitempty"`
	Snapshot []byte `cbor:"7,keyasint,omitempty"`
	Without  string `cbor:"8,keyasint,omitempty"`
}

// ListReply is the answer to List.
type ListReply struct {
	Node      int           `cbor:"1,keyasint"`
	Processes []ProcessInfo `cbor:"2,keyasint"`
}

// Load describes a node.
type Load struct {
	Node      int    `cbor:"1,keyasint" json:"node"`
	Boot      uint64 `cbor:"2,keyasint" json:"boot"`
	UptimeMs  int64  `cbor:"3,keyasint" json:"uptime_ms"`
	Runnable  int    `cbor:"4,keyasint" json:"runnable"` // threads that could run now
	LoadMilli int    `cbor:"5,keyasint" json:"load_milli"`
	Processes int    `cbor:"6,keyasint" json:"processes"`
	TotalKB   int    `cbor:"7,keyasint" json:"total_kb"`
	FreeKB    int    `cbor:"8,keyasint" json:"free_kb"`
	HeapKB    int    `cbor:"9,keyasint" json:"kernel_heap_kb"`
	WallNs    int64  `cbor:"10,keyasint" json:"wall_ns"`
	Machine   string `cbor:"11,keyasint" json:"machine,omitempty"`
	HeardMs   int64  `cbor:"12,keyasint" json:"heard_ms"` // in a NodesReply: since it was last heard of
}

// SLoad is a Load with a capability to start processes on the node, with the rights
// PSR_EXEC and PSR_CREATE and for a while only.
type SLoad struct {
	Load    Load   `cbor:"1,keyasint"`
	Exec    []byte `cbor:"2,keyasint"`
	ValidMs int64  `cbor:"3,keyasint"`
}

// Definition is what memory a process may have on a node.
type Definition struct {
	PageLog2  int    `cbor:"1,keyasint"` // of the size of a page in bytes
	FirstPage uint64 `cbor:"2,keyasint"` // of an address space
	LastPage  uint64 `cbor:"3,keyasint"`
}

// NodesReply is the cluster as one node sees it.
type NodesReply struct {
	Nodes []Load `cbor:"1,keyasint"`
}

// FileRef says what a descriptor of a new process refers to.
type FileRef struct {
	Address  []byte `cbor:"1,keyasint"` // an object at a FLIP address
	Path     string `cbor:"2,keyasint"` // or a file of the node
	Flags    int    `cbor:"3,keyasint"`
	Terminal bool   `cbor:"4,keyasint"`
	Log      bool   `cbor:"5,keyasint"` // or the process's log
}

// ExecRequest starts a process.
type ExecRequest struct {
	Path  string    `cbor:"1,keyasint"`
	Args  []string  `cbor:"2,keyasint"`
	Env   []string  `cbor:"3,keyasint"`
	Cwd   string    `cbor:"4,keyasint"`
	Files []FileRef `cbor:"5,keyasint"`
	// Detached: the process's end is remembered, with its log if one of Files is
	// one, until std.Destroy, or until there are too many.
	Detached bool `cbor:"6,keyasint"`
	// Terminal: descriptor 0 becomes its controlling terminal.
	Terminal bool   `cbor:"7,keyasint"`
	Comment  string `cbor:"8,keyasint"`

	// Image describes a stopped process to go on as a new one, instead of a Path. Its
	// segments are those of any node. Stdio stands for what its descriptors 0 to 2
	// were, where that was a terminal or another node's; with Terminal the first is
	// its controlling terminal.
	Image []byte    `cbor:"9,keyasint,omitempty"`
	Stdio []FileRef `cbor:"10,keyasint,omitempty"`
	// ImageCap is a segment, of any node, that has the image, if it is too long to be
	// said here: the snapshot itself, for one.
	ImageCap []byte `cbor:"11,keyasint,omitempty"`
	// Lease is that of the process made of an image, from its start on, ns; 0: none.
	Lease int64 `cbor:"12,keyasint,omitempty"`

	Shake *Shake `cbor:"20,keyasint,omitempty"`
}

// Shake asks that a process, and what it forks, be moved to the next node after every
// so many system calls, and at random instructions. It is how tests look for a point
// at which a process cannot be moved without noticing.
type Shake struct {
	Every uint32 `cbor:"1,keyasint"`
	// By is what is done at each point: it is moved; or it is written down as for a
	// move, and made anew where it is, which is cheaper; or both.
	By   ShakeBy `cbor:"2,keyasint"`
	Seed uint64  `cbor:"3,keyasint"` // of the random instructions
}

// ShakeBy says what is done at each point of a shaking.
type ShakeBy uint8

const (
	ShakeByMove    ShakeBy = 1
	ShakeByRestore ShakeBy = 2
	ShakeByBoth    ShakeBy = 3 // restored at each point, and now and then moved
)

// Shaken is what has come of it.
type Shaken struct {
	Moves    int `cbor:"1,keyasint" json:"moves"`
	Restores int `cbor:"2,keyasint" json:"restores"`
	Refused  int `cbor:"3,keyasint" json:"refused"` // points at which it was neither
}

// LeaseRanOut is what ProcessInfo.Stun begins with if that is why.
const LeaseRanOut = "its lease ran out"

// ExecReply names the new process. Errno is a Linux error number if there is none.
type ExecReply struct {
	PID   int32 `cbor:"1,keyasint"`
	Errno int   `cbor:"2,keyasint"`
	// Missing are digests of files that the node lacks for an image: ask again when it
	// has them (PutFile). Refused is why it does not take the image.
	Missing [][]byte `cbor:"3,keyasint,omitempty"`
	Refused string   `cbor:"4,keyasint,omitempty"`

	Restart RestartReport `cbor:"5,keyasint,omitempty"`
}

// RestartReport says what making a process of an image cost. Times are in µs.
type RestartReport struct {
	PullUs  int64 `cbor:"1,keyasint"` // reading segments
	BuildUs int64 `cbor:"2,keyasint"` // until it ran
	TotalUs int64 `cbor:"3,keyasint"`
	Pages   int   `cbor:"4,keyasint"` // of its segments
	Shared  int   `cbor:"5,keyasint"` // of these, taken over as they are from a segment of this node
	Bytes   int64 `cbor:"6,keyasint"` // read
}

// SnapshotReply is a process as it was at one instant. Its memory is in segments
// that the image names and that last until the snapshot is destroyed.
type SnapshotReply struct {
	Image    []byte `cbor:"1,keyasint"`
	FreezeUs int64  `cbor:"2,keyasint"` // that the process stood still
	Node     int    `cbor:"3,keyasint"` // where it is
	Pages    int    `cbor:"4,keyasint"` // of its segments

	// Refused is why there is no snapshot. An image too long for a message is left out:
	// it is what READ gives of the snapshot.
	Refused   string `cbor:"5,keyasint,omitempty"`
	CaptureUs int64  `cbor:"6,keyasint"` // of FreezeUs: writing down all but memory
	ForkUs    int64  `cbor:"7,keyasint"` // of FreezeUs: taking hold of its pages
	EncodeUs  int64  `cbor:"8,keyasint"` // of FreezeUs: making and sealing the image
	Bytes     int    `cbor:"9,keyasint"` // of the image
}

// PutFileRequest carries a piece of a file to a node, which keeps it under a path.
// A piece that is not the next one is ignored: the answer says which that is.
type PutFileRequest struct {
	Digest []byte `cbor:"1,keyasint"` // SHA-256 of the whole
	Path   string `cbor:"2,keyasint"`
	Size   int64  `cbor:"3,keyasint"`
	Data   []byte `cbor:"4,keyasint"`
}

// PutFileReply: Have says that the node has the whole file already. If not, Got is
// how much of it has arrived, from whoever sends it: the next piece begins there.
type PutFileReply struct {
	Have bool  `cbor:"1,keyasint"`
	Got  int64 `cbor:"2,keyasint"`
}

// GetFileReply is a piece of an immutable file, or nothing behind its end.
type GetFileReply struct {
	Path string `cbor:"1,keyasint"`
	Size int64  `cbor:"2,keyasint"` // of the whole
	Boot bool   `cbor:"3,keyasint"` // it came with the boot archive: every node has it
	Data []byte `cbor:"4,keyasint"`
}

// SignalRequest sends a signal.
type SignalRequest struct {
	Signo int32  `cbor:"1,keyasint"`
	Code  int32  `cbor:"2,keyasint"`
	PID   int32  `cbor:"3,keyasint"` // of the sender
	Value uint64 `cbor:"4,keyasint"`
	TID   int32  `cbor:"5,keyasint"` // to one thread, 0: to the process
}

// ChildEvent tells a parent what became of a child.
type ChildEvent struct {
	PID      int32  `cbor:"1,keyasint"`
	PGID     int32  `cbor:"2,keyasint"`
	State    uint8  `cbor:"3,keyasint"`
	Status   int    `cbor:"4,keyasint"`
	UserNs   int64  `cbor:"5,keyasint"`
	SystemNs int64  `cbor:"6,keyasint"`
	ExitSig  int    `cbor:"7,keyasint"`
	Seq      uint64 `cbor:"8,keyasint,omitempty"` // counts the events of a child, wherever it is
}

// GroupReply lists the members of a process group that are on a node or have left
// it so recently that they may be on none.
type GroupReply struct {
	PIDs []int32 `cbor:"1,keyasint"`
	SID  int32   `cbor:"2,keyasint"`
}

// WaitReply is the wait(2) status of a process that has ended.
type WaitReply struct {
	Status int     `cbor:"1,keyasint"`
	Moves  int     `cbor:"2,keyasint,omitempty"`
	Shaken *Shaken `cbor:"3,keyasint,omitempty"`
	// Lost is the node that had memory of the process which cannot be had any more: that is
	// why it has ended. 0: it is not.
	Lost int `cbor:"4,keyasint,omitempty"`
}

// MigrateRequest asks the node of a process to move it.
type MigrateRequest struct {
	PID      int32  `cbor:"1,keyasint"`
	Target   int    `cbor:"2,keyasint"`
	Strategy string `cbor:"3,keyasint"`
	Residual bool   `cbor:"4,keyasint"` // go even if something node-local stays behind
	// Cap is the capability of the process, whose PSR_MIGRATE right is needed.
	Cap []byte `cbor:"5,keyasint"`
	// Tree: all its descendants that are on the same node go along, as one.
	Tree bool `cbor:"6,keyasint,omitempty"`
	// With are capabilities of other processes that go along, if they are on that node.
	With [][]byte `cbor:"7,keyasint,omitempty"`
	// MaxFreezeUs is how long the processes should stand still at most, in µs, 0: the
	// node's own limit. Precopying strategies go on until they expect to keep it, or see
	// that they cannot.
	MaxFreezeUs int64 `cbor:"8,keyasint,omitempty"`
	// Rate bounds what is sent while the processes run, in bytes a second, 0: no bound.
	Rate int64 `cbor:"9,keyasint,omitempty"`
	// Server says who carries the messages up to the commit line: "kernel", or none, the
	// kernel itself; "user", a user-level migration server of the node.
	Server string `cbor:"10,keyasint,omitempty"`
}

// MigrateReply is the outcome of a move. Error is empty if it succeeded.
type MigrateReply struct {
	PID       int32  `cbor:"1,keyasint" json:"pid"`
	Node      int    `cbor:"2,keyasint" json:"node"` // where the process is now
	Error     string `cbor:"3,keyasint" json:"error,omitempty"`
	Elsewhere bool   `cbor:"4,keyasint" json:"-"` // it is not on this node: ask again where Node says

	Report MoveReport `cbor:"5,keyasint" json:"report"`
	// Processes are those that have moved, if they are several; Report is of all.
	Processes []int32 `cbor:"6,keyasint,omitempty" json:"processes,omitempty"`
}

// MoveReport says what a move cost. Times are in µs, from the source's clock.
type MoveReport struct {
	NegotiateUs int64 `cbor:"1,keyasint" json:"negotiate_us"` // offer to accept
	PrecopyUs   int64 `cbor:"2,keyasint" json:"precopy_us"`   // files the target lacked
	FreezeUs    int64 `cbor:"3,keyasint" json:"freeze_us"`    // frozen, until it runs at the target
	TransferUs  int64 `cbor:"4,keyasint" json:"transfer_us"`  // pages
	CommitUs    int64 `cbor:"5,keyasint" json:"commit_us"`    // prepare, ready, commit
	FirstRunUs  int64 `cbor:"6,keyasint" json:"first_run_us"` // commit heard until a thread ran
	TotalUs     int64 `cbor:"7,keyasint" json:"total_us"`
	Bytes       int64 `cbor:"8,keyasint" json:"bytes"`
	Pages       int   `cbor:"9,keyasint" json:"pages"`       // sent
	FilePages   int   `cbor:"10,keyasint" json:"file_pages"` // found at the target
	ZeroPages   int   `cbor:"11,keyasint" json:"zero_pages"`
	StateBytes  int   `cbor:"12,keyasint" json:"state_bytes"`
	SharedPages int   `cbor:"13,keyasint,omitempty" json:"shared_pages,omitempty"` // of several processes, sent once

	Strategy string      `cbor:"14,keyasint,omitempty" json:"strategy,omitempty"`     // the one used
	Rounds   []MoveRound `cbor:"15,keyasint,omitempty" json:"rounds,omitempty"`       // of precopying, in order
	Resent   int         `cbor:"16,keyasint,omitempty" json:"resent_pages,omitempty"` // pages that were sent before and had to be sent again
	Left     int         `cbor:"17,keyasint,omitempty" json:"left_pages,omitempty"`   // pages that the target fetches after the move
	LeftOn   string      `cbor:"18,keyasint,omitempty" json:"left_on,omitempty"`      // from where, in words: "node 1"
	// Note says what did not go as was asked for, and what was done about it.
	Note   string `cbor:"19,keyasint,omitempty" json:"note,omitempty"`
	Server string `cbor:"20,keyasint,omitempty" json:"server,omitempty"` // who carried the messages: "kernel" or "user"
}

// MoveRound is one round of precopying: the process ran meanwhile.
type MoveRound struct {
	Pages int   `cbor:"1,keyasint" json:"pages"` // sent
	Us    int64 `cbor:"2,keyasint" json:"us"`    // how long it took
	Dirty int   `cbor:"3,keyasint" json:"dirty"` // pages written meanwhile, as seen at its end
}

// ResolveRequest ends a move in doubt.
type ResolveRequest struct {
	PID    int32 `cbor:"1,keyasint"`
	Resume bool  `cbor:"2,keyasint"` // else discard
}

// HolderRequest says who acquires or releases an object. It is sent to the object's
// own address, so it finds the object wherever it is.
type HolderRequest struct {
	Node int    `cbor:"1,keyasint"`
	Boot uint64 `cbor:"2,keyasint"`
	// Seq is higher in each request of a node's boot: an object that has heard one
	// ignores those before it.
	Seq    uint64   `cbor:"3,keyasint,omitempty"`
	Unlock []Unlock `cbor:"4,keyasint,omitempty"` // processes that have closed the file
}

// Unlock gives up the record locks that a process had of a file, as far as it took
// them up to a time of its own monotonic clock, in ns.
type Unlock struct {
	PID  int32 `cbor:"1,keyasint"`
	Upto int64 `cbor:"2,keyasint"`
}

// EchoRequest has the driver of a node's first card exchange frames with another
// station, in rounds: Fill frames that go only there, and one that comes back.
type EchoRequest struct {
	Station  []byte `cbor:"1,keyasint"` // its hardware address
	Rounds   int    `cbor:"2,keyasint"`
	Window   int    `cbor:"3,keyasint"` // rounds under way at a time
	Size     int    `cbor:"4,keyasint"` // of the frame that comes back, with its Ethernet header
	Fill     int    `cbor:"5,keyasint"`
	FillSize int    `cbor:"6,keyasint"`
}

// EchoReply has a time for each round; those that are missing were lost.
type EchoReply struct {
	RoundNs []int64 `cbor:"1,keyasint"`
	TotalNs int64   `cbor:"2,keyasint"`
	Dropped int     `cbor:"3,keyasint"` // frames for which the card had no room
}
