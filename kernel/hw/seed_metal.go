//go:build metal

package hw

// Seed gathers 32 bytes to seed the node's generator: RDRAND where the CPU has
// it, and always the time stamp counter's jitter. What virtio-rng gives is
// mixed in later, by its driver.
func Seed() (seed [32]byte) {
	_, _, c, _ := CPUID(1, 0)
	hasRDRAND := c&(1<<30) != 0
	x := TSC()
	for i := range seed {
		if hasRDRAND {
			if v, ok := RDRAND(); ok {
				x ^= v
			}
		}
		x ^= TSC() << (i & 7 * 8)
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		seed[i] = byte(x >> 32)
	}
	return seed
}
