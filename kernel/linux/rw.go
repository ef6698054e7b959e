package linux

import (
	"encoding/binary"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// Reading and writing. A step moves what it can; Call.Done counts what earlier
// steps of the same call have moved, so that a write that waits for room goes on
// where it was, on whatever node it then is.

const (
	maxIO  = 0x7ffff000 // what one call moves at most (read(2))
	maxIOV = 1024
)

// io is one read or write, in any of its forms.
type io struct {
	t     *proc.Thread
	c     *proc.Call
	f     *object.File
	write bool
	at    int64 // offset of pread, pwrite; -1: the file's own

	// Of a send or a receive: it does not wait; it makes no signal when nobody receives;
	// it waits for all that it has room for.
	nonblock, quiet, all bool
}

func sysRead(k *Kernel, t *proc.Thread, c *proc.Call) int64   { return k.plain(t, c, false, -1) }
func sysWrite(k *Kernel, t *proc.Thread, c *proc.Call) int64  { return k.plain(t, c, true, -1) }
func sysReadv(k *Kernel, t *proc.Thread, c *proc.Call) int64  { return k.vectored(t, c, false, -1) }
func sysWritev(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.vectored(t, c, true, -1) }

func sysPread(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.positioned(t, c, false, k.plain)
}
func sysPwrite(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.positioned(t, c, true, k.plain)
}
func sysPreadv(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.positioned(t, c, false, k.vectored)
}
func sysPwritev(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.positioned(t, c, true, k.vectored)
}

func (k *Kernel) positioned(t *proc.Thread, c *proc.Call, write bool,
	do func(*proc.Thread, *proc.Call, bool, int64) int64) int64 {
	off := int64(c.Args[3])
	if off < 0 {
		if off == -1 && (c.Nr == abi.SysPreadv2 || c.Nr == abi.SysPwritev2) {
			return do(t, c, write, -1)
		}
		return -abi.EINVAL
	}
	if f := file(t, c.Args[0]); f != nil && !seekable(f) {
		return -abi.ESPIPE
	}
	return do(t, c, write, off)
}

func seekable(f *object.File) bool {
	if r, ok := f.Impl.(*object.Remote); ok {
		return r.Seekable
	}
	if _, ok := f.Impl.(object.Seekable); ok {
		return true
	}
	_, control := f.Impl.(object.Controllable)
	return f.Impl.Queue() == nil && !control // memory devices, directories
}

func (k *Kernel) plain(t *proc.Thread, c *proc.Call, write bool, at int64) int64 {
	return k.transfer(&io{t: t, c: c, write: write, at: at}, k.plainOp(t, c))
}

// plainOp is an operation on Args[2] bytes at Args[1], behind what is done.
func (k *Kernel) plainOp(t *proc.Thread, c *proc.Call) *object.Op {
	op := k.op(t)
	size := min(c.Args[2], maxIO)
	done := min(c.Done, size) // a record may come from another node
	op.Buf.User(t.Process().Space, c.Args[1]+done, int(size-done))
	return op
}

func (k *Kernel) vectored(t *proc.Thread, c *proc.Call, write bool, at int64) int64 {
	f := file(t, c.Args[0])
	switch {
	case f == nil, write && !f.Writable(), !write && !f.Readable():
		return -abi.EBADF
	case c.Args[2] > maxIOV:
		return -abi.EINVAL
	}
	op, errno := k.vectorOp(t, c, c.Args[1], int(c.Args[2]))
	if errno != 0 {
		return errno
	}
	if op.Buf.Left() == 0 && c.Done == 0 {
		return 0 // whatever the file is
	}
	return k.transfer(&io{t: t, c: c, write: write, at: at}, op)
}

// vectorOp is an operation on the n pieces of memory that an array of struct iovec at addr
// names, behind what is done.
func (k *Kernel) vectorOp(t *proc.Thread, c *proc.Call, addr uint64, n int) (*object.Op, int64) {
	vecs, errno := k.iovec(t, addr, n)
	if errno != 0 {
		return nil, errno
	}
	skip := c.Done
	for i := range vecs {
		n := min(skip, vecs[i].Len)
		vecs[i].Base += n
		vecs[i].Len -= n
		skip -= n
	}
	op := k.op(t)
	op.Buf.UserVec(t.Process().Space, vecs)
	return op, 0
}

// iovec reads an array of struct iovec.
func (k *Kernel) iovec(t *proc.Thread, addr uint64, n int) ([]object.Vec, int64) {
	b := make([]byte, 16*n)
	if !k.copyIn(t, addr, b) {
		return nil, -abi.EFAULT
	}
	vecs := make([]object.Vec, n)
	total := uint64(0)
	for i := range vecs {
		v := object.Vec{Base: binary.LittleEndian.Uint64(b[16*i:]), Len: binary.LittleEndian.Uint64(b[16*i+8:])}
		if int64(v.Len) < 0 {
			return nil, -abi.EINVAL
		}
		v.Len = min(v.Len, maxIO-total)
		total += v.Len
		vecs[i] = v
	}
	return vecs, 0
}

// op is the context of the caller's operations. There is one: steps do not nest.
func (k *Kernel) op(t *proc.Thread) *object.Op {
	p := t.Process()
	k.scratch = object.Op{Now: k.Tab.Now, Pressure: k.Pressure, Who: object.Who{
		PID: p.PID, PGID: p.PGID, SID: p.SID, NoTTOU: k.shuns(t, abi.SIGTTOU)}}
	if k.Link != nil {
		k.scratch.Link, k.scratch.Asked = k.Link(t), &t.Call.Aux
	}
	return &k.scratch
}

// transfer runs one step of a read or write and decides how the call goes on.
func (k *Kernel) transfer(x *io, op *object.Op) int64 {
	x.f = file(x.t, x.c.Args[0])
	switch {
	case x.f == nil, x.write && !x.f.Writable(), !x.write && !x.f.Readable():
		return -abi.EBADF
	}
	if op.Buf.Missing() {
		return -abi.EFAULT
	}
	if x.c.Slot != 0 && x.c.Answer == nil {
		return -abi.EBLOCKED // asked another node; the answer is under way
	}
	if _, distant := x.f.Impl.(object.Distant); distant && x.c.Interrupted && x.c.Slot == 0 {
		// It has asked, in vain, and waits. To ask again would leave the signal's
		// handler to run on top of the call, which then would not end with EINTR.
		return k.outcome(x, abi.EAGAIN)
	}
	op.Late = !x.write && x.c.Expired(k.Tab.Now)
	off := x.at + int64(x.c.Done) // behind what earlier steps have moved
	op.Positioned = x.at >= 0
	if x.at < 0 {
		off = x.f.Offset
	}
	errno, before := abi.EAGAIN, 0
	_, distant := x.f.Impl.(object.Distant)
	_, served := x.f.Impl.(*object.Served)
	if x.c.Answer != nil && !distant && !served {
		// The object was on another node when it was asked, and is here now. It has
		// done what it says, and moved its offset. There may be more to do by now.
		errno = object.Answered(op, x.write)
		before = op.Buf.Done
	}
	if errno == abi.EAGAIN && (x.write || before == 0) {
		if x.write {
			errno = x.f.Impl.Write(op, x.f, x.writeAt(off, before))
		} else {
			errno = x.f.Seen(x.t).Read(op, x.f, off)
		}
		if x.at < 0 && !served { // which moves it when it asks
			x.f.Offset += int64(op.Buf.Done - before)
		}
	}
	return k.moved(x, op, errno)
}

// moved ends a step that has done something, or not: it is counted.
func (k *Kernel) moved(x *io, op *object.Op, errno int) int64 {
	x.c.Done += uint64(op.Buf.Done)
	if op.Buf.Fault != vm.OK && errno == 0 {
		errno = int(-k.fault(op.Buf.Fault))
	}
	return k.outcome(x, errno)
}

// writeAt is where a write goes on that another node has begun: at the description's
// own offset, which has moved, or behind what was done.
func (x *io) writeAt(off int64, done int) int64 {
	if x.at < 0 {
		return off
	}
	return off + int64(done)
}

// outcome: a step has ended with errno, having moved Call.Done bytes in all.
func (k *Kernel) outcome(x *io, errno int) int64 {
	done := int64(x.c.Done)
	switch errno {
	case 0:
		return done
	case abi.EAGAIN:
		if x.f.Flags&object.ONonblock != 0 || x.nonblock {
			if done > 0 {
				return done
			}
			return -abi.EAGAIN
		}
		if !x.write && done > 0 && !x.all {
			return done
		}
		if r := object.IsSocket(x.f); r != nil {
			if errno := k.tooLate(x.c, r, x.write); errno != 0 {
				if done > 0 {
					return done
				}
				return errno
			}
		}
		if x.c.Interrupted {
			if done > 0 {
				return done
			}
			return -abi.ERESTARTSYS
		}
		x.t.WaitOn(x.f.Seen(x.t).Queue())
		if k.bePatient(x) {
			return -abi.EBLOCKED
		}
		if d, ok := x.f.Impl.(object.Distant); ok {
			d.Watch(x.events())
		}
		return -abi.EBLOCKED
	case abi.EBACKGROUND:
		return k.background(x.t, x.write)
	case abi.EPIPE:
		if done > 0 {
			return done
		}
		if r := object.IsSocket(x.f); x.quiet || r != nil && !r.Socket.Stream() {
			return -abi.EPIPE
		}
		k.Tab.SignalThread(x.t, proc.Info{Signo: abi.SIGPIPE, Code: proc.SiUser, PID: x.t.Process().PID})
		return -abi.EPIPE
	}
	if done > 0 && errno != abi.EBLOCKED {
		return done
	}
	return -int64(errno)
}

func (x *io) events() object.Events {
	if x.write {
		return object.Out
	}
	return object.In
}

// background stops a job that uses its terminal from the background (termios(3),
// TTIN and TTOU).
func (k *Kernel) background(t *proc.Thread, write bool) int64 {
	p := t.Process()
	sig := int32(abi.SIGTTIN)
	if write {
		sig = abi.SIGTTOU
	}
	if !write && k.shuns(t, sig) || k.Tab.OrphanedGroup(p) {
		return -abi.EIO
	}
	k.signalGroup(p.PGID, proc.Info{Signo: sig, Code: proc.SiKernel})
	return -abi.ERESTARTSYS
}

// shuns reports whether t blocks or ignores a signal.
func (k *Kernel) shuns(t *proc.Thread, sig int32) bool {
	return t.Mask&(1<<(sig-1)) != 0 || t.Process().Actions[sig].Handler == proc.SigIgn
}
