// Package client asks Bullet servers: files that are made in one go, and never change.
//
//	b := client.New(lib.Trans)
//	file, err := b.Create(server, data, client.Safe)
//	data, err := b.Get(file)
//
// The server of a node's disk is found by api.Key: key.ServiceCap("bullet", node).
//
// Errors are std.Status: NotFound or CapBad for a file that is gone, Denied for one that
// may not be read, NoSpace when the disk is full, RPCNotFound when the server does not
// run, RPCFailure when it ended meanwhile: then a file may have been made, of which
// nobody has the capability. Making another does no harm; what is only read is asked for
// again by itself.
package client
