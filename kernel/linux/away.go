package linux

import (
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
)

// Calls and memory that is away (kernel/vm, away.go). Handlers need not know of it: where
// one cannot read, it ends with EFAULT, as at a bad address, and step, which knows that a
// page was wanted, drops that result, waits for the page and runs the handler again from
// the record. What that asks of a handler is what a record asks of it anyway, and a little
// more: it reads before it has effects outside the record, and if it must read after them,
// it asks for that memory first (notHere).

// unreadable reports whether a call has ended because it could not read its caller's memory.
func unreadable(b *proc.Before, ret int64) bool {
	if b.Nr() >= abi.SysMotile {
		return ret == int64(std.RPCBadAddress)
	}
	return ret == -abi.EFAULT
}

// notHere reports whether some of the caller's memory is away: the handler, which is
// going to read it when it must not fail any more, returns EFAULT.
func notHere(t *proc.Thread, addr, n uint64) bool {
	return t.Process().Space.Missing(addr, n)
}

// wants reports whether this step has failed to read something that is away.
func wants(t *proc.Thread) bool {
	_, wanted := t.Process().Space.Wanted()
	return wanted
}

// await gets a page that is away. It reports false if t does not run on now: it waits, or
// its process has ended.
func (k *Kernel) await(t *proc.Thread, addr uint64) bool {
	if k.Fetch != nil {
		k.Fetch(t.Process(), addr)
	}
	if t.State() != proc.Running {
		return false
	}
	if _, away := t.Process().Space.IsAway(addr); !away {
		return true
	}
	k.Tab.AwaitPage(t, addr)
	return false
}

// LoseMemory ends a process some of whose memory was on a node and cannot be had any more:
// as SIGBUS would (BUS_OBJERR, sigaction(2)), but nobody can catch that, for the handler's
// own memory is among what is lost. Whoever shares the memory, between vfork and exec,
// ends too.
func (k *Kernel) LoseMemory(p *proc.Process, node int) {
	space := p.Space
	for _, q := range append([]*proc.Process(nil), k.Tab.Processes()...) {
		if q.Space != space || q.Exiting() {
			continue
		}
		if k.Log != nil {
			k.Log("process %d (%s): its memory on node %d is lost; it ends, as if by SIGBUS", q.PID, q.Comm, node)
		}
		q.Lost = node
		k.Tab.Exit(q, abi.SIGBUS|0x80)
	}
}
