package bullet

import (
	"motile/ipc/capability"
	"motile/ipc/std"
)

// How files change that are not committed. Of one that is, a copy is made, and changed:
// the result is another file. Only who holds file.change touches an open file's blocks,
// size and sum.

// modify overwrites bytes from an offset on, which may be the size; insert puts them
// between; cutOut takes some away.

func (s *Store) modify(f *file, off uint64, data []byte, flags uint32) (capability.Capability, std.Status) {
	return s.revise(f, flags, func(g *file) std.Status {
		if off > g.size {
			return std.ArgBad
		}
		end := max(g.size, off+uint64(len(data)))
		if st := s.grow(g, blocksOf(end)); st != std.OK {
			return st
		}
		if err := s.writeRange(g, off, data); err != nil {
			return s.failed(err)
		}
		switch {
		case off == g.size:
			g.sum = checksum(g.sum, data)
		case len(data) > 0:
			g.summed = false
		}
		g.size = end
		return std.OK
	})
}

func (s *Store) insert(f *file, off uint64, data []byte, flags uint32) (capability.Capability, std.Status) {
	return s.revise(f, flags, func(g *file) std.Status {
		if off > g.size {
			return std.ArgBad
		}
		n := uint64(len(data))
		if st := s.grow(g, blocksOf(g.size+n)); st != std.OK {
			return st
		}
		p := make([]byte, chunkSize)
		for at := g.size; at > off; { // from the end, so that nothing is lost
			piece := p[:min(at-off, chunkSize)]
			at -= uint64(len(piece))
			if err := s.shift(g, at, at+n, piece); err != nil {
				return s.failed(err)
			}
		}
		if err := s.writeRange(g, off, data); err != nil {
			return s.failed(err)
		}
		g.size, g.summed = g.size+n, g.summed && n == 0
		return std.OK
	})
}

func (s *Store) cutOut(f *file, off, n uint64, flags uint32) (capability.Capability, std.Status) {
	return s.revise(f, flags, func(g *file) std.Status {
		if off > g.size {
			return std.ArgBad
		}
		n := min(n, g.size-off)
		p := make([]byte, chunkSize)
		for at := off + n; at < g.size; {
			piece := p[:min(g.size-at, chunkSize)]
			if err := s.shift(g, at, at-n, piece); err != nil {
				return s.failed(err)
			}
			at += uint64(len(piece))
		}
		g.size, g.summed = g.size-n, g.summed && n == 0
		return std.OK
	})
}

// shift copies bytes of a file that lie behind its size for as long as the change takes.
func (s *Store) shift(g *file, from, to uint64, piece []byte) error {
	if err := s.readRange(g.ext, from, piece); err != nil {
		return err
	}
	return s.writeRange(g, to, piece)
}

// revise carries a change out, on the file itself or on a copy, and commits the result
// if flags say so.
func (s *Store) revise(f *file, flags uint32, op func(g *file) std.Status) (capability.Capability, std.Status) {
	g, st := s.draft(f)
	if st != std.OK {
		return capability.Capability{}, st
	}
	defer g.change.Unlock()
	if st = op(g); st == std.OK && flags&std.BulletCommit != 0 {
		st = s.complete(g)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpin(g.ext)
	if st == std.OK {
		st = s.finish(g, flags)
	}
	if st != std.OK && g != f && !g.gone {
		s.remove(g)
	}
	if st != std.OK {
		return capability.Capability{}, st
	}
	return s.owner(g), std.OK
}

// draft is the file to be changed, whose lock the caller has then, and whose blocks are
// pinned: f if it is open, else a copy.
func (s *Store) draft(f *file) (*file, std.Status) {
	f.change.Lock()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case f.gone:
		f.change.Unlock()
		return nil, std.CapBad
	case f.open:
		s.pin(f)
		return f, std.OK
	}
	f.change.Unlock()
	from := s.pin(f)
	defer s.unpin(from)
	g, st := s.add(blocksOf(f.size))
	if st != std.OK {
		return nil, st
	}
	held := f.held
	s.mu.Unlock()
	g.change.Lock()
	var err error
	if held != nil { // its blocks may not have it yet
		err = s.fill(g.ext, held)
	} else {
		err = s.copyBlocks(from.start, g.ext.start, from.n)
	}
	s.mu.Lock()
	if err != nil {
		s.unpin(g.ext)
		s.remove(g)
		g.change.Unlock()
		return nil, s.fail(err)
	}
	g.size, g.sum = f.size, f.sum
	return g, std.OK
}

// complete makes an open file what a committed one is: its sum is known, and it has no
// more blocks than it needs.
func (s *Store) complete(g *file) std.Status {
	if !g.summed {
		p := make([]byte, chunkSize)
		g.sum = 0
		for off := uint64(0); off < g.size; off += chunkSize {
			piece := p[:min(g.size-off, chunkSize)]
			if s.readRange(g.ext, off, piece) != nil {
				return std.SysErr
			}
			g.sum = checksum(g.sum, piece)
		}
		g.summed = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.gone {
		return std.CapBad
	}
	e, need := g.ext, blocksOf(g.size)
	s.space.give(e.start+need, e.n-need)
	if e.n = need; need == 0 {
		e.start = s.sb.data
	}
	return std.OK
}

// grow gives an open file so many blocks at least. One that grows again and again is
// given as many again, so that it need not be moved each time; it gives back what it does
// not use when it is committed.
func (s *Store) grow(g *file, need uint64) std.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := g.ext
	switch {
	case g.gone:
		return std.CapBad
	case need <= e.n:
		return std.OK
	}
	for _, want := range []uint64{max(need, 2*e.n), need} {
		if e.n > 0 && s.space.extend(e.end(), want-e.n) {
			e.n = want
			return std.OK
		}
	}
	bigger, ok := s.room(max(need, 2*e.n))
	if !ok {
		if bigger, ok = s.room(need); !ok {
			return std.NoSpace
		}
	}
	s.mu.Unlock()
	err := s.copyBlocks(e.start, bigger.start, min(e.n, blocksOf(g.size)))
	s.mu.Lock()
	switch {
	case err != nil:
		s.drop(bigger)
		return s.fail(err)
	case g.gone: // and its blocks with it
		s.drop(bigger)
		return std.CapBad
	}
	bigger.pins, g.ext = e.pins, bigger
	e.pins = 0
	s.drop(e)
	return std.OK
}

func (s *Store) failed(err error) std.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fail(err)
}

// copyBlocks copies blocks that others lie beside.
func (s *Store) copyBlocks(from, to, n uint64) error {
	p := make([]byte, min(n*blockSize, chunkSize))
	for n > 0 {
		piece := min(n, std.DiskMost)
		if err := s.disk.Read(from, p[:piece*blockSize]); err != nil {
			return err
		}
		if err := s.disk.Write(to, p[:piece*blockSize]); err != nil {
			return err
		}
		from, to, n = from+piece, to+piece, n-piece
	}
	return nil
}

// readRange reads bytes, of any number from any offset.
func (s *Store) readRange(e *extent, off uint64, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	first, last := off/blockSize, blocksOf(off+uint64(len(p)))
	buf := make([]byte, (last-first)*blockSize)
	if err := s.disk.Read(e.start+first, buf); err != nil {
		return err
	}
	copy(p, buf[off-first*blockSize:])
	return nil
}

// writeRange writes bytes, of any number at any offset; what is beside them in the blocks
// at both ends stays.
func (s *Store) writeRange(g *file, off uint64, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	end := off + uint64(len(p))
	first, last := off/blockSize, blocksOf(end)
	buf := make([]byte, (last-first)*blockSize)
	start := g.ext.start
	if off%blockSize != 0 {
		if err := s.disk.Read(start+first, buf[:blockSize]); err != nil {
			return err
		}
	}
	if end%blockSize != 0 && (last-1 > first || off%blockSize == 0) {
		if err := s.disk.Read(start+last-1, buf[len(buf)-blockSize:]); err != nil {
			return err
		}
	}
	copy(buf[off-first*blockSize:], p)
	return s.disk.Write(start+first, buf)
}
