// Package sim runs a cluster in one goroutine: nodes with their FLIP boxes and
// RPC machines, a wire that loses, duplicates, delays and partitions, processes
// that serve and ask, move, crash and come back, all on a virtual clock.
//
// Everything random comes from one seed, so a seed is a history: run it again
// and every frame is the same. That is also the first thing the tests check.
//
// A Process here is what a process is to the protocols: an endpoint, and threads
// that call trans, getreq and putrep. What it computes is a Program. Both move as
// in a real cluster: each node has a process server that steps the machines of
// migrate/move, whose messages are transactions over the same bad wire (see Migrate),
// and the endpoint moves as bytes. Scripts can also take the steps by hand.
//
// After every step it is checked that no address is active on two nodes, that no
// old frame leads back to a place that a process has left, that one copy of a process
// runs, in its latest state, and that nobody is lost unless a node has died that had
// them; with the programs, that a request runs at most once, and that the members of
// a group receive the same messages under the same numbers. When all is over,
// everything must come to rest. Package lab makes histories and judges them.
package sim
