// Package fileio is the protocol of the objects behind file descriptors: what a
// node asks of a terminal on the host, or of a pipe whose home is another node.
// Everything is a transaction with the object's FLIP address.
//
// No command that moves data ever waits at the object, and the one that waits,
// Poll, moves none. So a waiting call can be given up, or go on from another
// node, and no byte is lost or read twice.
//
// A reply's status is STD_OK whenever the object was reached; Header.Extra then
// has a Linux error number, 0 if all went well.
package fileio
