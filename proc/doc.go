// Package proc is the process table: processes, threads, their run queue,
// signals, timers, futexes and family relations.
//
// # A thread is data
//
// A user thread has no kernel stack and no goroutine. It is a register file
// (abi.Frame) and, when it waits inside a system call, a record of that call:
// number, arguments, progress, deadline. The dispatcher takes the next thread,
// enters user mode, and gives what comes out to a handler that runs to its end.
// A handler that cannot finish leaves its record active and joins wait queues;
// whatever wakes the thread makes the handler run again, from the record. So
// everything a thread is can be written down at any moment, which is what
// stun, checkpoint and migration need, and what Amoeba, Mach and Chorus lacked.
//
// # States of a thread
//
//	Ready    on a run queue, or held back because its process is stopped, stunned or frozen
//	Running  taken by the dispatcher
//	Waiting  an active record waits for a queue, a deadline or a signal
//	Dead     gone; whoever still has a pointer drops it
//
// A Ready thread with an active record resumes in the handler, any other in user
// mode.
//
// # States of a process
//
// They are flags, for they overlap:
//
//	stopped  by a signal, until SIGCONT
//	stunned  by somebody who has the right, until it is resumed; no timer of it runs
//	frozen   by a move, or while it is written down; likewise
//	moving   frozen, and one of the two copies of a move: nobody changes it; signals
//	         and news for it go to its address
//	exiting  its threads are ending; when the last is gone it leaves the table, and
//	         what is left is an entry with its parent (Child)
//
// # Ownership
//
// The dispatcher owns the table; there are no locks, no goroutines and no clock
// here: Table.Now is set before each step. Maps are only looked up, never ranged
// over where order could show.
package proc
