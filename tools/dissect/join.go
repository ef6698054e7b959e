package dissect

import (
	"slices"

	"motile/ipc/flip"
)

// messageID names a message, as the boxes do.
type messageID struct {
	src  flip.Address
	nr   uint64
	kind flip.Type // UNIDATA or MULTIDATA
}

// join is a message whose fragments have not all been seen. Which ones have is kept
// as spans, not by fragment: on another network fragments have another length.
type join struct {
	id    messageID
	bytes []byte
	spans []span // what is there, in order, with gaps between them
	move  *Move  // which it belongs to, once its beginning has been seen
}

type span struct{ start, end uint32 }

// joinBytes bounds what unfinished messages may take; the oldest makes room.
const joinBytes = 256 << 20

type joins struct {
	open  map[messageID]*join
	order []*join // oldest first; some may be finished
	bytes int
	done  recent[messageID, bool]
}

func newJoins() joins {
	return joins{open: make(map[messageID]*join), done: newRecent[messageID, bool]()}
}

// add takes a fragment. It returns the message if that is now complete; again says
// that the fragment brings nothing new.
func (s *joins) add(h *flip.Header, payload []byte) (j *join, message []byte, again bool) {
	id := messageID{h.Src, h.MessID, h.Type}
	if _, ok := s.done.get(id); ok {
		return nil, nil, true
	}
	if h.Length == h.Total {
		s.done.put(id, true)
		return nil, payload, false
	}
	j = s.open[id]
	if j == nil || len(j.bytes) != int(h.Total) {
		if h.Total > joinBytes {
			return nil, nil, false
		}
		j = &join{id: id, bytes: make([]byte, h.Total)}
		s.open[id] = j
		s.order = append(s.order, j)
		s.bytes += len(j.bytes)
		s.makeRoom()
	}
	copy(j.bytes[h.Offset:], payload)
	if again = !j.cover(span{h.Offset, h.Offset + h.Length}); again || !j.complete() {
		return j, nil, again
	}
	delete(s.open, id)
	s.done.put(id, true)
	return j, j.bytes, false
}

// makeRoom forgets the oldest messages.
func (s *joins) makeRoom() {
	for s.bytes > joinBytes {
		j := s.order[0]
		s.order = s.order[1:]
		s.bytes -= len(j.bytes)
		if s.open[j.id] == j {
			delete(s.open, j.id)
		}
	}
}

// cover adds a span and reports whether anything in it is new.
func (j *join) cover(n span) bool {
	at, _ := slices.BinarySearchFunc(j.spans, n.start, func(s span, start uint32) int {
		return int(int64(s.end) - int64(start)) // the first that ends at start or later
	})
	last := at
	for last < len(j.spans) && j.spans[last].start <= n.end {
		if s := j.spans[last]; s.start <= n.start && n.end <= s.end {
			return false
		}
		n.start, n.end = min(n.start, j.spans[last].start), max(n.end, j.spans[last].end)
		last++
	}
	j.spans = slices.Replace(j.spans, at, last, n)
	return true
}

func (j *join) complete() bool {
	return len(j.spans) == 1 && j.spans[0] == span{0, uint32(len(j.bytes))}
}
