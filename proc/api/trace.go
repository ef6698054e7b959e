package api

// TraceReply is what a node has recorded of moves from and to it. Times are of its own
// monotonic clock, ns.
type TraceReply struct {
	Node  int         `cbor:"1,keyasint" json:"node"`
	Boot  uint64      `cbor:"2,keyasint" json:"boot"`  // another one has another clock
	Moves []MoveTrace `cbor:"3,keyasint" json:"moves"` // oldest first
	NowNs int64       `cbor:"4,keyasint" json:"now_ns"`
}

// MoveTrace is one move as one end of it saw it.
type MoveTrace struct {
	Boot     uint64         `cbor:"1,keyasint" json:"source_boot"` // of the source: with Nr, which move it is
	Nr       uint64         `cbor:"2,keyasint" json:"nr"`
	Out      bool           `cbor:"3,keyasint" json:"out"`  // this end is the source
	Peer     int            `cbor:"4,keyasint" json:"peer"` // node at the other end
	PIDs     []int32        `cbor:"5,keyasint" json:"pids"`
	Command  string         `cbor:"6,keyasint" json:"command"`
	Outcome  string         `cbor:"7,keyasint" json:"outcome"` // done, lost, aborted; active, dropped at the target; "": under way
	Why      string         `cbor:"8,keyasint,omitempty" json:"why,omitempty"`
	BeganNs  int64          `cbor:"9,keyasint" json:"began_ns"`
	EndedNs  int64          `cbor:"10,keyasint" json:"ended_ns"` // its last step so far
	Steps    []TraceStep    `cbor:"11,keyasint,omitempty" json:"steps,omitempty"`
	Messages []TraceMessage `cbor:"12,keyasint,omitempty" json:"messages,omitempty"`
	// StepsLost are those before the last one for which there was no room.
	StepsLost int `cbor:"13,keyasint,omitempty" json:"steps_lost,omitempty"`
}

// TraceStep is something that the machine of a move heard, or wanted done.
type TraceStep struct {
	AtNs    int64            `cbor:"1,keyasint" json:"at_ns"`
	What    string           `cbor:"2,keyasint" json:"what"`
	Effect  bool             `cbor:"3,keyasint,omitempty" json:"effect,omitempty"` // it was wanted
	State   string           `cbor:"4,keyasint" json:"state"`                      // of the machine from then on
	Figures map[string]int64 `cbor:"5,keyasint,omitempty" json:"figures,omitempty"`
}

// TraceMessage is a request of the source's: there from when it was sent until the answer
// came, at the target from when it came until it was answered.
type TraceMessage struct {
	Command uint32 `cbor:"1,keyasint" json:"command"`
	Seq     uint32 `cbor:"2,keyasint" json:"seq"` // among those of its command, the same at both ends
	Bytes   uint32 `cbor:"3,keyasint" json:"bytes"`
	AtNs    int64  `cbor:"4,keyasint" json:"at_ns"`
	OverNs  int64  `cbor:"5,keyasint" json:"over_ns"` // 0: there was no answer
}
