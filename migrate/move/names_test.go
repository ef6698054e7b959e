package move

import (
	"strings"
	"testing"
)

// Every event has a name; records of moves are made of them.
func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	named := func(s string) {
		if seen[s] || strings.ContainsAny(s, "0123456789") {
			t.Errorf("%q is there twice, or no name", s)
		}
		seen[s] = true
	}
	for e := Start; e <= Resumed; e++ {
		named(e.String())
	}
	clear(seen)
	for e := Offer; e <= TargetResumed; e++ {
		named(e.String())
	}
	if got := SourceEvent(250).String(); got != "source event 250" {
		t.Errorf("an event that nobody has named is %q", got)
	}
}
