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
			s.blocks(tail[:])
			n = 0
		}
		s.blocks(p)
		n = copy(tail[:], p[len(p)&^7:])
	}
	clear(tail[n:])
	tail[7] = byte(total)
	s.blocks(tail[:])
	s.v2 ^= 0xee
	s.round4()
	binary.LittleEndian.PutUint64(tag[:], s.v0^s.v1^s.v2^s.v3)
	s.v1 ^= 0xdd
	s.round4()
	binary.LittleEndian.PutUint64(tag[8:], s.v0^s.v1^s.v2^s.v3)
	return tag
}

type state struct{ v0, v1, v2, v3 uint64 }

// blocks takes all whole words of p. Its variables live in registers: this
// is a quarter of what a node's CPU does during a move.
func (s *state) blocks(p []byte) {
	v0, v1, v2, v3 := s.v0, s.v1, s.v2, s.v3
	for ; len(p) >= 8; p = p[8:] {
		m := binary.LittleEndian.Uint64(p)
		v3 ^= m
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
		v0 ^= m
	}
	s.v0, s.v1, s.v2, s.v3 = v0, v1, v2, v3
}

func (s *state) round4() {
	for range 4 {
		s.v0, s.v1, s.v2, s.v3 = round(s.v0, s.v1, s.v2, s.v3)
	}
}

func round(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	return v0, v1, bits.RotateLeft64(v2, 32), v3
}
