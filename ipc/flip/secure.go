package flip

// A network may be trusted or not. Secure messages cross trusted ones only: their
// frames say so (SECURITY), and boxes put them on no other link. What crosses an
// untrusted network is marked (UNSAFE) by the box that sends it there, so that
// everybody learns which ways are safe. A router that has unsafe ways only answers
// UNTRUSTED, which promises what NOTHERE does.

func (m *message) security() uint8 { return securityFlag(m.secure) }
func (s *Send) security() uint8    { return securityFlag(s.Secure) }

func securityFlag(secure bool) uint8 {
	if secure {
		return FlagSecurity
	}
	return 0
}

// gotUntrusted follows a refusal by a router that has only unsafe ways: the one over
// it is marked, and the message looks for another.
func (b *Box) gotUntrusted(now int64, in hop, h *Header) {
	b.Stats.UntrustedIn++
	m := b.refused(in, h)
	if m == nil || !m.secure {
		return
	}
	for i := range m.dst.locs[:m.dst.nlocs] {
		if loc := &m.dst.locs[i]; loc.hop == in {
			loc.unsafe = true
		}
	}
	if m.where == inWindow && m.bulk.mayHaveArrived() {
		m.unsure = true
	}
	b.recall(now, m)
	if _, ok := m.dst.way(true); !ok {
		b.giveUp(now, m, Unsafe)
		return
	}
	b.dispatch(now, m)
}

// flushUnsafe sends what waits for d and need not be secure.
func (b *Box) flushUnsafe(now int64, d *dest) {
	for m := d.queue.head; m != nil; {
		next := m.next
		if !m.secure && m.listeners == 0 {
			d.queue.remove(m)
			b.dispatch(now, m)
		}
		m = next
	}
}
