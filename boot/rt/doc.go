//go:build metal

// Package rt makes the stock Go runtime run in ring 0 with nothing underneath.
//
// The runtime believes it is on Linux. Its system calls are SYSCALL
// instructions, and those arrive here, because this package owns LSTAR: the
// same entry serves the kernel's own runtime (return address in the upper half)
// and user programs (lower half). What the runtime asks of Linux is little:
// memory, threads, futexes, sleep, signals to itself.
//
// # Runtime threads
//
// A thread of the runtime (an M) is a static record: saved registers, a state,
// a futex key, a deadline. Traps never block and have no stacks of their own
// beyond the few the CPU switches to; a handler is given the frame of the M
// that trapped and returns the frame to resume. Nothing ready: the idle M,
// which halts. There is one CPU, so there are no locks, only interrupts off.
//
//	free, ready
//	onFutex  until woken at its key, or its deadline
//	asleep   until its deadline: the runtime's monitor, mostly
//	onPoll   until the event counter is non-zero, or its deadline
//
// While the dispatcher waits for an interrupt (Halt), who is asleep is left so and
// arms no timer: an idle node wakes nobody.
//
// # User mode
//
// RunUser enters ring 3 with a Frame and returns, like a function, when the
// thread traps; the whole register file is then in the Frame. The dispatcher
// of the kernel is an ordinary goroutine that calls it in a loop.
//
// # Rules in trap context
//
// Everything a trap handler calls is nosplit, allocates nothing, and stores no
// Go pointers (a write barrier would call into the collector): it works on
// integers and on memory the garbage collector does not know.
package rt
