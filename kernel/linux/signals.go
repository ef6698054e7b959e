package linux

import (
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
)

func validSignal(sig uint64) bool { return sig <= abi.NSIG }

func sysRtSigaction(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	sig, act, old := c.Args[0], c.Args[1], c.Args[2]
	if sig == 0 || !validSignal(sig) || c.Args[3] != 8 {
		return -abi.EINVAL
	}
	p := t.Process()
	was := p.Actions[sig]
	if act != 0 {
		if sig == abi.SIGKILL || sig == abi.SIGSTOP {
			return -abi.EINVAL
		}
		var b [32]byte
		if !k.copyIn(t, act, b[:]) {
			return -abi.EFAULT
		}
		p.Actions[sig] = proc.Action{Handler: le.Uint64(b[0:]), Flags: le.Uint64(b[8:]),
			Restorer: le.Uint64(b[16:]), Mask: le.Uint64(b[24:])}
		k.Tab.DropIgnored(p, int32(sig))
	}
	if old != 0 {
		return k.copyOut(t, old, words(was.Handler, was.Flags, was.Restorer, was.Mask))
	}
	return 0
}

func sysRtSigprocmask(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const block, unblock, set = 0, 1, 2
	was := t.Mask
	if c.Args[3] != 8 {
		return -abi.EINVAL
	}
	if c.Args[1] != 0 {
		var b [8]byte
		if !k.copyIn(t, c.Args[1], b[:]) {
			return -abi.EFAULT
		}
		m := le.Uint64(b[:])
		switch c.Args[0] {
		case block:
			m |= was
		case unblock:
			m = was &^ m
		case set:
		default:
			return -abi.EINVAL
		}
		t.SetMask(m)
	}
	if c.Args[2] != 0 {
		return k.copyOut(t, c.Args[2], words(was))
	}
	return 0
}

func sysRtSigreturn(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if !k.Tab.Sigreturn(t) {
		if wants(t) {
			return -abi.EFAULT
		}
		k.Tab.Exit(t.Process(), abi.SIGSEGV|0x80)
	}
	return -abi.ENORETURN
}

func sysSigaltstack(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	const onStack, disable, autodisarm, minimum = 1, 2, 1 << 31, 2048
	was := words(t.AltStack.SP, uint64(uint32(t.AltStackFlags())), t.AltStack.Size)
	if c.Args[0] != 0 {
		var b [24]byte
		if !k.copyIn(t, c.Args[0], b[:]) {
			return -abi.EFAULT
		}
		if t.AltStackFlags() == onStack {
			return -abi.EPERM
		}
		s := abi.Stack{SP: le.Uint64(b[0:]), Size: le.Uint64(b[16:])}
		switch flags := le.Uint32(b[8:]) &^ autodisarm; {
		case flags == disable:
			s = abi.Stack{}
		case flags != 0 && flags != onStack:
			return -abi.EINVAL
		case s.Size < minimum:
			return -abi.ENOMEM
		}
		t.AltStack = s
	}
	if c.Args[1] != 0 {
		return k.copyOut(t, c.Args[1], was)
	}
	return 0
}

func sysRtSigpending(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[1] > 8 {
		return -abi.EINVAL
	}
	return k.copyOut(t, c.Args[0], words((t.Pending.Set|t.Process().Pending.Set)&t.Mask))
}

// withMask lets a call wait with another signal mask; the old one comes back
// when the call ends, after the handlers that the new one let through.
func (k *Kernel) withMask(t *proc.Thread, c *proc.Call, addr uint64) int64 {
	if c.Phase != 0 {
		return 0 // set when the call began
	}
	var b [8]byte
	if !k.copyIn(t, addr, b[:]) {
		return -abi.EFAULT
	}
	t.SavedMask, t.MaskSaved = t.Mask, true
	t.SetMask(le.Uint64(b[:]))
	c.Phase = 1
	return 0
}

// endMask puts the old mask back, unless a handler is about to run: then its
// frame has it.
func endMask(t *proc.Thread, ret int64) int64 {
	if t.MaskSaved && ret != -abi.EBLOCKED && ret != -abi.ERESTARTNOHAND && ret != -abi.ERESTARTSYS {
		t.Mask, t.MaskSaved = t.SavedMask, false
	}
	return ret
}

func sysRtSigsuspend(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[1] != 8 {
		return -abi.EINVAL
	}
	if errno := k.withMask(t, c, c.Args[0]); errno != 0 {
		return errno
	}
	if k.Tab.HandlerPending(t) {
		return -abi.ERESTARTNOHAND
	}
	return -abi.EBLOCKED
}

func sysPause(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Interrupted {
		return -abi.ERESTARTNOHAND
	}
	return -abi.EBLOCKED
}

func sysRtSigtimedwait(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[3] != 8 {
		return -abi.EINVAL
	}
	if c.Phase == 0 {
		var b [8]byte
		if !k.copyIn(t, c.Args[0], b[:]) {
			return -abi.EFAULT
		}
		c.Aux[0] = le.Uint64(b[:]) &^ (1<<(abi.SIGKILL-1) | 1<<(abi.SIGSTOP-1))
		if c.Args[2] != 0 {
			if errno := k.deadline(t, c, c.Args[2]); errno != 0 {
				return errno
			}
		}
		c.Phase = 1
	}
	if in, ok := t.TakeSignal(c.Aux[0]); ok {
		if c.Args[1] != 0 {
			if errno := k.copyOut(t, c.Args[1], in.Encode()); errno != 0 {
				return errno
			}
		}
		return int64(in.Signo)
	}
	switch {
	case c.Interrupted:
		return -abi.EINTR
	case c.Expired(k.Tab.Now), c.Args[2] != 0 && c.Deadline == 0:
		return -abi.EAGAIN
	}
	return -abi.EBLOCKED
}

// deadline reads a relative timespec into the record. A time of zero leaves no
// deadline: the caller must not wait at all.
func (k *Kernel) deadline(t *proc.Thread, c *proc.Call, addr uint64) int64 {
	var b [16]byte
	if !k.copyIn(t, addr, b[:]) {
		return -abi.EFAULT
	}
	ns, ok := parseTimespec(b[:])
	if !ok {
		return -abi.EINVAL
	}
	if ns > 0 {
		c.Deadline = k.Tab.Now + ns
	}
	return 0
}

func sysKill(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	pid, sig := int32(c.Args[0]), c.Args[1]
	if !validSignal(sig) {
		return -abi.EINVAL
	}
	p := t.Process()
	in := proc.Info{Signo: int32(sig), Code: proc.SiUser, PID: p.PID}
	switch {
	case pid > 0:
		return k.killOne(t, c, pid, in)
	case pid == -1:
		if k.Tab.SignalAll(p, in) == 0 {
			return -abi.ESRCH
		}
		return 0
	case pid == 0:
		return k.killGroup(t, c, p.PGID, in)
	}
	return k.killGroup(t, c, -pid, in)
}

// killOne signals a process, wherever it is.
func (k *Kernel) killOne(t *proc.Thread, c *proc.Call, pid int32, in proc.Info) int64 {
	if q := k.Tab.Named(t.Process(), pid); q != nil && !q.Frozen() && c.Slot == 0 { // not sent by its address already
		if !k.Tab.Signal(q, in) && in.Code != proc.SiUser {
			return -abi.EAGAIN
		}
		return 0
	}
	return k.killAway(t, c, pid, in)
}

// killAway signals a process that is not running on this node, by its address.
func (k *Kernel) killAway(t *proc.Thread, c *proc.Call, pid int32, in proc.Info) int64 {
	for _, q := range k.Tab.Processes() {
		if ch := q.Child(pid); ch != nil && ch.State == proc.ChildExited {
			return 0 // a zombie takes any signal
		}
	}
	if k.Cluster == nil {
		return -abi.ESRCH
	}
	if c.Slot != 0 && c.Answer == nil {
		return -abi.EBLOCKED
	}
	link := k.Link(t)
	if a, ok := link.Answer(); ok {
		if a.Status != std.OK || a.Header.Status() != std.OK {
			return -abi.ESRCH
		}
		return 0
	}
	to, h, data := k.Cluster.SignalRequest(pid, in)
	link.Ask(to, h, data)
	return -abi.EBLOCKED
}

// killGroup signals a process group. While members may be on other nodes, the
// nodes are asked; a thread that moves before they have answered need not wait:
// the signals are under way.
func (k *Kernel) killGroup(t *proc.Thread, c *proc.Call, pgid int32, in proc.Info) int64 {
	const asked = 1
	if c.Phase == asked {
		switch {
		case c.Aux[0] == 0 && k.asks[c.Aux[1]]:
			return -abi.EBLOCKED
		case c.Aux[0] == 1:
			return -abi.ESRCH
		}
		return 0
	}
	if !k.spread(pgid) {
		if k.Tab.SignalGroup(pgid, in) == 0 {
			return -abi.ESRCH
		}
		return 0
	}
	c.Phase = asked
	k.Cluster.SignalGroup(pgid, in, k.ask(t, c))
	return -abi.EBLOCKED
}

// ask notes in a call that nodes are asked on its behalf, under a number that no other
// question has, of any boot of any node: while k.asks has it the answers are to come, here.
// answered puts what they come to, plus one, into Aux[0], if the call is still there. The
// thread may be another one of the same id by then: a process that was moved, or restored,
// is made anew.
func (k *Kernel) ask(t *proc.Thread, c *proc.Call) (answered func(int)) {
	var b [8]byte
	k.Random(b[:])
	number := le.Uint64(b[:])
	if k.asks == nil {
		k.asks = make(map[uint64]bool)
	}
	k.asks[number] = true
	c.Aux[1] = number
	tid, nr := t.TID, c.Nr
	return func(v int) {
		delete(k.asks, number)
		if t := k.Tab.Thread(tid); t != nil && t.State() != proc.Dead && t.Call.Active && t.Call.Nr == nr && t.Call.Aux[1] == number {
			t.Call.Aux[0] = uint64(v) + 1
			t.Wake(nil, 0)
		}
	}
}

// spread reports whether a process group may have members on other nodes.
func (k *Kernel) spread(pgid int32) bool {
	return k.Cluster != nil && k.Cluster.Spread(pgid)
}

// signalGroup signals a process group for the kernel, which does not wait until members
// elsewhere have the signal. Those of this node have it when signalGroup returns.
func (k *Kernel) signalGroup(pgid int32, in proc.Info) {
	if k.spread(pgid) {
		k.Cluster.SignalGroup(pgid, in, func(int) {})
		return
	}
	k.Tab.SignalGroup(pgid, in)
}

func sysTkill(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.tgkill(t, 0, int32(c.Args[0]), c.Args[1])
}

func sysTgkill(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if int32(c.Args[0]) <= 0 {
		return -abi.EINVAL
	}
	return k.tgkill(t, int32(c.Args[0]), int32(c.Args[1]), c.Args[2])
}

func (k *Kernel) tgkill(t *proc.Thread, pid, tid int32, sig uint64) int64 {
	if !validSignal(sig) || tid <= 0 {
		return -abi.EINVAL
	}
	x := k.Tab.NamedThread(t.Process(), tid)
	if x == nil || pid != 0 && x.Process() != k.Tab.Named(t.Process(), pid) {
		return -abi.ESRCH
	}
	if !k.Tab.SignalThread(x, proc.Info{Signo: int32(sig), Code: proc.SiTkill, PID: t.Process().PID}) {
		return -abi.EAGAIN
	}
	return 0
}

func sysRtTgsigqueueinfo(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	var b [128]byte
	if !validSignal(c.Args[2]) || int32(c.Args[0]) <= 0 || int32(c.Args[1]) <= 0 {
		return -abi.EINVAL
	}
	if !k.copyIn(t, c.Args[3], b[:]) {
		return -abi.EFAULT
	}
	in := userInfo(int32(c.Args[2]), b[:])
	x := k.Tab.Thread(int32(c.Args[1]))
	switch {
	case (in.Code >= 0 || in.Code == proc.SiTkill) && int32(c.Args[0]) != t.Process().PID:
		return -abi.EPERM
	case x == nil || x.Process().PID != int32(c.Args[0]):
		return -abi.ESRCH
	case !k.Tab.SignalThread(x, in):
		return -abi.EAGAIN
	}
	return 0
}

func sysRtSigqueueinfo(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	var b [128]byte
	if !validSignal(c.Args[1]) {
		return -abi.EINVAL
	}
	if !k.copyIn(t, c.Args[2], b[:]) {
		return -abi.EFAULT
	}
	pid := int32(c.Args[0])
	in := userInfo(int32(c.Args[1]), b[:])
	if (in.Code >= 0 || in.Code == proc.SiTkill) && !t.Process().Was(pid) {
		return -abi.EPERM
	}
	return k.killOne(t, c, pid, in)
}
