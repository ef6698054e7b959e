package clienttest

import (
	"sync"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
)

// Segments are those of a node.
type Segments struct {
	node capability.Capability

	mu     sync.Mutex
	memory map[uint64][]byte // by object
	next   uint32
	fail   func(h *std.Header) std.Status
}

// Segments returns a node's, which its handler asks by Serve.
func (f *Fake) Segments(node int) *Segments {
	return &Segments{node: f.Key.NodeCap(node), memory: make(map[uint64][]byte)}
}

// Fail has f called for each request: what is not OK is the answer.
func (s *Segments) Fail(f func(h *std.Header) std.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Add makes a segment.
func (s *Segments) Add(memory []byte) capability.Capability {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.node
	c.Object = api.SegmentObject(s.next)
	s.next++
	s.memory[c.Object] = memory
	return c
}

// Memory is what is in a segment, nil if it was destroyed.
func (s *Segments) Memory(c capability.Capability) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory[c.Object]
}

// Left is how many there are.
func (s *Segments) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.memory)
}

// Serve answers what is for a segment. ok is false if something else is.
func (s *Segments) Serve(h *std.Header, data []byte) (v any, status std.Status, ok bool) {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if status := fail(h); status != std.OK {
			return nil, status, true
		}
	}
	if h.Command == api.SegCreate {
		var r Reply
		r.Header.SetCapability(s.Add(make([]byte, h.Offset)))
		return r, std.OK, true
	}
	if _, ok := api.SegmentNumber(h.Object); !ok {
		return nil, std.OK, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	memory := s.memory[h.Object]
	if memory == nil {
		return nil, std.CapBad, true
	}
	switch h.Command {
	case std.BulletSize:
		return Reply{Header: std.Header{Offset: uint64(len(memory))}}, std.OK, true
	case std.BulletRead:
		rest := memory[min(h.Offset, uint64(len(memory))):]
		return Reply{Data: append([]byte(nil), rest[:min(len(rest), int(h.Size))]...)}, std.OK, true
	case api.SegWrite:
		if h.Offset+uint64(len(data)) > uint64(len(memory)) {
			return nil, std.ArgBad, true
		}
		copy(memory[h.Offset:], data)
		return nil, std.OK, true
	case std.Destroy:
		delete(s.memory, h.Object)
		return nil, std.OK, true
	}
	return nil, std.ComBad, true
}
