// Package client is how programs ask nodes and processes for things: a method for
// each command of package api. Tools on the host use it and the commands in a
// node's shell, each over its own way to make a transaction (Caller).
//
// Nodes and processes are found by the ports of their capabilities. So it does not
// matter where a process is, nor whether it moves while it is asked something; what
// waits for its end or output goes on waiting at its new node.
//
// Errors name the node or process and say what to do (type Error).
package client
