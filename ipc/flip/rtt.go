package flip

// sample measures the round trip if the timed transmission has been answered.
func (k *bulk) sample(now int64, arrived uint32) {
	if k.timedTx == 0 || arrived < k.timedTx {
		return
	}
	if arrived == k.timedTx || arrived-k.timedTx < ackEvery {
		k.peer.measure(now - k.timedAt)
	}
	k.timedTx = 0
}

// measure and rto follow RFC 6298, with a clock that is fine enough to do
// without its granularity term.
func (p *peer) measure(rtt int64) {
	if p.srtt == 0 {
		p.srtt, p.rttvar = rtt, rtt/2
		return
	}
	diff := rtt - p.srtt
	if diff < 0 {
		diff = -diff
	}
	p.rttvar += (diff - p.rttvar) / 4
	p.srtt += (rtt - p.srtt) / 8
}

func (p *peer) rto(tries int) int64 {
	t := rtoFirst
	if p.srtt != 0 {
		t = max(p.srtt+4*p.rttvar, rtoMin)
	}
	return min(t<<min(tries, 10), rtoMax)
}
