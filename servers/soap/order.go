package soap

import (
	"errors"
	"time"

	"motile/ipc/std"
)

// How updates get their place among all. A member of a group has one message under way:
// updates that come meanwhile go together in the next. Whoever comes when none is under
// way sends it, so that no goroutine belongs to this.

// pending is an update that a client of this replica waits for.
type pending struct {
	u *Update

	sent   bool
	in     *membership // the group that it was sent to; nil: there is one replica only
	status std.Status  // of sending it

	reply      std.Header
	epoch, seq uint64 // of the state when it was carried out; seq 0: it has not been yet
}

// order sends an update to the group, or carries it out if there is none to agree with.
// Preconditions: mu is held.
func (v *Server) order(p *pending, deadline time.Time) std.Status {
	if len(v.cfg.Replicas) == 1 {
		v.apply(p.u)
		v.changed()
		return std.OK
	}
	for !p.sent {
		if !v.await(deadline, func() bool { return p.sent || !v.sending }) {
			return std.SoapUnavail // somebody may be sending it still
		}
		if !p.sent {
			v.sendAll(deadline)
		}
	}
	return p.status
}

// sendAll sends the updates that are waiting for it, as many as one message holds.
// Preconditions: mu is held, and nobody is sending.
func (v *Server) sendAll(deadline time.Time) {
	var batch []*pending
	var all journal
	for _, p := range v.pending {
		if !p.sent && all.add(p.u, std.SoapMaxData) {
			batch = append(batch, p)
		}
	}
	h, data := std.Header{Command: msgUpdates}, all.b
	if len(batch) == 0 { // one that is as long as may be
		for _, p := range v.pending {
			if !p.sent {
				batch = append(batch, p)
				break
			}
		}
	}
	if len(batch) == 1 {
		h, data = batch[0].u.Header, batch[0].u.Encode()
	}
	v.sending = true
	v.mu.Unlock()
	m, st := v.send(&h, data, deadline)
	v.mu.Lock()
	v.sending = false
	for _, p := range batch {
		p.sent, p.in, p.status = true, m, st
	}
	v.changed()
}

// send gives a message to the group. It may be ordered twice: updates have numbers.
func (v *Server) send(h *std.Header, data []byte, deadline time.Time) (*membership, std.Status) {
	for {
		v.mu.Lock()
		m := v.group
		v.mu.Unlock()
		if m == nil {
			return nil, std.SoapUnavail
		}
		if in, err := m.g.Info(); err != nil || in.Total < majority(len(v.cfg.Replicas)) {
			return nil, std.SoapUnavail
		}
		sent := *h // the kernel puts the reply there
		err := m.g.Send(&sent, data)
		switch {
		case err == nil:
			return m, std.OK
		case errors.Is(err, std.BCTooBig):
			return nil, std.Overflow
		case time.Now().After(deadline):
			return nil, std.SoapUnavail
		}
		time.Sleep(10 * time.Millisecond) // receive calls for a reset
	}
}
