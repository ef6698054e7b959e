package bridge

import (
	"bytes"
	"testing"
	"testing/iotest"
)

// FuzzSplitter feeds a stream in three ways: what comes out of it must not
// depend on how it was cut into reads, and framed again must be its beginning.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendFrame(appendFrame(nil, make([]byte, 60)), make([]byte, 1)))
	f.Add(appendFrame(appendFrame(nil, nil), make([]byte, MaxFrame)))
	f.Add([]byte{0, 1, 16, 1, 2, 3})
	f.Add([]byte("GET / HTTP/1.0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := frames(newSplitter(bytes.NewReader(stream)))
		for _, cut := range []*splitter{
			newSplitter(iotest.HalfReader(bytes.NewReader(stream))),
			newSplitter(iotest.OneByteReader(bytes.NewReader(stream))),
		} {
			if got := frames(cut); !bytes.Equal(got, whole) {
				t.Fatalf("%x cut differently gives %x, not %x", stream, got, whole)
			}
		}
		if !bytes.HasPrefix(stream, whole) {
			t.Fatalf("%x gives %x", stream, whole)
		}
	})
}

// frames is all frames of a stream, framed again.
func frames(s *splitter) (out []byte) {
	for {
		frame, ok, err := s.next()
		switch {
		case err != nil:
			return out
		case ok:
			out = appendFrame(out, frame)
		case s.fill() != nil:
			return out
		}
	}
}
