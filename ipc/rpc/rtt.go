package rpc

import (
	"encoding/binary"

	"motile/ipc/flip"
)

// rtt estimates how long an answer from one address takes. For a client that is
// the round trip plus the service's usual work, so a steadily slow service is
// not asked for signs of life all the time.
type rtt struct {
	addr         flip.Address
	srtt, rttvar int64
}

// rttOf returns the estimate for an address. The table has one place for several
// addresses; whoever comes takes it.
func (m *Machine) rttOf(a *flip.Address) *rtt {
	r := &m.rtts[uint8(binary.LittleEndian.Uint64(a[:])>>17)]
	if r.addr != *a {
		*r = rtt{addr: *a}
	}
	return r
}

// measure and timeout follow RFC 6298.
func (r *rtt) measure(sample int64) {
	if r.srtt == 0 {
		r.srtt, r.rttvar = sample, sample/2
		return
	}
	diff := sample - r.srtt
	if diff < 0 {
		diff = -diff
	}
	r.rttvar += (diff - r.rttvar) / 4
	r.srtt += (sample - r.srtt) / 8
}

// timeout returns how long to wait for an answer to the n-th try, from 1.
func (r *rtt) timeout(n int, least int64) int64 {
	t := rtoFirst
	if r.srtt != 0 {
		t = max(r.srtt+4*r.rttvar, least)
	}
	return min(t<<min(n-1, 10), rtoMax)
}
