// Command linuxguest is /init of a Linux guest, beside which Motile is measured
// (tools/peers). It loads the drivers, gives the card the address that the kernel's
// command line has ("addr=ADDRESS/BITS mtu=N"), starts the servers that the other guest
// talks to, among them those of moves if it has "criu=yes", and then does what the console
// says (package orders).
//
//	linuxguest                      as process 1: the guest's init
//	linuxguest ping KIND PEER BYTES N
//	linuxguest bulk PEER BYTES N    the same orders as programs, which print nanoseconds
//	linuxguest echo KIND BYTES      what answers
//	linuxguest sink
//
//	boot.go       process 1, up to its orders
//	serve.go      orders
//	pingpong.go   messages there and back; bulk.go: many bytes; sockets.go, raw_unsafe.go: by what
//	worker.go     the program that is moved
//	move.go       a move, at its source; modes.go: in all of CRIU's ways
//	target.go     what the target of a move does for its source
//	criu.go       CRIU's jobs, as commands; service.go: asked of its service
//	files.go      how images are copied
//
// What takes times is a program of its own whose system calls go around Go's
// scheduler, so that Linux is measured and not Go.
package main
