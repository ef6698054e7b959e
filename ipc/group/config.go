package group

import "motile/ipc/flip"

// Config fixes a machine's limits. Zero limits mean the defaults.
type Config struct {
	Box  *flip.Box     // shared with the RPC machine, which drives it
	Rand func() uint64 // addresses, ballots and jitter; must be set

	HistoryBytes int // of a member; default 256 KiB
	MaxSends     int // queued by a member's threads; default 16
	MaxHere      int // members on this node; default 64
}

// Params are a group's parameters, chosen by its creator.
type Params struct {
	Resilience    int // so many members may crash without a message being lost
	MaxGroup      int // members, at least 2
	LogBuffers    int // the history has 2^LogBuffers messages, at least 4
	LogMaxMessage int // a message has at most 2^LogMaxMessage bytes, at least 10
	Large         int // from so many bytes on a message is sent to all at once (BB)
}

// Limits of Params.
const (
	MaxMembers    = 256
	maxLogBuffers = 12
	minLogBuffers = 4
	maxLogMessage = 20
	minLogMessage = 10

	// LargeDefault is Amoeba's: from here on two short messages cost less than
	// sending the data twice.
	LargeDefault = 10_000
)

func (p *Params) valid() bool {
	if p.ordinary() < 2 {
		return false
	}
	return p.Resilience >= 0 && p.Resilience < p.MaxGroup && p.MaxGroup >= 2 && p.MaxGroup <= MaxMembers &&
		p.LogBuffers >= minLogBuffers && p.LogBuffers <= maxLogBuffers &&
		p.LogMaxMessage >= minLogMessage && p.LogMaxMessage <= maxLogMessage && p.Large >= 0
}

// Times, in nanoseconds.
const (
	millisecond = int64(1e6)
	second      = int64(1e9)

	locatePatience = 3 * second         // how long a group is looked for
	joinPatience   = 10 * second        // and then how long its sequencer may take
	locateFirst    = 10 * millisecond   // wait after the first LOCATE; then doubling
	locateLast     = 200 * millisecond  //
	rtoFirst       = 100 * millisecond  // before anything was measured
	rtoMin         = 20 * millisecond   //
	rtoMax         = 500 * millisecond  //
	holdLook       = 500 * millisecond  // a held sender asks again so often
	busyLook       = 100 * millisecond  // how often a timer looks whether BUSY has ended
	gapDelay       = 3 * millisecond    // a gap that reordering has made fills by itself
	gapFirst       = 30 * millisecond   // wait after RETRANS; then doubling
	gapLast        = 500 * millisecond  //
	syncFirst      = 50 * millisecond   // wait for members to catch up; then doubling
	aliveEvery     = 2000 * millisecond // SYNC of an idle group: Amoeba has 10 s
	silentIdle     = 5 * second         // who is silent for so long is asked
	silentActive   = 1 * second         // who is silent while something is wanted of it
	probeEvery     = 300 * millisecond  //
	probePatience  = 3 * second         // for FLIP to find whom we ask
	probeTries     = 12                 // unanswered questions before a member is dead
	reformEvery    = 200 * millisecond  //
	reformTries    = 20                 // unanswered invitations before a member is dead
	resultPatience = 12 * second        // how long who has voted waits for the result
	lingerFor      = 10 * second        // how long who has left helps the others
	burst          = 32                 // messages sent again at once
	burstBytes     = 64 << 10
)

// overdraft is what JOIN and LEAVE may use of a full history.
const overdraft = 2

func (c *Config) fill() {
	if c.Box == nil || c.Rand == nil {
		panic("group: Config.Box and Config.Rand must be set")
	}
	setDefault(&c.HistoryBytes, 256<<10)
	setDefault(&c.MaxSends, 16)
	setDefault(&c.MaxHere, 64)
}

func setDefault(v *int, def int) {
	if *v == 0 {
		*v = def
	}
}
