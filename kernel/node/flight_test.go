package node

import (
	"testing"

	"motile/migrate/wire"
	"motile/proc/api"
)

// A message is recorded without memory being allocated for it, and one that was written
// over is not taken for the one that has its place.
func TestFlights_Messages(t *testing.T) {
	now := int64(0)
	f := &flights{now: func() int64 { now++; return now }}
	l := f.begin(wire.MoveID{Nr: 1}, true, 2, []int32{1000007}, "cat")
	first := l.messageAs(api.MovePages, 0, 60000)
	seq := uint32(1)
	if n := testing.AllocsPerRun(3*flightMessages, func() {
		l.messageAs(api.MovePages, seq, 60000).answered()
		l.step(sourceNote+noteRound, 0, 1, 2)
		seq++
	}); n != 0 {
		t.Errorf("%v allocations for a message and a step", n)
	}
	last := l.messageAs(api.MovePages, seq, 60000)
	first.answered()
	m := f.trace(1000007, false)[0]
	if len(m.Messages) != flightMessages || len(m.Steps) != flightSteps || m.StepsLost == 0 {
		t.Fatalf("%d messages, %d steps, %d lost", len(m.Messages), len(m.Steps), m.StepsLost)
	}
	for i, g := range m.Messages {
		open := g.Seq == seq
		if g.Seq != seq-uint32(flightMessages-1-i) || (g.OverNs == 0) != open {
			t.Fatalf("message %d is %+v", i, g)
		}
	}
	last.answered()
	if m := f.trace(0, false)[0]; m.Messages[flightMessages-1].OverNs == 0 {
		t.Error("the last message was answered")
	}
}

// A move whose record another one has taken over writes nowhere.
func TestFlights_RecordTakenOver(t *testing.T) {
	f := &flights{now: func() int64 { return 7 }}
	old := f.begin(wire.MoveID{Nr: 1}, true, 2, []int32{1000007}, "cat")
	for range flightMoves {
		f.begin(wire.MoveID{Nr: 2}, false, 2, []int32{1000008}, "ls")
	}
	old.step(sourceNote+noteRound, 0, 0, 0)
	old.message(api.MoveOffer, 1).answered()
	old.end("done", "")
	all := f.trace(0, false)
	if len(all) != flightMoves || f.count.committed != [2]uint64{0, 1} {
		t.Fatalf("%d moves, %+v", len(all), f.count)
	}
	for _, m := range all {
		if m.PIDs[0] != 1000008 || len(m.Steps)+len(m.Messages) != 0 || m.Outcome != "" {
			t.Errorf("%+v", m)
		}
	}
	var none flight
	none.step(0, 0, 0, 0)
	none.message(api.MoveOffer, 1).answered()
	none.end("done", "")
}
