package object

import (
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// PipeSize is the capacity of a pipe, and PipeBuf up to what size a write is
// atomic (pipe(7)).
const (
	PipeSize = 64 << 10
	PipeBuf  = 4096
)

// Pipe is a ring of bytes with two ends. Its memory grows with what is in it,
// from the kernel's heap; PipeSize bounds it.
type Pipe struct {
	stream
	buf     []byte // ring; len is its size now
	head, n int    // first byte, and how many
	readers int    // open descriptions of each end
	writers int
	queue   wait.Queue

	named bool     // it is a FIFO: ends come and go
	came  [2]int64 // how often a reading and a writing end was opened
}

// NewPipe returns the two ends of a pipe.
func NewPipe(flags int) (r, w *File) {
	p := &Pipe{readers: 1, writers: 1}
	return NewFile(p, ORdonly|flags, "pipe:"), NewFile(p, OWronly|flags, "pipe:")
}

// RestorePipe returns a pipe that moved here, with bytes in it, and its ends: as
// many descriptions of each as there are.
func RestorePipe(buf []byte, readers, writers int) *Pipe {
	p := &Pipe{readers: readers, writers: writers}
	p.grow(len(buf), nil)
	p.n = copy(p.buf, buf)
	return p
}

// Ends is how many descriptions of each end exist.
func (p *Pipe) Ends() (readers, writers int) { return p.readers, p.writers }

func (p *Pipe) Queue() *wait.Queue { return &p.queue }

func (p *Pipe) Read(op *Op, f *File, _ int64) int {
	if p.n == 0 {
		if p.writers == 0 || op.Buf.Left() == 0 {
			return 0
		}
		return abi.EAGAIN
	}
	was := p.n
	for p.n > 0 {
		m := op.Buf.Next(min(p.n, len(p.buf)-p.head), true)
		if len(m) == 0 {
			break
		}
		c := copy(m, p.buf[p.head:p.head+len(m)])
		op.Buf.Advance(c)
		p.head = (p.head + c) % len(p.buf)
		p.n -= c
	}
	if p.n == 0 {
		p.head = 0
		if len(p.buf) > PipeBuf {
			p.buf = nil
		}
	}
	if p.n != was {
		p.queue.Wake(uint32(Out | WrNorm))
	}
	return 0
}

func (p *Pipe) Write(op *Op, f *File, _ int64) int {
	if op.Buf.Left() == 0 {
		return 0
	}
	if p.readers == 0 {
		return abi.EPIPE
	}
	want := op.Buf.Left()
	free := PipeSize - p.n
	if free == 0 || want <= PipeBuf && op.Buf.Done == 0 && free < want {
		return abi.EAGAIN
	}
	want = min(want, free)
	if !p.grow(p.n+want, op.Pressure) {
		// Less must do. What readers take makes room; who has none gets an error.
		if want = len(p.buf) - p.n; p.n == 0 {
			return abi.ENOMEM
		} else if want == 0 || op.Buf.Left() <= PipeBuf && op.Buf.Done == 0 {
			return abi.EAGAIN
		}
	}
	was := p.n
	for p.n-was < want {
		tail := (p.head + p.n) % len(p.buf)
		room := min(want-(p.n-was), len(p.buf)-tail)
		m := op.Buf.Next(room, false)
		if len(m) == 0 {
			break
		}
		c := copy(p.buf[tail:], m)
		op.Buf.Advance(c)
		p.n += c
	}
	if p.n != was {
		p.queue.Wake(uint32(In | RdNorm))
	}
	if op.Buf.Left() > 0 {
		return abi.EAGAIN
	}
	return 0
}

// grow makes the ring hold at least n bytes, unless there is no room.
func (p *Pipe) grow(n int, pressure func() bool) bool {
	if n <= len(p.buf) {
		return true
	}
	if pressure != nil && pressure() {
		return false
	}
	size := max(len(p.buf)*2, 512)
	for size < n {
		size *= 2
	}
	p.buf = append(make([]byte, 0, size), p.Bytes()...)[:size]
	p.head = 0
	return true
}

// Bytes returns what is in the pipe, oldest first.
func (p *Pipe) Bytes() []byte {
	out := make([]byte, 0, p.n)
	if end := p.head + p.n; end > len(p.buf) && len(p.buf) > 0 {
		return append(append(out, p.buf[p.head:]...), p.buf[:end-len(p.buf)]...)
	}
	return append(out, p.buf[p.head:p.head+p.n]...)
}

func (p *Pipe) Ready(f *File) (e Events) {
	if f.Readable() {
		if p.n > 0 {
			e |= In | RdNorm
		}
		if p.writers == 0 && !(p.named && f.peer == p.came[writing]) {
			e |= Hup
		}
	}
	if f.Writable() {
		if PipeSize-p.n >= PipeBuf {
			e |= Out | WrNorm
		}
		if p.readers == 0 {
			e |= Err
		}
	}
	if p.named && p.joined(f) {
		e |= Joined
	}
	return e
}

func (p *Pipe) Close(f *File) {
	if f.Readable() {
		p.readers--
	}
	if f.Writable() {
		p.writers--
	}
	p.queue.Wake(uint32(Always))
}

// Buffered is FIONREAD: bytes ready to read.
func (p *Pipe) Buffered() int { return p.n }

// Indices of came.
const (
	reading = iota
	writing
)

// NewFIFO returns a pipe whose ends come and go.
func NewFIFO() *Pipe { return &Pipe{named: true} }

// Join opens an end for f, which then waits for the other one if nobody has that
// (fifo(7)). ENXIO: nobody reads, and the writer would not wait.
func (p *Pipe) Join(f *File) int {
	if !f.Readable() && f.Writable() && p.readers == 0 && f.Flags&ONonblock != 0 {
		return abi.ENXIO
	}
	switch {
	case f.Readable() && f.Writable():
	case f.Readable() && p.writers == 0:
		f.peer = p.came[writing]
	case f.Writable() && p.readers == 0:
		f.peer = p.came[reading]
	}
	if f.Readable() {
		p.readers++
		p.came[reading]++
	}
	if f.Writable() {
		p.writers++
		p.came[writing]++
	}
	p.queue.Wake(uint32(Joined))
	return 0
}

// joined reports whether f need not wait for the other end any more.
func (p *Pipe) joined(f *File) bool {
	switch {
	case f.Readable() && f.Writable():
		return true
	case f.Readable():
		return p.came[writing] != f.peer || p.writers > 0
	case f.Writable():
		return p.came[reading] != f.peer || p.readers > 0
	}
	return true
}

// Opened reports whether an open of f is over.
func (p *Pipe) Opened(f *File) bool { return f.Flags&ONonblock != 0 || p.joined(f) }
