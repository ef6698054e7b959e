package vm

import "motile/kernel/hw"

// A Store as a cache of a file that is elsewhere: pages that are not there are not
// zeros, but unknown.

// Cached is page i if it is there, or nil.
func (s *Store) Cached(i int) *[pageSize]byte {
	if p := s.frames.get(i); p != 0 {
		return hw.Page(p)
	}
	return nil
}

// Forget gives back the pages from i on, at most n of them. It returns how many there
// were.
func (s *Store) Forget(i, n int) (gone int) {
	for i, p := s.frames.next(i); p != 0 && gone < n; i, p = s.frames.next(i + 1) {
		release(p)
		s.frames.put(i, 0)
		gone++
	}
	if next, p := s.frames.next(0); p == 0 && next == 0 {
		s.frames = nil
	}
	return gone
}

// Still returns what the Store holds of n bytes at off as a file that does not change:
// the same pages, as they are now. It has one user. The Store is not written any more
// before Unshare.
func (s *Store) Still(off, n int64) *Store {
	c := NewStore()
	c.size = s.size
	for i, p := s.frames.next(int(off / pageSize)); p != 0 && int64(i)*pageSize < off+n; i, p = s.frames.next(i + 1) {
		retain(p)
		c.frames.put(i, p)
	}
	c.sealed = true
	return c
}

// Nameless reports whether the Store does not change, and no digest says what is in it:
// its pages are all there is of it.
func (s *Store) Nameless() bool { return s.sealed && s.Digest == Digest{} }

// SealNameless makes a Store that was written one that does not change.
func (s *Store) SealNameless() { s.sealed = true }
