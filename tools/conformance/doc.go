// Command conformance runs Go's own test programs on the host, on a cluster, and on a
// cluster that moves them about (package qemu/conformance).
package main
