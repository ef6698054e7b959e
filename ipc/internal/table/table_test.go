package table

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestTable_AgainstMap runs random operations on a table and on a Go map. Few
// keys and small numbers make long runs, where deleting is delicate.
func TestTable_AgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table := Table[int]{Seed: 42}
	model := map[[16]byte]*int{}
	for step := range 50000 {
		var key [16]byte
		binary.BigEndian.PutUint64(key[8:], rng.Uint64N(300))
		if rng.IntN(2) == 0 {
			v := step
			table.Put(&key, &v)
			model[key] = &v
		} else {
			table.Delete(&key)
			delete(model, key)
		}
		binary.BigEndian.PutUint64(key[8:], rng.Uint64N(300))
		if table.Get(&key) != model[key] || table.Len() != len(model) {
			t.Fatalf("step %d: got %v of %d, want %v of %d",
				step, table.Get(&key), table.Len(), model[key], len(model))
		}
	}
	seen := 0
	table.All(func(v *int) bool { seen++; return true })
	if seen != len(model) {
		t.Errorf("walked over %d of %d", seen, len(model))
	}
	for key, v := range model {
		if table.Get(&key) != v {
			t.Errorf("%x: got %v, want %v", key, table.Get(&key), v)
		}
	}
}

func TestTable_WalkRepeats(t *testing.T) {
	walk := func() (order []int) {
		table := Table[int]{Seed: 7}
		for i := range 100 {
			var key [16]byte
			key[3] = byte(i)
			v := i
			table.Put(&key, &v)
		}
		table.All(func(v *int) bool { order = append(order, *v); return len(order) < 50 })
		return order
	}
	a, b := walk(), walk()
	if len(a) != 50 {
		t.Fatalf("walked %d steps after a stop at 50", len(a))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("step %d: %d and %d", i, a[i], b[i])
		}
	}
}

func BenchmarkGet(b *testing.B) {
	table := Table[int]{Seed: 42}
	v := 1
	var key [16]byte
	for i := range 200 {
		key[0] = byte(i)
		table.Put(&key, &v)
	}
	b.ReportAllocs()
	for b.Loop() {
		if table.Get(&key) == nil {
			b.Fatal("lost")
		}
	}
}
