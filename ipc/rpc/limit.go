package rpc

import (
	"motile/ipc/internal/deadline"
	"motile/ipc/std"
)

// limit is the deadline of a transaction. Patience ends the search for a server
// and stands still under BUSY; a deadline is the caller's own, and runs whatever
// the server does. It stands still only while its process does.
type limit struct {
	c     *client
	timer deadline.Timer
	at    int64 // kept when the timer stands
}

// limit sets a transaction's deadline.
func (m *Machine) limit(now int64, c *client, d int64) {
	if c.limit == nil {
		c.limit = &limit{c: c}
		c.limit.timer.Owner = c.limit
	}
	c.limit.at = after(now, d)
	m.timers.Set(&c.limit.timer, c.limit.at)
}

// limitExpired ends a transaction whose time is over. The server, if one may have
// the request, is told once; should that be lost, it works in vain.
func (m *Machine) limitExpired(now int64, c *client) {
	if m.unasked(c) {
		m.finishTrans(now, c, std.RPCNotFound)
		return
	}
	if c.phase == sent || c.phase == served {
		c.signals++
		if r := m.localRow(c); r != nil {
			m.signalServer(r)
		} else {
			typ := Enquire
			if c.phase == sent {
				typ = Received
			}
			m.query(now, c, typ)
			c.handle = 0 // it is to arrive, though nobody waits for the answer
		}
	}
	m.finishTrans(now, c, std.RPCFailure)
}

// timeLeft is what is left of a transaction's deadline when its endpoint stopped,
// or -1 if it has none.
func (c *client) timeLeft(stopped int64) int64 {
	if c.limit == nil || c.phase == idle || c.limit.at == 0 {
		return -1
	}
	return max(c.limit.at-stopped, 0)
}

// resumeLimit lets a deadline run again after a pause.
func (m *Machine) resumeLimit(c *client, pause int64) {
	if c.limit != nil && c.limit.at != 0 {
		c.limit.at = after(c.limit.at, pause)
		m.timers.Set(&c.limit.timer, c.limit.at)
	}
}
