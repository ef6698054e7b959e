// Package siphash is SipHash-2-4 with a 128-bit result (Aumasson and Bernstein,
// "SipHash: a fast short-input PRF", 2012): the tag on each message of a page
// stream. It is the fastest keyed hash where the CPU is emulated.
package siphash

import (
	"encoding/binary"
	"math/bits"
)

// Sum returns the tag of the concatenation of parts under a key.
func Sum(key *[16]byte, parts ...[]byte) (tag [16]byte) {
	k0, k1 := binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])
	s := state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	var tail [8]byte
	n, total := 0, 0
	for _, p := range parts {
		total += len(p)
		if n > 0 {
			c := copy(tail[n:], p)
			n, p = n+c, p[c:]
			if n < 8 {
				continue
			}
			s.block(binary.LittleEndian.Uint64(tail[:]))
			n = 0
		}
		for ; len(p) >= 8; p = p[8:] {
			s.block(binary.LittleEndian.Uint64(p))
		}
		n = copy(tail[:], p)
	}
	clear(tail[n:])
	s.block(binary.LittleEndian.Uint64(tail[:]) | uint64(total)<<56)
	s.v2 ^= 0xee
	s.round4()
	binary.LittleEndian.PutUint64(tag[:], s.v0^s.v1^s.v2^s.v3)
	s.v1 ^= 0xdd
	s.round4()
	binary.LittleEndian.PutUint64(tag[8:], s.v0^s.v1^s.v2^s.v3)
	return tag
}

type state struct{ v0, v1, v2, v3 uint64 }

func (s *state) block(m uint64) {
	s.v3 ^= m
	s.round()
	s.round()
	s.v0 ^= m
}

func (s *state) round4() {
	s.round()
	s.round()
	s.round()
	s.round()
}

func (s *state) round() {
	s.v0 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v2 = bits.RotateLeft64(s.v2, 32)
}
