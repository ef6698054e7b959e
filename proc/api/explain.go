package api

// ExplainReply says what a move would come to, as things are. Nothing has moved, and
// nobody has noticed.
type ExplainReply struct {
	PID       int32  `cbor:"1,keyasint" json:"pid"`
	Node      int    `cbor:"2,keyasint" json:"node"`   // where it is
	Target    int    `cbor:"3,keyasint" json:"target"` // where it would go
	Elsewhere bool   `cbor:"4,keyasint" json:"-"`      // it is not on this node: ask again where Node says
	Error     string `cbor:"5,keyasint" json:"-"`      // the request makes no sense

	Processes []int32    `cbor:"6,keyasint" json:"processes"` // that would move
	Obstacles []Obstacle `cbor:"7,keyasint" json:"obstacles"` // none: it would move
	More      int        `cbor:"8,keyasint" json:"more_obstacles"`

	// Report is what the move would report. Times are estimates, but for pages, and for
	// bytes unless the process writes more memory before it moves, all is exact.
	Report MoveReport    `cbor:"9,keyasint" json:"report"`
	Files  []ExplainFile `cbor:"10,keyasint" json:"files"`    // that would be sent
	Moves  int           `cbor:"11,keyasint" json:"measured"` // moves from the node on which the times are based; 0: on a guess
}

// Obstacle is something that forbids a move.
type Obstacle struct {
	PID  int32  `cbor:"1,keyasint" json:"pid,omitempty"`  // whose it is, 0: nobody's
	Node int    `cbor:"2,keyasint" json:"node,omitempty"` // that refuses, if it is not where the process is
	What string `cbor:"3,keyasint" json:"what,omitempty"` // a descriptor or a range of memory
	Why  string `cbor:"4,keyasint" json:"why"`            // and what to do about it
}

// ExplainFile is a file that the target lacks.
type ExplainFile struct {
	Path string `cbor:"1,keyasint" json:"path"`
	Size int64  `cbor:"2,keyasint" json:"size"`
}
