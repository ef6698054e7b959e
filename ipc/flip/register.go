package flip

// local is an address registered at this box.
type local struct {
	addr    Address
	private Address // null for group addresses and RegisterPublic
	epoch   uint32  // moves so far
	messid  uint64  // of the last message sent
	frozen  bool
	members int // of a group address: registrations here; else 0
}

// Register starts listening on the public half of a private address and returns
// it. The caller keeps the private half secret. It reports false for the null
// address and for one that is registered already.
func (b *Box) Register(now int64, private Address) (public Address, ok bool) {
	l := &local{addr: private.Public(), private: private, messid: b.cfg.Rand()}
	return l.addr, b.adopt(now, l)
}

// RegisterPublic listens on an address whose private half nobody knows, such as
// one computed from a pid. The epoch counts its moves.
func (b *Box) RegisterPublic(now int64, addr Address, epoch uint32) bool {
	return b.adopt(now, &local{addr: addr, epoch: epoch, messid: b.cfg.Rand()})
}

// Join makes the box deliver multicasts for a group address. It counts: the
// address stays until Leave was called as often.
func (b *Box) Join(now int64, group Address) bool {
	if d := b.dests.Get((*[16]byte)(&group)); d != nil && d.local != nil {
		if d.local.members == 0 {
			return false
		}
		d.local.members++
		return true
	}
	return b.adopt(now, &local{addr: group, members: 1})
}

// Leave undoes one Join.
func (b *Box) Leave(now int64, group Address) {
	if l := b.local(&group); l != nil && l.members > 0 {
		if l.members--; l.members == 0 {
			b.disown(now, group)
		}
	}
}

// Unregister stops listening: from now on data for the address is answered with
// NOTHERE. Messages it was sending are dropped without notice. Messages from
// other addresses of this box that wait for it go where it lives now.
func (b *Box) Unregister(now int64, addr Address) {
	if l := b.local(&addr); l != nil && l.members == 0 {
		b.disown(now, addr)
	}
}

// Freeze makes the box answer BUSY for the address, to data and to LOCATE,
// until Thaw or Unregister. What was arriving is dropped, and its sender keeps
// it. What the address was sending is dropped as well: the protocol above
// remembers it, and sends it again after Thaw or, if the address moves, at its
// new place. So nothing in the box but an Identity needs to move.
func (b *Box) Freeze(now int64, addr Address) {
	if l := b.local(&addr); l != nil && l.members == 0 && !l.frozen {
		l.frozen = true
		b.dropJoins(&addr)
		b.cancelFrom(now, l)
	}
}

// Thaw undoes Freeze and tells everybody, so that those who wait need not ask.
func (b *Box) Thaw(now int64, addr Address) {
	d := b.dests.Get((*[16]byte)(&addr))
	if d == nil || d.local == nil || !d.local.frozen {
		return
	}
	d.local.frozen = false
	d.epoch, d.nlocs = d.local.epoch, 0 // a place learnt meanwhile was somebody's mistake
	b.Announce(now, addr)
	b.flush(now, d)
}

// Frozen reports whether the address is registered here and frozen.
func (b *Box) Frozen(addr Address) bool {
	l := b.local(&addr)
	return l != nil && l.frozen
}

// An Identity is what belongs to an address rather than to a box, and so moves
// with it. The messid counter is part of it: if it started again, boxes that
// remember recent messages would take new ones for duplicates.
type Identity struct {
	Private Address // null if only the public half is known
	Public  Address
	Epoch   uint32
	MessID  uint64
}

// Export returns the identity of an address that is registered here.
func (b *Box) Export(addr Address) (Identity, bool) {
	l := b.local(&addr)
	if l == nil || l.members > 0 {
		return Identity{}, false
	}
	return Identity{Private: l.private, Public: l.addr, Epoch: l.epoch, MessID: l.messid}, true
}

// Import registers an address that moved here and tells everybody. The epoch
// must be greater than at the place it left, which must be frozen or gone.
func (b *Box) Import(now int64, id Identity) bool {
	if !id.Private.IsNull() && id.Private.Public() != id.Public {
		return false
	}
	l := &local{addr: id.Public, private: id.Private, epoch: id.Epoch, messid: id.MessID}
	if !b.adopt(now, l) {
		return false
	}
	b.Announce(now, id.Public)
	return true
}

// adopt enters a local address and delivers what waited for it.
func (b *Box) adopt(now int64, l *local) bool {
	if l.addr.IsNull() {
		return false
	}
	d := b.lookupOrAdd(now, &l.addr)
	if d.local != nil {
		return false
	}
	b.remote--
	d.local = l
	d.nlocs = 0
	d.epoch = l.epoch
	b.flush(now, d)
	return true
}

// disown removes a local address and forwards what waited for it.
func (b *Box) disown(now int64, addr Address) {
	d := b.dests.Get((*[16]byte)(&addr))
	b.dropJoins(&addr)
	d.local.frozen = true
	b.cancelFrom(now, d.local)
	b.remote++
	d.local = nil
	b.flush(now, d) // to the place it announced, or else by LOCATE
}

// local returns the registration of an address, or nil.
func (b *Box) local(addr *Address) *local {
	if d := b.dests.Get((*[16]byte)(addr)); d != nil {
		return d.local
	}
	return nil
}

// nextID returns the next message number of the address.
func (l *local) nextID() uint64 {
	l.messid++
	return l.messid
}
