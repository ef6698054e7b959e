// Package byhand shows what Amoeba's process server is made of. Start builds a process out
// of bytes and starts it on any node: segments are made there with SEG_CREATE, filled with
// SEG_WRITE and named in a process descriptor, which EXEC turns into a process. There is
// no program file and no exec(2) in it. Debugger is the other direction: it stuns a
// process, and reads and writes its memory by the capabilities of its segments, from
// another node.
//
// qemu/guest/byhand does both, one with the other.
package byhand
