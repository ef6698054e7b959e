package node

import "testing"

func TestSpares_ComeBack(t *testing.T) {
	const message, header = 60 << 10, 88
	var s spares
	b := s.get(message)
	b[message-1] = 1
	// As FLIP gives it: without the header. It does until the slack is used up.
	for range spareSlack / header {
		s.put(b[header:])
		next := s.get(message)
		if &next[0] != &b[header] || len(next) != message {
			t.Fatal("a buffer that was given back was not used")
		}
		b = next
	}
	s.put(b[header:])
	if next := s.get(message); &next[0] == &b[header] || len(next) != message {
		t.Error("a buffer that has become too short was used")
	}
}

func TestSpares_AreBounded(t *testing.T) {
	var s spares
	s.put(make([]byte, leastSpare-1))
	if len(s) != 0 {
		t.Error("a short buffer was kept")
	}
	for range 2 * maxSpares {
		s.put(make([]byte, leastSpare))
	}
	if len(s) != maxSpares {
		t.Errorf("%d buffers are kept, want %d", len(s), maxSpares)
	}
	if b := s.get(16); cap(b) >= leastSpare || len(s) != maxSpares {
		t.Error("a short message got a long buffer")
	}
	s.drop()
	if len(s) != 0 {
		t.Error("buffers are kept after drop")
	}
}

func TestSpares_NoAllocation(t *testing.T) {
	var s spares
	s.put(make([]byte, 60<<10))
	if n := testing.AllocsPerRun(100, func() { s.put(s.get(60 << 10)) }); n != 0 {
		t.Errorf("%v allocations for a message, want none", n)
	}
}
