package move

import "testing"

// How many rounds are made, and whether what is left then fits, of a process that writes so many
// pages a second, on a network that carries so many.
func TestRounds(t *testing.T) {
	const ms = 1e6
	for _, test := range []struct {
		name          string
		pages         int // in all
		writes, sends float64
		most          int64 // freeze, ns
		rounds        [2]int
		kept          bool
	}{
		{"writes nothing", 16384, 0, 16000, 15 * ms, [2]int{1, 1}, true},
		{"writes little", 16384, 160, 16000, 15 * ms, [2]int{1, 2}, true},
		{"writes a tenth of what is sent", 16384, 1600, 16000, 15 * ms, [2]int{2, 3}, true},
		{"writes nearly as fast as is sent", 16384, 15500, 16000, 15 * ms, [2]int{2, 3}, false},
		{"writes half as fast, and may stand still for long", 16384, 8000, 16000, 600 * ms, [2]int{1, 1}, true},
		{"is small", 12, 1000, 16000, 15 * ms, [2]int{1, 1}, true},
	} {
		r, rounds := Rounds{MaxFreeze: test.most, Fixed: 5 * ms}, 0
		for send := test.pages; ; {
			took := float64(send) / test.sends // seconds
			dirty := min(int(took*test.writes), test.pages)
			r.Sent(send, int64(took*1e9), dirty)
			if rounds++; !r.Again() {
				break
			}
			send = dirty
		}
		if rounds < test.rounds[0] || rounds > test.rounds[1] || r.Kept() != test.kept {
			t.Errorf("a process that %s: %d rounds, want %v; kept %v", test.name, rounds, test.rounds, r.Kept())
		}
	}
}

// It ends whatever happens.
func TestRounds_End(t *testing.T) {
	r := Rounds{MaxFreeze: 1}
	for i, dirty := 0, 1<<20; r.Again() || i == 0; i++ {
		if dirty = dirty * 3 / 4; i > maxRounds {
			t.Fatal("too many")
		}
		r.Sent(1<<20, 1e9, dirty)
	}
}
