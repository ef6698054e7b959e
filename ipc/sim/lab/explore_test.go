package lab

import (
	"strings"
	"testing"
)

// TestExplore looks at all histories of the small model.
func TestExplore(t *testing.T) {
	faults := 1
	if *thorough {
		faults = 2
	}
	x := Explore(faults)
	t.Logf("up to %d faults: %d states, %d histories to their end, up to %d steps", faults, x.States, x.Ends, x.Deepest)
	if x.Broken != "" {
		t.Errorf("%s\n%s", x.Broken, strings.Join(x.How, "\n"))
	}
	if x.States < 1000 {
		t.Error("that is not all there is")
	}
}
