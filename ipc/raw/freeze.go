package raw

import "motile/ipc/flip"

// A move. On the source: Freeze, Export, and after the commit Remove, or after an
// abort Thaw. On the target: Import, and after the commit Activate, or after an abort
// Remove. In between the box answers BUSY for the endpoints that have an address of
// their own; multicasts and broadcasts are lost, as FLIP may lose any.

// leastPatience, in ns, is what a message keeps that was looked for when its sender
// was frozen: how long it was held back by BUSY before that is not known.
const leastPatience = 1e9

// Freeze stops a process's endpoints. Messages that have left are FLIP's; those that
// wait for their destination, or are under way in fragments, are held back, and begin
// anew wherever the process goes on.
func (m *Machine) Freeze(now int64, p *Process) {
	if p.phase != running {
		return
	}
	keep := p.sent[:0]
	for _, s := range p.sent {
		switch m.box.State(s.handle) {
		case flip.Gone, flip.OnWire:
			p.drop(s)
			continue
		case flip.Locating:
			if s.patience == 0 {
				s.patience = flip.LocateDefault
			}
			s.patience = max(s.patience-(now-s.at), leastPatience) // under BUSY it stood still
		}
		s.handle = 0 // Box.Freeze cancels it
		keep = append(keep, s)
	}
	clear(p.sent[len(keep):])
	p.sent = keep
	for e := range p.all {
		if e.sort == own {
			m.box.Freeze(now, e.public)
		}
	}
	p.phase = frozen
}

// Thaw lets a frozen process go on where it is.
func (m *Machine) Thaw(now int64, p *Process) {
	switch p.phase {
	case frozen:
		for e := range p.all {
			if e.sort == own {
				m.box.Thaw(now, e.public)
			}
		}
	case silent:
		m.register(now, p)
	default:
		return
	}
	m.goOn(now, p)
}

// Silence makes the box answer NOTHERE for a frozen process's endpoints instead of
// BUSY: it may be that it has moved, but nobody can say.
func (m *Machine) Silence(now int64, p *Process) {
	if p.phase != frozen {
		return
	}
	for e := range p.all {
		switch e.sort {
		case own:
			e.identity, _ = m.box.Export(e.public)
			m.box.Unregister(now, e.public)
		case group:
			m.box.Leave(now, e.public)
		}
	}
	p.phase = silent
}

// Activate starts an imported process: from now on its endpoints are here. It reports
// false if one of the addresses is registered here already, and is not heard there.
func (m *Machine) Activate(now int64, p *Process) bool {
	if p.phase != imported {
		return false
	}
	ok := m.register(now, p)
	m.goOn(now, p)
	return ok
}

// register enters the endpoints of a process in the box.
func (m *Machine) register(now int64, p *Process) bool {
	ok := true
	for e := range p.all {
		switch e.sort {
		case own:
			ok = m.box.Import(now, e.identity) && ok
		case group:
			ok = m.box.Join(now, e.public) && ok
		}
	}
	return ok
}

// goOn sends what was held back. The caller has registered the endpoints.
func (m *Machine) goOn(now int64, p *Process) {
	p.phase = running
	held := p.sent
	p.sent, p.sentBytes = nil, 0
	for _, s := range held {
		m.transmit(now, p, s)
	}
}

// Remove forgets a process that has moved away, or that was imported in vain.
func (m *Machine) Remove(now int64, p *Process) {
	if p.phase == running || p.phase == closed {
		return
	}
	for e := range p.all {
		m.unlist(now, e)
	}
	p.sent, p.spare = nil, nil
	p.interfaces = [MaxInterfaces]*iface{}
	m.forget(p)
}
