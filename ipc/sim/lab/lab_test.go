package lab

import (
	"reflect"
	"strconv"
	"testing"
)

// A plan is what its text says.
func TestText_Identity(t *testing.T) {
	for seed := range uint64(200) {
		p := Generate(seed)
		q, err := Parse(p.String())
		if err != nil {
			t.Fatal(err)
		}
		if q.String() != p.String() || !reflect.DeepEqual(p.Events, q.Events) || !reflect.DeepEqual(p.Actors, q.Actors) {
			t.Fatalf("seed %d:\n%s\nread again:\n%s", seed, p, q)
		}
	}
}

// TestSeeds runs histories; make sim runs more.
func TestSeeds(t *testing.T) {
	parts, each := 8, 250
	if testing.Short() {
		each = 25
	}
	for part := range parts {
		t.Run(strconv.Itoa(part), func(t *testing.T) {
			t.Parallel()
			for i := range each {
				seed := uint64(1 + part*each + i)
				if r := Judge(Generate(seed)); r.Broken != "" {
					t.Fatalf("seed %d: %v; make sim SEED=%d SEEDS=1 makes it small", seed, r.Errors, seed)
				}
			}
		})
	}
}

// TestSeed_IsTheHistory runs the same seeds twice, frame by frame.
func TestSeed_IsTheHistory(t *testing.T) {
	tell := func(seed uint64) string {
		told, _ := Tell(Generate(seed))
		return told
	}
	for seed := range uint64(2 * lives) {
		if once, again := tell(seed), tell(seed); once != again {
			t.Errorf("seed %d: two histories", seed)
		}
	}
}

// What Shrink leaves can be written down, whatever it takes out.
func TestShrink_NodeAndItsNetwork(t *testing.T) {
	p, err := Parse("nodes 3\nnetwork 1,2 mtu=1500\nnetwork 2,3 mtu=1500\nnetwork 3 mtu=1500\n")
	if err != nil {
		t.Fatal(err)
	}
	withoutLastNode(p)
	if q, err := Parse(p.String()); err != nil || q.String() != p.String() || len(q.Networks) != 2 {
		t.Errorf("%v:\n%s", err, p)
	}
}
