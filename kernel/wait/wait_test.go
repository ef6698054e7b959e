package wait

import "testing"

// leaver is woken once: it then leaves all queues, like a thread.
type leaver struct {
	in    []*Waiter
	woken int
	again *Queue // where it comes back at once
}

func (l *leaver) Wake(*Waiter, uint32) {
	l.woken++
	for _, w := range l.in {
		w.Remove()
	}
	if l.again != nil {
		l.again.Add(l.in[0])
	}
}

func (l *leaver) join(q *Queue) {
	w := &Waiter{Owner: l}
	l.in = append(l.in, w)
	q.Add(w)
}

// Somebody who is in a queue twice takes his second place along when he leaves. Those
// behind him are woken all the same.
func TestQueue_WakesThoseBehindOneWhoLeaves(t *testing.T) {
	var q Queue
	var twice, other, third leaver
	twice.join(&q)
	twice.join(&q)
	other.join(&q)
	twice.join(&q)
	third.join(&q)
	q.Wake(1)
	if twice.woken != 1 || other.woken != 1 || third.woken != 1 || !q.Empty() {
		t.Errorf("woken %d, %d and %d times", twice.woken, other.woken, third.woken)
	}
}

// Who comes back while others are woken waits for the next time.
func TestQueue_WakeEnds(t *testing.T) {
	var q Queue
	a, b := leaver{again: &q}, leaver{again: &q}
	a.join(&q)
	b.join(&q)
	q.Wake(1)
	if a.woken != 1 || b.woken != 1 {
		t.Errorf("woken %d and %d times", a.woken, b.woken)
	}
	if q.First() != a.in[0] || q.First().Next() != b.in[0] || b.in[0].Next() != nil {
		t.Error("they are not in the queue as they came")
	}
}

// nested wakes its own queue while it is being woken.
type nested struct {
	q     *Queue
	woken int
}

func (n *nested) Wake(*Waiter, uint32) {
	if n.woken++; n.woken < 4 {
		n.q.Wake(1)
	}
}

func TestQueue_WakeInsideWake(t *testing.T) {
	var q Queue
	n := nested{q: &q}
	var l leaver
	q.Add(&Waiter{Owner: &n})
	l.join(&q)
	q.Wake(1)
	if l.woken == 0 || q.First() == nil || q.First().Next() != nil {
		t.Errorf("woken %d times", l.woken)
	}
}
