package e2e

import (
	"testing"
	"time"

	"motile/qemu/harness"
)

// A program on one node builds a process out of machine code on another, looks into it,
// and changes what it says.
func TestByHand(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, Deadline: 3 * time.Minute})
	p := w.run(1, "/test/byhand", "2")
	for _, line := range []string{`^process 2\d{6} on node 2$`, `^it says "made by hand\\n"$`, `^made by hand$`, `^made anew   $`, `^ended with 0$`} {
		p.await(line)
	}
}
