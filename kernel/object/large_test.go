package object

import (
	"testing"

	"motile/ipc/filesys"
)

func TestLargeReads(t *testing.T) {
	var l largeReads
	op := &Op{Now: 5}
	if n, until := l.room(op, filesys.MaxData); n != filesys.MaxData || until != 0 {
		t.Errorf("a read that is not large takes a place: %d, %d", n, until)
	}
	var last uint64
	for range l {
		n, until := l.room(op, 1<<30)
		if n != filesys.MaxRead || until == 0 {
			t.Fatalf("no room: %d, %d", n, until)
		}
		last = until
	}
	full := func() bool {
		n, until := l.room(op, 1<<30)
		return n == filesys.MaxData && until == 0
	}
	if !full() {
		t.Error("more than there are places")
	}
	l.end(last + 1)
	l.end(0)
	if !full() {
		t.Error("somebody else's end made room")
	}
	l.end(last)
	op.Pressure = func() bool { return true }
	if !full() {
		t.Error("large reads although memory is short")
	}
	op.Pressure = nil
	if full() || !full() {
		t.Error("one end does not make room for one")
	}
	op.Now += largeFor
	if full() {
		t.Error("who never ended has his place for ever")
	}
}
