package object

import "motile/ipc/filesys"

// What a Read brings lies in the kernel's heap until its thread takes it, so a thread may
// have MaxData of that; but a few at a time, on the whole node, may have MaxRead: a request
// costs about as much as what it brings.

// largeFor is when a large read counts as over that nobody has ended: its call was given
// up, or went away with its process, ns.
const largeFor = 10e9

// largeReads are the times when those that are under way count as over; 0: nobody has the
// place.
type largeReads [8]int64

// room is how much a read that wants so many bytes may ask for, and what end wants to be
// told when the answer is there; 0: it is not a large one.
func (l *largeReads) room(op *Op, want int) (size int, until uint64) {
	if want <= filesys.MaxData {
		return want, 0
	}
	if op.Pressure == nil || !op.Pressure() {
		for i, busy := range l {
			if busy <= op.Now {
				l[i] = op.Now + largeFor
				return min(want, filesys.MaxRead), uint64(l[i])
			}
		}
	}
	return filesys.MaxData, 0
}

// end gives a place back. One of another node, where the call was then, is none of ours,
// or is as good as it.
func (l *largeReads) end(until uint64) {
	for i, busy := range l {
		if until != 0 && uint64(busy) == until {
			l[i] = 0
			return
		}
	}
}
