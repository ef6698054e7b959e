package orders

// Order is one thing that a guest is to do.
type Order struct {
	Do   string `json:"do"`
	Kind string `json:"kind,omitempty"` // of Ping: udp, tcp or pipe; of Move: one of Modes
	Peer string `json:"peer,omitempty"` // the other guest's IPv4 address

	N     int `json:"n,omitempty"`
	Bytes int `json:"bytes,omitempty"`
}

// What there is to do.
const (
	Ping = "ping" // N messages of Bytes there and back, one after the other
	Bulk = "bulk" // N messages of Bytes over TCP, each answered by one byte
)

// Answer is what became of an order. Times are in ns.
type Answer struct {
	Error string  `json:"error,omitempty"`
	Ns    []int64 `json:"ns,omitempty"` // of each message
}

// Mark begins the line of an answer, which tells it from what Linux prints.
const Mark = "peer> "

// Ready is what a guest prints when it waits for orders.
const Ready = "peer: ready"

// Ports of the servers that every guest has.
const (
	EchoPort = 7
	SinkPort = 9
)
