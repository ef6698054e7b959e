package deadline

import "math"

// Never is the deadline of a machine that waits for nothing.
const Never int64 = math.MaxInt64

// A Timer is one deadline. It is embedded in the thing that waits, and its
// owner field points back to that thing; the zero value plus Owner is ready.
type Timer struct {
	Owner any // what to look at when the deadline passes; a pointer, set once

	at    int64
	place int // index in the heap plus one; 0 while not armed
}

// Armed reports whether t is waiting.
func (t *Timer) Armed() bool { return t.place != 0 }

// At returns the deadline of an armed timer.
func (t *Timer) At() int64 { return t.at }

// A Heap holds armed timers, the earliest first.
type Heap struct {
	q []*Timer
}

// Next returns the earliest deadline, or Never.
func (h *Heap) Next() int64 {
	if len(h.q) == 0 {
		return Never
	}
	return h.q[0].at
}

// Set arms t for the given time, or moves it there.
func (h *Heap) Set(t *Timer, at int64) {
	if t.place == 0 {
		t.at = at
		h.q = append(h.q, t)
		t.place = len(h.q)
		h.up(t.place - 1)
		return
	}
	earlier := at < t.at
	t.at = at
	if earlier {
		h.up(t.place - 1)
	} else {
		h.down(t.place - 1)
	}
}

// Stop disarms t; a timer that is not armed stays so.
func (h *Heap) Stop(t *Timer) {
	if t.place == 0 {
		return
	}
	i, last := t.place-1, len(h.q)-1
	moved := h.q[last]
	h.q[last] = nil
	h.q = h.q[:last]
	t.place = 0
	if i == last {
		return
	}
	h.q[i] = moved
	moved.place = i + 1
	h.up(i)
	h.down(moved.place - 1)
}

// Expired removes and returns the earliest timer whose deadline is not after
// now, or nil.
func (h *Heap) Expired(now int64) *Timer {
	if len(h.q) == 0 || h.q[0].at > now {
		return nil
	}
	t := h.q[0]
	h.Stop(t)
	return t
}

func (h *Heap) up(i int) {
	t := h.q[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h.q[parent].at <= t.at {
			break
		}
		h.place(h.q[parent], i)
		i = parent
	}
	h.place(t, i)
}

func (h *Heap) down(i int) {
	t := h.q[i]
	for {
		child := 2*i + 1
		if child >= len(h.q) {
			break
		}
		if right := child + 1; right < len(h.q) && h.q[right].at < h.q[child].at {
			child = right
		}
		if t.at <= h.q[child].at {
			break
		}
		h.place(h.q[child], i)
		i = child
	}
	h.place(t, i)
}

func (h *Heap) place(t *Timer, i int) {
	h.q[i] = t
	t.place = i + 1
}
