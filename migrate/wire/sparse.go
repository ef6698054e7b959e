package wire

import (
	"encoding/binary"
	"math/bits"

	"motile/kernel/abi"
)

// A process that has just begun has some pages in which there is next to nothing, the top
// of its stack for one, and some in which there is what its program's file has, but for a few
// variables. On a slow network they would be most of its move.
const (
	blockSize  = 64 // bytes: a page's blocks are a word's bits
	sparseMost = 48 // blocks; a page that has more of them is sent whole: it is copied faster

	allBlocks = ^blocks(0)
)

// blocks is some of a page's blocks, by bit.
type blocks uint64

// blocksOf are those that are not zero.
func blocksOf(p *[abi.PageSize]byte) (set blocks) {
	for i := range abi.PageSize / blockSize {
		for at := 0; at < blockSize; at += 8 {
			if binary.NativeEndian.Uint64(p[i*blockSize+at:]) != 0 {
				set |= 1 << i
				break
			}
		}
	}
	return set
}

// blocksUnlike are those that are not as in another page.
func blocksUnlike(p, q *[abi.PageSize]byte) (set blocks) {
	for i := range abi.PageSize / blockSize {
		if at := i * blockSize; string(p[at:at+blockSize]) != string(q[at:at+blockSize]) {
			set |= 1 << i
		}
	}
	return set
}

func (b blocks) size() int { return bits.OnesCount64(uint64(b)) * blockSize }

// each calls f for each sequence of blocks, with where it is in the page.
func (b blocks) each(f func(from, to int)) {
	for b != 0 {
		from := bits.TrailingZeros64(uint64(b))
		to := from + bits.TrailingZeros64(^uint64(b>>from))
		f(from*blockSize, to*blockSize)
		b &= allBlocks << from << (to - from)
	}
}

// content is what of a page is to be sent.
type content struct {
	page   *[abi.PageSize]byte
	blocks blocks
}

func (c *content) sparse() bool { return c.blocks.size() <= sparseMost*blockSize }

func (c *content) append(b []byte) []byte {
	if c.blocks == allBlocks {
		return append(b, c.page[:]...)
	}
	c.blocks.each(func(from, to int) { b = append(b, c.page[from:to]...) })
	return b
}

// Page is what is in a page, as a message has it.
type Page struct {
	Over     bool // the rest is as in page At of File, which is one of those that were offered
	File, At int

	blocks blocks
	data   []byte // theirs
}

// In is the page whole: where it is, or made in buf.
func (p *Page) In(buf *[abi.PageSize]byte) *[abi.PageSize]byte {
	if p.blocks == allBlocks {
		return (*[abi.PageSize]byte)(p.data)
	}
	p.CopyTo(buf)
	return buf
}

// CopyTo makes a page the same. Precondition, if it is Over another: it is as that.
func (p *Page) CopyTo(page *[abi.PageSize]byte) {
	if p.blocks == allBlocks {
		copy(page[:], p.data)
		return
	}
	if !p.Over {
		clear(page[:])
	}
	data := p.data
	p.blocks.each(func(from, to int) { data = data[copy(page[from:to], data):] })
}
