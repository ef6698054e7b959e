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
	before := len(s.space.runs)
	// Each round goes over the disk once, and moves files into gaps in front of them. A
	// gap that is too small for its neighbour grows by what lies behind it moving away.
	for range maxRounds {
		n, st := s.compactRound()
		if st != std.OK {
			return moved, "", st
		}
		if moved += n; n == 0 {
			break
		}
	}
	s.stats.moved += uint64(moved)
	return moved, fmt.Sprintf("%d files moved; %d blocks are free, in %d pieces (%d before), the longest of %d\n",
		moved, s.space.free, len(s.space.runs), before, s.space.largest()), std.OK
}

// maxRounds bounds how long Compact goes on beside others who make new gaps.
const maxRounds = 32

// moveTogether is how many files are moved with one commit.
const moveTogether = 64

func (s *Store) compactRound() (moved int, st std.Status) {
	list := s.byPlace()
	if last := s.lastUsed(); last == nil || len(s.space.runs) == 0 || s.space.runs[0].start > last.ext.start {
		return 0, std.OK // all that is free is behind all that is not
	}
	for i, f := range list {
		if f.gone || f.open || f.ext.start < s.firstGap() {
			continue
		}
		if s.moveDown(f) {
			moved++
		} else if s.before(f) && s.moveAway(f) {
			moved++
		}
		if moved%moveTogether == 0 || i == len(list)-1 {
			if st := s.settle(); st != std.OK {
				return moved, st
			}
		}
	}
	return moved, s.settle()
}

func (s *Store) firstGap() uint64 {
	if len(s.space.runs) == 0 {
		return s.sb.blocks
	}
	return s.space.runs[0].start
}

// lastUsed is the committed file that lies last.
func (s *Store) lastUsed() *file {
	list := s.byPlace()
	for i := len(list) - 1; i >= 0; i-- {
		if !list[i].open {
			return list[i]
		}
	}
	return nil
}

// moveDown moves a file in front of where it is, if there is a gap it fits into.
func (s *Store) moveDown(f *file) bool {
	start, ok := s.space.takeBelow(f.ext.n, f.ext.start)
	return ok && s.moveTo(f, start)
}

// before reports whether the first gap is right in front of a file.
func (s *Store) before(f *file) bool {
	return len(s.space.runs) > 0 && s.space.runs[0].end() == f.ext.start
}

// moveAway moves a file that no gap in front of it is long enough for behind all others,
// so that the gap grows.
func (s *Store) moveAway(f *file) bool {
	last := len(s.space.runs) - 1
	if last < 1 || s.space.runs[last].n < f.ext.n || s.space.runs[last].start < f.ext.start {
		return false
	}
	start := s.space.runs[last].end() - f.ext.n
	return s.space.extend(start, f.ext.n) && s.moveTo(f, start)
}

// moveTo copies a file into blocks that were taken for it. It leaves mu meanwhile, and
// reports false if nothing came of it.
func (s *Store) moveTo(f *file, start uint64) bool {
	to := &extent{run: run{start, f.ext.n}}
	if f.record == (inode{}) || f.record.start != f.ext.start { // its inode is on its way as yet
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
	s.gather.retire(f.number, from)
	return true
}
