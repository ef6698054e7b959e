package linux

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

func sysEpollCreate(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if arg32(c.Args[0]) <= 0 {
		return -abi.EINVAL
	}
	return k.epollCreate(t, 0)
}

func sysEpollCreate1(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[0]&^uint64(object.OCloexec) != 0 {
		return -abi.EINVAL
	}
	return k.epollCreate(t, int(c.Args[0]))
}

func (k *Kernel) epollCreate(t *proc.Thread, flags int) int64 {
	return k.install(t, object.NewFile(new(object.Epoll), object.ORdwr, "anon_inode:[eventpoll]"), flags)
}

func epollOf(t *proc.Thread, fd uint64) (*object.Epoll, int64) {
	f := file(t, fd)
	if f == nil {
		return nil, -abi.EBADF
	}
	e, ok := f.Impl.(*object.Epoll)
	if !ok {
		return nil, -abi.EINVAL
	}
	return e, 0
}

func sysEpollCtl(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const add, del, mod = 1, 2, 3
	var b [12]byte
	if c.Args[1] != del && !k.copyIn(t, c.Args[3], b[:]) {
		return -abi.EFAULT
	}
	fd := int32(c.Args[2])
	f := file(t, c.Args[2])
	switch {
	case f == nil, file(t, c.Args[0]) == nil:
		return -abi.EBADF
	case f.Impl.Queue() == nil:
		return -abi.EPERM // regular files and directories
	}
	e, errno := epollOf(t, c.Args[0])
	if errno != 0 {
		return errno
	}
	if f.Impl == object.Impl(e) {
		return -abi.EINVAL
	}
	events, data := le.Uint32(b[:]), le.Uint64(b[4:])
	switch c.Args[1] {
	case add:
		if k.Pressure != nil && k.Pressure() {
			return -abi.ENOMEM
		}
		e.Who = t
		return -int64(e.Add(fd, f, events, data))
	case mod:
		return -int64(e.Modify(fd, f, events, data))
	case del:
		return -int64(e.Delete(fd, f))
	}
	return -abi.EINVAL
}

func sysEpollWait(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.epollTimed(t, c, 0)
}

func sysEpollPwait(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.epollTimed(t, c, c.Args[4])
}

func (k *Kernel) epollTimed(t *proc.Thread, c *proc.Call, mask uint64) int64 {
	if c.Aux[3] == 0 {
		if ms := arg32(c.Args[3]); ms > 0 {
			c.Deadline = k.Tab.Now + ms*1e6
		}
		c.Aux[3] = 1
	}
	return k.epollMasked(t, c, mask, arg32(c.Args[3]) == 0)
}

func sysEpollPwait2(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	now := false
	if c.Args[3] != 0 && c.Aux[3] == 0 {
		if errno := k.deadline(t, c, c.Args[3]); errno != 0 {
			return errno
		}
		now = c.Deadline == 0
	}
	c.Aux[3] = 1
	return k.epollMasked(t, c, c.Args[4], now)
}

func (k *Kernel) epollMasked(t *proc.Thread, c *proc.Call, mask uint64, now bool) int64 {
	if mask != 0 {
		if errno := k.withMask(t, c, mask); errno != 0 {
			return errno
		}
		c.Interrupted = k.Tab.HandlerPending(t)
	}
	return endMask(t, k.epollWait(t, c, now))
}

func (k *Kernel) epollWait(t *proc.Thread, c *proc.Call, now bool) int64 {
	e, errno := epollOf(t, c.Args[0])
	if errno != 0 {
		return errno
	}
	limit := arg32(c.Args[2])
	if limit <= 0 || limit > 1<<20 {
		return -abi.EINVAL
	}
	n, bad := 0, int64(0)
	n = e.Collect(int(limit), func(ev object.Events, data uint64) bool {
		b := le.AppendUint64(le.AppendUint32(nil, uint32(ev)), data)
		bad = k.copyOut(t, c.Args[1]+uint64(12*n), b)
		n++
		return bad == 0
	})
	switch {
	case n > 0:
		return int64(n)
	case bad != 0:
		return bad
	case now || c.Expired(k.Tab.Now):
		return 0
	case c.Interrupted:
		return -abi.ERESTARTNOHAND // EINTR, with epoll_pwait's mask still in force
	}
	e.Watch()
	t.WaitOn(e.Queue())
	return -abi.EBLOCKED
}
