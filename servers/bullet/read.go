package bullet

import (
	"sync"

	"motile/ipc/std"
)

// read reads from an offset of a committed file, as much as is there.
func (s *Store) read(f *file, p []byte, off uint64) (int, std.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case f.gone:
		return 0, std.CapBad
	case f.open:
		return 0, std.NotNow
	case off > f.size:
		return 0, std.ArgBad
	}
	p = p[:min(uint64(len(p)), f.size-off)]
	s.stats.reads++
	s.stats.readBytes += uint64(len(p))
	if f.held != nil {
		return copy(p, f.held[off:]), std.OK
	}
	if len(p) == 0 {
		return 0, std.OK
	}
	from, to := off/chunkSize, (off+uint64(len(p))-1)/chunkSize
	chunks, missing := s.cache.take(f, from, to)
	s.stats.hits += uint64(len(chunks) - len(missing))
	s.stats.misses += uint64(len(missing))
	onward := off == f.next && off > 0
	f.next = off + uint64(len(p))
	if onward && s.cfg.Ahead {
		s.readAhead(f, to+1)
	}
	s.load(f, missing)
	n := 0
	for i, c := range chunks {
		for c.loading {
			s.changed.Wait()
		}
		if c.failed {
			return 0, std.SysErr
		}
		skip := uint64(0)
		if i == 0 {
			skip = off - from*chunkSize
		}
		n += copy(p[n:], c.data[skip:])
	}
	return n, std.OK
}

// ahead is how many chunks are read before they are asked for.
const ahead = 3

// readAhead begins to read what is likely to be asked for next.
func (s *Store) readAhead(f *file, from uint64) {
	last := (f.size - 1) / chunkSize
	if from > last {
		return
	}
	_, missing := s.cache.take(f, from, min(from+ahead-1, last))
	if len(missing) == 0 {
		return
	}
	go func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if f.gone {
			s.cache.give(f, missing)
			s.changed.Broadcast()
			return
		}
		s.load(f, missing)
	}()
}

// load reads chunks that nobody else reads, at one time. It leaves mu meanwhile.
func (s *Store) load(f *file, missing []*chunk) {
	if len(missing) == 0 {
		return
	}
	e := s.pin(f)
	s.mu.Unlock()
	var others sync.WaitGroup
	for _, c := range missing[1:] {
		others.Go(func() { s.loadOne(e, f.size, c) })
	}
	s.loadOne(e, f.size, missing[0])
	others.Wait()
	s.mu.Lock()
	s.unpin(e)
	s.cache.give(f, missing)
	s.changed.Broadcast()
}

func (s *Store) loadOne(e *extent, size uint64, c *chunk) {
	at := c.index * chunkSize
	n := min(size-at, chunkSize)
	p := make([]byte, blocksOf(n)*blockSize)
	c.failed = s.disk.Read(e.start+at/blockSize, p) != nil
	c.data = p[:n]
}
