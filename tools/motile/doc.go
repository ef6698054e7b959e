// Command motile runs a cluster on this host and is the way into it: see
// motile --help, and the package comments of motile/qemu/cluster.
package main
