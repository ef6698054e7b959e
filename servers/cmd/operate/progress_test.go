package operate

import (
	"strings"
	"testing"
)

func TestProgress_SpeaksOnlyAfterAWhile(t *testing.T) {
	var out strings.Builder
	p := NewProgress(&out, "waiting")
	p.Say("node 1")
	if out.Len() > 0 {
		t.Fatal(out.String())
	}
	p.beat()
	p.Say("node 2")
	p.End()
	p.Say("node 3")
	p.beat()
	if got := out.String(); !strings.HasPrefix(got, "motile: node 1 (") || strings.Count(got, "\n") != 2 {
		t.Fatalf("%q", got)
	}
}
