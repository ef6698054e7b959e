// Command worker is the program that is moved, by Motile and by its peers: the same
// static file on all of them.
//
//	worker BYTES PAGES REPORT
//
// It fills BYTES of memory with random bytes, writes to PAGES pages of them a second, in
// turn, and looks at the clock once a millisecond. At SIGUSR1 it appends a line to the
// file REPORT, or prints it if that is "-", which says what it has seen since it last did:
// the longest time between two looks, and when that ended. It has no file open meanwhile.
package main
