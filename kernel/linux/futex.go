package linux

import (
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
)

// futex operations (futex(2)).
const (
	futexWait       = 0
	futexWake       = 1
	futexRequeue    = 3
	futexCmpRequeue = 4
	futexWakeOp     = 5
	futexWaitBitset = 9
	futexWakeBitset = 10
	futexRealtime   = 256
	futexCommand    = 0x7f
	anyBit          = 1<<32 - 1
)

func sysFutex(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	p := t.Process()
	addr, val := c.Args[0], uint32(c.Args[2])
	if addr%4 != 0 {
		return -abi.EINVAL
	}
	switch op := c.Args[1] & futexCommand; op {
	case futexWait:
		return k.futexWait(t, c, anyBit)
	case futexWaitBitset:
		return k.futexWait(t, c, uint32(c.Args[5]))
	case futexWake:
		return k.futexWake(p, addr, val, anyBit)
	case futexWakeBitset:
		return k.futexWake(p, addr, val, uint32(c.Args[5]))
	case futexRequeue, futexCmpRequeue:
		if op == futexCmpRequeue {
			v, f := p.Space.Load32(addr)
			if f != vm.OK {
				return k.fault(f)
			}
			if v != uint32(c.Args[5]) {
				return -abi.EAGAIN
			}
		}
		if c.Args[4]%4 != 0 || int32(val) < 0 || int32(c.Args[3]) < 0 {
			return -abi.EINVAL
		}
		woken := k.Tab.FutexWake(p, addr, int(int32(val)), anyBit)
		moved := k.Tab.FutexRequeue(p, addr, c.Args[4], int(int32(c.Args[3])))
		if op == futexCmpRequeue {
			return int64(woken + moved)
		}
		return int64(woken)
	case futexWakeOp:
		return k.futexWakeOp(t, c)
	}
	return -abi.ENOSYS // priority inheritance is not built
}

func (k *Kernel) futexWake(p *proc.Process, addr uint64, n, bitset uint32) int64 {
	if bitset == 0 {
		return -abi.EINVAL
	}
	if _, f := p.Space.Load32(addr); f != vm.OK {
		return k.fault(f)
	}
	return int64(k.Tab.FutexWake(p, addr, int(n), bitset))
}

// futexWait. Once queued, the word is not looked at again: a waiter that was
// moved, or whose handler has returned, waits for its wake-up and nothing else.
func (k *Kernel) futexWait(t *proc.Thread, c *proc.Call, bitset uint32) int64 {
	switch c.Phase {
	case proc.FutexWoken:
		return 0
	case proc.FutexStart:
		if errno := k.futexStart(t, c, bitset); errno != 0 {
			return errno
		}
		c.Phase = proc.FutexQueued
		c.Aux[0] = c.Args[0]
	}
	switch {
	case c.Interrupted && c.Deadline != 0:
		return -abi.EINTR
	case c.Interrupted:
		return -abi.ERESTARTSYS
	case c.Expired(k.Tab.Now):
		return -abi.ETIMEDOUT
	}
	k.Tab.FutexWait(t, c.Aux[0], bitset)
	return -abi.EBLOCKED
}

func (k *Kernel) futexStart(t *proc.Thread, c *proc.Call, bitset uint32) int64 {
	if bitset == 0 {
		return -abi.EINVAL
	}
	if c.Args[3] != 0 {
		var b [16]byte
		if !k.copyIn(t, c.Args[3], b[:]) {
			return -abi.EFAULT
		}
		ns, ok := parseTimespec(b[:])
		if !ok {
			return -abi.EINVAL
		}
		if c.Args[1]&futexCommand == futexWaitBitset { // an absolute time
			now := t.Process().Now()
			if c.Args[1]&futexRealtime != 0 {
				now = t.Process().Wall()
			}
			ns = max(ns-now, 0)
		}
		c.Deadline = max(k.Tab.Now+ns, 1)
	}
	v, f := t.Process().Space.Load32(c.Args[0])
	if f != vm.OK {
		return k.fault(f)
	}
	if v != uint32(c.Args[2]) {
		return -abi.EAGAIN
	}
	return 0
}

// futexWakeOp changes a second word and wakes the waiters of both.
func (k *Kernel) futexWakeOp(t *proc.Thread, c *proc.Call) int64 {
	s := t.Process().Space
	addr2, code := c.Args[4], uint32(c.Args[5])
	if addr2%4 != 0 {
		return -abi.EINVAL
	}
	old, f := s.Load32(addr2)
	if f != vm.OK {
		return k.fault(f)
	}
	arg, cmp := int32(code<<8)>>20, int32(code<<20)>>20
	if code>>28&8 != 0 {
		arg = 1 << (uint32(arg) & 31)
	}
	v := uint32(arg)
	switch code >> 28 & 7 {
	case 0:
	case 1:
		v = old + v
	case 2:
		v = old | v
	case 3:
		v = old &^ v
	case 4:
		v = old ^ v
	default:
		return -abi.ENOSYS
	}
	if f := s.Store32(addr2, v); f != vm.OK {
		return k.fault(f)
	}
	n := k.Tab.FutexWake(t.Process(), c.Args[0], int(int32(c.Args[2])), anyBit)
	var hit bool
	switch o := int32(old); code >> 24 & 15 {
	case 0:
		hit = o == cmp
	case 1:
		hit = o != cmp
	case 2:
		hit = o < cmp
	case 3:
		hit = o <= cmp
	case 4:
		hit = o > cmp
	case 5:
		hit = o >= cmp
	default:
		return -abi.ENOSYS
	}
	if hit {
		n += k.Tab.FutexWake(t.Process(), addr2, int(int32(c.Args[3])), anyBit)
	}
	return int64(n)
}

func sysSetRobustList(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[1] != 24 {
		return -abi.EINVAL
	}
	t.RobustList = c.Args[0]
	return 0
}

func sysGetRobustList(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	x := t
	if tid := int32(c.Args[0]); tid != 0 {
		if x = k.Tab.NamedThread(t.Process(), tid); x == nil {
			return -abi.ESRCH
		}
	}
	if errno := k.copyOut(t, c.Args[1], words(x.RobustList)); errno != 0 {
		return errno
	}
	return k.copyOut(t, c.Args[2], words(24))
}
