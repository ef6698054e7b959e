// Package flipnode makes a host program a node on the virtual network: a FLIP box
// and an RPC machine, the same packages as in the kernel, over a socket of the
// bridge. The command line tool talks to nodes and processes with it, and the
// cluster's daemon serves terminals and the time.
//
// The machines are pure and have one owner; here that is whoever holds the lock.
package flipnode
