package linux

import (
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
)

// Process ids, groups, sessions, users.

func sysGetpid(k *Kernel, t *proc.Thread, c *proc.Call) int64  { return int64(t.Process().PID) }
func sysGettid(k *Kernel, t *proc.Thread, c *proc.Call) int64  { return int64(t.TID) }
func sysGetppid(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return int64(t.Process().Parent) }
func sysGetpgrp(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return int64(t.Process().PGID) }

// There is one user, root: rights are capabilities, not user ids.
func sysZero(*Kernel, *proc.Thread, *proc.Call) int64 { return 0 }

func sysGetresuid(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	for _, a := range c.Args[:3] {
		if errno := k.copyOut(t, a, make([]byte, 4)); errno != 0 {
			return errno
		}
	}
	return 0
}

// target is the process a pid argument names, 0 being the caller; nil if it is
// not here.
func (k *Kernel) target(t *proc.Thread, pid uint64) *proc.Process {
	if int32(pid) == 0 {
		return t.Process()
	}
	return k.Tab.Named(t.Process(), int32(pid))
}

func sysGetpgid(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	p := k.target(t, c.Args[0])
	if p == nil {
		if ch := t.Process().Child(int32(c.Args[0])); ch != nil {
			return int64(ch.PGID)
		}
		return -abi.ESRCH
	}
	return int64(p.PGID)
}

func sysGetsid(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	p := k.target(t, c.Args[0])
	if p == nil {
		return -abi.ESRCH
	}
	return int64(p.SID)
}

// sysSetpgid puts the caller or a child of its into a process group (setpgid(2)). What
// this node does not know is asked for: the session of a group that has nobody here, of
// all nodes; a child that is elsewhere, at its address, where the same rules are applied.
func sysSetpgid(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	self := t.Process()
	pid, pgid := int32(c.Args[0]), int32(c.Args[1])
	if pgid < 0 {
		return -abi.EINVAL
	}
	if c.Slot != 0 {
		return k.setpgidAnswer(t, c)
	}
	p := k.target(t, c.Args[0])
	away := p == nil || p.Moving()
	if away {
		if ch := self.Child(pid); ch == nil {
			return -abi.ESRCH
		} else if ch.State == proc.ChildExited { // a zombie: nothing left to put in a group
			return 0
		}
	} else {
		pid = p.PID
		if errno := p.MayJoin(self.PID, self.SID); errno != 0 {
			return -int64(errno)
		}
	}
	if pgid == 0 {
		pgid = pid
	}
	if pgid != pid {
		sid, known := k.sessionOf(t, c, pgid)
		if !known {
			return -abi.EBLOCKED
		}
		if sid != self.SID {
			return -abi.EPERM
		}
	}
	if !away {
		k.Tab.SetGroup(p, pgid)
		return 0
	}
	if k.Cluster == nil {
		return -abi.ESRCH
	}
	to, h := k.Cluster.JoinRequest(pid, pgid, self)
	k.Link(t).Ask(to, h, nil)
	return -abi.EBLOCKED
}

// setpgidAnswer is what a child elsewhere has answered.
func (k *Kernel) setpgidAnswer(t *proc.Thread, c *proc.Call) int64 {
	if c.Answer == nil {
		return -abi.EBLOCKED
	}
	a, ok := k.Link(t).Answer()
	switch {
	case !ok, a.Status != std.OK, a.Header.Status() != std.OK:
		return -abi.ESRCH
	case a.Header.Extra != 0:
		return -int64(a.Header.Extra)
	}
	pid, pgid := int32(c.Args[0]), int32(c.Args[1])
	if pgid == 0 {
		pgid = pid
	}
	if ch := t.Process().Child(pid); ch != nil {
		ch.PGID = pgid
	}
	k.Cluster.Joined(pgid)
	return 0
}

// sessionOf is the session of a process group, 0: there is no such group. It is not known
// until the nodes have answered if nobody of the group is here; a thread that moves before
// they have asks again from where it then is.
func (k *Kernel) sessionOf(t *proc.Thread, c *proc.Call, pgid int32) (sid int32, known bool) {
	const asked = 1
	if sid := k.Tab.GroupSession(pgid); sid != 0 || k.Cluster == nil {
		return sid, true
	}
	switch {
	case c.Aux[0] != 0:
		return int32(c.Aux[0] - 1), true
	case c.Phase == asked && k.asks[c.Aux[1]]:
		return 0, false
	}
	c.Phase = asked
	answered := k.ask(t, c)
	k.Cluster.SessionOf(pgid, func(sid int32) { answered(int(sid)) })
	return 0, false
}

func sysSetsid(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	p := t.Process()
	if k.Tab.GroupSession(p.PID) != 0 && p.PGID == p.PID {
		return -abi.EPERM
	}
	p.SID = p.PID
	k.Tab.SetGroup(p, p.PID)
	if p.TTY != nil {
		p.TTY.Release()
		p.TTY = nil
	}
	return int64(p.PID)
}
