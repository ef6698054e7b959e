// Package movetrace makes of what nodes have recorded of moves (kernel/node's flight
// recorder) one trace on one time axis, in the format of Chrome's trace viewer, which
// Perfetto (ui.perfetto.dev) reads too. Nodes are its processes; each has tracks for the
// phases of moves, for the steps of their machines, for the moving process, and for
// messages, which arrows lead from one node to the other.
package movetrace
