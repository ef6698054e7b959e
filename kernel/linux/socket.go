package linux

import (
	"strings"

	"motile/ipc/capability"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
)

// Sockets are objects of the TCP/IP server. A call asks it, in a transaction of the
// thread's own, and waits for the answer; what it asks never waits there. So whatever a
// thread does with a socket goes on from any node. Addresses, options and flags go to the
// server as the program gave them.

// socket(2)'s numbers.
const (
	afUnix      = 1
	afInet      = 2
	sockTypes   = 0xf
	sockFlags   = object.ONonblock | object.OCloexec
	msgDontWait = 0x40
	msgNoSignal = 0x4000
	msgTrunc    = 0x20
	msgWaitAll  = 0x100
)

func sysSocket(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	domain, typ := uint32(c.Args[0]), uint32(c.Args[1])
	switch {
	case typ&^(sockTypes|sockFlags) != 0:
		return -abi.EINVAL
	case domain != afInet && domain != afUnix, k.Network == nil:
		return -abi.EAFNOSUPPORT
	}
	var made [1]*object.File
	if errno := k.createSockets(t, c, sockio.Create, made[:]); errno != 0 {
		return errno
	}
	return k.install(t, made[0], int(typ)&object.OCloexec)
}

// sysSocketpair has the server make both ends at once: until this node says that it has
// them open, they are nobody's, and do not last.
func sysSocketpair(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	domain, typ := uint32(c.Args[0]), uint32(c.Args[1])
	switch {
	case typ&^(sockTypes|sockFlags) != 0:
		return -abi.EINVAL
	case domain == afInet:
		return -abi.EOPNOTSUPP
	case domain != afUnix, k.Network == nil:
		return -abi.EAFNOSUPPORT
	}
	var made [2]*object.File
	if errno := k.createSockets(t, c, sockio.Pair, made[:]); errno != 0 {
		return errno
	}
	return k.installPair(t, c.Args[3], made[0], made[1], int(typ)&object.OCloexec)
}

// createSockets is for calls that make sockets, of domain, type and protocol Args[0..2].
func (k *Kernel) createSockets(t *proc.Thread, c *proc.Call, command uint32, files []*object.File) int64 {
	domain, typ, protocol := uint32(c.Args[0]), uint32(c.Args[1]), uint32(c.Args[2])
	switch {
	case c.Answer == nil && c.Slot != 0:
		return -abi.EBLOCKED
	case c.Answer == nil && t.Process().FDs.Full(t.Process().Limits[proc.LimitNofile].Cur):
		return -abi.EMFILE
	case c.Answer == nil && k.Pressure != nil && k.Pressure():
		return -abi.ENFILE
	case c.Answer == nil:
		object.CreateSocket(k.op(t), k.Network.Server(), command, domain, typ, protocol)
		return -abi.EBLOCKED
	}
	var made [2]capability.Capability
	if errno := object.Created(k.op(t), made[:len(files)]); errno != 0 {
		if errno == abi.ENETDOWN {
			k.Network.Missing()
		}
		return -int64(errno)
	}
	for i := range files {
		r := k.Network.Open(made[i], object.Socket{Domain: uint16(domain), Type: uint16(typ & sockTypes), Protocol: uint16(protocol)})
		files[i] = object.NewFile(r, object.ORdwr|int(typ)&object.ONonblock, "socket:")
	}
	return 0
}

// socket finds the socket of a descriptor.
func socket(t *proc.Thread, fd uint64) (*object.File, *object.Remote, int64) {
	f := file(t, fd)
	if f == nil || f.Flags&object.OPath != 0 {
		return nil, nil, -abi.EBADF
	}
	r := object.IsSocket(f)
	if r == nil {
		return nil, nil, -abi.ENOTSOCK
	}
	return f, r, 0
}

// request is a call that asks a socket one thing, and ends with the answer. ask makes
// the request when it is not made yet; done may be nil.
func (k *Kernel) request(t *proc.Thread, c *proc.Call, ask func(h *std.Header) (data []byte, errno int64),
	done func(a *object.Answer) int64) int64 {
	_, r, errno := socket(t, c.Args[0])
	switch {
	case errno != 0:
		return errno
	case c.Answer == nil && c.Slot != 0:
		return -abi.EBLOCKED
	case c.Answer == nil:
		var h std.Header
		data, errno := ask(&h)
		if errno != 0 {
			return errno
		}
		r.Request(k.op(t), h, data)
		return -abi.EBLOCKED
	}
	a, failed := r.Requested(k.op(t))
	switch {
	case failed != 0:
		return -int64(failed)
	case done == nil:
		return 0
	}
	return done(&a)
}

// address reads a struct sockaddr. The path of a local socket is made absolute: to the
// server it means the same whoever says it.
func (k *Kernel) address(t *proc.Thread, addr, size uint64) ([]byte, int64) {
	if size = size & 0xffffffff; size > sockaddrMax {
		return nil, -abi.EINVAL
	}
	b := make([]byte, size)
	if !k.copyIn(t, addr, b) {
		return nil, -abi.EFAULT
	}
	if len(b) <= sunPath || le.Uint16(b) != afUnix || b[sunPath] == 0 {
		return b, 0
	}
	if len(b) > sunMax {
		return nil, -abi.EINVAL
	}
	path, _, _ := strings.Cut(string(b[sunPath:]), "\x00")
	if path[0] != '/' {
		path = k.absolute(t, atFDCWD, path)
	}
	if len(path) > sockio.MaxAddress-sunPath {
		return nil, -abi.ENAMETOOLONG
	}
	return append(b[:sunPath], path...), 0
}

const (
	sockaddrMax = 128 // struct sockaddr_storage
	sunMax      = 110 // struct sockaddr_un
	sunPath     = 2   // its path
)

// tell gives the caller a value, as much of it as there is room for, and says how long it
// is: an address, or an option.
func (k *Kernel) tell(t *proc.Thread, value []byte, at, lenAt uint64) int64 {
	if at == 0 || lenAt == 0 {
		return 0
	}
	var b [4]byte
	if !k.copyIn(t, lenAt, b[:]) {
		return -abi.EFAULT
	}
	room := int32(le.Uint32(b[:]))
	if room < 0 {
		return -abi.EINVAL
	}
	if errno := k.copyOut(t, at, value[:min(len(value), int(room))]); errno != 0 {
		return errno
	}
	le.PutUint32(b[:], uint32(len(value)))
	return k.copyOut(t, lenAt, b[:])
}

func sysBind(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.request(t, c, func(h *std.Header) ([]byte, int64) {
		h.Command = sockio.Bind
		return k.address(t, c.Args[1], c.Args[2])
	}, nil)
}

func sysListen(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.request(t, c, func(h *std.Header) ([]byte, int64) {
		h.Command, h.Size, h.Extra = sockio.Listen, uint32(c.Args[1]), uint32(t.Process().PID)
		return nil, 0
	}, nil)
}

func sysShutdown(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.request(t, c, func(h *std.Header) ([]byte, int64) {
		h.Command, h.Extra = sockio.Shutdown, uint32(c.Args[1])
		return nil, 0
	}, nil)
}

func sysGetsockname(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.sockName(t, c, 0) }
func sysGetpeername(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.sockName(t, c, 1) }

func (k *Kernel) sockName(t *proc.Thread, c *proc.Call, whose uint32) int64 {
	return k.request(t, c, func(h *std.Header) ([]byte, int64) {
		h.Command, h.Extra = sockio.Name, whose
		return nil, 0
	}, func(a *object.Answer) int64 { return k.tell(t, a.Data, c.Args[1], c.Args[2]) })
}

func sysSetsockopt(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.request(t, c, func(h *std.Header) ([]byte, int64) {
		h.Command, h.Offset = sockio.SetOption, c.Args[1]<<32|c.Args[2]&0xffffffff
		size := c.Args[4] & 0xffffffff
		if size > sockio.MaxOption {
			return nil, -abi.EINVAL
		}
		b := make([]byte, size)
		if !k.copyIn(t, c.Args[3], b) {
			return nil, -abi.EFAULT
		}
		return b, 0
	}, nil)
}

func sysGetsockopt(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	return k.request(t, c, func(h *std.Header) ([]byte, int64) {
		h.Command, h.Offset = sockio.Option, c.Args[1]<<32|c.Args[2]&0xffffffff
		return nil, 0
	}, func(a *object.Answer) int64 {
		var b [4]byte
		if !k.copyIn(t, c.Args[4], b[:]) {
			return -abi.EFAULT
		}
		value := a.Data[:min(len(a.Data), int(le.Uint32(b[:])&0x7fffffff))]
		le.PutUint32(b[:], uint32(len(value)))
		if errno := k.copyOut(t, c.Args[3], value); errno != 0 {
			return errno
		}
		return k.copyOut(t, c.Args[4], b[:])
	})
}

// tooLate is the error of a call that has waited for as long as the socket's time-out says
// (socket(7), SO_RCVTIMEO and SO_SNDTIMEO), from when it was found that it has to wait; 0:
// it may go on. One with a time-out is not made again after a signal (signal(7)).
func (k *Kernel) tooLate(c *proc.Call, r *object.Remote, write bool) int64 {
	ns := r.Socket.Timeout(write)
	if ns != 0 && c.Deadline == 0 {
		c.Deadline = k.Tab.Now + ns
	}
	switch {
	case c.Expired(k.Tab.Now):
		return -abi.EAGAIN
	case c.Deadline != 0 && c.Interrupted:
		return -abi.EINTR
	}
	return 0
}

// wait decides how a call goes on that could not be done yet: not at all, or when the
// socket says that an event of a kind holds.
func (k *Kernel) wait(t *proc.Thread, c *proc.Call, f *object.File, r *object.Remote, kind object.Events, nonblock bool) int64 {
	if f.Flags&object.ONonblock != 0 || nonblock {
		return -abi.EAGAIN
	}
	if errno := k.tooLate(c, r, kind == object.Out); errno != 0 {
		return errno
	}
	if c.Interrupted {
		return -abi.ERESTARTSYS
	}
	t.WaitOn(r.Queue())
	r.Watch(kind)
	return -abi.EBLOCKED
}

func sysAccept(k *Kernel, t *proc.Thread, c *proc.Call) int64 { return k.accept(t, c, 0) }
func sysAccept4(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	if c.Args[3]&^sockFlags != 0 {
		return -abi.EINVAL
	}
	return k.accept(t, c, int(c.Args[3]))
}

func (k *Kernel) accept(t *proc.Thread, c *proc.Call, flags int) int64 {
	f, r, errno := socket(t, c.Args[0])
	switch {
	case errno != 0:
		return errno
	case c.Answer == nil && c.Slot != 0:
		return -abi.EBLOCKED
	case notHere(t, c.Args[2], 4): // tell
		return -abi.EFAULT
	case c.Answer == nil && c.Interrupted: // it has asked, in vain, and waits
		return k.wait(t, c, f, r, object.In, false)
	case c.Answer == nil && t.Process().FDs.Full(t.Process().Limits[proc.LimitNofile].Cur):
		return -abi.EMFILE
	case c.Answer == nil:
		r.Request(k.op(t), std.Header{Command: sockio.Accept, Extra: uint32(flags)}, r.Socket.Caller.Append(nil))
		return -abi.EBLOCKED
	}
	a, failed := r.Requested(k.op(t))
	r.Heard(&a, f, sockio.InKind)
	switch {
	case failed == abi.EAGAIN:
		return k.wait(t, c, f, r, object.In, false)
	case failed != 0:
		return -int64(failed)
	}
	made, from, ok := object.Accepted(&a)
	if !ok {
		return -abi.EIO
	}
	conn := k.Network.Open(made, object.Socket{Domain: r.Socket.Domain, Type: r.Socket.Type, Protocol: r.Socket.Protocol})
	fd := k.install(t, object.NewFile(conn, object.ORdwr|flags&object.ONonblock, "socket:"), flags)
	if fd < 0 {
		return fd
	}
	if errno := k.tell(t, from, c.Args[1], c.Args[2]); errno != 0 {
		t.Process().FDs.Close(int32(fd))
		return errno
	}
	return fd
}

func sysConnect(k *Kernel, t *proc.Thread, c *proc.Call) int64 {
	f, r, errno := socket(t, c.Args[0])
	switch {
	case errno != 0:
		return errno
	case c.Answer == nil && c.Slot != 0:
		return -abi.EBLOCKED
	case c.Answer == nil && c.Interrupted && c.Phase != 0:
		return -abi.ERESTARTSYS
	case c.Answer == nil:
		to, errno := k.address(t, c.Args[1], c.Args[2])
		if errno != 0 {
			return errno
		}
		r.Request(k.op(t), std.Header{Command: sockio.Connect, Size: uint32(t.Process().PID)}, r.Socket.Caller.Append(nil), to)
		return -abi.EBLOCKED
	}
	a, failed := r.Requested(k.op(t))
	r.Heard(&a, f, sockio.OutKind)
	switch {
	case failed == abi.EINPROGRESS, failed == abi.EALREADY: // made again after a signal, perhaps
		if f.Flags&object.ONonblock != 0 {
			return -int64(failed)
		}
		c.Phase = connecting
		if ret := k.wait(t, c, f, r, object.Out, false); ret != -abi.EAGAIN {
			return ret
		}
		return -abi.EINPROGRESS // the time is over, not the attempt
	case failed == abi.EAGAIN && r.Socket.Domain == afUnix:
		c.Phase = queueing
		return k.wait(t, c, f, r, object.Out, false)
	case failed == abi.EISCONN && c.Phase == connecting:
		return 0
	}
	return -int64(failed)
}

// Phases of a connect.
const (
	connecting = 1 // it has begun, and waits for the peer
	queueing   = 2 // the listener has no room
)

// unread is ioctl(FIONREAD).
func (k *Kernel) unread(t *proc.Thread, c *proc.Call, at uint64) int64 {
	return k.request(t, c, func(h *std.Header) ([]byte, int64) {
		h.Command = sockio.Readable
		return nil, 0
	}, func(a *object.Answer) int64 { return k.copyOut(t, at, le.AppendUint32(nil, a.Header.Size)) })
}
