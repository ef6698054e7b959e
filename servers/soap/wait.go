package soap

import (
	"slices"
	"time"
)

// waiter waits until something holds of a server.
type waiter struct {
	holds func() bool
	until time.Time
	done  chan struct{}
}

// await returns when something holds, or at a time, and reports whether it holds. Most
// who wait belong to a thread with a client's request: waking one costs more than finding
// out what it waits for, and so whoever changes something does that. Preconditions: mu is
// held, and holds only reads what mu protects.
func (v *Server) await(until time.Time, holds func() bool) bool {
	for !holds() {
		if !time.Now().Before(until) {
			return false
		}
		w := &waiter{holds, until, make(chan struct{})}
		v.waiting = append(v.waiting, w)
		v.mu.Unlock()
		<-w.done
		v.mu.Lock()
	}
	return true
}

// changed wakes those for whom something has changed. Preconditions: mu is held.
func (v *Server) changed() {
	now := time.Now()
	v.waiting = slices.DeleteFunc(v.waiting, func(w *waiter) bool {
		if !w.holds() && now.Before(w.until) {
			return false
		}
		close(w.done)
		return true
	})
}

// tick is how often those who wait look at the time.
const tick = 100 * time.Millisecond

func (v *Server) clock() {
	for range time.Tick(tick) {
		v.mu.Lock()
		v.changed()
		v.mu.Unlock()
	}
}

// forever is a time until which somebody waits who does nothing else.
func forever() time.Time { return time.Now().Add(1 << 62) }
