package linux

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

// Descriptors for processes (pidfd_open(2)), wherever those are.

func (k *Kernel) newPidfd(pid int32, flags int) *object.File {
	return object.NewFile(&object.Pidfd{End: k.Tab.EndOf(pid)}, object.ORdwr|flags&object.ONonblock, "anon_inode:[pidfd]")
}

func sysPidfdOpen(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	pid, flags := int32(c.Args[0]), int(c.Args[1])
	if pid <= 0 || flags&^object.ONonblock != 0 {
		return -abi.EINVAL
	}
	p := k.Tab.Named(t.Process(), pid)
	if p != nil {
		pid = p.PID
	}
	if x := k.Tab.NamedThread(t.Process(), pid); x != nil && x.Process().PID != pid {
		return -abi.EINVAL // a thread that is not the first
	}
	if here := p != nil && !p.Frozen(); c.Slot != 0 || !here && t.Process().Child(pid) == nil && !k.Tab.Zombie(pid) {
		if errno := k.killAway(t, c, pid, proc.Info{}); errno != 0 {
			return errno
		}
	}
	return k.install(t, k.newPidfd(pid, flags), object.OCloexec)
}

// pidfdOf returns the process a descriptor is for.
func pidfdOf(t *proc.Thread, fd uint64) (*object.File, *object.End) {
	if f := file(t, fd); f != nil {
		if d, ok := f.Impl.(*object.Pidfd); ok {
			return f, d.End
		}
	}
	return nil, nil
}

func sysPidfdSendSignal(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	sig, info := c.Args[1], c.Args[2]
	if c.Args[3] != 0 {
		return -abi.EINVAL
	}
	_, end := pidfdOf(t, c.Args[0])
	if end == nil {
		return -abi.EBADF
	}
	p := t.Process()
	in := proc.Info{Signo: int32(sig), Code: proc.SiUser, PID: p.PID}
	if info != 0 {
		var b [128]byte
		if !k.copyIn(t, info, b[:]) {
			return -abi.EFAULT
		}
		in = userInfo(int32(sig), b[:])
		if int32(le.Uint32(b[0:])) != in.Signo {
			return -abi.EINVAL
		}
		if (in.Code >= 0 || in.Code == proc.SiTkill) && end.PID != p.PID {
			return -abi.EPERM
		}
	}
	switch {
	case !validSignal(sig):
		return -abi.EINVAL
	case end.Over && k.Tab.Zombie(end.PID):
		return 0
	case end.Over:
		return -abi.ESRCH
	}
	return k.killOne(t, c, end.PID, in)
}

// userInfo is a siginfo_t that a program made up.
func userInfo(sig int32, b []byte) proc.Info {
	return proc.Info{Signo: sig, Code: int32(le.Uint32(b[8:])), PID: int32(le.Uint32(b[16:])),
		UID: int32(le.Uint32(b[20:])), Value: le.Uint64(b[24:])}
}
