package lab

import (
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestScripts runs the histories in testdata: those that once broke something, and
// those that are worth reading. After a change that is meant: go test ./ipc/sim/lab
// -rewrite, and read the difference.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "history" {
				d.Fatalf(t, "no command %q", d.Cmd)
			}
			plan, err := Parse(d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			told, broken := Tell(plan)
			for _, e := range broken {
				t.Error(e)
			}
			return told
		})
	})
}
