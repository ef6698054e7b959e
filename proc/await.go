package proc

import "motile/kernel/wait"

// Waiting for memory that is away (kernel/vm, away.go). A thread does so in user mode,
// without a call: then it faults again when it is woken, here or elsewhere. Or its call has
// found that it must read such a page: the call is put back to what it was when the step
// began, stays active, and its handler runs again from the record.

// Before is what a step may have changed of its thread when it finds that it must wait.
type Before struct {
	call       Call
	mask, save uint64
	saved      bool
}

// Before is how t stands before a step.
func (t *Thread) Before() Before { return Before{t.Call, t.Mask, t.SavedMask, t.MaskSaved} }

// Nr is the number of the call.
func (b *Before) Nr() uint32 { return b.call.Nr }

// PutBack undoes what a step has done to t.
func (t *Thread) PutBack(b *Before) {
	t.Call, t.Mask, t.SavedMask, t.MaskSaved = b.call, b.mask, b.save, b.saved
}

// AwaitPage makes t wait until the page of addr is away no more. As on Linux, a call does
// not end for a signal while it waits for memory: who is woken for one looks at what
// has no handler, and waits again. Its deadline does not count either, until then.
func (tb *Table) AwaitPage(t *Thread, addr uint64) {
	looked := t.Call.Active && (t.Call.Interrupted || t.Call.Masked)
	t.Call.Interrupted, t.woken = false, false
	t.state = Waiting
	t.page = wait.Waiter{Owner: t}
	t.proc.Space.Await(&t.page, addr)
	if t.Deliverable() != 0 && !looked {
		tb.wake(t)
	}
}

// AwaitsPage reports whether t waits for memory.
func (t *Thread) AwaitsPage() bool { return t.page.Waiting() }
