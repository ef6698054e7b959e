package proc

// The run queue. Threads that a message, a deadline or a signal has woken run
// before those whose slice ended, each for one slice: a process that computes
// cannot keep one that answers messages waiting (Steketee et al. 1996, section 6).

//
// WokenLast of a table turns that off, to see what it is worth: a woken thread then goes
// behind all others, and waits for their slices.

type runQueue struct{ first, last *Thread }

func (q *runQueue) push(t *Thread) {
	t.next = nil
	if q.last != nil {
		q.last.next = t
	} else {
		q.first = t
	}
	q.last = t
}

func (q *runQueue) pop() *Thread {
	t := q.first
	if t != nil {
		if q.first = t.next; q.first == nil {
			q.last = nil
		}
		t.next = nil
	}
	return t
}

func (q *runQueue) remove(t *Thread) bool {
	var prev *Thread
	for x := q.first; x != nil; prev, x = x, x.next {
		if x != t {
			continue
		}
		if prev != nil {
			prev.next = t.next
		} else {
			q.first = t.next
		}
		if q.last == t {
			q.last = prev
		}
		t.next = nil
		return true
	}
	return false
}

// ready makes t runnable. If its process is held, it waits for that to end.
func (tb *Table) ready(t *Thread, urgent bool) {
	t.state = Ready
	if t.proc.held() || t.queued {
		return
	}
	t.queued = true
	if urgent && !tb.WokenLast {
		tb.urgent.push(t)
	} else {
		tb.normal.push(t)
	}
}

func (tb *Table) unqueue(t *Thread) {
	if t.queued && !tb.urgent.remove(t) {
		tb.normal.remove(t)
	}
	t.queued = false
}

// Next takes the next thread to run, or nil.
func (tb *Table) Next() *Thread {
	t := tb.urgent.pop()
	if t == nil {
		t = tb.normal.pop()
	}
	if t != nil {
		t.queued, t.woken = false, false
		t.state = Running
		tb.turns++
		t.turn = tb.turns
	}
	return t
}

// Urgent reports whether a woken thread waits: the running one should make way.
func (tb *Table) Urgent() bool { return tb.urgent.first != nil }

// Idle reports whether no thread can run.
func (tb *Table) Idle() bool { return tb.urgent.first == nil && tb.normal.first == nil }

// Yield puts a running thread behind the others.
func (tb *Table) Yield(t *Thread) { tb.ready(t, false) }

// Preempted puts a running thread back whose slice is not over.
func (tb *Table) Preempted(t *Thread) {
	t.state = Ready
	if t.proc.held() || t.queued {
		return
	}
	t.queued = true
	t.next = tb.normal.first
	tb.normal.first = t
	if tb.normal.last == nil {
		tb.normal.last = t
	}
}

// hold takes the threads of a process that was stopped, stunned or frozen off the queues.
func (tb *Table) hold(p *Process) {
	for _, t := range p.Threads {
		if t.queued {
			tb.unqueue(t)
		} else if t.state == Running {
			t.state = Ready
		}
	}
}

// unhold lets the threads run again.
func (tb *Table) unhold(p *Process) {
	if p.held() {
		return
	}
	for _, t := range p.Threads {
		if t.state == Ready && !t.queued {
			tb.ready(t, false)
		}
	}
}

// Freeze stops p where it stands: its threads are at the border of user mode or
// in records, always, so there is nothing to wait for.
func (tb *Table) Freeze(p *Process) {
	p.frozen = true
	tb.hold(p)
	tb.stopTimers(p)
}

// FreezeToMove is Freeze for a process that may go on elsewhere.
func (tb *Table) FreezeToMove(p *Process) {
	p.moving = true
	tb.Freeze(p)
}

// Thaw lets a frozen process run on.
func (tb *Table) Thaw(p *Process) {
	p.frozen = false
	p.settled()
	if !p.stunned {
		tb.startTimers(p)
	}
	tb.unhold(p)
}

// Stun stops p where it stands, until Unstun. Unlike a freeze it lasts: signals are
// kept for it, its deadlines pass, and it can be moved.
func (tb *Table) Stun(p *Process) {
	p.stunned = true
	tb.hold(p)
	tb.stopTimers(p)
}

// Unstun lets a stunned process run on, unless something else holds it.
func (tb *Table) Unstun(p *Process) {
	p.stunned = false
	if !p.frozen {
		tb.startTimers(p)
	}
	tb.unhold(p)
}

// settled: it is known now where p is.
func (p *Process) settled() { p.moving, p.forwarded = false, Pending{} }

// Runnable reports whether a thread of p can run now.
func (p *Process) Runnable() bool {
	for _, t := range p.Threads {
		if t.queued || t.state == Running {
			return true
		}
	}
	return false
}

// Runnable counts the threads that could run now: the node's load.
func (tb *Table) Runnable() (n int) {
	for _, p := range tb.procs {
		for _, t := range p.Threads {
			if t.queued || t.state == Running {
				n++
			}
		}
	}
	return n
}
