//go:build metal

package rt

// A sampling profiler: the timer interrupts every so often, and where it found the
// kernel is noted. Time in user mode counts as address 0.

const profileSamples = 1 << 15

var (
	profilePeriod int64 // ns; 0: off
	profileCount  uint64
	profileBuf    [profileSamples]uint64 // a ring
)

// StartProfile takes a sample every period nanoseconds; 0 ends it.
func StartProfile(period int64) {
	profileCount = 0
	profilePeriod = period
	arm()
}

// Profile returns the samples taken so far, the last profileSamples of them.
func Profile() []uint64 { return profileBuf[:min(profileCount, profileSamples)] }

//go:nosplit
func sample(ip uint64) {
	if profilePeriod != 0 {
		profileBuf[profileCount%profileSamples] = ip
		profileCount++
	}
}
