package dissect

// recent is a map that forgets: what has not been put or found for some thousands of
// others is gone. A capture may be longer than memory.
type recent[K comparable, V any] struct {
	young, old map[K]V
}

const generation = 1 << 15

func newRecent[K comparable, V any]() recent[K, V] {
	return recent[K, V]{young: make(map[K]V), old: nil}
}

func (r *recent[K, V]) put(k K, v V) {
	if len(r.young) >= generation {
		r.young, r.old = make(map[K]V), r.young
	}
	r.young[k] = v
}

func (r *recent[K, V]) get(k K) (v V, ok bool) {
	if v, ok = r.young[k]; !ok {
		if v, ok = r.old[k]; ok {
			r.put(k, v)
		}
	}
	return v, ok
}
