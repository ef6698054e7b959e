package file

import "container/list"

// blockSize is what a file is kept by, in memory and on storage.
const blockSize = 64 << 10

// maxSize is the size of the largest file.
const maxSize = 1 << 40

// content is the bytes of a file. Where there is no block, and behind the end of one, are
// zeros.
type content struct {
	size   int64
	blocks map[int64]*block
	book   *ledger // nil: the server has no storage

	// What has changed since the last cut: blocks from cutOff-1 on went, unless that is 0,
	// and then the fresh ones became what they are.
	cutOff int64
	fresh  map[int64]bool
}

// block is up to blockSize bytes of a file.
type block struct {
	data []byte // nil: they are not in memory
	size int    // how many
	file File   // the Bullet file that begins with them, as of the last cut; null: there is none

	dirty  bool // they are in no cut yet
	shared bool // a cut that is being written has the memory: it is not changed in place
	logged bool // they are in the journal, and in no file
	gone   bool // the file has it no more

	place  *list.Element // in the ledger's cache; nil: not there
	weight weight        // what the ledger has counted
}

// weight is what a block takes of a server's memory.
type weight struct{ resident, unsafe, spare int64 }

// charge is how much room a block of so many bytes takes.
func charge(bytes int) int64 { return int64(bytes+511) &^ 511 }

// used is how much room the blocks take.
func (c *content) used() (n int64) {
	for _, b := range c.blocks {
		n += charge(b.size)
	}
	return n
}

// read appends up to n bytes at off to b.
func (c *content) read(b []byte, off int64, n int) []byte {
	if off >= c.size || n <= 0 {
		return b
	}
	head := len(b)
	b = append(b, make([]byte, min(int64(n), c.size-off))...)
	out := b[head:]
	for done := 0; done < len(out); {
		at := off + int64(done)
		in := int(at % blockSize)
		part := out[done:min(len(out), done+blockSize-in)]
		if b := c.blocks[at/blockSize]; b != nil && in < b.size {
			copy(part, b.data[in:])
			c.book.use(b)
		}
		done += len(part)
	}
	return b
}

// write puts data at off. It says by how much more room the blocks take now. What is
// changed in part must be in memory.
func (c *content) write(off int64, data []byte) (grown int64) {
	if c.blocks == nil {
		c.blocks = make(map[int64]*block)
	}
	for len(data) > 0 {
		i, in := off/blockSize, int(off%blockSize)
		n := min(len(data), blockSize-in)
		b := c.blocks[i]
		if b == nil {
			b = new(block)
			c.blocks[i] = b
		}
		was := charge(b.size)
		b.put(in, data[:n])
		grown += charge(b.size) - was
		b.dirty = true
		c.change(i, b)
		data, off = data[n:], off+int64(n)
	}
	c.size = max(c.size, off)
	return grown
}

// put puts data into a block.
func (b *block) put(in int, data []byte) {
	need := in + len(data)
	if need > cap(b.data) || b.shared {
		b.data = append(make([]byte, 0, roomFor(max(need, len(b.data)))), b.data...)
		b.shared = false
	}
	if old := len(b.data); need > old {
		b.data = b.data[:need]
		clear(b.data[old:])
	}
	copy(b.data[in:], data)
	b.size = len(b.data)
}

// roomFor is how much is set aside for a block of n bytes: files mostly grow.
func roomFor(n int) int {
	room := 512
	for room < n {
		room *= 2
	}
	return room
}

// truncate sets the size. It says how much room the blocks have given back.
func (c *content) truncate(size int64) (freed int64) {
	if size < c.size {
		for i, b := range c.blocks {
			switch start := i * blockSize; {
			case start >= size:
				freed += charge(b.size)
				c.book.forget(b)
				delete(c.blocks, i)
			case start+int64(b.size) > size:
				freed += charge(b.size) - charge(int(size-start))
				b.size = int(size - start)
				if b.data != nil {
					b.data = b.data[:b.size]
				}
				c.change(i, b)
			}
		}
		if from := (size+blockSize-1)/blockSize + 1; c.cutOff == 0 || from < c.cutOff {
			c.cutOff = from
		}
	}
	c.size = size
	return freed
}

// change notes that a block has changed.
func (c *content) change(i int64, b *block) {
	if c.book == nil {
		return
	}
	if c.fresh == nil {
		c.fresh = make(map[int64]bool)
	}
	c.fresh[i] = true
	c.book.weigh(b)
	c.book.use(b)
}

// missing are the blocks that must come into memory before n bytes at off can be read, or
// overwritten.
func (c *content) missing(off int64, n int, overwrite bool) (list []*block) {
	end := min(off+int64(n), max(c.size, off))
	if overwrite {
		end = off + int64(n)
	}
	for at := off; at < end; {
		in := at % blockSize
		part := min(end-at, blockSize-in)
		b := c.blocks[at/blockSize]
		whole := overwrite && in == 0 && part >= int64(sizeOf(b))
		if b != nil && b.data == nil && b.size > 0 && !whole {
			list = append(list, b)
		}
		at += part
	}
	return list
}

func sizeOf(b *block) int {
	if b == nil {
		return 0
	}
	return b.size
}
