// Package nicio is the protocol of a node's raw network card: the one that leads out of
// the cluster, whose frames the kernel hands to one program and never looks at. The card
// is object 0 of the service "nic" of its node.
//
// A message carries as many frames as there are: a byte pair with the length goes before
// each. A RECEIVE is answered when there is a frame, so one that waits is the only cost of
// silence; frames that come meanwhile are kept, up to a bound, and then dropped, as any
// network does.
package nicio
