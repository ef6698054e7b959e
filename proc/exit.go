package proc

import (
	"slices"

	"motile/kernel/abi"
	"motile/kernel/object"
)

// Exit ends a process with a wait(2) status. Everything it held is released at
// once; what is left is the entry its parent keeps.
func (tb *Table) Exit(p *Process, status int) {
	if p.exiting {
		return
	}
	p.exiting = true
	p.stopped, p.stunned, p.frozen = false, false, false
	p.settled()
	for _, t := range p.Threads {
		tb.dropThread(t)
	}
	tb.letGo(p)
	tb.leaveMemory(p)
	tb.stopTimers(p)
	p.FDs.closeAll()
	tb.leaveTerminal(p)
	tb.orphanChildren(p)
	tb.remove(p)
	if tb.Died != nil {
		tb.Died(p, status)
	}
	if p.Log != nil {
		p.Log.Release()
		p.Log = nil
	}
	p.Threads = nil // their times are in p's own by now
	tb.childChanged(p, ChildExited, status)
	tb.Ended(p.PID)
}

// letGo gives up what p's threads hold in memory that others may have, before p leaves
// it. Threads that end have left their queues: who is woken is somebody else. What is away
// is written to all the same, and nobody waits for it (LocksHere).
func (tb *Table) letGo(p *Process) {
	for _, t := range p.Threads {
		tb.robustExit(t)
		if t.ClearTID != 0 && p.Space.Shared() {
			p.Space.Store32(t.ClearTID, 0)
			tb.FutexWake(p, t.ClearTID, 1, ^uint32(0))
		}
	}
}

// leaveMemory gives up the address space: at exit, and when exec replaces it.
// A parent that waits in vfork goes on.
func (tb *Table) leaveMemory(p *Process) {
	if p.Space != nil {
		p.Space.Release()
		p.Space = nil
	}
	for _, t := range p.Threads {
		if v := t.vfork; v != nil {
			t.vfork = nil
			tb.wake(v)
		}
	}
}

// orphanChildren gives p's children to init, which reaps them.
func (tb *Table) orphanChildren(p *Process) {
	for _, c := range p.Children {
		if c.State == ChildExited {
			tb.orphans.Reaped++
			continue
		}
		if q := tb.Process(c.PID); q != nil && !q.moving {
			tb.Orphan(q, p.PID)
		} else if tb.Remote != nil {
			tb.Remote.Orphaned(c.PID, p.PID)
		}
	}
	children := p.Children
	p.Children = nil
	tb.parentGone(children)
}

// Orphan tells q that its parent, if it is still that one, has ended.
func (tb *Table) Orphan(q *Process, parent int32) {
	if q.Parent != parent {
		return
	}
	q.Parent = tb.Init()
	if q.DeathSig != 0 {
		tb.Signal(q, Info{Signo: int32(q.DeathSig), Code: SiUser, PID: parent})
	}
	// A job with a stopped member that nobody can continue any more is hung up (POSIX).
	stopped := func(m *Process) bool { return m.stopped }
	if tb.orphaned(q) && slices.ContainsFunc(tb.group(q.PGID), stopped) {
		tb.SignalGroup(q.PGID, Info{Signo: abi.SIGHUP, Code: SiKernel})
		tb.SignalGroup(q.PGID, Info{Signo: abi.SIGCONT, Code: SiKernel})
	}
}

// OrphanedGroup reports whether p's process group is orphaned (POSIX).
func (tb *Table) OrphanedGroup(p *Process) bool { return tb.orphaned(p) }

// orphaned reports whether no member of p's process group has a parent in the
// same session but another group: nobody does job control for it.
func (tb *Table) orphaned(p *Process) bool {
	for _, q := range tb.procs {
		if q.PGID != p.PGID || q.exiting || isInit(q.Parent) {
			continue
		}
		parent := tb.Process(q.Parent)
		if parent == nil { // on another node: it may well
			return false
		}
		if parent.SID == q.SID && parent.PGID != q.PGID {
			return false
		}
	}
	return true
}

// leaveTerminal lets go of the controlling terminal. When a session's leader does, the
// terminal, wherever it is, hangs up its foreground group.
func (tb *Table) leaveTerminal(p *Process) {
	if p.TTY == nil {
		return
	}
	if p.SID == p.PID {
		if tty, ok := p.TTY.Impl.(object.Terminal); ok {
			tty.HangUp(p.TTY, object.Who{PID: p.PID, PGID: p.PGID, SID: p.SID})
		}
	}
	p.TTY.Release()
	p.TTY = nil
}

// ReplaceMemory is the point of no return of execve(2) in t: p runs in the new
// space, alone.
func (tb *Table) ReplaceMemory(t *Thread) {
	p := t.proc
	for _, x := range p.Threads {
		if x != t {
			tb.dropThread(x)
		}
	}
	tb.letGo(p)
	p.Threads = p.Threads[:0]
	p.Threads = append(p.Threads, t)
	if t.TID != p.PID {
		delete(tb.threads, t.TID)
		t.TID = p.PID
		tb.threads[t.TID] = t
	}
	tb.leaveMemory(p)
	p.dropPosixTimers()
	t.ClearTID, t.RobustList = 0, 0
	t.AltStack = abi.Stack{}
	t.Below = nil
	p.execed = true
	tb.setExitSignal(p, abi.SIGCHLD)
	p.Former, t.Former, p.Random = nil, nil, 0 // what knew them is gone
	for i := range p.Actions {
		if p.Actions[i].Handler > SigIgn {
			p.Actions[i] = Action{}
		}
	}
}

// setExitSignal changes what p's parent gets when p ends.
func (tb *Table) setExitSignal(p *Process, sig int) {
	p.ExitSig = sig
	if parent := tb.Process(p.Parent); parent != nil {
		if c := parent.child(p.PID); c != nil {
			c.ExitSig = sig
		}
	}
}

// LeaveTerminal gives up p's controlling terminal (TIOCNOTTY).
func (tb *Table) LeaveTerminal(p *Process) { tb.leaveTerminal(p) }

// Abandon removes a process that never ran.
func (tb *Table) Abandon(p *Process) {
	p.exiting = true
	for _, t := range p.Threads {
		tb.dropThread(t)
	}
	tb.leaveMemory(p)
	p.FDs.closeAll()
	tb.remove(p)
	if tb.Died != nil {
		tb.Died(p, 0)
	}
	tb.Ended(p.PID)
}
