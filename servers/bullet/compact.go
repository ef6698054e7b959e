package bullet

import (
	"fmt"

	"motile/ipc/std"
)

// Compact brings the free space together, while files are read, made and removed. A file
// is moved like one is made: its data is copied and brought to stable storage, then its
// inode says where it is from now on, and only when that is stable its old blocks are
// free. So there is an instant for each file at which it is there twice, and none at
// which it is not there.
func (s *Store) Compact() (moved int, text string, st std.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.compact()
}

// compact is Compact, of who holds mu. One at a time is at it.
func (s *Store) compact() (moved int, text string, st std.Status) {
	for s.compacting {
		s.changed.Wait()
	}
	s.compacting = true
	defer func() {
		s.compacting = false
		s.changed.Broadcast()
	}()
	before := len(s.space.runs)
	for range maxRounds {
		n, st := s.fillGaps()
		if st == std.OK && len(s.space.runs) > 1 {
			var slid int
			slid, st = s.slide()
			n += slid
		}
		moved += n
		s.stats.moved += uint64(n)
		if st != std.OK {
			return moved, "", st
		}
		if n == 0 || len(s.space.runs) <= 1 {
			break
		}
	}
	return moved, fmt.Sprintf("%d files moved; %d blocks are free, in %d pieces (%d before), the longest of %d\n",
		moved, s.space.free, len(s.space.runs), before, s.space.largest()), std.OK
}

const (
	// maxRounds bounds how long Compact goes on beside others who make new gaps.
	maxRounds = 4
	// moveTogether is how many files are moved with one commit.
	moveTogether = 64
)

// fillGaps moves files into gaps in front of them, those behind all others first.
func (s *Store) fillGaps() (moved int, st std.Status) {
	list := s.byPlace()
	for i := len(list) - 1; i >= 0; i-- {
		f := list[i]
		if f.gone || f.open {
			continue
		}
		start, ok := s.space.takeBelow(f.ext.n, f.ext.start)
		if !ok || !s.moveTo(f, start) {
			continue
		}
		if moved++; moved%moveTogether == 0 {
			if st := s.settle(); st != std.OK {
				return moved, st
			}
		}
	}
	return moved, s.settle()
}

// slide moves files down to where gaps in front of them begin, so that the gaps become
// one with the next. A file that is longer than the gap goes behind all others first.
func (s *Store) slide() (moved int, st std.Status) {
	for _, f := range s.byPlace() {
		gap, ok := s.gapBefore(f)
		if !ok || f.gone || f.open {
			continue
		}
		if gap.n < f.ext.n {
			last := s.space.runs[len(s.space.runs)-1]
			if last.start < f.ext.end() || last.n < f.ext.n || last == gap {
				continue
			}
			away := last.end() - f.ext.n
			if !s.space.extend(away, f.ext.n) || !s.moveTo(f, away) {
				continue
			}
			if moved++; s.settle() != std.OK {
				break
			}
		}
		if !s.space.extend(gap.start, f.ext.n) || !s.moveTo(f, gap.start) {
			continue // somebody else has taken it meanwhile
		}
		if moved++; s.settle() != std.OK {
			break
		}
	}
	return moved, s.settle()
}

// gapBefore is the gap right in front of a file.
func (s *Store) gapBefore(f *file) (run, bool) {
	i := s.space.at(f.ext.start) - 1
	if i < 0 || s.space.runs[i].end() != f.ext.start {
		return run{}, false
	}
	return s.space.runs[i], true
}

// moveTo copies a file into blocks that were taken for it. It leaves mu meanwhile, and
// reports false if nothing came of it.
func (s *Store) moveTo(f *file, start uint64) bool {
	to := &extent{run: run{start, f.ext.n}}
	if f.record.start != f.ext.start || f.held != nil { // its inode or contents are on their way as yet
		s.drop(to)
		return false
	}
	from := s.pin(f)
	s.mu.Unlock()
	err := s.copyBlocks(from.start, to.start, from.n)
	s.mu.Lock()
	s.unpin(from)
	switch {
	case err != nil:
		s.fail(err)
		fallthrough
	case f.gone, f.ext != from:
		s.drop(to)
		return false
	}
	f.ext = to
	s.gather.record(f)
	s.gather.moved = true
	s.gather.retire(f.number, from)
	return true
}
