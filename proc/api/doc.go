// Package api is how to talk to a node's process server and to processes: names,
// commands, and what requests and replies carry. The kernel, the commands in a
// node's shell and the tools on the host all use it.
//
// # Names
//
// A cluster has a key. From it follow the addresses and capabilities of every
// node and process, so that whoever has the key has the rights of the owner, and
// nobody needs a table of who is where: a process is found at an address computed
// from its pid, which is registered on whatever node runs it.
//
// # Services
//
// The process server of a node answers at the node's address and port; its object
// is 0. A process answers at its own; its object is the pid. Commands with
// Amoeba's numbers mean what they mean there; those from PrivateFirst on are
// Motile's own.
package api
