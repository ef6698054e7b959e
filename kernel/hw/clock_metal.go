//go:build metal

package hw

import "math/bits"

// The monotonic clock is the time stamp counter, scaled to nanoseconds. Its
// rate is measured once against the LAPIC timer, whose rate QEMU documents as
// 1 GHz at divide-by-one; the PIT is not there on every machine.

var clock struct {
	base uint64 // TSC at time zero
	mult uint64 // ns = (tsc-base) * mult >> 32
	bias int64  // ns added: a node can be told to look as if up for long
}

// Now is the time in nanoseconds since power-on. It never steps back.
//
//go:nosplit
func Now() int64 {
	hi, lo := bits.Mul64(TSC()-clock.base, clock.mult)
	return int64(hi<<32|lo>>32) + clock.bias
}

// SetUptime makes the clock read at least ns from now on.
// Preconditions: no deadline was computed yet.
func SetUptime(ns int64) { clock.bias = ns }

// TSCRate is the measured rate of the time stamp counter, in Hz.
func TSCRate() uint64 {
	q, _ := bits.Div64(1_000_000_000>>32, 1_000_000_000<<32&(1<<64-1), clock.mult)
	return q
}

// calibrate measures the TSC. A virtual CPU can lose the host's processor at any
// instruction, so each reading of the LAPIC is bracketed by two of the TSC, and
// of several tries the one with the closest brackets counts.
//
//go:nosplit
func calibrate() {
	const window = 2_000_000 // LAPIC ticks: 2 ms
	var bestErr, bestTSC, bestTicks uint64 = 1 << 63, 0, 0
	for range 5 {
		lapicWrite(lapicInitial, 0xffffffff)
		c0, t0, e0 := readPair()
		c1, t1, e1 := c0, t0, e0
		for c0-c1 < window {
			c1, t1, e1 = readPair()
		}
		if e := e0 + e1; e < bestErr {
			bestErr, bestTSC, bestTicks = e, t1-t0, uint64(c0-c1)
		}
	}
	lapicWrite(lapicInitial, 0)
	// mult = 2^32 * 1e9 / hz, hz = tsc * 1e9 / ticks, for the LAPIC counts ns
	hi, lo := bits.Mul64(bestTicks, 1<<32)
	clock.mult, _ = bits.Div64(hi, lo, bestTSC)
	clock.base = TSC()
}

// readPair reads the LAPIC count, the TSC halfway, and the uncertainty between
// the two; of a few tries the tightest.
//
//go:nosplit
func readPair() (count uint32, tsc, uncertainty uint64) {
	uncertainty = 1 << 62
	for range 8 {
		a := TSC()
		c := lapicRead(lapicCurrent)
		b := TSC()
		if b-a < uncertainty {
			count, tsc, uncertainty = c, a+(b-a)/2, b-a
		}
	}
	return count, tsc, uncertainty
}
