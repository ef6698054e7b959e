package siphash

import "testing"

func BenchmarkSum(b *testing.B) {
	var key [16]byte
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		Sum(&key, p)
	}
}
