// Package operate is what people do to nodes and processes. The tool on the host
// and the commands in a node's shell both call it, so that they take the same
// arguments, print the same, and fail with the same words.
package operate
