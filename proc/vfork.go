package proc

// Between vfork and exec a process runs in its parent's memory, and a thread of the
// parent waits. The two move together, or not at all.

// VforkWait makes t wait until child has left the memory they share.
func (tb *Table) VforkWait(t *Thread, child *Process) { child.Threads[0].vfork = t }

// InVfork reports whether child still runs in its parent's memory.
func (tb *Table) InVfork(child int32, t *Thread) bool {
	c := tb.Process(child)
	return c != nil && len(c.Threads) > 0 && c.Threads[0].vfork == t
}

// VforkParent is the thread that waits until p leaves the memory they share, nil if
// there is none.
func (p *Process) VforkParent() *Thread {
	for _, t := range p.Threads {
		if t.vfork != nil {
			return t.vfork
		}
	}
	return nil
}

// VforkAdopt makes the thread with that id, of a process that moved here together with
// child, wait for child as it did.
func (tb *Table) VforkAdopt(tid int32, child *Process) {
	if t := tb.threads[tid]; t != nil {
		tb.VforkWait(t, child)
	}
}
