package group

import "testing"

// The random worlds are worth something if they find planted bugs. These are
// planted in the state of a member that moves.
func TestRandom_FindsMutants(t *testing.T) {
	sequencer := func(st *MemberState) bool {
		return phase(st.Phase) == running && st.Index == st.Sequencer && !st.Begun
	}
	mutants := map[string]func(*MemberState){
		"the sequencer hands out a number twice": func(st *MemberState) {
			n := len(st.History)
			if sequencer(st) && n > 0 && st.Got > st.Start {
				st.History = st.History[:n-1]
				st.Got--
				st.Applied, st.Last = st.Got, st.Got
				st.Accepted, st.Taken = min(st.Accepted, st.Got), min(st.Taken, st.Got)
			}
		},
		"the sequencer forgets which messages it has numbered": func(st *MemberState) {
			if sequencer(st) {
				for i := range st.Table {
					st.Table[i].LastMess = 0
				}
			}
		},
		"the history stays behind": func(st *MemberState) {
			if n := len(st.History); sequencer(st) && n > 0 && st.History[n-1].Seqno == st.Got && st.Taken == st.Got {
				st.History, st.Base = nil, st.Got+1
			}
		},
		"what was received is received again": func(st *MemberState) {
			if st.Taken >= st.Base {
				st.Taken--
			}
		},
		"the messids of a sender begin again": func(st *MemberState) {
			if len(st.Sends) == 0 {
				st.MessID = 0
			}
		},
	}
	for what, mutate := range mutants {
		t.Run(what, func(t *testing.T) {
			for seed := range uint64(100) {
				w := play(seed+1, chaos{}, mutate, nil)
				w.checkSends()
				if len(w.errors) > 0 {
					t.Logf("seed %d: %s", seed+1, w.errors[0])
					return
				}
			}
			t.Error("not found in 100 worlds")
		})
	}
}
