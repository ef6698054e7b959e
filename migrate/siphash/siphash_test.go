package siphash

import (
	"encoding/hex"
	"testing"
)

// The reference vectors for SipHash-2-4-128: key 00..0f, input 00..n-1.
var vectors = map[int]string{
	0:  "a3817f04ba25a8e66df67214c7550293",
	1:  "da87c1d86b99af44347659119b22fc45",
	15: "5493e99933b0a8117e08ec0f97cfc3d9",
}

func TestSum_ReferenceVectors(t *testing.T) {
	var key [16]byte
	in := make([]byte, 64)
	for i := range key {
		key[i] = byte(i)
	}
	for i := range in {
		in[i] = byte(i)
	}
	for n, want := range vectors {
		got := Sum(&key, in[:n])
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("%d bytes: %x, want %s", n, got, want)
		}
	}
}

func TestSum_PartsAreOneMessage(t *testing.T) {
	var key [16]byte
	in := make([]byte, 100)
	for i := range in {
		in[i] = byte(i * 7)
	}
	want := Sum(&key, in)
	for a := range in {
		for b := a; b < len(in); b += 3 {
			if got := Sum(&key, in[:a], in[a:b], in[b:]); got != want {
				t.Fatalf("split at %d and %d: %x, want %x", a, b, got, want)
			}
		}
	}
}
