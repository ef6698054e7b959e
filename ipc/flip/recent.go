package flip

import "math/bits"

// recent remembers which messages have arrived lately, by source and number, so
// that a duplicated or repeated frame does not deliver its message again. It is
// a convenience with a fixed size, not a promise: RPC keeps the promise.
//
// It is a cache of sets: a message belongs to one set and replaces the oldest of
// the set's four.
type recent struct {
	sets [256]struct {
		next uint8
		id   [4]struct {
			src    Address
			messid uint64
		}
	}
}

// add notes a message and reports whether it is new.
func (r *recent) add(src *Address, messid uint64) bool {
	s := &r.sets[recentSet(src, messid)]
	for i := range s.id {
		if s.id[i].messid == messid && s.id[i].src == *src {
			return false
		}
	}
	s.id[s.next&3].src, s.id[s.next&3].messid = *src, messid
	s.next++
	return true
}

// has reports whether a message has arrived lately.
func (r *recent) has(src *Address, messid uint64) bool {
	s := &r.sets[recentSet(src, messid)]
	for i := range s.id {
		if s.id[i].messid == messid && s.id[i].src == *src {
			return true
		}
	}
	return false
}

// recentSet spreads the messages of one source, which are numbered in sequence,
// over the sets.
func recentSet(src *Address, messid uint64) uint8 {
	mixed := (messid ^ uint64(src[0]) ^ uint64(src[7])<<24) * 0x9e3779b97f4a7c15
	return uint8(bits.RotateLeft64(mixed, 8))
}
