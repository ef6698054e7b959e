package node

import "motile/ipc/group"

// A process stands still while it is written down: its threads, and its addresses. It
// then goes on here, or what is left of it goes.

// freeze stops a process. Whoever sends to it is told to wait.
func (x *process) freeze() {
	n := x.node
	n.Tab.FreezeToMove(x.p)
	n.ipc.m.Freeze(n.Tab.Now, x.pid)
	if x.own != nil {
		n.ipc.m.Freeze(n.Tab.Now, x.own)
	}
	if x.raw != nil {
		n.ipc.raw.Freeze(n.Tab.Now, x.raw)
	}
	x.eachGroup(n.ipc.grp.Freeze)
	n.perform()
}

// thaw lets it go on as if nothing had happened.
func (x *process) thaw() {
	n := x.node
	n.ipc.m.Thaw(n.Tab.Now, x.pid)
	if x.own != nil {
		n.ipc.m.Thaw(n.Tab.Now, x.own)
	}
	if x.raw != nil {
		n.ipc.raw.Thaw(n.Tab.Now, x.raw)
	}
	x.eachGroup(n.ipc.grp.Thaw)
	n.Tab.Thaw(x.p)
	n.perform()
}

// silence ends BUSY: nobody knows where the process is.
func (x *process) silence() {
	n := x.node
	n.ipc.m.Silence(n.Tab.Now, x.pid)
	if x.own != nil {
		n.ipc.m.Silence(n.Tab.Now, x.own)
	}
	if x.raw != nil {
		n.ipc.raw.Silence(n.Tab.Now, x.raw)
	}
	x.eachGroup(n.ipc.grp.Silence)
}

// remove takes its addresses from this node: they are another copy's.
func (x *process) remove() {
	n := x.node
	n.ipc.m.Remove(n.Tab.Now, x.pid)
	if x.own != nil {
		n.ipc.m.Remove(n.Tab.Now, x.own)
	}
	if x.raw != nil {
		n.ipc.raw.Remove(n.Tab.Now, x.raw)
	}
	x.eachGroup(n.ipc.grp.Remove)
	x.groups = [maxGroups]*group.Member{}
	x.pid, x.own, x.raw = nil, nil, nil
	x.dropTimers()
	n.moverGone(x) // now it hears of it where it is
	n.perform()
}
