// Command motile is the commands for nodes and processes in a node's shell: one
// program, under the name of each. As motile it takes the name as its first
// argument, like the tool of that name on the host.
//
// It is in the archive of every node and starts often, on an emulated CPU: it
// imports no more than it must.
package main
