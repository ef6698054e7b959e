package soap

import (
	"slices"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Clients may keep what they have looked up. One that does has a request waiting here,
// WATCH; when a row changes that it may have kept, it is told by the reply, and has
// forgotten it when it asks again. An update is answered when all replicas say that all
// of their watchers have forgotten. A watcher that is not heard of for a while keeps
// nothing any more, by its own clock, and is waited for no longer than that.
type watchers struct {
	byID map[uint64]*watcher
}

// watcher is a client that keeps what it has looked up. An answer with changes is kept
// until the next request acknowledges it.
type watcher struct {
	heard   time.Time       // when its last request came
	dirs    map[uint64]bool // directories that it may know something of
	pending []uint64        // those that have changed and it has not been told of
	told    []uint64        // those of the last answer
	answer  uint32          // the number of that
	acked   uint32
	turn    uint64 // counts its requests: only the latest is answered with changes
	since   uint64 // State.Seq before the first change that it may not have forgotten; if it is behind
}

const (
	watchHold   = 800 * time.Millisecond
	watchLease  = std.SoapLeaseMs * time.Millisecond
	watchMargin = 300 * time.Millisecond // clocks go at about one rate
	maxWatchers = 16                     // each has a thread wait for it

	// As long after its last report a replica may have watchers that know nothing of what
	// has changed since: it must have heard of others to give leases.
	goneAfter = fresh + watchLease + watchMargin
)

func (w *watcher) behind() bool { return len(w.pending) > 0 || w.acked != w.answer && len(w.told) > 0 }

func (w *watcher) alive(now time.Time) bool { return now.Sub(w.heard) < watchLease+watchMargin }

// changed notes that a directory has changed. seq is that of the state before.
func (ws *watchers) changed(dir, seq uint64) {
	for _, w := range ws.byID {
		if !w.dirs[dir] {
			continue
		}
		if !w.behind() {
			w.since = seq
		}
		delete(w.dirs, dir)
		w.pending = append(w.pending, dir)
	}
}

// clear is up to which update all watchers have forgotten what has changed; seq is that of
// the state.
func (ws *watchers) clear(now time.Time, seq uint64) uint64 {
	for id, w := range ws.byID {
		switch {
		case !w.alive(now):
			delete(ws.byID, id)
		case w.behind():
			seq = min(seq, w.since)
		}
	}
	return seq
}

// watch is a client's request. It acknowledges an answer. again is true if that answer
// must be given once more, and unknown if there is nothing known of the client: then it
// may know anything.
func (ws *watchers) watch(id uint64, ack uint32, now time.Time) (w *watcher, again, unknown bool) {
	w = ws.byID[id]
	if w == nil || !w.alive(now) {
		if len(ws.byID) >= maxWatchers {
			ws.clear(now, 0)
		}
		if len(ws.byID) >= maxWatchers {
			return nil, false, true
		}
		w = &watcher{dirs: make(map[uint64]bool), answer: ack, acked: ack}
		if ws.byID == nil {
			ws.byID = make(map[uint64]*watcher)
		}
		ws.byID[id], unknown = w, true
	}
	w.heard = now
	w.turn++
	if ack == w.answer {
		w.acked, w.told = ack, nil
	}
	return w, w.acked != w.answer, unknown
}

// looked notes that a client may keep something about directories. It reports whether the
// client is a watcher that may.
func (ws *watchers) looked(id uint64, dirs []uint64, now time.Time) bool {
	w := ws.byID[id]
	if w == nil || !w.alive(now) {
		return false
	}
	for _, n := range dirs {
		w.dirs[n] = true
		// It may have read the row after the change, but the answer that says that the row
		// has changed is on its way still: it forgets it needlessly, that is all.
	}
	return true
}

// watch answers WATCH: the port at which this replica alone is asked, and what has changed.
func (v *Server) watch(h *std.Header) []byte {
	q := *h
	*h = std.Header{}
	v.mu.Lock()
	defer v.mu.Unlock()
	d := v.s.dirs[q.Object]
	if d == nil || v.s.svc.Check(&q, d.number, d.secret) != std.OK {
		h.SetStatus(std.CapBad)
		return nil
	}
	if !v.grants() {
		h.SetStatus(std.SoapUnavail)
		return nil
	}
	now := time.Now()
	w, again, unknown := v.watchers.watch(q.Offset, q.Extra, now)
	if w == nil {
		h.SetStatus(std.NoSpace)
		return nil
	}
	turn := w.turn
	v.changed() // what it has acknowledged may be what somebody waits for
	v.await(now.Add(watchHold), func() bool {
		return again || unknown || len(w.pending) > 0 || w.turn != turn || v.watchers.byID[q.Offset] != w
	})
	if !v.grants() || w.turn != turn || v.watchers.byID[q.Offset] != w {
		h.SetStatus(std.SoapUnavail)
		return nil
	}
	if !again {
		slices.Sort(w.pending)
		w.told, w.pending = slices.Compact(w.pending), nil
		w.answer++
	}
	h.Extra = w.answer
	if len(w.told) == 0 {
		w.acked = w.answer // nothing to forget
	}
	if unknown {
		h.Size = 1 // forget everything
	}
	h.SetCapability(capability.Capability{Port: v.replicaPort(v.cfg.Replica).Put()})
	return std.SoapEncode(&w.told)
}

// grants reports whether this replica may let clients keep things: it is in touch with a
// majority, so whoever changes something waits for it. Preconditions: mu is held.
func (v *Server) grants() bool {
	if len(v.cfg.Replicas) == 1 {
		return true
	}
	return v.group != nil && 1+len(v.others()) >= majority(len(v.cfg.Replicas))
}

// clear is up to which update this replica's watchers have forgotten what has changed.
// For a while after the start there may be some that this replica does not know. Preconditions:
// mu is held.
func (v *Server) clear() uint64 {
	if time.Since(v.began) < watchLease+watchMargin && v.recovered {
		return 0
	}
	return v.watchers.clear(time.Now(), v.s.Seq)
}

// forgotten reports whether nobody keeps what an update has changed. Preconditions: mu is
// held.
func (v *Server) forgotten(epoch, seq uint64) bool {
	if v.clear() < seq {
		return false
	}
	for _, n := range v.cfg.Replicas {
		if n == v.cfg.Replica {
			continue
		}
		a, ok := v.last[n]
		if !ok {
			a.at = v.began
		}
		if (a.Group != epoch || a.Clear < seq) && time.Since(a.at) < goneAfter {
			return false
		}
	}
	return true
}
