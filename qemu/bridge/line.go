package bridge

import (
	"slices"
	"time"
)

const (
	// holdBack is how long a frame picked for reordering waits for another one
	// to overtake it; on an idle line it then goes anyway.
	holdBack = 20 * time.Millisecond

	// lineBytes bounds what may be under way to one port.
	lineBytes = 64 << 20

	// shapedQueue is how much traffic may wait for its turn at a limited rate.
	shapedQueue = 100 * time.Millisecond
)

// line is a wire of limited speed and of some length: frames enter at one end
// and come out later, in order except for those held back, and those that take
// longer than others. It is a pure machine; the caller has the clock.
type line struct {
	rate  int64         // bit/s; 0: unlimited
	delay time.Duration // length of the wire

	fifo  []timed   // by when they come out
	held  []timed   // to go behind the next frame that is not held back, or when due
	bytes int       // of both
	free  time.Time // when the last frame let in has left the sender
}

type timed struct {
	due   time.Time // when it comes out
	frame []byte
}

// push lets a frame in, which it copies, and which is late by so much. It reports
// false when there is no room.
func (l *line) push(now time.Time, late time.Duration, frame []byte) bool {
	t, ok := l.admit(now, late, frame)
	if !ok {
		return false
	}
	l.insert(t)
	for _, h := range l.held {
		l.insert(timed{t.due, h.frame})
	}
	l.held = l.held[:0]
	return true
}

// insert puts a frame behind those that come out no later.
func (l *line) insert(t timed) {
	at := len(l.fifo)
	for at > 0 && l.fifo[at-1].due.After(t.due) {
		at--
	}
	l.fifo = slices.Insert(l.fifo, at, t)
}

// hold is push for a frame that the next one shall overtake.
func (l *line) hold(now time.Time, late time.Duration, frame []byte) bool {
	t, ok := l.admit(now, late, frame)
	if ok {
		l.held = append(l.held, timed{t.due.Add(holdBack), t.frame})
	}
	return ok
}

// admit copies a frame and says when it comes out; ok is false when there is no
// room.
func (l *line) admit(now time.Time, late time.Duration, frame []byte) (t timed, ok bool) {
	if l.bytes+len(frame) > lineBytes {
		return timed{}, false
	}
	sent := now
	if l.rate > 0 {
		start := now
		if l.free.After(now) {
			start = l.free
		}
		if start.Sub(now) > max(shapedQueue, l.airtime(MaxFrame)) {
			return timed{}, false
		}
		sent = start.Add(l.airtime(len(frame)))
		l.free = sent
	}
	l.bytes += len(frame)
	return timed{sent.Add(l.delay + late), append([]byte(nil), frame...)}, true
}

// airtime is how long a frame occupies the sender.
func (l *line) airtime(lenBytes int) time.Duration {
	return time.Duration(float64(lenBytes) * 8 / float64(l.rate) * float64(time.Second))
}

// pop takes out a frame that has arrived.
func (l *line) pop(now time.Time) (frame []byte, ok bool) {
	q := l.first()
	if q == nil || (*q)[0].due.After(now) {
		return nil, false
	}
	frame = (*q)[0].frame
	(*q)[0] = timed{}
	*q = (*q)[1:]
	l.bytes -= len(frame)
	return frame, true
}

// next is when pop will have something.
func (l *line) next() (due time.Time, ok bool) {
	q := l.first()
	if q == nil {
		return time.Time{}, false
	}
	return (*q)[0].due, true
}

// first is the queue whose head is due first, nil when the line is empty.
func (l *line) first() *[]timed {
	switch {
	case len(l.held) == 0 && len(l.fifo) == 0:
		return nil
	case len(l.held) == 0:
		return &l.fifo
	case len(l.fifo) == 0 || l.held[0].due.Before(l.fifo[0].due):
		return &l.held
	}
	return &l.fifo
}
