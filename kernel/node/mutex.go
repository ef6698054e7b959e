package node

import (
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
)

// Amoeba's mutexes: a word in the program's memory, 0 while the mutex is free.
//
//	mu_trylock(word, ms)   0, or STD_NOTNOW if it was not to be had in that time; 0 ms:
//	                       now or not at all; more than maxData: for ever
//	mu_unlock(word)        0, or STD_ARGBAD if it was free
//
// A program may lock a free mutex by itself, by exchanging 0 for 1, and unlock one by
// exchanging 1 for 0; where that fails it must ask the kernel. mu_unlock hands the mutex
// to the thread that has waited longest, and it is not free in between: nobody overtakes.
// Threads of processes that share the memory can share the mutex.
//
// Who waits is a record, among the waiters on futexes (futex(2)), and moves. A handler
// of a signal runs on top of it: in Amoeba the signal would end the call. Then, and
// only then, the thread loses its place.
const (
	muFree    = 0
	muLocked  = 1
	muAwaited = 2 // perhaps somebody waits
)

const anyWaiter = 1<<32 - 1 // all bits of a futex's waiters

func (n *Node) muTrylock(t *proc.Thread, c *proc.Call) int64 {
	s, addr := t.Process().Space, c.Args[0]
	if c.Phase == proc.FutexWoken {
		return 0 // it was handed over
	}
	if addr%4 != 0 {
		return int64(std.ArgBad)
	}
	was, f := s.Load32(addr)
	if f != vm.OK {
		return int64(std.RPCBadAddress)
	}
	take := uint32(muAwaited)
	switch {
	case was == muFree && c.Phase == proc.FutexStart:
		take = muLocked
	case was == muFree: // unlocked while a handler ran; others may wait
	case c.Phase == proc.FutexStart && c.Args[1] == 0, c.Phase != proc.FutexStart && c.Expired(n.Tab.Now):
		return int64(std.NotNow)
	}
	if s.Store32(addr, take) != vm.OK {
		return int64(std.RPCBadAddress)
	}
	if was == muFree {
		return 0
	}
	if c.Phase == proc.FutexStart && c.Args[1] <= maxData {
		c.Deadline = n.Tab.Now + int64(c.Args[1])*1e6
	}
	c.Phase = proc.FutexQueued
	if c.Interrupted {
		c.Aux[2] = 0 // its place
		return -abi.EBLOCKED
	}
	n.Tab.FutexWait(t, addr, anyWaiter)
	return -abi.EBLOCKED
}

func (n *Node) muUnlock(t *proc.Thread, c *proc.Call) int64 {
	p, addr := t.Process(), c.Args[0]
	if addr%4 != 0 {
		return int64(std.ArgBad)
	}
	was, f := p.Space.Load32(addr)
	switch {
	case f != vm.OK:
		return int64(std.RPCBadAddress)
	case was == muFree:
		return int64(std.ArgBad)
	}
	now := uint32(muFree)
	if n.Tab.FutexWake(p, addr, 1, anyWaiter) > 0 {
		now = muAwaited
	}
	if p.Space.Store32(addr, now) != vm.OK {
		return int64(std.RPCBadAddress)
	}
	return 0
}
