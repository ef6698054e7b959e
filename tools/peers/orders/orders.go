package orders

// Order is one thing that a guest is to do.
type Order struct {
	Do   string `json:"do"`
	Kind string `json:"kind,omitempty"` // of Ping: udp, tcp or pipe; of Move: one of Modes
	Peer string `json:"peer,omitempty"` // the other guest's IPv4 address

	N     int `json:"n,omitempty"`
	Bytes int `json:"bytes,omitempty"`
	PID   int `json:"pid,omitempty"`
	// Resident: CRIU is asked by messages to its service, and not started as a command.
	Resident bool `json:"resident,omitempty"`
}

// What there is to do.
const (
	Ping = "ping" // N messages of Bytes there and back, one after the other
	Bulk = "bulk" // N messages of Bytes over TCP, each answered by one byte
	Work = "work" // start a worker with Bytes that writes to N pages a second; its id is answered
	Move = "move" // move the worker PID to the peer; it ends there when it has told what it saw
	Gap  = "gap"  // what the worker PID has seen since it was last asked
	Kill = "kill" // end the worker PID
)

// Modes are the ways in which CRIU moves a process.
var Modes = []string{Full, PageServer, Iterative, IterativeServer, Lazy}

// The modes.
const (
	Full            = "full"                  // dump, copy, restore
	PageServer      = "page-server"           // pages go to the target as they are dumped
	Iterative       = "iterative"             // full, and before it twice dump and copy while the process runs
	IterativeServer = "iterative page-server" // the same, but that pages go to the target as they are dumped
	Lazy            = "lazy-pages"            // pages are fetched when they are touched, and the others after that
)

// Answer is what became of an order. Times are in ns.
type Answer struct {
	Error string  `json:"error,omitempty"`
	Ns    []int64 `json:"ns,omitempty"` // of each message
	PID   int     `json:"pid,omitempty"`
	Gap   int64   `json:"gap,omitempty"`   // the longest time between two of the worker's looks at the clock
	Total int64   `json:"total,omitempty"` // of a move: from the order until the worker ran at the target
	Bytes int64   `json:"bytes,omitempty"` // of images that went to the target, but for pages that were fetched when they were touched
	Steps []Step  `json:"steps,omitempty"`
}

// Step is a part of a move.
type Step struct {
	Name string `json:"name"`
	Ns   int64  `json:"ns"`
}

// Mark begins the line of an answer, which tells it from what Linux prints.
const Mark = "peer> "

// Ready is what a guest prints when it waits for orders.
const Ready = "peer: ready"

// Ports of the servers that every guest has.
const (
	EchoPort = 7
	SinkPort = 9
	RPCPort  = 4000 // of the target of a move, package net/rpc
	FilePort = 4001 // where images go
	PagePort = 4002 // CRIU's page server
)
