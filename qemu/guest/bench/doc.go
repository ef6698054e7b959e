// Command bench takes times on a node. A time is one number on a line: nanoseconds
// for one of whatever was asked for.
//
//	bench null BATCH N         a system call that does nothing
//	bench trans PORT BATCH N   an empty request and its empty reply
//	bench serve PORT           the server for that: PORT is its get-port
//
// A time is the average over BATCH, for what takes hardly longer than to look at
// the clock; there are N of them, after some that do not count.
package main
