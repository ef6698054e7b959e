// Package deadline keeps the pending deadlines of a protocol machine in order.
//
// It is a binary heap whose elements know their place in it, so that moving or
// stopping one costs no search. Nothing in it reads a clock: the machine's
// caller says what time it is.
package deadline
