package flip

// sample measures the round trip of the timed transmission, which has been answered.
func (k *bulk) sample(now int64) {
	k.peer.measure(now, now-k.timedAt)
	k.timedTx = 0
}

// measure notes a round trip. The estimates follow RFC 6298, with a clock that is
// fine enough to do without its granularity term.
func (c *congestion) measure(now, rtt int64) {
	if now-c.since > rttLives {
		c.shortest, c.next, c.since = c.next, rtt, now
	}
	c.next = min(c.next, rtt)
	if c.shortest == 0 || rtt < c.shortest {
		c.shortest = rtt
	}
	if c.srtt == 0 {
		c.srtt, c.rttvar = rtt, rtt/2
		return
	}
	diff := rtt - c.srtt
	if diff < 0 {
		diff = -diff
	}
	c.rttvar += (diff - c.rttvar) / 4
	c.srtt += (rtt - c.srtt) / 8
}

// rto returns the retransmission timeout after so many without an answer.
func (c *congestion) rto(tries int) int64 {
	t := rtoFirst
	if c.srtt != 0 {
		t = max(c.srtt+4*c.rttvar, rtoMin)
	}
	return min(t<<min(tries, 10), rtoMax)
}
