// Command linuxguest is /init of a Linux guest, beside which Motile is measured
// (tools/peers). It loads the drivers, gives the card the address that the kernel's
// command line has ("addr=ADDRESS/BITS"), loads what CRIU wants if that has "criu=yes", starts the servers that the other guest
// talks to, and then does what the console says (package orders).
//
//	linuxguest                      as process 1: the guest's init
//	linuxguest ping KIND PEER BYTES N
//	linuxguest bulk PEER BYTES N    the same orders as programs, which print nanoseconds
//	linuxguest echo KIND BYTES      what answers
//	linuxguest sink
//
// What takes times is a program of its own whose system calls go around Go's
// scheduler, so that Linux is measured and not Go.
package main
