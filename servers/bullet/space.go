package bullet

import "sort"

// space is what of a disk's data is free: runs of blocks in order, none next to another.
type space struct {
	runs []run
	free uint64 // blocks in all of them
}

type run struct{ start, n uint64 }

func (r run) end() uint64 { return r.start + r.n }

// take finds room for so many blocks, as far in front as possible.
func (s *space) take(n uint64) (start uint64, ok bool) { return s.takeBelow(n, ^uint64(0)) }

// takeBelow is take in front of a block.
func (s *space) takeBelow(n, limit uint64) (start uint64, ok bool) {
	for i := range s.runs {
		r := &s.runs[i]
		if r.start >= limit || n > limit-r.start {
			return 0, false
		}
		if r.n < n {
			continue
		}
		start = r.start
		s.cut(i, start, n)
		return start, true
	}
	return 0, false
}

// extend takes the n blocks from start on, if they are free.
func (s *space) extend(start, n uint64) bool {
	i := s.at(start)
	if i == len(s.runs) || s.runs[i].start > start || s.runs[i].end()-start < n {
		return false
	}
	s.cut(i, start, n)
	return true
}

// at is the index of the first run that ends behind a block.
func (s *space) at(block uint64) int {
	return sort.Search(len(s.runs), func(i int) bool { return s.runs[i].end() > block })
}

// cut takes blocks out of a run that has them.
func (s *space) cut(i int, start, n uint64) {
	r := s.runs[i]
	front, back := run{r.start, start - r.start}, run{start + n, r.end() - start - n}
	s.free -= n
	switch {
	case front.n == 0 && back.n == 0:
		s.runs = append(s.runs[:i], s.runs[i+1:]...)
	case front.n == 0:
		s.runs[i] = back
	case back.n == 0:
		s.runs[i] = front
	default:
		s.runs = append(s.runs, run{})
		copy(s.runs[i+1:], s.runs[i:])
		s.runs[i], s.runs[i+1] = front, back
	}
}

// give makes blocks free that were taken.
func (s *space) give(start, n uint64) {
	if n == 0 {
		return
	}
	s.free += n
	i := s.at(start)
	joinsFront := i > 0 && s.runs[i-1].end() == start
	joinsBack := i < len(s.runs) && s.runs[i].start == start+n
	switch {
	case joinsFront && joinsBack:
		s.runs[i-1].n += n + s.runs[i].n
		s.runs = append(s.runs[:i], s.runs[i+1:]...)
	case joinsFront:
		s.runs[i-1].n += n
	case joinsBack:
		s.runs[i].start, s.runs[i].n = start, s.runs[i].n+n
	default:
		s.runs = append(s.runs, run{})
		copy(s.runs[i+1:], s.runs[i:])
		s.runs[i] = run{start, n}
	}
}

// largest is the longest run.
func (s *space) largest() (n uint64) {
	for _, r := range s.runs {
		n = max(n, r.n)
	}
	return n
}
