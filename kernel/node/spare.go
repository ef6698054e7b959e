package node

// spares are the buffers of messages that were taken in and are done with, for those that
// come next: without them each second of a page stream would make a heap full of garbage, and
// zero as much. They are kept for as long as a stream lasts.
type spares [][]byte

// maxSpares is a window of a page stream. A message that FLIP has put together gives up its
// header in front, so a buffer comes back a little shorter each time; slack is for that.
const (
	maxSpares  = pumpWindow
	leastSpare = 32 << 10
	spareSlack = 4 << 10
)

// get makes room for a message of so many bytes; nothing is said about what is in it.
func (s *spares) get(size int) []byte {
	if size < leastSpare {
		return make([]byte, size)
	}
	if last := len(*s) - 1; last >= 0 {
		b := (*s)[last]
		(*s)[last] = nil
		*s = (*s)[:last]
		if size <= cap(b) {
			return b[:size]
		}
	}
	return make([]byte, size, size+spareSlack)
}

// put takes the data of a message that came over a link and that nobody reads any more. What
// came from this node is its sender's, too.
func (s *spares) put(data []byte) {
	if len(*s) < maxSpares && len(data) >= leastSpare {
		*s = append(*s, data)
	}
}

// drop gives all of them up.
func (s *spares) drop() { *s = nil }
