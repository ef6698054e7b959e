// Package lib is message passing for Go programs that run on Motile: trans, getreq
// and putrep, as system calls of the kernel below.
//
// They are made through the runtime's ordinary system call path, so a thread that
// waits for a message has given up its P: other goroutines of the program run on.
package lib
