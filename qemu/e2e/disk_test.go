package e2e

import (
	"fmt"
	"testing"

	"motile/qemu/harness"
	"motile/qemu/machine"
)

// A node's disk keeps what was written and synced when the node's power is cut, and
// programs on other nodes see the same. Each type of machine has it in another place.
func TestDisk(t *testing.T) {
	t.Parallel()
	for _, m := range machine.Types {
		t.Run(string(m), func(t *testing.T) {
			w := boot(t, harness.Options{Nodes: 2, Machines: []machine.Type{m, machine.MicroVM}, DiskMB: 32})
			disk := func(node int, words ...any) {
				t.Helper()
				args := []string{"/test/diskio"}
				for _, word := range words {
					args = append(args, fmt.Sprint(word))
				}
				p := w.run(node, args...)
				if status := p.end(); status != 0 {
					t.Fatalf("%v on node %d: status %d: %s", args, node, status, p.out.tail(5))
				}
			}
			disk(1, "bad", 1)
			disk(1, "write", 1, 7, 100)
			w.Node(1).Kill()
			w.Node(1).Restart()
			disk(1, "check", 1, 7, 100)
			disk(2, "check", 1, 7, 100) // over the network
			disk(2, "write", 1, 8, 30)
			disk(1, "check", 1, 8, 30)
		})
	}
}

// A node without a disk says so.
func TestDisk_None(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{MemMB: 96})
	p := w.run(1, "/test/diskio", "bad", "1")
	p.await("STD_NOMEDIUM")
	if status := p.end(); status == 0 {
		t.Error("it has one")
	}
}
