// Command bench takes times of transactions as Go programs make them, through
// servers/lib. A time is one number on a line, in nanoseconds.
//
//	bench trans PORT BATCH N   an empty request and its empty reply
//	bench serve PORT           the server for that: PORT is its get-port
//
// A time is the average over BATCH; there are N of them, after some that do not
// count. What the kernel alone takes is for qemu/guest/calls to say.
package main
