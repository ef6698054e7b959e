package linux

import (
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

// Sending and receiving with addresses and flags.

// msghdr is struct msghdr of recvmsg(2).
type msghdr struct {
	name, iov, iovlen, control, controllen uint64
	namelen                                uint32
}

const (
	msghdrLen    = 56
	msgNameLenAt = 8
	msgCtlLenAt  = 40
	msgFlagsAt   = 48
)

func (k *Kernel) msghdr(t *proc.Thread, at uint64) (m msghdr, ok bool) {
	var b [msghdrLen]byte
	if !k.copyIn(t, at, b[:]) {
		return m, false
	}
	return msghdr{name: le.Uint64(b[0:]), namelen: le.Uint32(b[8:]), iov: le.Uint64(b[16:]), iovlen: le.Uint64(b[24:]),
		control: le.Uint64(b[32:]), controllen: le.Uint64(b[40:])}, true
}

// messageOp is an operation on the pieces of a message.
func (k *Kernel) messageOp(t *proc.Thread, c *proc.Call, m *msghdr) (*object.Op, int64) {
	if m.iovlen > maxIOV {
		return nil, -abi.EMSGSIZE
	}
	return k.vectorOp(t, c, m.iov, int(m.iovlen))
}

func sysSendto(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.send(t, c, k.plainOp(t, c), c.Args[3], c.Args[4], c.Args[5])
}

func sysSendmsg(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	m, ok := k.msghdr(t, c.Args[1])
	if !ok {
		return -abi.EFAULT
	}
	if _, r, _ := socket(t, c.Args[0]); r != nil && r.Socket.Domain == afUnix && m.controllen > 0 {
		return -abi.EOPNOTSUPP // descriptors cannot be sent
	}
	op, errno := k.messageOp(t, c, &m)
	if errno != 0 {
		return errno
	}
	return k.send(t, c, op, c.Args[2], m.name, uint64(m.namelen))
}

// struct mmsghdr is a msghdr and how much of the message was moved. Of several messages
// sendmmsg and recvmmsg move one, which their callers must expect of both.
func sysSendmmsg(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.oneOf(t, c, sysSendmsg) }
func sysRecvmmsg(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.oneOf(t, c, sysRecvmsg) }

func (k *Kernel) oneOf(t *proc.Thread, c *proc.Call, move handler) int64 {
	if uint32(c.Args[2]) == 0 {
		return 0
	}
	args := c.Args
	c.Args[2] = args[3] // the flags, which the calls for one message have there
	n := move(k, t, c)
	c.Args = args
	if n < 0 {
		return n
	}
	if errno := k.copyOut(t, c.Args[1]+msghdrLen, le.AppendUint32(nil, uint32(n))); errno != 0 {
		return errno
	}
	return 1
}

// send is one step of a send.
func (k *Kernel) send(t *proc.Thread, c *proc.Call, op *object.Op, flags, name, namelen uint64) int64 {
	f, r, errno := socket(t, c.Args[0])
	switch {
	case errno != 0:
		return errno
	case op.Buf.Missing():
		return -abi.EFAULT
	case c.Slot != 0 && c.Answer == nil:
		return -abi.EBLOCKED
	}
	x := &io{t: t, c: c, f: f, write: true, at: -1, quiet: flags&msgNoSignal != 0, nonblock: flags&msgDontWait != 0}
	if c.Interrupted && c.Slot == 0 {
		return k.outcome(x, abi.EAGAIN)
	}
	var to []byte
	if name != 0 && c.Answer == nil {
		if to, errno = k.address(t, name, namelen); errno != 0 {
			return errno
		}
	}
	failed := r.Send(op, f, uint32(flags)&^(msgDontWait|msgNoSignal), to)
	return k.moved(x, op, failed)
}

func sysRecvfrom(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if notHere(t, c.Args[5], 4) { // tell
		return -abi.EFAULT
	}
	var in object.Received
	ret := k.receive(t, c, k.plainOp(t, c), c.Args[3], &in)
	if ret >= 0 && in.From != nil {
		if errno := k.tell(t, in.From, c.Args[4], c.Args[5]); errno != 0 {
			return errno
		}
	}
	return ret
}

func sysRecvmsg(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	m, ok := k.msghdr(t, c.Args[1])
	if !ok {
		return -abi.EFAULT
	}
	op, errno := k.messageOp(t, c, &m)
	if errno != 0 {
		return errno
	}
	var in object.Received
	ret := k.receive(t, c, op, c.Args[2], &in)
	if ret < 0 {
		return ret
	}
	flags := uint32(0)
	if in.Size > int(c.Done) {
		flags = msgTrunc
	}
	at := c.Args[1]
	if m.name != 0 {
		if errno := k.copyOut(t, m.name, in.From[:min(len(in.From), int(m.namelen))]); errno != 0 {
			return errno
		}
		if errno := k.copyOut(t, at+msgNameLenAt, le.AppendUint32(nil, uint32(len(in.From)))); errno != 0 {
			return errno
		}
	}
	if errno := k.copyOut(t, at+msgCtlLenAt, le.AppendUint64(nil, 0)); errno != 0 {
		return errno
	}
	if errno := k.copyOut(t, at+msgFlagsAt, le.AppendUint32(nil, flags)); errno != 0 {
		return errno
	}
	return ret
}

// receive is one step of a receive.
func (k *Kernel) receive(t *proc.Thread, c *proc.Call, op *object.Op, flags uint64, in *object.Received) int64 {
	f, r, errno := socket(t, c.Args[0])
	switch {
	case errno != 0:
		return errno
	case op.Buf.Missing():
		return -abi.EFAULT
	case c.Slot != 0 && c.Answer == nil:
		return -abi.EBLOCKED
	}
	x := &io{t: t, c: c, f: f, at: -1, nonblock: flags&msgDontWait != 0, all: flags&msgWaitAll != 0}
	if c.Interrupted && c.Slot == 0 {
		return k.outcome(x, abi.EAGAIN)
	}
	failed := r.Recv(op, f, uint32(flags)&^(msgDontWait|msgNoSignal|msgWaitAll), in)
	if failed == 0 && x.all && r.Socket.Stream() && op.Buf.Done > 0 && op.Buf.Left() > 0 {
		failed = abi.EAGAIN // the rest is waited for
	}
	ret := k.moved(x, op, failed)
	if ret >= 0 && flags&msgTrunc != 0 && !r.Socket.Stream() {
		return int64(in.Size)
	}
	return ret
}
