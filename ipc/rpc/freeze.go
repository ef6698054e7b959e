package rpc

// A move, as RPC sees it. On the source: Freeze, Export, and after the commit
// Remove, or after an abort Thaw. On the target: Import, and after the commit
// Activate, or after an abort Remove. In between the box answers BUSY for the
// endpoint, and no timer of the endpoint runs. After Thaw and after Activate the
// same thing happens: every transaction is taken up again from its state, without
// knowing which of its messages are still under way.

// Freeze stops an endpoint. Calls for it are refused until Thaw.
func (m *Machine) Freeze(now int64, ep *Endpoint) {
	if ep.phase != running {
		return
	}
	for _, c := range ep.clients {
		if c != nil {
			m.freezeClient(now, c)
		}
	}
	for _, s := range ep.servers {
		if s != nil {
			m.unlistServer(s) // it stays waiting
		}
	}
	m.box.Freeze(now, ep.addr)
	ep.phase = frozen
	ep.stopped = now
	ep.rows.all(func(r *row) {
		m.timers.Stop(&r.timer)
		r.handle = 0
		m.dropParts(now, &r.out)
		if r.phase == working {
			m.watchFrozen(now, r)
		}
	})
	// Clients here that wait for the port do better to wait for the move.
	for _, b := range ep.bindings {
		m.kickWaiters(now, b.port)
	}
	m.Drain(now)
}

// freezeClient settles the times of a slot and stops its timer. A request that
// has not left, because FLIP was still looking for the server, goes back to seeking.
func (m *Machine) freezeClient(now int64, c *client) {
	m.sendPendingAck(now, c)
	switch c.phase {
	case sent:
		if c.tries == 1 && m.box.Unsent(c.handle) {
			c.phase = seeking
			c.since = c.heard
			m.charge(now, c)
		}
	case seeking:
		m.charge(now, c)
	}
	m.stopWaiting(c)
	c.handle = 0
	m.dropParts(now, &c.out)
	m.timers.Stop(&c.timer)
	if c.limit != nil {
		m.timers.Stop(&c.limit.timer)
	}
}

// watchFrozen makes a client of this node ask for signs of life, as if it had
// been on another node all along, now that its server is about to leave.
func (m *Machine) watchFrozen(now int64, r *row) {
	ce := m.localClient(r)
	if ce == nil {
		return
	}
	if c := ce.clientAt(r.slot); c != nil && c.tid == r.tid && c.phase == served && !c.timer.Armed() {
		c.heard = now
		m.timers.Set(&c.timer, now+enquireEvery)
	}
}

// Thaw lets a frozen endpoint go on where it is, as if nothing had happened.
func (m *Machine) Thaw(now int64, ep *Endpoint) {
	if ep.phase != frozen {
		return
	}
	ep.phase = running
	if ep.silent {
		ep.silent = false
		m.box.Import(now, ep.identity)
	} else {
		m.box.Thaw(now, ep.addr)
	}
	m.resume(now, ep)
	m.Drain(now)
}

// Silence makes the box answer NOTHERE for a frozen endpoint instead of BUSY: it
// may be that it has moved, but nobody can say. Thaw and Remove end it.
func (m *Machine) Silence(now int64, ep *Endpoint) {
	id, ok := m.box.Export(ep.addr)
	if ep.phase != frozen || !ok {
		return
	}
	ep.identity, ep.silent = id, true
	m.box.Unregister(now, ep.addr)
	m.Drain(now)
}

// Activate starts an imported endpoint: from now on it is here. It reports false
// if the address is registered here already.
func (m *Machine) Activate(now int64, ep *Endpoint) bool {
	if ep.phase != imported || !m.box.Import(now, ep.identity) {
		return false
	}
	ep.phase = running
	m.resume(now, ep)
	m.Drain(now)
	return true
}

// Remove forgets an endpoint that has moved away, or that was imported in vain.
// From now on the box answers NOTHERE for it.
func (m *Machine) Remove(now int64, ep *Endpoint) {
	if ep.phase != frozen && ep.phase != imported {
		return
	}
	for _, s := range ep.servers {
		if s != nil {
			s.phase, s.row = notServing, nil
		}
	}
	ports := ep.bindings
	ep.bindings = nil
	for _, b := range ports {
		b.port.bindings = without(b.port.bindings, b)
	}
	m.leave(now, ep)
	m.Drain(now)
}

// resume takes up everything an endpoint was doing when it was stopped.
func (m *Machine) resume(now int64, ep *Endpoint) {
	pause := now - ep.stopped
	ep.rows.all(func(r *row) {
		r.at += pause
		switch {
		case r.phase == replied && r.tries > 0:
			m.startReply(now, r)
		case r.phase == receiving:
			r.heard = now
			m.receiveAgain(now, r)
		}
	})
	for _, b := range ep.bindings {
		b.lastUse += pause
	}
	for _, c := range ep.clients {
		if c != nil {
			m.resumeLimit(c, pause)
			m.resumeClient(now, c)
		}
	}
	for _, s := range ep.servers {
		if s != nil && s.phase == waiting {
			m.listServer(s)
			m.offer(now, s.binding.port)
		}
	}
	for _, b := range ep.bindings {
		if b.always {
			m.kickWaiters(now, b.port)
		}
	}
	m.armSweep(now)
}

// resumeClient takes up a transaction: it looks for a server again, or asks the
// one that may have answered meanwhile.
func (m *Machine) resumeClient(now int64, c *client) {
	c.unclean = true
	c.heard = now
	switch c.phase {
	case seeking:
		m.seek(now, c)
	case sent:
		m.serverSilent(now, c)
	case served:
		if m.localRow(c) == nil {
			c.tries = 0
			m.serverSilent(now, c)
		}
	case fetching:
		m.fetchAgain(now, c)
	}
}
