package agenda

import (
	"container/heap"

	"motile/ipc/internal/deadline"
)

// Agenda holds values that are due at a time. Equal times come in the order they
// were added, so a world that is run twice does the same twice. The zero Agenda is
// empty.
type Agenda[T any] struct {
	entries entries[T]
	added   uint64
}

type entry[T any] struct {
	at  int64
	seq uint64
	v   T
}

// Add puts v down for a time.
func (a *Agenda[T]) Add(at int64, v T) {
	a.added++
	heap.Push(&a.entries, entry[T]{at, a.added, v})
}

// Next is when the first is due, deadline.Never if nothing is left.
func (a *Agenda[T]) Next() int64 {
	if len(a.entries) == 0 {
		return deadline.Never
	}
	return a.entries[0].at
}

// Take removes the first; there must be one.
func (a *Agenda[T]) Take() T { return heap.Pop(&a.entries).(entry[T]).v }

// entries implements heap.Interface.
type entries[T any] []entry[T]

func (h entries[T]) Len() int { return len(h) }
func (h entries[T]) Less(i, k int) bool {
	return h[i].at < h[k].at || h[i].at == h[k].at && h[i].seq < h[k].seq
}
func (h entries[T]) Swap(i, k int) { h[i], h[k] = h[k], h[i] }
func (h *entries[T]) Push(x any)   { *h = append(*h, x.(entry[T])) }
func (h *entries[T]) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = entry[T]{}
	*h = (*h)[:last]
	return e
}
