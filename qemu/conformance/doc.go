// Package conformance runs Go's own test programs ($(go env GOROOT)/test, the files
// that say “// run”) three ways: on the host's Linux, which is the oracle; on a cluster,
// left in peace; and on a cluster, where each is moved and made anew again and again
// while it runs. A program passes if it ends with the exit status and the output that
// its .out file and the host say, and, shaken, if it has moved at least once.
//
// Which programs there are, and which of them are not run and why, is in programs.txt,
// written beforehand: a program that is not in it, or is in it and not there, or that
// the host cannot run although the list says it can, is a failure.
package conformance
