// Command soak moves processes without end between the nodes of a cluster of its
// own, with faults (package qemu/soak). It goes on where it was stopped.
//
//	soak [--dir DIR] [--seed N] [--rounds N] [--moves N]
package main
