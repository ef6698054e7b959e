// Package linuxtest is a test bench for system calls: a node without hardware.
// It has a kernel, a process table, a file tree and a clock that the test
// turns, and plays the part of the dispatcher and of user mode.
//
// A test says what a program does, call by call:
//
//	b := linuxtest.New(t)
//	p := b.Process()
//	r, w := p.Pipe()
//	p.Want(linuxtest.Blocked, abi.SysRead, r, p.Alloc(8), 8)
//
// The program's registers, memory and signal frames are real; only its
// instructions are not. A thread that is in user mode stays there until the test
// makes its next call, or follows the script that Go has given it.
//
// After every step the bench compares what the kernel keeps with what must
// always hold, and at the end it ends every process and looks for anything that
// is left over.
package linuxtest
