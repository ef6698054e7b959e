package proc

import "motile/kernel/object"

// EndOf returns the end of a process that somebody waits for by a descriptor, with a
// reference for one more. The process may be on another node: then that is asked to
// tell.
func (tb *Table) EndOf(pid int32) *object.End {
	e := tb.ends[pid]
	if e == nil {
		e = &object.End{PID: pid, Dropped: tb.endDropped}
		if tb.zombie(pid) {
			e.Over = true
		} else {
			tb.ends[pid] = e
			tb.watchEnd(pid)
		}
	}
	e.Retain()
	return e
}

// Awaited reports whether somebody here waits for the end of a process.
func (tb *Table) Awaited(pid int32) bool { return tb.ends[pid] != nil }

// Ended is called when a process has ended, here or elsewhere. As long as its parent is
// here and has not heard of it, nobody is woken: who is, must find the child waitable.
func (tb *Table) Ended(pid int32) {
	e := tb.ends[pid]
	switch {
	case e == nil:
	case tb.parentOf(pid) != nil:
		e.Heard = true
	default:
		delete(tb.ends, pid)
		e.Happened()
	}
}

// parentGone: a parent is not here any more, so nobody waits for its news.
func (tb *Table) parentGone(children []*Child) {
	for _, c := range children {
		if e := tb.ends[c.PID]; e != nil && e.Heard {
			tb.Ended(c.PID)
		}
	}
}

func (tb *Table) endDropped(e *object.End) {
	if tb.ends[e.PID] == e {
		delete(tb.ends, e.PID)
	}
}

// watchEnd has the end of a process reported, unless that is here.
func (tb *Table) watchEnd(pid int32) {
	if tb.ends[pid] == nil || tb.Remote == nil {
		return
	}
	if p := tb.Process(pid); p == nil || p.moving {
		tb.Remote.WatchEnd(pid)
	}
}

// parentOf returns the process here that has pid as a child that has not ended.
func (tb *Table) parentOf(pid int32) *Process {
	for _, p := range tb.procs {
		if c := p.child(pid); c != nil && c.State != ChildExited {
			return p
		}
	}
	return nil
}

// zombie reports whether a parent here has the process as a child that has ended.
func (tb *Table) zombie(pid int32) bool {
	for _, p := range tb.procs {
		if c := p.child(pid); c != nil && c.State == ChildExited {
			return true
		}
	}
	return false
}

// Zombie reports whether all that is left of a process is an entry of its parent's.
func (tb *Table) Zombie(pid int32) bool { return tb.zombie(pid) }
