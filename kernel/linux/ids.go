package linux

import (
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

func sysSetpgid(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	self := t.Process()
	pgid := int32(c.Args[1])
	if pgid < 0 {
		return -abi.EINVAL
	}
	p := k.target(t, c.Args[0])
	if p == nil || p.Moving() {
		ch := self.Child(int32(c.Args[0]))
		if ch == nil {
			return -abi.ESRCH
		}
		if ch.State == proc.ChildExited { // a zombie: nothing left to put in a group
			return 0
		}
		return -abi.EACCES // it has moved away, long after its exec
	}
	if pgid == 0 {
		pgid = p.PID
	}
	switch {
	case p != self && p.Parent != self.PID:
		return -abi.ESRCH
	case p != self && p.Execed():
		return -abi.EACCES
	case p.SID == p.PID || p.SID != self.SID:
		return -abi.EPERM
	case pgid != p.PID && k.Tab.GroupSession(pgid) != self.SID:
		return -abi.EPERM
	}
	k.Tab.SetGroup(p, pgid)
	return 0
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
