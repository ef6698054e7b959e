package nodetest

import (
	"slices"
	"testing"

	"motile/kernel/abi"
)

// The calls of Motile's own work on memory that is away, whatever else happens to their
// processes: the tests of other files, again. The numbers of pages are small; tests that
// move megabytes would take minutes.
func TestAway_NativeCalls(t *testing.T) {
	Loose = true
	defer func() { Loose = false }()
	for name, test := range map[string]func(*testing.T){
		"group":          TestGroup_MembersAndSequencerMove,
		"group forward":  TestGroup_ForwardsToOtherMember,
		"mutex":          TestMutex_MovesWithItsWaiters,
		"mutex signal":   TestMutex_Signal,
		"flip":           TestRawFlip_QueueMoves,
		"seg_map":        TestSegMap_MovesWhileItReads,
		"seg_map fails":  TestSegMap_Fails,
		"seg_unmap":      TestSegUnmap_MappedElsewhere,
		"nested signals": TestSignal_ThroughNestedTransactions,
		"abort":          TestSignal_AbortsTheSearch,
		"robust":         TestRobust_HolderDiesWhereItHasMoved,
		"futex":          TestFutex_WaitersKeepTheirOrder,
	} {
		before := Fetched
		t.Run(name, test)
		if Fetched == before {
			t.Errorf("%s: no page was away", name)
		}
	}
}

// What is too long for one message is here when the call begins, and said to be in use for
// as long as somebody may read it; what is received goes where it was away.
func TestAway_LongData(t *testing.T) {
	w := New(t, 2, 1)
	w.Wire.Delay = 1e6
	server, client := w.Nodes[1].startLong(longServer), w.Nodes[2].startLong(longClient)
	Loose = true // from now on: at new calls, not at those that wait
	defer func() { Loose = false }()
	before, buffer := Fetched, [][2]uint64{{longBase, longBase + longSize}}
	for _, p := range []struct {
		what string
		use  func() [][2]uint64
	}{
		{"request", func() [][2]uint64 { return w.Nodes[2].InUse(client) }},
		{"reply", func() [][2]uint64 { return w.Nodes[1].InUse(server) }},
	} {
		w.RunUntil(60e9, p.what+" in use", func() bool { return len(p.use()) > 0 })
		if got := p.use(); !slices.Equal(got, buffer) {
			t.Errorf("%s: %#x is in use", p.what, got)
		}
	}
	cf, sf := client.Leader().Frame, server.Leader().Frame
	w.RunUntil(600e9, "all calls", func() bool { return cf.R13 == longRuns })
	if cf.R12 != 0 || sf.R12 != 0 {
		t.Errorf("%d calls failed, server's errors %d", cf.R12, sf.R12)
	}
	w.Run(1e9)
	if got := append(w.Nodes[2].InUse(client), w.Nodes[1].InUse(server)...); len(got) > 0 {
		t.Errorf("%#x is still in use", got)
	}
	if Fetched-before < 2*longRuns*longSize/abi.PageSize {
		t.Errorf("%d pages only were away", Fetched-before)
	}
}
