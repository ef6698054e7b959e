package hostio

import (
	"errors"
	"io"
	"syscall"

	"motile/ipc/fileio"
	"motile/kernel/abi"
	"motile/tools/flipnode"
)

const modeFIFO = 0o010000

// stream has the answers that Input and Output share.
type stream struct{ object }

func (*stream) stat() fileio.Status { return fileio.Status{Mode: modeFIFO | 0o600} }

func (*stream) patience() uint32 { return 0 }

func (*stream) control(fileio.Who, *control) int { return abi.ENOTTY }

// streamBuffer is how much a stream holds.
const streamBuffer = 64 << 10

// Input is a file of the host that processes read from. It reads ahead by no more
// than one buffer, and nothing before a process wants input: what processes leave
// is there for whoever reads the file next.
type Input struct {
	stream
	file   io.Reader
	buf    []byte // read and not yet wanted
	ended  bool   // of the file, or by Close
	wanted chan struct{}
}

// NewInput serves a file. A goroutine reads it; it ends with the file, or on Close
// when a read that is under way returns.
func NewInput(n *flipnode.Node, file io.Reader) (*Input, error) {
	in := &Input{file: file, wanted: make(chan struct{}, 1)}
	if err := in.serve(n, in); err != nil {
		return nil, err
	}
	go in.fill()
	return in, nil
}

// Close ends the object.
func (in *Input) Close() {
	in.change(func() { in.ended = true })
	in.want()
	in.object.Close()
}

func (in *Input) want() {
	select {
	case in.wanted <- struct{}{}:
	default:
	}
}

// fill reads the file, a buffer each time one is wanted.
func (in *Input) fill() {
	buf := make([]byte, streamBuffer)
	for range in.wanted {
		in.mu.Lock()
		full, ended := len(in.buf) > 0, in.ended
		in.mu.Unlock()
		if ended {
			return
		}
		if full {
			continue
		}
		n, err := in.file.Read(buf)
		in.change(func() {
			in.buf = append(in.buf, buf[:n]...)
			in.ended = in.ended || err != nil
		})
	}
}

func (in *Input) read(_ fileio.Who, n int, _ bool) ([]byte, int) {
	if len(in.buf) == 0 && !in.ended {
		in.want()
		return nil, abi.EAGAIN
	}
	n = min(n, len(in.buf))
	p := append([]byte(nil), in.buf[:n]...)
	in.buf = append(in.buf[:0], in.buf[n:]...)
	return p, 0
}

func (*Input) write(fileio.Who, []byte) (int, int) { return 0, abi.EBADF }

func (in *Input) ready(wanted events) (e events) {
	switch {
	case len(in.buf) > 0:
		e = evIn
	case in.ended:
		e = evIn | evHup
	case wanted&evIn != 0:
		in.want()
	}
	return e
}

// Output is a file of the host that processes write to.
type Output struct {
	stream
	file  io.Writer
	queue []byte // taken and not yet written
	busy  bool   // some of it is being written
	errno int    // why nothing more can be
	news  chan struct{}
	dry   chan struct{} // closed when all is written; nil while nobody waits
	ended bool
}

// NewOutput serves a file. A goroutine writes it; Close ends it.
func NewOutput(n *flipnode.Node, file io.Writer) (*Output, error) {
	out := &Output{file: file, news: make(chan struct{}, 1)}
	if err := out.serve(n, out); err != nil {
		return nil, err
	}
	go out.drain()
	return out, nil
}

// Close writes what was taken, and ends the object.
func (out *Output) Close() {
	out.Flush()
	out.change(func() { out.ended = true })
	out.tell()
	out.object.Close()
}

// Flush returns when all that was taken is written, or cannot be.
func (out *Output) Flush() {
	out.mu.Lock()
	if len(out.queue) == 0 && !out.busy {
		out.mu.Unlock()
		return
	}
	if out.dry == nil {
		out.dry = make(chan struct{})
	}
	dry := out.dry
	out.mu.Unlock()
	<-dry
}

func (out *Output) tell() {
	select {
	case out.news <- struct{}{}:
	default:
	}
}

// drain writes what is in the queue.
func (out *Output) drain() {
	var p []byte
	for range out.news {
		for {
			out.mu.Lock()
			p, out.queue = out.queue, p[:0]
			out.busy = len(p) > 0
			ended := out.ended
			if !out.busy && out.dry != nil {
				close(out.dry)
				out.dry = nil
			}
			out.mu.Unlock()
			if ended {
				return
			}
			if len(p) == 0 {
				break
			}
			_, err := out.file.Write(p)
			out.change(func() { out.wrote(err) })
		}
	}
}

// wrote notes how a write ended. After an error what is left is dropped.
func (out *Output) wrote(err error) {
	if err == nil {
		return
	}
	var no syscall.Errno
	if out.errno = abi.EIO; errors.As(err, &no) {
		out.errno = int(no)
	}
	out.queue = out.queue[:0]
}

func (*Output) read(fileio.Who, int, bool) ([]byte, int) { return nil, abi.EBADF }

func (out *Output) write(_ fileio.Who, p []byte) (int, int) {
	if out.errno != 0 {
		return 0, out.errno
	}
	n := min(len(p), streamBuffer-len(out.queue))
	out.queue = append(out.queue, p[:n]...)
	out.tell()
	if n < len(p) {
		return n, abi.EAGAIN
	}
	return n, 0
}

func (out *Output) ready(events) (e events) {
	if out.errno != 0 {
		e = evErr
	}
	if out.errno != 0 || len(out.queue) < streamBuffer {
		e |= evOut
	}
	return e
}
