package linux

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

func sysSignalfd(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.signalfd(t, c, 0) }

func sysSignalfd4(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.signalfd(t, c, int(c.Args[3]))
}

func (k *Kernel) signalfd(t *proc.Thread, c *proc.Call, flags int) int64 {
	if c.Args[2] != 8 || flags&^(object.ONonblock|object.OCloexec) != 0 {
		return -abi.EINVAL
	}
	var b [8]byte
	if !k.copyIn(t, c.Args[1], b[:]) {
		return -abi.EFAULT
	}
	set := le.Uint64(b[:]) &^ (1<<(abi.SIGKILL-1) | 1<<(abi.SIGSTOP-1))
	if arg32(c.Args[0]) == -1 {
		s := &object.Signalfd{Set: set}
		return k.install(t, object.NewFile(s, object.ORdwr|flags&object.ONonblock, "anon_inode:[signalfd]"), flags)
	}
	f := file(t, c.Args[0])
	if f == nil {
		return -abi.EBADF
	}
	s, ok := f.Impl.(*object.Signalfd)
	if !ok {
		return -abi.EINVAL
	}
	s.Set = set
	t.SignalQueue().Wake(uint32(object.In | object.RdNorm)) // some may be pending
	return int64(int32(c.Args[0]))
}
