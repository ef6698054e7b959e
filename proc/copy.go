package proc

import (
	"slices"

	"motile/kernel/abi"
	"motile/migrate/image"
)

// A copy of a process is a process of its own, with ids of its own. But programs have
// written down who they are: Go's runtime and C libraries keep the ids of threads, and
// put them into locks. So a copy goes on answering to the ids it had, when it speaks to
// itself, and to nobody else: the original may be alive.

// NewIdentity makes a checked image that of a copy: with ids that are free on this node,
// a child of init, alone in its group and session. It reports false if there are too
// many processes or threads.
func (tb *Table) NewIdentity(im *image.Process) bool {
	if len(tb.procs) >= MaxProcesses || len(tb.threads)+len(im.Threads) > tb.maxThreads {
		return false
	}
	was := im.PID
	if im.PID = tb.allocate(); im.PID == 0 {
		return false
	}
	im.Former = former(im.Former, was)
	for i := range im.Threads {
		t := &im.Threads[i]
		t.Former = former(t.Former, t.TID)
		if t.TID == was {
			t.TID = im.PID
		} else if t.TID = tb.allocate(); t.TID == 0 {
			return false
		}
	}
	im.Parent, im.PGID, im.SID = tb.Init(), im.PID, im.PID
	im.ExitSig, im.DeathSig = abi.SIGCHLD, 0
	im.Moves, im.Trail = -1, nil // it has not come here by a move
	return true
}

// former adds an id. The oldest are those that the program's start wrote down, the
// newest those that it has asked for since; what is left out is in between.
func former(ids []int32, id int32) []int32 {
	ids = slices.Clone(ids)
	if len(ids) >= image.MaxFormer {
		ids = slices.Delete(ids, image.MaxFormer/2, len(ids)-image.MaxFormer/2+1)
	}
	return append(ids, id)
}

// Was reports whether a pid is p's, or was that of a process p is a copy of.
func (p *Process) Was(pid int32) bool { return p.PID == pid || slices.Contains(p.Former, pid) }

// Was reports whether an id is t's, or was that of a thread t is a copy of.
func (t *Thread) Was(tid int32) bool { return t.TID == tid || slices.Contains(t.Former, tid) }

// Named is the process that p means by a pid: perhaps p itself, by a former one; nil if
// it is not here.
func (tb *Table) Named(p *Process, pid int32) *Process {
	if p.Was(pid) {
		return p
	}
	return tb.Process(pid)
}

// NamedThread is the thread that p means by an id.
func (tb *Table) NamedThread(p *Process, tid int32) *Thread {
	if t := tb.threads[tid]; t != nil && t.proc == p {
		return t
	}
	for _, t := range p.Threads {
		if t.Was(tid) {
			return t
		}
	}
	return tb.threads[tid]
}
