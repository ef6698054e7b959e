// Command motile is the kernel: it brings up the machine and then is the
// dispatcher, the one loop that owns all of a node's state.
package main
