// Package linux is the Linux personality: the system calls of unmodified static
// Linux/amd64 programs, carried out on processes, segments and objects.
//
// A handler gets the thread and the record of its call and runs to its end. It
// returns a result, a negative error number, or one of the internal results of
// package abi: EBLOCKED (it has joined queues; run it again from the record when
// woken), ERESTARTSYS (a signal came first), ENORETURN (it replaced the
// registers). Handlers have no stack between calls: what must survive a wait is
// in the record.
//
// One table names every call; one file holds each group of handlers. What the
// table does not have answers ENOSYS and is counted.
package linux
