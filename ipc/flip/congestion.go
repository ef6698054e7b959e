package flip

// How much may be in flight on a way is decided as in TCP (RFC 5681): a congestion
// window grows by what is acknowledged up to a threshold, then slowly, and shrinks
// when fragments are lost; it never exceeds Config.Window. Three things differ.
//
// Loss alone does not tell of congestion here: a link of this kind loses frames by
// noise or by order of a test, and halving for each would leave a tenth of the
// throughput at 1 % of loss. A loss counts as congestion if the round trip has grown,
// by queues, to twice the shortest seen, or if more than one fragment in 16 is lost.
// Then the window falls to what the way itself holds, cwnd × shortest / present
// round trip (TCP Westwood; Mascolo et al., 2001), but to no less than 7/10 (CUBIC,
// RFC 9438). It grows back by a quarter of the distance to where the loss was in each
// round trip (BIC; Xu et al., 2004).
//
// On the box's own network there is nothing to congest but the receiver, whose
// processor makes round trips grow whether or not anything waits: there only how much
// is lost counts. A window starts with a quarter of the greatest, or 64 KB if that is less, and does not fall
// below that but for a timeout: a slow network's queue may hold no more than that. A way through routers starts with ten fragments.
//
// A window that was not used up does not grow.

const (
	initialUnits = 10
	minUnits     = 2
	lossIsMany   = 16 // one fragment in so many: more than noise
	rttLives     = 10 * second
	leastDirect  = 64 << 10 // bytes
)

// congestion is the state of one way.
type congestion struct {
	cwnd      int // bytes that may be in flight
	most      int // Config.Window, or some fragments if they are that long
	least     int
	ssthresh  int  // slow start ends here
	before    int  // window at the last congestion
	direct    bool // no router on the way
	full      bool
	reducedAt int64 // no more than one reduction in a round trip

	srtt, rttvar int64
	shortest     int64 // round trip, of the last ten to twenty seconds
	next         int64 // the shortest since
	since        int64

	sent, lost int // fragments, counted and halved every 256
}

// startCongestion returns the state of a way with fragments of unit bytes.
func startCongestion(most, unit int, direct bool) congestion {
	most = max(most, 4*unit)
	c := congestion{most: most, least: minUnits * unit, ssthresh: most, direct: direct}
	if direct {
		c.least = max(min(most/4, leastDirect), c.least)
	}
	c.least = min(c.least, most)
	c.cwnd = min(max(c.least, initialUnits*unit), most)
	return c
}

// acknowledged lets the window grow by n bytes that have arrived.
func (c *congestion) acknowledged(n, unit int) {
	if !c.full {
		return
	}
	if c.cwnd < c.ssthresh {
		c.cwnd += n
	} else {
		step := max(unit, (c.before-c.cwnd)/4) // a round trip
		c.cwnd += int(int64(step) * int64(n) / int64(c.cwnd))
	}
	c.cwnd = min(c.cwnd, c.most)
	c.full = false
}

// transmitted counts a fragment that leaves.
func (c *congestion) transmitted() {
	if c.sent++; c.sent >= 256 {
		c.sent, c.lost = c.sent/2, c.lost/2
	}
}

// missing follows the loss of n fragments.
func (c *congestion) missing(now int64, n int) {
	if n == 0 {
		return
	}
	c.lost += n
	many := c.lost > 4 && c.lost*lossIsMany > c.sent
	queued := c.srtt > 2*c.shortest && !c.direct
	if (!many && !queued) || now-c.reducedAt < c.srtt {
		return
	}
	c.reducedAt = now
	c.before = c.cwnd
	keep := c.cwnd * 7 / 10
	if c.srtt > 0 {
		keep = max(keep, int(int64(c.cwnd)*c.shortest/c.srtt))
	}
	c.cwnd = max(min(keep, c.cwnd), c.least)
	c.ssthresh = c.cwnd
}

// silence follows a timeout. The first in a row may be the loss of a last fragment, or
// of its ACK; what is silent for longer is in trouble.
func (c *congestion) silence(unit, tries int) {
	if tries < 2 {
		return
	}
	c.before = c.cwnd
	c.ssthresh = max(c.cwnd/2, 2*unit)
	c.cwnd = min(minUnits*unit, c.most)
}
