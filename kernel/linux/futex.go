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
	futexPrivate    = 128
	futexRealtime   = 256
	futexCommand    = 0x7f
	anyBit          = 1<<32 - 1
)

func sysFutex(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	op, val := c.Args[1]&futexCommand, uint32(c.Args[2])
	if c.Args[1]&futexRealtime != 0 && op != futexWaitBitset {
		return -abi.ENOSYS
	}
	switch op {
	case futexWait:
		return k.futexWait(t, c, anyBit)
	case futexWaitBitset:
		return k.futexWait(t, c, uint32(c.Args[5]))
	case futexWake:
		return k.futexWake(t, c, val, anyBit)
	case futexWakeBitset:
		return k.futexWake(t, c, val, uint32(c.Args[5]))
	case futexRequeue, futexCmpRequeue:
		return k.futexRequeue(t, c, op == futexCmpRequeue)
	case futexWakeOp:
		return k.futexWakeOp(t, c)
	}
	return -abi.ENOSYS // priority inheritance is not built
}

// futexWord checks the address of a word. Only a word that may be shared is looked at,
// as on Linux: another process might know it by another address.
func (k *Kernel) futexWord(t *proc.Thread, c *proc.Call, addr uint64) int64 {
	switch {
	case addr%4 != 0:
		return -abi.EINVAL
	case addr >= abi.UserTop:
		return -abi.EFAULT
	case c.Args[1]&futexPrivate != 0:
		return 0
	}
	_, f := t.Process().Space.Load32(addr)
	return k.fault(f)
}

// atLeastOne: futex(2) wakes one even if it is to wake none.
func atLeastOne(n uint32) int { return max(int(int32(n)), 1) }

func (k *Kernel) futexWake(t *proc.Thread, c *proc.Call, n, bitset uint32) int64 {
	if bitset == 0 {
		return -abi.EINVAL
	}
	if errno := k.futexWord(t, c, c.Args[0]); errno != 0 {
		return errno
	}
	return int64(k.Tab.FutexWake(t.Process(), c.Args[0], atLeastOne(n), bitset))
}

// futexRequeue wakes some waiters and has others wait for another word.
func (k *Kernel) futexRequeue(t *proc.Thread, c *proc.Call, compare bool) int64 {
	p := t.Process()
	from, to, wake, move := c.Args[0], c.Args[4], int32(c.Args[2]), int32(c.Args[3])
	if wake < 0 || move < 0 {
		return -abi.EINVAL
	}
	for _, addr := range []uint64{from, to} {
		if errno := k.futexWord(t, c, addr); errno != 0 {
			return errno
		}
	}
	if compare {
		v, f := p.Space.Load32(from)
		if f != vm.OK {
			return k.fault(f)
		}
		if v != uint32(c.Args[5]) {
			return -abi.EAGAIN
		}
	}
	woken := k.Tab.FutexWake(p, from, int(wake), anyBit)
	moved := k.Tab.FutexRequeue(p, from, to, int(move))
	if compare {
		return int64(woken + moved)
	}
	return int64(woken)
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
	if bitset == 0 {
		return -abi.EINVAL
	}
	if errno := k.futexWord(t, c, c.Args[0]); errno != 0 {
		return errno
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
	p := t.Process()
	addr2, code := c.Args[4], uint32(c.Args[5])
	for _, addr := range []uint64{c.Args[0], addr2} {
		if errno := k.futexWord(t, c, addr); errno != 0 {
			return errno
		}
	}
	if _, ok := futexChange(code, 0); !ok {
		return -abi.ENOSYS
	}
	old, f := p.Space.Load32(addr2)
	if f != vm.OK {
		return k.fault(f)
	}
	v, _ := futexChange(code, old)
	if f := p.Space.Store32(addr2, v); f != vm.OK {
		return k.fault(f)
	}
	hit, ok := futexCompare(code, int32(old))
	if !ok {
		return -abi.ENOSYS // the word has changed nevertheless, as on Linux
	}
	n := k.Tab.FutexWake(p, c.Args[0], atLeastOne(uint32(c.Args[2])), anyBit)
	if hit {
		n += k.Tab.FutexWake(p, addr2, atLeastOne(uint32(c.Args[3])), anyBit)
	}
	return int64(n)
}

// futexChange is what FUTEX_OP makes of a word.
func futexChange(code, old uint32) (v uint32, ok bool) {
	arg := int32(code<<8) >> 20
	if code>>28&8 != 0 {
		arg = 1 << (uint32(arg) & 31)
	}
	v = uint32(arg)
	switch code >> 28 & 7 {
	case 0:
		return v, true
	case 1:
		return old + v, true
	case 2:
		return old | v, true
	case 3:
		return old &^ v, true
	case 4:
		return old ^ v, true
	}
	return 0, false
}

// futexCompare is FUTEX_OP's comparison.
func futexCompare(code uint32, old int32) (hit, ok bool) {
	cmp := int32(code<<20) >> 20
	switch code >> 24 & 15 {
	case 0:
		return old == cmp, true
	case 1:
		return old != cmp, true
	case 2:
		return old < cmp, true
	case 3:
		return old <= cmp, true
	case 4:
		return old > cmp, true
	case 5:
		return old >= cmp, true
	}
	return false, false
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
