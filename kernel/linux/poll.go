package linux

import (
	"iter"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

const (
	maxPoll  = proc.MaxFDs
	manyPoll = 64   // more are admitted only while the kernel has memory
	fdSet    = 1024 // descriptors in an fd_set
)

func sysPoll(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Phase == 0 {
		if ms := arg32(c.Args[2]); ms > 0 {
			c.Deadline = k.Tab.Now + ms*1e6
		}
		c.Phase = 1
	}
	ret := k.poll(t, c, c.Args[2]&0xffffffff == 0)
	if ret == -abi.ERESTARTNOHAND {
		return -abi.EINTR
	}
	return ret
}

func sysPpoll(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	now := false
	if c.Args[2] != 0 && c.Aux[3] == 0 {
		if errno := k.deadline(t, c, c.Args[2]); errno != 0 {
			return errno
		}
		now = c.Deadline == 0
	}
	c.Aux[3] = 1
	if c.Args[3] != 0 {
		if c.Args[4] != 8 {
			return -abi.EINVAL
		}
		if errno := k.withMask(t, c, c.Args[3]); errno != 0 {
			return errno
		}
		c.Interrupted = k.Tab.HandlerPending(t)
	}
	ret := k.poll(t, c, now)
	k.sayLeft(t, c, ret, c.Args[2], timespec)
	return endMask(t, ret)
}

// sayLeft tells the caller of a call that is over how much of its time-out was left,
// as only Linux does (select(2), "Timeout"). A caller that cannot be told does not
// mind.
func (k *Kernel) sayLeft(t *proc.Thread, c *proc.Call, ret int64, at uint64, encode func(int64) []byte) {
	if ret != -abi.EBLOCKED && at != 0 && !wants(t) {
		k.copyOut(t, at, encode(max(c.Deadline-k.Tab.Now, 0)))
	}
}

// poll is one look at the descriptors; if none is ready it joins their queues.
func (k *Kernel) poll(t *proc.Thread, c *proc.Call, now bool) int64 {
	n := c.Args[1]
	if n > maxPoll {
		return -abi.EINVAL
	}
	if n > manyPoll && k.Pressure != nil && k.Pressure() {
		return -abi.ENOMEM
	}
	b := make([]byte, 8*n)
	if !k.copyIn(t, c.Args[0], b) {
		return -abi.EFAULT
	}
	ready, unknown := 0, false
	for i := 0; i < len(b); i += 8 {
		fd, want := int32(le.Uint32(b[i:])), object.Events(le.Uint16(b[i+4:]))
		var got object.Events
		if fd >= 0 {
			if f := t.Process().FDs.Get(fd); f == nil {
				got = object.Nval
			} else {
				unknown = !probe(f, want) || unknown
				got = f.Seen(t).Ready(f) & (want | object.Always)
			}
		}
		le.PutUint16(b[i+6:], uint16(got))
		if got != 0 {
			ready++
		}
	}
	switch {
	case ready == 0 && unknown && !c.Interrupted:
		// The answers are under way: wait for them, not for the events.
	case ready > 0 || now || c.Expired(k.Tab.Now):
		for i := 0; i < len(b); i += 8 {
			spend(t.Process().FDs.Get(int32(le.Uint32(b[i:]))))
		}
		if errno := k.copyOut(t, c.Args[0], b); errno != 0 {
			return errno
		}
		return int64(ready)
	case c.Interrupted:
		return -abi.ERESTARTNOHAND
	}
	for i := 0; i < len(b); i += 8 {
		k.join(t, int32(le.Uint32(b[i:])), object.Events(le.Uint16(b[i+4:])), !unknown)
	}
	return -abi.EBLOCKED
}

// probe reports whether what Ready says of the wanted events of a file is up to date.
func probe(f *object.File, want object.Events) bool {
	d, ok := f.Impl.(object.Distant)
	return !ok || d.Probe(want)
}

// spend tells a descriptor's object that the call has used what it knows.
func spend(f *object.File) {
	if f == nil {
		return
	}
	if d, ok := f.Impl.(object.Distant); ok {
		d.Spend()
	}
}

// join waits for a descriptor's object. watch: an object elsewhere is asked to
// tell when an event holds.
func (k *Kernel) join(t *proc.Thread, fd int32, events object.Events, watch bool) {
	f := t.Process().FDs.Get(fd)
	if f == nil {
		return
	}
	if q := f.Seen(t).Queue(); q != nil {
		t.WaitOn(q)
		if d, ok := f.Impl.(object.Distant); ok && watch {
			d.Watch(events)
		}
	}
}

func sysSelect(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	now := false
	if c.Args[4] != 0 && c.Phase == 0 {
		var b [16]byte
		if !k.copyIn(t, c.Args[4], b[:]) {
			return -abi.EFAULT
		}
		s, us := int64(le.Uint64(b[:])), int64(le.Uint64(b[8:]))
		ns, ok := join(s+us/1e6, us%1e6*1e3, 1e9)
		if !ok {
			return -abi.EINVAL
		}
		if ns > 0 {
			c.Deadline = k.Tab.Now + ns
		}
		now = ns == 0
	}
	c.Phase = 1
	ret := k.selectStep(t, c, now)
	k.sayLeft(t, c, ret, c.Args[4], timeval)
	return ret
}

func sysPselect6(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	now := false
	if c.Args[4] != 0 && c.Aux[3] == 0 {
		if errno := k.deadline(t, c, c.Args[4]); errno != 0 {
			return errno
		}
		now = c.Deadline == 0
	}
	c.Aux[3] = 1
	if c.Args[5] != 0 {
		var b [16]byte // the mask's address and size
		if !k.copyIn(t, c.Args[5], b[:]) {
			return -abi.EFAULT
		}
		if addr := le.Uint64(b[:]); addr != 0 {
			if errno := k.withMask(t, c, addr); errno != 0 {
				return errno
			}
			c.Interrupted = k.Tab.HandlerPending(t)
		}
	}
	ret := k.selectStep(t, c, now)
	k.sayLeft(t, c, ret, c.Args[4], timespec)
	return endMask(t, ret)
}

// members are the descriptors below n in an fd_set; a nil one is empty.
func members(set []byte, n int) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for fd := range min(n, 8*len(set)) {
			if set[fd/8]&(1<<(fd%8)) != 0 && !yield(int32(fd)) {
				return
			}
		}
	}
}

// selectStep looks at three sets of descriptors.
func (k *Kernel) selectStep(t *proc.Thread, c *proc.Call, now bool) int64 {
	n := arg32(c.Args[0])
	if n < 0 {
		return -abi.EINVAL
	}
	n = min(n, fdSet)
	size := int(n+63) / 64 * 8
	var in, out [3][]byte
	wants := [3]object.Events{object.In | object.RdNorm | object.Hup | object.Err,
		object.Out | object.WrNorm | object.Err, object.Pri}
	ready, unknown := int64(0), false
	for s := range in {
		if c.Args[1+s] == 0 {
			continue
		}
		in[s], out[s] = make([]byte, size), make([]byte, size)
		if !k.copyIn(t, c.Args[1+s], in[s]) {
			return -abi.EFAULT
		}
		for fd := range members(in[s], int(n)) {
			f := t.Process().FDs.Get(fd)
			if f == nil {
				return -abi.EBADF
			}
			unknown = !probe(f, wants[s]) || unknown
			if f.Seen(t).Ready(f)&wants[s] != 0 {
				out[s][fd/8] |= 1 << (fd % 8)
				ready++
			}
		}
	}
	if ready == 0 && (unknown || !now && !c.Expired(k.Tab.Now)) {
		if c.Interrupted {
			return -abi.ERESTARTNOHAND
		}
		for s := range in {
			for fd := range members(in[s], int(n)) {
				k.join(t, fd, wants[s], !unknown)
			}
		}
		return -abi.EBLOCKED
	}
	for s := range in {
		for fd := range members(in[s], int(n)) {
			spend(t.Process().FDs.Get(fd))
		}
	}
	for s := range out {
		if out[s] != nil {
			if errno := k.copyOut(t, c.Args[1+s], out[s]); errno != 0 {
				return errno
			}
		}
	}
	return ready
}
