package nodetest

import "testing"

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
