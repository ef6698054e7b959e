package flip

import "math/bits"

// Sets of fragments: element i is bit i%64 of word i/64.

func hasBit(s []uint64, i int) bool { return s[i>>6]>>(i&63)&1 != 0 }
func setBit(s []uint64, i int)      { s[i>>6] |= 1 << (i & 63) }
func clearBit(s []uint64, i int)    { s[i>>6] &^= 1 << (i & 63) }

// firstBit returns the lowest element that is at least from. There is one.
func firstBit(s []uint64, from int) int {
	word := from >> 6
	x := s[word] &^ (1<<(from&63) - 1)
	for x == 0 {
		word++
		x = s[word]
	}
	return word<<6 + bits.TrailingZeros64(x)
}

// zeroed returns s with length n and all zero, in the old memory if it fits.
func zeroed[T uint32 | uint64](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// bitsFrom returns 64 elements of a bit set from any element on, the first in the
// lowest bit; beyond the end of the set there are none.
func bitsFrom(s []uint64, from int) uint64 {
	word, shift := from>>6, from&63
	x := s[word] >> shift
	if shift > 0 && word+1 < len(s) {
		x |= s[word+1] << (64 - shift)
	}
	return x
}
