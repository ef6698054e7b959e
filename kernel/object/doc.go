// Package object has the things a file descriptor can refer to, and the open
// file description between the two.
//
// Every operation is a step that never waits: it does what it can and returns
// EAGAIN when it can do nothing. Waiting is the system call's business; it joins
// the object's queue, becomes a record, and repeats the step when woken. A step
// that takes data out of an object therefore never waits, and a wait never takes
// data: a waiting call can be abandoned, or moved to another node, and nothing
// is lost.
package object
