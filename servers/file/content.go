package file

// blockSize is what a file is stored by.
const blockSize = 64 << 10

// maxSize is the size of the largest file.
const maxSize = 1 << 40

// content is the bytes of a file. A block that is nil, or shorter than blockSize, is
// zeros from there on.
type content struct {
	size   int64
	blocks map[int64][]byte
}

// used is how many bytes the blocks take.
func (c *content) used() (n int64) {
	for _, b := range c.blocks {
		n += int64(cap(b))
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
		if b := c.blocks[at/blockSize]; in < len(b) {
			copy(part, b[in:])
		}
		done += len(part)
	}
	return b
}

// write puts data at off. It says by how many bytes more the blocks take now.
func (c *content) write(off int64, data []byte) (grown int64) {
	if c.blocks == nil {
		c.blocks = make(map[int64][]byte)
	}
	for len(data) > 0 {
		i, in := off/blockSize, int(off%blockSize)
		n := min(len(data), blockSize-in)
		b := c.blocks[i]
		was := cap(b)
		if need := in + n; need > len(b) {
			if need > cap(b) {
				b = append(make([]byte, 0, roomFor(need)), b...)
			}
			old := len(b)
			b = b[:need]
			clear(b[old:])
		}
		copy(b[in:], data[:n])
		c.blocks[i] = b
		grown += int64(cap(b) - was)
		data, off = data[n:], off+int64(n)
	}
	c.size = max(c.size, off)
	return grown
}

// roomFor is how much is set aside for a block of n bytes: files mostly grow.
func roomFor(n int) int {
	room := 512
	for room < n {
		room *= 2
	}
	return room
}

// truncate sets the size. It says how many bytes the blocks have given back.
func (c *content) truncate(size int64) (freed int64) {
	if size < c.size {
		for i, b := range c.blocks {
			switch start := i * blockSize; {
			case start >= size:
				freed += int64(cap(b))
				delete(c.blocks, i)
			case start+int64(len(b)) > size:
				c.blocks[i] = b[:size-start]
			}
		}
	}
	c.size = size
	return freed
}
