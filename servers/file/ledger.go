package file

import "container/list"

// ledger knows what a server's storage does not have yet, and what of the contents is in
// memory. A nil ledger is that of a server without storage: it knows nothing.
type ledger struct {
	seq    uint64          // counts changes
	safe   uint64          // all up to this one are on stable storage
	inodes []*inode        // those that have changed since the last cut
	gone   []uint64        // those that went
	head   bool            // what belongs to no inode has changed
	parts  map[uint64]bool // of the table, that have changed since the last checkpoint
	trash  []File          // Bullet files that nobody needs when the next cut is safe

	unsafe   int64     // bytes of contents that are in no cut
	resident int64     // bytes of contents in memory
	spare    int64     // of these, what can be read again
	cache    list.List // blocks that are in memory, the last used first
}

// partInodes is how many numbers of inodes a part of the table is for.
const partInodes = 256

// note notes that something of an inode has changed.
func (l *ledger) note(n *inode) {
	if l == nil {
		return
	}
	l.seq++
	if !n.noted {
		n.noted = true
		l.inodes = append(l.inodes, n)
		l.parts[n.number/partInodes] = true
	}
}

// noteHead notes that something has changed that belongs to no inode.
func (l *ledger) noteHead() {
	if l != nil {
		l.seq++
		l.head = true
	}
}

// remove notes that an inode is gone.
func (l *ledger) remove(n *inode) {
	if l == nil {
		return
	}
	l.seq++
	l.gone = append(l.gone, n.number)
	l.parts[n.number/partInodes] = true
	for _, b := range n.blocks {
		l.forget(b)
	}
}

// use notes that a block was used.
func (l *ledger) use(b *block) {
	switch {
	case l == nil || b.data == nil:
	case b.place == nil:
		b.place = l.cache.PushFront(b)
	default:
		l.cache.MoveToFront(b.place)
	}
}

// weigh counts a block anew.
func (l *ledger) weigh(b *block) {
	w := weight{resident: int64(cap(b.data))}
	if b.dirty {
		w.unsafe = int64(len(b.data))
	}
	if b.again() {
		w.spare = w.resident
	}
	l.resident += w.resident - b.weight.resident
	l.unsafe += w.unsafe - b.weight.unsafe
	l.spare += w.spare - b.weight.spare
	b.weight = w
}

// again reports whether a block can be read again.
func (b *block) again() bool { return !b.dirty && !b.shared && !b.logged && !b.file.IsNull() }

// forget notes that a file has a block no more.
func (l *ledger) forget(b *block) {
	if l == nil {
		return
	}
	b.gone, b.dirty, b.data = true, false, nil
	l.weigh(b)
	if b.place != nil {
		l.cache.Remove(b.place)
		b.place = nil
	}
	if !b.file.IsNull() {
		l.trash = append(l.trash, b.file)
		b.file = File{}
	}
}

// shrink drops blocks from memory that can be read again, the longest unused first, until
// they take no more than so many bytes.
func (l *ledger) shrink(most int64) {
	for e := l.cache.Back(); e != nil && l.spare > most; {
		b := e.Value.(*block)
		e = e.Prev()
		if !b.again() {
			continue
		}
		l.cache.Remove(b.place)
		b.place, b.data = nil, nil
		l.weigh(b)
	}
}

// clean reports whether storage has all.
func (l *ledger) clean() bool { return l == nil || len(l.inodes) == 0 && len(l.gone) == 0 && !l.head }
