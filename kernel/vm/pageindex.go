package vm

import (
	"slices"

	"motile/kernel/hw"
)

// pageIndex holds the frames of a Store by page number. Pages may lie anywhere in
// a very large file; what the index takes is in proportion to the pages there are,
// since it is the kernel's own memory and users choose the numbers.
type pageIndex []pageGroup // by first page

// groupPages is how many pages have an entry together: few, so that a page all by
// itself costs little.
const groupPages = 16

type pageGroup struct {
	first  int // a multiple of groupPages
	frames *[groupPages]hw.PFN
}

// find is where the group of page i is, or belongs.
func (x pageIndex) find(i int) (at int, ok bool) {
	first := i &^ (groupPages - 1)
	if n := len(x); n > 0 && x[n-1].first <= first { // files mostly grow at the end
		if x[n-1].first == first {
			return n - 1, true
		}
		return n, false
	}
	return slices.BinarySearchFunc(x, first, func(g pageGroup, first int) int { return g.first - first })
}

// get returns the frame of page i, or 0.
func (x pageIndex) get(i int) hw.PFN {
	if at, ok := x.find(i); ok {
		return x[at].frames[i%groupPages]
	}
	return 0
}

func (x *pageIndex) put(i int, p hw.PFN) {
	at, ok := x.find(i)
	if !ok {
		*x = slices.Insert(*x, at, pageGroup{i &^ (groupPages - 1), new([groupPages]hw.PFN)})
	}
	(*x)[at].frames[i%groupPages] = p
}

// next returns the first page from i on that has a frame, and the frame.
func (x pageIndex) next(i int) (page int, p hw.PFN) {
	at, _ := x.find(i)
	for ; at < len(x); at++ {
		g := &x[at]
		for k := range g.frames {
			if page := g.first + k; page >= i && g.frames[k] != 0 {
				return page, g.frames[k]
			}
		}
	}
	return 0, 0
}

// cut releases the frames of page keep and all behind it.
func (x *pageIndex) cut(keep int) {
	for i, p := x.next(keep); p != 0; i, p = x.next(i + 1) {
		release(p)
		x.put(i, 0)
	}
	at, ok := x.find(keep)
	if ok && keep%groupPages != 0 {
		at++
	}
	clear((*x)[at:])
	*x = (*x)[:at]
	if at == 0 {
		*x = nil
	}
}
