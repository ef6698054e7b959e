package node

import "motile/proc"

// Machine is what a node runs on.
type Machine interface {
	// Now is the monotonic time, ns. It never steps back.
	Now() int64
	// RunUser runs a thread in user mode until it traps, something interrupts,
	// or the deadline passes. Why it stopped is in the thread's frame.
	RunUser(t *proc.Thread, deadline int64)
	// Pending reports that Poll has something to do.
	Pending() bool
	// Poll hands what devices have brought to the node.
	Poll()
	// Flush tells devices about the work queued for them since the last Flush.
	Flush()
	// Wait returns when something is pending or the deadline (0: none) has passed.
	Wait(deadline int64)
}
