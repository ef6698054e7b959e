package vm

import "sort"

// Prot bits, as mmap(2) has them.
const (
	ProtRead  = 1
	ProtWrite = 2
	ProtExec  = 4
)

// Region is a range of an address space with one backing. Regions of a Space
// are sorted and do not overlap.
type Region struct {
	Start, End uint64
	Prot       uint8
	Shared     bool // MAP_SHARED: writes go to the Store
	Stack      bool // grows downwards on a fault just below
	Fork       ForkMode
	Store      *Store
	Off        int64 // of Start in the Store, page-aligned
}

// ForkMode says what a child gets of a region (madvise(2)).
type ForkMode uint8

const (
	ForkCopy ForkMode = iota
	ForkWipe          // pages of zeros
	ForkNone          // no region
)

// Pages is the length in pages.
func (r *Region) Pages() int { return int((r.End - r.Start) / pageSize) }

// find returns the index of the region that holds addr, or of the first above it.
func (s *Space) find(addr uint64) int {
	return sort.Search(len(s.regions), func(i int) bool { return s.regions[i].End > addr })
}

// Region returns the region that holds addr.
func (s *Space) Region(addr uint64) (*Region, bool) {
	if i := s.find(addr); i < len(s.regions) && s.regions[i].Start <= addr {
		return &s.regions[i], true
	}
	return nil, false
}

// Regions is the list of regions, in order. It belongs to the Space.
func (s *Space) Regions() []Region { return s.regions }

// split makes addr a border between regions.
func (s *Space) split(addr uint64) {
	i := s.find(addr)
	if i == len(s.regions) || s.regions[i].Start >= addr {
		return
	}
	upper := s.regions[i]
	upper.Start = addr
	if upper.Store != nil {
		upper.Off += int64(addr - s.regions[i].Start)
		upper.Store.Retain()
	}
	s.regions[i].End = addr
	s.insert(i+1, upper)
}

// Splits reports whether unmapping [addr, addr+n) leaves more regions than there were.
func (s *Space) Splits(addr, n uint64) bool {
	r, ok := s.Region(addr)
	return ok && r.Start < addr && pageUp(n) < r.End-addr
}

func (s *Space) insert(i int, r Region) {
	s.regions = append(s.regions, Region{})
	copy(s.regions[i+1:], s.regions[i:])
	s.regions[i] = r
}

// add puts a region into a free place, joining it to equal neighbours.
func (s *Space) add(r Region) {
	i := s.find(r.Start)
	if i > 0 && joins(&s.regions[i-1], &r) {
		s.regions[i-1].End = r.End
		r.drop()
		i--
	} else {
		s.insert(i, r)
	}
	s.join(i)
}

// join merges region i with its successor if they continue each other.
func (s *Space) join(i int) {
	if i+1 < len(s.regions) && joins(&s.regions[i], &s.regions[i+1]) {
		s.regions[i].End = s.regions[i+1].End
		s.regions[i+1].drop()
		s.regions = append(s.regions[:i+1], s.regions[i+2:]...)
	}
}

func joins(a, b *Region) bool {
	return a.End == b.Start && a.Prot == b.Prot && a.Shared == b.Shared && a.Stack == b.Stack && a.Fork == b.Fork &&
		a.Store == b.Store && (a.Store == nil || a.Off+int64(a.End-a.Start) == b.Off)
}

func (r *Region) drop() {
	if r.Store != nil {
		r.Store.Release()
		r.Store = nil
	}
}

// remove takes the regions of [start, end) out of the list; both must be borders.
func (s *Space) remove(start, end uint64) {
	i := s.find(start)
	j := i
	for j < len(s.regions) && s.regions[j].Start < end {
		s.regions[j].drop()
		j++
	}
	s.regions = append(s.regions[:i], s.regions[j:]...)
}

// free reports whether nothing lies in [start, end).
func (s *Space) free(start, end uint64) bool {
	i := s.find(start)
	return i == len(s.regions) || s.regions[i].Start >= end
}

// gap finds the highest free range of n bytes below the mmap base, as Linux
// does, or 0.
func (s *Space) gap(n uint64) uint64 {
	top := uint64(mmapTop)
	for i := s.find(mmapTop - 1); ; i-- {
		bottom := uint64(minAddress)
		if i > 0 {
			bottom = s.regions[i-1].End
		}
		if i < len(s.regions) && s.regions[i].Start < top {
			top = s.regions[i].Start
		}
		if top >= bottom && top-bottom >= n {
			return top - n
		}
		if i == 0 {
			return 0
		}
	}
}

// Drop gives up a Region that was not mapped.
func (r *Region) Drop() { r.drop() }
