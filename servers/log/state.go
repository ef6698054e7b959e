package log

import (
	"crypto/sha3"
	"fmt"

	"motile/servers/log/api"
)

// state is the log: a function of the messages of the group, in their order.
type state struct {
	entries []api.Entry
	index   map[entryID]int
	marks   map[uint64]int // length of the log when somebody had joined
	sum     [32]byte       // over all entries, in their order
}

type entryID struct{ writer, number uint64 }

// maxMarks bounds how many are remembered.
const maxMarks = 64

func newState() *state {
	return &state{index: make(map[entryID]int), marks: make(map[uint64]int)}
}

// add appends an entry, unless the log has it.
func (s *state) add(e api.Entry) {
	id := entryID{e.Writer, e.Number}
	if _, ok := s.index[id]; ok {
		return
	}
	s.index[id] = len(s.entries)
	s.entries = append(s.entries, e)
	s.sum = sha3.Sum256(append(s.sum[:], api.AppendEntry(nil, &e)...))
}

// mark remembers the length, under the number of who asks for what is before.
func (s *state) mark(number uint64) {
	if len(s.marks) >= maxMarks {
		clear(s.marks)
	}
	s.marks[number] = len(s.entries)
}

// find returns the index of an entry.
func (s *state) find(writer, number uint64) (int, bool) {
	i, ok := s.index[entryID{writer, number}]
	return i, ok
}

// page encodes entries from one index on, before another, as many as fit.
func (s *state) page(from, to, room int) (b []byte, n int) {
	for i := from; i < min(to, len(s.entries)); i++ {
		e := &s.entries[i]
		if n > 0 && len(b)+len(e.Data)+32 > room {
			break
		}
		b = api.AppendEntry(b, e)
		n++
	}
	return b, n
}

// String describes the log.
func (s *state) String() string { return fmt.Sprintf("%d entries, sum %x", len(s.entries), s.sum[:8]) }
