// Package node is one node without its hardware: the dispatcher, and the glue
// between processes, protocols and devices. The kernel gives it a real machine;
// tests give it a scripted one, so that a whole cluster of these nodes runs in
// go test, on a virtual clock and a lossy wire.
//
// # One loop
//
// Node.Step is the dispatcher: it takes what devices and time have brought, lets
// the protocol machines run, and gives one thread its slice. Everything a node
// owns is owned by the goroutine that calls Step; there are no locks.
package node
