package object

import "motile/kernel/vm"

// Vec is one piece of a user's buffer (struct iovec).
type Vec struct{ Base, Len uint64 }

// Buffer is where an operation's bytes come from or go to: a process's memory,
// in one or more pieces, or kernel memory. It remembers how far it has come.
type Buffer struct {
	Done  int      // bytes moved so far
	Fault vm.Fault // why it stopped, if it did

	space *vm.Space
	vecs  []Vec
	one   [1]Vec
	mem   []byte
	left  int
}

// User makes b a buffer of n bytes at addr in a process's memory.
func (b *Buffer) User(s *vm.Space, addr uint64, n int) {
	*b = Buffer{space: s, left: n}
	b.one[0] = Vec{addr, uint64(n)}
}

// UserVec makes b a buffer of several pieces. It keeps and changes vecs.
func (b *Buffer) UserVec(s *vm.Space, vecs []Vec) {
	*b = Buffer{space: s, vecs: vecs}
	for _, v := range vecs {
		b.left += int(v.Len)
	}
}

// Kernel makes b a buffer over kernel memory.
func (b *Buffer) Kernel(mem []byte) { *b = Buffer{mem: mem, left: len(mem)} }

// Missing reports whether some of the buffer's memory is away: then an operation on it does
// not begin, for it would end half done.
func (b *Buffer) Missing() bool {
	if b.space == nil || b.space.Away() == 0 {
		return false
	}
	vecs := b.vecs
	if vecs == nil {
		vecs = b.one[:]
	}
	for _, v := range vecs {
		if b.space.Missing(v.Base, v.Len) {
			return true
		}
	}
	return false
}

// Left is how many bytes the buffer still holds or has room for; 0 after a fault.
func (b *Buffer) Left() int {
	if b.Fault != vm.OK {
		return 0
	}
	return b.left
}

// Next returns the next contiguous memory of at most n bytes: to be filled (write
// set) or read. Advance says how much of it was used. It is empty when the
// buffer is used up or its memory is bad.
func (b *Buffer) Next(n int, write bool) []byte {
	if n = min(n, b.Left()); n == 0 {
		return nil
	}
	if b.space == nil {
		return b.mem[:n]
	}
	v := b.piece()
	m, f := b.space.Chunk(v.Base, int(min(v.Len, uint64(n))), write)
	if f != vm.OK {
		b.Fault = f
		return nil
	}
	return m
}

func (b *Buffer) piece() *Vec {
	if b.vecs == nil {
		return &b.one[0]
	}
	for len(b.vecs) > 1 && b.vecs[0].Len == 0 {
		b.vecs = b.vecs[1:]
	}
	return &b.vecs[0]
}

// Advance moves past n bytes of what Next returned.
func (b *Buffer) Advance(n int) {
	b.Done += n
	b.left -= n
	if b.space == nil {
		b.mem = b.mem[n:]
		return
	}
	v := b.piece()
	v.Base += uint64(n)
	v.Len -= uint64(n)
}

// Peek copies what the buffer holds into p without moving on.
func (b *Buffer) Peek(p []byte) int {
	c := *b
	c.vecs = append([]Vec(nil), b.vecs...)
	n := c.Take(p)
	if n == 0 {
		b.Fault = c.Fault
	}
	return n
}

// Skip moves past n bytes.
func (b *Buffer) Skip(n int) {
	for n > 0 && b.left > 0 {
		k := min(n, b.left)
		if b.space != nil {
			k = min(k, int(b.piece().Len))
		}
		b.Advance(k)
		n -= k
	}
}

// Put copies p into the buffer and returns how much fitted.
func (b *Buffer) Put(p []byte) int {
	n := 0
	for n < len(p) {
		m := b.Next(len(p)-n, true)
		if len(m) == 0 {
			break
		}
		c := copy(m, p[n:])
		b.Advance(c)
		n += c
	}
	return n
}

// Take copies out of the buffer into p and returns how much there was.
func (b *Buffer) Take(p []byte) int {
	n := 0
	for n < len(p) {
		m := b.Next(len(p)-n, false)
		if len(m) == 0 {
			break
		}
		c := copy(p[n:], m)
		b.Advance(c)
		n += c
	}
	return n
}
