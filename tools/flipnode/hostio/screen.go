package hostio

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"sync"
)

const (
	// pastBytes is how much of what was shown is kept for those who come later.
	pastBytes = 256 << 10
	// maxBehind is how far the slowest viewer may be behind before programs wait
	// for it. It bounds what is still shown after ^C.
	maxBehind = 32 << 10
)

// Screen is what a terminal shows, on which any number of people look. It outlives
// terminals: the next one goes on below.
//
// While somebody looks, programs are not faster than the slowest of them; while
// nobody does, they do not wait at all.
type Screen struct {
	mu      sync.Mutex
	past    []byte
	end     int64 // position behind past; positions count from the first byte ever
	views   map[*View]bool
	held    bool          // ^S: nothing is shown
	closed  bool          // nothing will be shown any more
	changed chan struct{} // closed, and replaced, when any of this changes
	// drained is called, without the lock, when a viewer has caught up.
	drained func()
}

// NewScreen returns an empty one.
func NewScreen() *Screen {
	return &Screen{views: make(map[*View]bool), changed: make(chan struct{})}
}

// change runs f with the lock held and wakes all viewers.
func (s *Screen) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Print shows bytes.
func (s *Screen) Print(p []byte) {
	if len(p) == 0 {
		return
	}
	s.change(func() {
		if len(s.past)+len(p) > 2*pastBytes {
			s.past = append(s.past[:0], s.past[max(0, len(s.past)-pastBytes):]...)
		}
		s.past = append(s.past, p...)
		s.end += int64(len(p))
	})
}

// hold stops and continues the show.
func (s *Screen) hold(held bool) {
	s.mu.Lock()
	same := s.held == held
	s.mu.Unlock()
	if !same {
		s.change(func() { s.held = held })
	}
}

// Close sends all viewers away once they have seen everything.
func (s *Screen) Close() { s.change(func() { s.closed = true }) }

// room is how much may be shown before programs wait.
func (s *Screen) room() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	behind := int64(0)
	for v := range s.views {
		behind = max(behind, s.end-v.at)
	}
	return int(max(0, maxBehind-behind))
}

// View is one viewer.
type View struct {
	s    *Screen
	past []byte // to be shown first
	at   int64
}

// questions are control sequences that a terminal answers, as if somebody typed:
// where the cursor is, what it is able to do. Whoever asked in the past does not
// wait for an answer now.
var questions = regexp.MustCompile(`\x1b\[[?>=]?[0-9;]*[cn]|\x1b\[\??[0-9;]*\$p|\x1bZ|\x1b\][0-9;]*\?(\x07|\x1b\\)`)

// View returns a viewer that first sees the last lines of the past, and then all
// that is shown. It must be closed.
func (s *Screen) View(lines int) *View {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &View{s: s, at: s.end, past: questions.ReplaceAll(lastLines(s.past, lines), nil)}
	s.views[v] = true
	return v
}

// lastLines is the end of b with that many line breaks in it. The line that the
// cursor is in does not count.
func lastLines(b []byte, lines int) []byte {
	i := len(b)
	for ; lines >= 0; lines-- {
		if i = bytes.LastIndexByte(b[:i], '\n'); i < 0 {
			return b
		}
	}
	return b[i+1:]
}

// Close ends the viewer.
func (v *View) Close() {
	v.s.mu.Lock()
	delete(v.s.views, v)
	drained := v.s.drained
	v.s.mu.Unlock()
	if drained != nil {
		drained()
	}
}

// Next waits until there is something to see and returns it. The error is io.EOF
// at the end, or ctx's.
func (v *View) Next(ctx context.Context) ([]byte, error) {
	for {
		p, closed, changed, drained := v.take()
		if len(p) > 0 {
			if drained != nil {
				drained()
			}
			return p, nil
		}
		if closed {
			return nil, io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// take returns what the viewer has not seen.
func (v *View) take() (p []byte, closed bool, changed <-chan struct{}, drained func()) {
	s := v.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held && !s.closed {
		return nil, false, s.changed, nil
	}
	v.at = max(v.at, s.end-int64(len(s.past)))
	p, v.past = v.past, nil
	p = append(p, s.past[len(s.past)-int(s.end-v.at):]...)
	v.at = s.end
	return p, s.closed, s.changed, s.drained
}
