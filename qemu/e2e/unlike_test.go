package e2e

import (
	"time"

	"motile/qemu/harness"
	"motile/qemu/machine"
)

// unlike is three nodes that differ in all that a program must not notice: their
// machines, what time their clocks say it is, and how long they have been up.
func unlike() harness.Options {
	return harness.Options{
		Nodes:      3,
		Machines:   []machine.Type{machine.MicroVM, machine.PC, machine.Q35},
		RTCOffsets: []time.Duration{0, time.Hour, -time.Hour},
		Appends:    []string{"uptime=300", "uptime=60", "uptime=900"},
	}
}

// next is the node after another, around the three.
func next(node int) int { return node%3 + 1 }
