package wait

// Waker is what a Queue wakes.
type Waker interface {
	// Wake is called from inside the object that changed; it must not change
	// the object. events are the poll events that may hold now.
	Wake(w *Waiter, events uint32)
}

// Waiter is one membership of a Queue. The zero Waiter with Owner set is ready
// for Add. It belongs to its owner.
type Waiter struct {
	Owner Waker
	Tag   uint64 // the owner's

	queue      *Queue
	prev, next *Waiter
}

// Queue is a list of waiters in order of arrival. The zero Queue is empty.
type Queue struct{ first, last *Waiter }

// Add appends w, which must not be in a queue.
func (q *Queue) Add(w *Waiter) {
	w.queue, w.prev, w.next = q, q.last, nil
	if q.last != nil {
		q.last.next = w
	} else {
		q.first = w
	}
	q.last = w
}

// Remove takes w out of its queue, if it is in one.
func (w *Waiter) Remove() {
	q := w.queue
	if q == nil {
		return
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.last = w.prev
	}
	w.queue, w.prev, w.next = nil, nil, nil
}

// Waiting reports whether w is in a queue.
func (w *Waiter) Waiting() bool { return w.queue != nil }

// Wake tells every waiter that events may hold now. Waiters stay in the queue
// until their owners leave, which they may do at once, and take others along: a
// thread that polls an object by two descriptors is in its queue twice.
func (q *Queue) Wake(events uint32) {
	w := q.first
	if w == nil {
		return
	}
	if w.next == nil {
		w.wake(events)
		return
	}
	var marks [2]Waiter // nobody's: they stay where they are put
	place, end := &marks[0], &marks[1]
	q.Add(end) // who comes during this need not be woken
	for w != end {
		w.follow(place)
		w.wake(events)
		w = place.next
		place.Remove()
	}
	end.Remove()
}

// wake wakes the owner, unless w marks a place of another Wake.
func (w *Waiter) wake(events uint32) {
	if w.Owner != nil {
		w.Owner.Wake(w, events)
	}
}

// follow puts x behind w, which is not the last of its queue.
func (w *Waiter) follow(x *Waiter) {
	x.queue, x.prev, x.next = w.queue, w, w.next
	w.next.prev, w.next = x, x
}

// First returns the longest waiting, or nil.
func (q *Queue) First() *Waiter { return q.first }

// Next returns the waiter that arrived after w.
func (w *Waiter) Next() *Waiter { return w.next }

// Empty reports whether nobody waits.
func (q *Queue) Empty() bool { return q.first == nil }
