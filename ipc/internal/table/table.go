package table

import (
	"encoding/binary"
	"math/bits"
)

// A Table maps keys to pointers. Open addressing with linear probing; removing
// shifts the followers back, so there are no tombstones. The zero value is
// empty; Seed makes it hard to choose keys that collide.
type Table[V any] struct {
	Seed uint64 // set before the first Put

	slots []slot[V]
	n     int
}

type slot[V any] struct {
	key [16]byte
	val *V // nil: free
}

// Len returns the number of keys.
func (t *Table[V]) Len() int { return t.n }

// Get returns the value under key, or nil.
func (t *Table[V]) Get(key *[16]byte) *V {
	if t.n == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for i := t.hash(key) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.val == nil || s.key == *key {
			return s.val
		}
	}
}

// Put sets the value under key. The value must not be nil.
func (t *Table[V]) Put(key *[16]byte, val *V) {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for i := t.hash(key) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.val == nil {
			t.n++
			s.key, s.val = *key, val
			return
		}
		if s.key == *key {
			s.val = val
			return
		}
	}
}

// Delete removes key, if it is there.
func (t *Table[V]) Delete(key *[16]byte) {
	if t.n == 0 {
		return
	}
	mask := uint64(len(t.slots) - 1)
	i := t.hash(key) & mask
	for t.slots[i].key != *key || t.slots[i].val == nil {
		if t.slots[i].val == nil {
			return
		}
		i = (i + 1) & mask
	}
	t.n--
	// Close the gap: a later entry of the run moves into it unless its own
	// place lies behind the gap.
	for j := i; ; {
		j = (j + 1) & mask
		s := &t.slots[j]
		if s.val == nil {
			break
		}
		if home := t.hash(&s.key) & mask; (j-home)&mask >= (j-i)&mask {
			t.slots[i] = *s
			i = j
		}
	}
	t.slots[i] = slot[V]{}
}

// All calls yield for each entry until it returns false. The table must not
// change meanwhile.
func (t *Table[V]) All(yield func(*V) bool) {
	for i := range t.slots {
		if v := t.slots[i].val; v != nil && !yield(v) {
			return
		}
	}
}

func (t *Table[V]) grow() {
	old := t.slots
	t.slots = make([]slot[V], max(16, 2*len(old)))
	t.n = 0
	for i := range old {
		if old[i].val != nil {
			t.Put(&old[i].key, old[i].val)
		}
	}
}

// hash mixes both halves of the key with the seed by one long multiplication.
func (t *Table[V]) hash(key *[16]byte) uint64 {
	a := binary.LittleEndian.Uint64(key[:8])
	b := binary.LittleEndian.Uint64(key[8:])
	hi, lo := bits.Mul64(a^t.Seed^0x9e3779b97f4a7c15, b^bits.RotateLeft64(t.Seed, 32)^0xd1b54a32d192ed03)
	return hi ^ lo
}
