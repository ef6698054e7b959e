// Command hostile tries what a program must not be able to do: privileged and
// malformed instructions, kernel and non-canonical addresses, bogus signal frames,
// bad floating-point control words, games with flags at SYSCALL.
//
// Each attempt is made by a child, which must end by the signal it has coming; the
// node goes on. It prints a line for each and "all NN held" at the end.
//
//	hostile        run all
//	hostile NAME   be the child that makes one attempt
package main
