package bridge

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The wire is QEMU's stream netdev (net/stream.c): a frame's length as four
// bytes, most significant first, and the frame.
const (
	// HeaderBytes lead every frame on a stream.
	HeaderBytes = 4
	// MaxFrame is the largest frame the bridge carries: 65,535 bytes and an
	// Ethernet header.
	MaxFrame = 65535 + etherHeader

	etherHeader = 14
	macBytes    = 6

	// streamMax is QEMU's NET_BUFSIZE. A longer length means that the stream
	// is out of step, and nothing that follows could be believed.
	streamMax = 4096 + 65536

	// readBytes is how much one read may bring: several of the largest frames,
	// so that a busy port costs few system calls.
	readBytes = 256 << 10
)

// appendFrame appends a frame as it goes on a stream.
func appendFrame(dst, frame []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(frame)))
	return append(dst, frame...)
}

// splitter cuts a stream into frames, many per read.
type splitter struct {
	in         io.Reader
	buf        []byte
	start, end int // what has been read and not yet returned
}

func newSplitter(in io.Reader) *splitter {
	return &splitter{in: in, buf: make([]byte, readBytes)}
}

// next returns the next frame that has already been read; ok is false when
// fill must be called. The frame is valid until then.
func (s *splitter) next() (frame []byte, ok bool, err error) {
	frame, ok, err = s.peek()
	if ok {
		s.start += HeaderBytes + len(frame)
	}
	return frame, ok, err
}

// peek is next without taking the frame.
func (s *splitter) peek() (frame []byte, ok bool, err error) {
	have := s.buf[s.start:s.end]
	if len(have) < HeaderBytes {
		return nil, false, nil
	}
	n := int(binary.BigEndian.Uint32(have))
	if n > streamMax {
		return nil, false, fmt.Errorf("frame of %d bytes announced, at most %d are possible: not a stream netdev, or out of step", n, streamMax)
	}
	have = have[HeaderBytes:]
	if len(have) < n {
		return nil, false, nil
	}
	return have[:n], true, nil
}

// fill reads more. It invalidates the frames that next returned.
func (s *splitter) fill() error {
	if s.start > 0 {
		copy(s.buf, s.buf[s.start:s.end])
		s.start, s.end = 0, s.end-s.start
	}
	n, err := s.in.Read(s.buf[s.end:])
	s.end += n
	if n > 0 {
		return nil // an error will come again
	}
	return err
}
