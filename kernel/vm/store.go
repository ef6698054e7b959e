package vm

import "motile/kernel/hw"

// MaxStore bounds the size of a Store: a move numbers its pages in 28 bits.
const MaxStore = 1 << 40

// Digest names a file's content: SHA-256, computed where the file was packed.
// The zero Digest means that none is known.
type Digest [32]byte

// Store is the pages of a file or of shared memory. Many processes may map it;
// a page is in memory once.
//
// A Store over a source is a file of the boot archive: immutable, its pages
// made on first use, or mapped where they lie when the archive has them aligned.
// One without a source is writable memory: zero until written.
type Store struct {
	Digest Digest // of the content, for immutable files

	size   int64
	source []byte
	direct hw.PFN // frame of source[0] if that is page-aligned, else 0
	frames pageIndex
	sealed bool // complete: it does not change any more
	users  int  // files and regions that hold the Store
}

// NewStore returns an empty, writable Store with one user.
func NewStore() *Store { return &Store{users: 1} }

// NewFile returns the Store of an immutable file with one user. first is the
// frame that holds src[0], or 0 when src is not page-aligned.
func NewFile(src []byte, first hw.PFN, d Digest) *Store {
	return &Store{Digest: d, size: int64(len(src)), source: src, direct: first, users: 1}
}

// Immutable reports whether the Store is a file that cannot change.
func (s *Store) Immutable() bool { return s.source != nil || s.sealed }

// Seal makes a Store that was written an immutable file with that digest.
func (s *Store) Seal(d Digest) { s.sealed, s.Digest = true, d }

// Users is how many files and regions hold the Store.
func (s *Store) Users() int { return s.users }

// Size is the length in bytes.
func (s *Store) Size() int64 { return s.size }

// Retain adds a user.
func (s *Store) Retain() { s.users++ }

// Release drops a user; with the last one the pages go.
func (s *Store) Release() {
	if s.users--; s.users > 0 {
		return
	}
	s.frames.cut(0)
}

// page returns the frame of page i for mapping or reading; with write, one that
// may be written. 0 means no memory. A page wholly beyond the end does not exist:
// callers check the size.
func (s *Store) page(i int, write bool) hw.PFN {
	if p := s.frames.get(i); p != 0 {
		return p
	}
	off := i * hw.PageSize
	if s.direct != 0 && off+hw.PageSize <= len(s.source) {
		return s.direct + hw.PFN(i)
	}
	p := alloc(true)
	if p == 0 {
		return 0
	}
	if off < len(s.source) {
		copy(hw.Page(p)[:], s.source[off:])
	}
	s.frames.put(i, p)
	return p
}

// Resident reports how many frames the Store holds.
func (s *Store) Resident() (n int) {
	for i, p := s.NextPage(0); p != 0; i, p = s.NextPage(i + 1) {
		n++
	}
	return n
}

// ReadAt copies from the Store; holes read as zeros. It returns the number of
// bytes, 0 at or beyond the end.
func (s *Store) ReadAt(dst []byte, off int64) int {
	if off >= s.size {
		return 0
	}
	if n := s.size - off; int64(len(dst)) > n {
		dst = dst[:n]
	}
	if s.source != nil {
		return copy(dst, s.source[off:])
	}
	for done := 0; done < len(dst); {
		i, in := int((off+int64(done))/hw.PageSize), int((off+int64(done))%hw.PageSize)
		n := min(hw.PageSize-in, len(dst)-done)
		if p := s.frames.get(i); p != 0 {
			copy(dst[done:done+n], hw.Page(p)[in:])
		} else {
			clear(dst[done : done+n])
		}
		done += n
	}
	return len(dst)
}

// WriteAt copies into the Store, growing it. It returns how many bytes were
// written: fewer than asked only when memory ran out.
func (s *Store) WriteAt(src []byte, off int64) int {
	done := 0
	for done < len(src) {
		i, in := int((off+int64(done))/hw.PageSize), int((off+int64(done))%hw.PageSize)
		p := s.page(i, true)
		if p == 0 {
			break
		}
		done += copy(hw.Page(p)[in:], src[done:])
	}
	s.size = max(s.size, off+int64(done))
	return done
}

// Unshare makes the pages of n bytes at off the Store's alone, so that they can be
// written: Share may have given them away. For a Store that nobody maps. It reports
// false when memory is short.
func (s *Store) Unshare(off, n int64) bool {
	for i, p := s.frames.next(int(off / hw.PageSize)); p != 0 && int64(i)*hw.PageSize < off+n; i, p = s.frames.next(i + 1) {
		if exclusive(p) {
			continue
		}
		q := alloc(false)
		if q == 0 {
			return false
		}
		*hw.Page(q) = *hw.Page(p)
		s.frames.put(i, q)
		release(p)
	}
	return true
}

// Truncate sets the size. Bytes beyond a smaller size are gone: growing again
// shows zeros.
func (s *Store) Truncate(size int64) {
	if size < s.size {
		keep := int((size + hw.PageSize - 1) / hw.PageSize)
		s.frames.cut(keep)
		if in := int(size % hw.PageSize); in != 0 {
			if p := s.frames.get(keep - 1); p != 0 {
				clear(hw.Page(p)[in:])
			}
		}
	}
	s.size = size
}

// SetSize makes an empty Store size bytes long: shared memory, all holes.
func (s *Store) SetSize(size int64) { s.size = size }

// Copy returns a writable Store with the same contents and one user, nil when memory is
// short.
func (s *Store) Copy() *Store {
	c := NewStore()
	c.size = s.size
	for i, p := s.frames.next(0); p != 0; i, p = s.frames.next(i + 1) {
		q := alloc(false)
		if q == 0 {
			c.Release()
			return nil
		}
		*hw.Page(q) = *hw.Page(p)
		c.frames.put(i, q)
	}
	return c
}
