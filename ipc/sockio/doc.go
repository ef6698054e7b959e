// Package sockio is the protocol of sockets: what a node asks of the TCP/IP server on
// behalf of a process that has a socket open. A socket is an object of that server, named
// by a capability; a descriptor of it goes wherever its process goes, and nothing of it
// stays behind.
//
// As in package fileio, which it extends, no command that moves data waits at the server.
// Who has to wait says so with Poll, and hears of the event by Wait: each node has one
// Wait at the server for all the sockets that its processes have. So a server's threads
// do not grow with its sockets.
//
// Addresses, options and flags are Linux's, as programs give them to the kernel: the
// kernel passes them on and does not look at them.
package sockio
