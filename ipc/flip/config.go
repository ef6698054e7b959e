package flip

// A Link is one network that the box is attached to. Links are numbered in the
// order of Config.Links.
type Link struct {
	MAC    MAC
	MTU    int   // bytes of a frame without the Ethernet header, 512 to 65535
	Weight uint8 // cost of crossing it, added to act_hop; 0 means Ethernet's 3

	// Untrusted networks carry no secure messages, and mark what they carry.
	Untrusted bool
}

// Config fixes a box's links and limits. Zero limits mean the defaults.
type Config struct {
	Links []Link

	// NoForward makes a box on several networks an end of each, not a router.
	NoForward bool

	// Rand supplies addresses, the first messid of an address, the seed of the
	// tables and the jitter of retries. It must be set.
	Rand func() uint64

	// Alloc makes the buffers of received messages, which then belong to whoever
	// takes the Deliver effect. Nil means make.
	Alloc func(n int) []byte

	MaxMessage  int // longest message in bytes; default 1 MiB
	Window      int // bytes in flight to one box; default 256 KiB
	MaxHeld     int // messages kept for sending, in all; default 4096
	MaxJoins    int // messages being put together; default 64
	JoinBytes   int // memory for that, in all; default 8 MiB
	SourceBytes int // memory for that, from one source address; default 3 MiB
	MaxRoutes   int // remote addresses known; default 1024
}

// Times, in nanoseconds. They are constants because both ends must fit.
const (
	millisecond = int64(1e6)
	second      = int64(1e9)

	// LocateDefault is how long a message waits for its destination to be found,
	// unless its sender says otherwise. Time under BUSY does not count.
	LocateDefault = 5 * second

	locateFirst = 10 * millisecond  // wait after the first LOCATE; then doubling
	locateLast  = 200 * millisecond // longest wait between LOCATEs
	busyFirst   = 1 * millisecond   // wait after the first BUSY; then doubling
	busyLast    = 50 * millisecond  // longest wait between questions under BUSY
	busyGrace   = 500 * millisecond // a destination silent for so long is not busy but gone
	keepSent    = 1 * second        // how long a message on the wire can still be refused
	joinIdle    = 5 * second        // an unfinished message without news is dropped
	routeIdle   = 300 * second      // a route nobody used is forgotten
	sweepEvery  = 1 * second
	askedLately = 10 * second // a LOCATE repeated within this time is not a first one
	frameLife   = 1 * second  // no frame is under way for longer

	rtoFirst = 100 * millisecond // before anything was measured
	rtoMin   = 10 * millisecond
	rtoMax   = 1 * second
)

const (
	// MaxHeader is the longest header that a message carries beside its payload.
	MaxHeader = 96

	minMTU       = 512
	minFragment  = 256 // shorter fragments, other than a last one, are refused
	weightEther  = 3
	maxHop       = 25
	maxHopInval  = 26       // beyond maxHop: every router forgets and asks anew
	lostRounds   = 3        // LOCATEs without an answer before an older epoch is believed again
	maxLocations = 4        // of one address
	maxEdges     = 8        // routers that a LOCATE goes on from
	locateRate   = 100      // LOCATEs a second on one link
	locateFirsts = 30       // of them, not for repeated ones
	maxBounces   = 16       // NOTHEREs that one message survives
	ackEvery     = 8        // fragments between two ACKs
	ackBytes     = 32 << 10 // or so many bytes of them
	reorder      = 3        // fragments that may overtake one before it counts as lost
	relocateTry  = 4        // silent timeouts before a bulk message doubts its route
	failoverTry  = 2        // the same, if it knows another
	maxTries     = 12       // silent timeouts before it is given up
	turnBytes    = 2 << 20  // length of the messages that take turns in a window
	maxAckBytes  = 128      // bitmap in an ACK
)

func (c *Config) fill() {
	if c.Rand == nil {
		panic("flip: Config.Rand is not set")
	}
	for i := range c.Links {
		l := &c.Links[i]
		if l.MTU < minMTU || l.MTU > 65535 {
			panic("flip: link MTU out of range")
		}
		if l.Weight == 0 {
			l.Weight = weightEther
		}
	}
	if c.Alloc == nil {
		c.Alloc = func(n int) []byte { return make([]byte, n) }
	}
	setDefault(&c.MaxMessage, 1<<20)
	setDefault(&c.Window, 256<<10)
	setDefault(&c.MaxHeld, 4096)
	setDefault(&c.MaxJoins, 64)
	setDefault(&c.JoinBytes, 8<<20)
	setDefault(&c.SourceBytes, 3<<20)
	setDefault(&c.MaxRoutes, 1024)
}

func setDefault(v *int, def int) {
	if *v == 0 {
		*v = def
	}
}
