// Package soak moves processes without end between nodes of a real cluster while
// the network loses, doubles and delays frames, falls apart and heals, and nodes
// lose their power and come back. After every step there must be exactly one copy
// of each process that is not lost with its node, and every line that it printed
// must have come once.
//
// A run is rounds. What a round does is a function of the seed and its number; a
// file remembers how far the run has come, so it can be stopped and taken up again.
// When things happen is up to the machine, so a round that failed may have to be
// repeated a few times to fail again.
package soak
