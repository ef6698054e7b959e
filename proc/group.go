package proc

import "motile/kernel/abi"

// SignalGroup sends a signal to the members of a process group on this node and
// returns how many there were.
func (tb *Table) SignalGroup(pgid int32, in Info) (n int) {
	for _, p := range tb.group(pgid) {
		tb.Signal(p, in)
		n++
	}
	return n
}

// group lists the members, since signalling may change the table.
func (tb *Table) group(pgid int32) (members []*Process) {
	for _, p := range tb.procs {
		if p.PGID == pgid {
			members = append(members, p)
		}
	}
	return members
}

// GroupSession returns the session of a group that has members here, or 0.
func (tb *Table) GroupSession(pgid int32) int32 {
	for _, p := range tb.procs {
		if p.PGID == pgid {
			return p.SID
		}
	}
	return 0
}

// SignalAll sends a signal to every process but the caller: kill(-1).
func (tb *Table) SignalAll(except *Process, in Info) (n int) {
	all := append([]*Process(nil), tb.procs...)
	for _, p := range all {
		if p != except {
			tb.Signal(p, in)
			n++
		}
	}
	return n
}

// MayJoin says whether a process of some session may put p into another group: an errno,
// or 0 (setpgid(2)). It says nothing of the group, which has to be one of the session.
func (p *Process) MayJoin(caller, session int32) int {
	switch {
	case p.PID != caller && p.Parent != caller:
		return abi.ESRCH
	case p.PID != caller && p.execed:
		return abi.EACCES
	case p.SID == p.PID || p.SID != session:
		return abi.EPERM
	}
	return 0
}

// SetGroup puts p into a process group; a local parent's entry follows.
func (tb *Table) SetGroup(p *Process, pgid int32) {
	p.PGID = pgid
	if parent := tb.Process(p.Parent); parent != nil {
		if c := parent.child(p.PID); c != nil {
			c.PGID = pgid
		}
	}
}
