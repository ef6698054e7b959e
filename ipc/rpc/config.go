package rpc

import (
	"motile/ipc/flip"
	"motile/ipc/internal/deadline"
)

// Config fixes a machine's limits. Zero limits mean the defaults.
type Config struct {
	Box  *flip.Box     // owned by the machine from then on
	Rand func() uint64 // addresses and jitter; must be set

	MaxSlots   int // client or server slots of an endpoint; default 4096
	MaxRows    int // rows in an endpoint's duplicate window; default 4096
	MaxPorts   int // ports known; default 256
	ReplyBytes int // unacknowledged replies of an endpoint before putrep blocks; default 4 MiB
	PartBytes  int // in which long messages are pulled; default 128 KiB
	PullBytes  int // of parts being sent, in all; default 4 MiB
}

// Times, in nanoseconds.
const (
	millisecond = int64(1e6)
	second      = int64(1e9)

	// PatienceDefault is how long trans looks for a server that takes its request,
	// as in Amoeba. How long the server then works is nobody's business.
	PatienceDefault = 5200 * millisecond

	// Forever is the patience of a trans that never gives up looking.
	Forever = deadline.Never

	rtoFirst = 100 * millisecond // before anything was measured
	rtoMin   = 10 * millisecond
	rtoMax   = 500 * millisecond
	replyMin = 20 * millisecond // least wait for an ACK, which is delayed on purpose
	pullMin  = 30 * millisecond // least wait for a part, which may be hundreds of frames

	ackDelay      = 3 * millisecond    // a next request on the same slot is an ACK for free
	enquireEvery  = 1500 * millisecond // while the server works
	busyLook      = 100 * millisecond  // how often a timer looks whether BUSY has ended
	silenceLimit  = 10 * second        // a peer silent for so long is dead
	relocateFor   = 3 * second         // time for FLIP to find a peer that fell silent
	candidateFor  = 200 * millisecond  // time for FLIP to find a server from the port cache
	refusedFirst  = 5 * millisecond    // wait after a NAK, unless HEREIS comes; then doubling
	refusedLast   = 20 * millisecond
	locateFirst   = 10 * millisecond // wait after the first LOCATE of a port; then doubling
	locateLast    = 200 * millisecond
	locateGrace   = 20 * millisecond // wait before the first one if somebody is known to serve the port
	reserveFor    = 2 * millisecond  // how long a thread waits for a remote client it has called
	candidateIdle = 30 * second      // a server not heard of for so long leaves the port cache
	bindingIdle   = 10 * second      // a port whose last thread left so long ago is not served
	keepRow       = 60 * second      // how long the duplicate window remembers
	frameLife     = 1 * second       // no frame is under way for longer
	linger        = 5 * second       // how long a closed endpoint waits for its last ACKs
	sweepEvery    = 5 * second
)

const (
	relocateTry   = 4  // unanswered tries before the peer is located anew
	maxPassed     = 4  // local clients served in a row while a remote one waits
	maxCandidates = 8  // servers known for a port
	maxHints      = 16 // refused clients remembered for a port
	maxForwards   = 16 // times that one transaction is sent elsewhere
	pullWindow    = 4  // parts of one message under way
	maxPartBytes  = 512 << 10
	keepBuffers   = 8 // of parts, for the next ones
)

func (c *Config) fill() {
	if c.Box == nil || c.Rand == nil {
		panic("rpc: Config.Box and Config.Rand must be set")
	}
	setDefault(&c.MaxSlots, 4096)
	setDefault(&c.MaxRows, 4096)
	setDefault(&c.MaxPorts, 256)
	setDefault(&c.ReplyBytes, 4<<20)
	setDefault(&c.PartBytes, 128<<10)
	setDefault(&c.PullBytes, 4<<20)
}

func setDefault(v *int, def int) {
	if *v == 0 {
		*v = def
	}
}
