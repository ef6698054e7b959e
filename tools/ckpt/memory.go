package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"motile/migrate/image"
)

// Where a page of memory comes from.
type origin string

const (
	resident origin = "resident" // in the checkpoint
	zero     origin = "zero"     // never written, or with nothing but zeros in it
	ofFile   origin = "file"     // as the file has it
)

var errUnmapped = errors.New("nothing is mapped there")

// region is the one that an address is in.
func (s *subject) region(addr uint64) *image.Region {
	for i := range s.Process.Regions {
		if r := &s.Process.Regions[i]; r.Start <= addr && addr < r.End {
			return r
		}
	}
	return nil
}

// find is where the page at an address is among the segments, and how many there are
// from it to the end of its run.
func (s *subject) find(r *image.Region, addr uint64) (at place, run uint64, ok bool) {
	addr &^= pageSize - 1
	for i := range s.Segments {
		g := &s.Segments[i]
		where := addr
		switch {
		case g.Store >= 0 && g.Store == r.Store:
			where = addr - r.Start + uint64(r.Off)
		case g.Store >= 0:
			continue
		}
		if where < g.Start || where >= g.Start+g.Size {
			continue
		}
		page := (where - g.Start) / pageSize
		for k := 0; k < len(g.Runs); k += 2 {
			if first, n := g.Runs[k], g.Runs[k+1]; first <= page && page < first+n {
				return place{i, page}, first + n - page, true
			}
		}
	}
	return at, 0, false
}

// pageAt is the page at an address; nil: zeros.
func (s *subject) pageAt(addr uint64) ([]byte, origin, error) {
	r := s.region(addr)
	if r == nil {
		return nil, "", fmt.Errorf("%#x: %w", addr, errUnmapped)
	}
	if at, run, ok := s.find(r, addr); ok {
		page, err := s.page(at, run)
		if page == nil {
			return nil, zero, err
		}
		return page, resident, err
	}
	if r.Store < 0 || len(s.Process.Stores[r.Store].Digest) == 0 {
		return nil, zero, nil
	}
	st := &s.Process.Stores[r.Store]
	f, err := s.files.open([32]byte(st.Digest))
	if err != nil {
		return nil, ofFile, err
	}
	page := make([]byte, pageSize)
	if off := int64(addr&^(pageSize-1)-r.Start) + r.Off; off < f.size {
		_, err = f.ReadAt(page[:min(pageSize, f.size-off)], off)
	}
	return page, ofFile, err
}

// read fills p from an address on, and says how much could be read.
func (s *subject) read(p []byte, addr uint64) (n int, err error) {
	for n < len(p) {
		page, _, err := s.pageAt(addr + uint64(n))
		if err != nil {
			return n, err
		}
		off := (addr + uint64(n)) % pageSize
		k := min(len(p)-n, int(pageSize-off))
		if page == nil {
			clear(p[n : n+k])
		} else {
			copy(p[n:n+k], page[off:])
		}
		n += k
	}
	return n, nil
}

// word is the word at an address.
func (s *subject) word(addr uint64) (uint64, bool) {
	var b [8]byte
	_, err := s.read(b[:], addr)
	return binary.LittleEndian.Uint64(b[:]), err == nil
}

// eachPresent calls f for the pages of a region that are in segments. All pages have
// been read; nil is one of zeros.
func (s *subject) eachPresent(r *image.Region, f func(addr uint64, page []byte)) {
	seen := make(map[uint64]bool)
	for i := range s.Segments { // private pages come first
		g := &s.Segments[i]
		if g.Store >= 0 && g.Store != r.Store {
			continue
		}
		for k := 0; k < len(g.Runs); k += 2 {
			for page := g.Runs[k]; page < g.Runs[k]+g.Runs[k+1]; page++ {
				addr := g.Start + page*pageSize
				if g.Store >= 0 {
					if addr < uint64(r.Off) {
						continue
					}
					addr = addr - uint64(r.Off) + r.Start
				}
				if addr < r.Start || addr >= r.End || seen[addr] {
					continue
				}
				seen[addr] = true
				f(addr, s.pages[place{i, page}])
			}
		}
	}
}
