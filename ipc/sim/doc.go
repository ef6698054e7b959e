// Package sim runs a cluster in one goroutine: nodes with their FLIP boxes and
// RPC machines, a wire that loses, duplicates, delays and partitions, processes
// that serve and ask, move, crash and come back, all on a virtual clock.
//
// Everything random comes from one seed, so a seed is a history: run it again
// and every frame is the same. That is also the first thing the tests check.
//
// A Process here is what a process is to the protocols: an endpoint, and threads
// that call trans, getreq and putrep. What it computes is a Program. Program and
// endpoint move together, in the steps of the real protocol (see Move), and the
// endpoint moves as bytes.
package sim
