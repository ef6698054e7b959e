// Package lib is message passing for Go programs that run on Motile: trans, getreq
// and putrep, and raw FLIP (Interface), as system calls of the kernel below.
//
// Serve is a server's loop. ServeObjects is one for servers with objects: capabilities
// are checked and the standard commands answered for it.
//
// They are made through the runtime's ordinary system call path, so a thread that
// waits for a message has given up its P: other goroutines of the program run on.
package lib
