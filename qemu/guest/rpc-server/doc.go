// Package rpcserver is a server and its client in one process, which talk by the port:
// each request is executed once, in order, with its data.
package rpcserver
