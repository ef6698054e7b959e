package linux

import (
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
)

// clone flags (clone(2)).
const (
	cloneVM            = 0x00000100
	cloneFS            = 0x00000200
	cloneFiles         = 0x00000400
	cloneSighand       = 0x00000800
	clonePidfd         = 0x00001000
	cloneVfork         = 0x00004000
	cloneParent        = 0x00008000
	cloneThread        = 0x00010000
	cloneSysvsem       = 0x00040000
	cloneSettls        = 0x00080000
	cloneParentSettid  = 0x00100000
	cloneChildCleartid = 0x00200000
	cloneChildSettid   = 0x01000000
	cloneDetached      = 0x00400000
	cloneUntraced      = 0x00800000
	cloneClearSighand  = 0x100000000

	cloneSignalMask  = 0xff
	threadFlags      = cloneVM | cloneSighand | cloneThread
	cloneUnsupported = 0x7e020000 // namespaces, new cgroup
)

type cloneArgs struct {
	flags, stack, parentTID, childTID, tls, exitSignal uint64

	pidfd uint64 // where the descriptor goes
}

func sysClone(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	a := c.Args
	return k.clone(t, c, cloneArgs{a[0] & 0xffffffff &^ cloneSignalMask, a[1], a[2], a[3], a[4], a[0] & cloneSignalMask, a[2]})
}

func sysFork(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.clone(t, c, cloneArgs{exitSignal: abi.SIGCHLD})
}

func sysVfork(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.clone(t, c, cloneArgs{flags: cloneVM | cloneVfork, exitSignal: abi.SIGCHLD})
}

func sysClone3(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const size = 64
	if c.Args[1] < size {
		return -abi.EINVAL
	}
	b := make([]byte, size)
	if !k.copyIn(t, c.Args[0], b) {
		return -abi.EFAULT
	}
	w := func(i int) uint64 { return le.Uint64(b[8*i:]) }
	stack := w(5)
	if stack != 0 {
		stack += w(6) // the lowest byte and the size
	}
	return k.clone(t, c, cloneArgs{w(0), stack, w(3), w(2), w(7), w(4), w(1)})
}

func (k *Kernel) clone(t *proc.Thread, c *proc.Call, a cloneArgs) int64 {
	switch {
	case c.Phase == vforkWaiting:
		return k.vforkDone(t, c)
	case a.flags&cloneUnsupported != 0, a.exitSignal > abi.NSIG,
		a.flags&clonePidfd != 0 && (a.flags&(cloneThread|cloneDetached) != 0 ||
			a.flags&cloneParentSettid != 0 && a.pidfd == a.parentTID),
		a.flags&cloneThread != 0 && a.flags&threadFlags != threadFlags,
		a.flags&cloneSighand != 0 && a.flags&cloneVM == 0,
		a.flags&cloneVM != 0 && a.flags&(cloneThread|cloneVfork) == 0:
		return -abi.EINVAL
	case k.Pressure != nil && k.Pressure():
		return -abi.EAGAIN
	}
	if a.flags&cloneThread != 0 {
		return k.cloneThread(t, a)
	}
	return k.cloneProcess(t, c, a)
}

func (k *Kernel) cloneThread(t *proc.Thread, a cloneArgs) int64 {
	p := t.Process()
	n := k.Tab.NewThread(p)
	if n == nil {
		return -abi.EAGAIN
	}
	if k.Tab.SpillFPU != nil {
		k.Tab.SpillFPU(t.Frame)
	}
	*n.Frame = *t.Frame
	n.Mask, n.Name = t.Mask, t.Name
	k.startChild(n, a)
	if a.flags&cloneParentSettid != 0 {
		k.copyOut(t, a.parentTID, le.AppendUint32(nil, uint32(n.TID)))
	}
	k.Tab.Start(n)
	return int64(n.TID)
}

// startChild gives a new thread what the clone flags say.
func (k *Kernel) startChild(n *proc.Thread, a cloneArgs) {
	n.Frame.AX = 0
	if a.stack != 0 {
		n.Frame.SP = a.stack
	}
	if a.flags&cloneSettls != 0 && a.tls < abi.UserTop {
		n.Frame.FSBase = a.tls
	}
	if a.flags&cloneChildCleartid != 0 {
		n.ClearTID = a.childTID
	}
	if a.flags&cloneChildSettid != 0 {
		n.Process().Space.CopyOut(a.childTID, le.AppendUint32(nil, uint32(n.TID)))
	}
}

const vforkWaiting = 1

func (k *Kernel) cloneProcess(t *proc.Thread, c *proc.Call, a cloneArgs) int64 {
	p := t.Process()
	if a.flags&cloneVM == 0 && notHere(t, 0, abi.UserTop) {
		return -abi.EFAULT // two processes cannot wait for one content
	}
	if a.flags&clonePidfd != 0 {
		if p.FDs.Full(p.Limits[proc.LimitNofile].Cur) {
			return -abi.EMFILE
		}
		if errno := k.copyOut(t, a.pidfd, make([]byte, 4)); errno != 0 {
			return errno
		}
	}
	var space *vm.Space
	if a.flags&cloneVM != 0 {
		space = p.Space
		space.Retain()
	} else if space = p.Space.Fork(); space == nil {
		return -abi.ENOMEM
	}
	child := k.Tab.Fork(t, space)
	if child == nil {
		space.Release()
		return -abi.EAGAIN
	}
	child.ExitSig = int(a.exitSignal)
	p.Child(child.PID).ExitSig = child.ExitSig
	n := child.Leader()
	if a.flags&cloneVM != 0 && a.flags&cloneVfork == 0 {
		n.AltStack = abi.Stack{}
	}
	if a.flags&cloneClearSighand != 0 {
		for i := range child.Actions {
			if child.Actions[i].Handler > proc.SigIgn {
				child.Actions[i] = proc.Action{}
			}
		}
	}
	k.startChild(n, a)
	if a.flags&cloneParentSettid != 0 {
		k.copyOut(t, a.parentTID, le.AppendUint32(nil, uint32(n.TID)))
	}
	if a.flags&clonePidfd != 0 { // there is room for it
		fd := p.FDs.Add(k.newPidfd(child.PID, 0), 0, true, p.Limits[proc.LimitNofile].Cur)
		k.copyOut(t, a.pidfd, le.AppendUint32(nil, uint32(fd)))
	}
	k.Tab.Start(n)
	if a.flags&cloneVfork == 0 {
		return int64(child.PID)
	}
	// vfork(2): this thread waits until the child has its own memory. Signals
	// wait too, as on Linux.
	k.Tab.VforkWait(t, child)
	c.Phase, c.Masked = vforkWaiting, true
	c.Aux[0] = uint64(child.PID)
	return -abi.EBLOCKED
}

func (k *Kernel) vforkDone(t *proc.Thread, c *proc.Call) int64 {
	if k.Tab.InVfork(int32(c.Aux[0]), t) {
		return -abi.EBLOCKED
	}
	return int64(c.Aux[0])
}

func sysExit(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if !t.Process().LocksHere(t) {
		return -abi.EFAULT
	}
	k.Tab.ExitThread(t, int(c.Args[0]&0xff)<<8)
	return -abi.ENORETURN
}

func sysExitGroup(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if !t.Process().LocksHere(t.Process().Threads...) {
		return -abi.EFAULT
	}
	k.Tab.Exit(t.Process(), int(c.Args[0]&0xff)<<8)
	return -abi.ENORETURN
}

func sysSetTidAddress(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	t.ClearTID = c.Args[0]
	return int64(t.TID)
}
