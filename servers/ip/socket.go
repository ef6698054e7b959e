package ip

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"motile/ipc/capability"
	"motile/ipc/fileio"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc/api"
)

// nonblock is O_NONBLOCK, the only status flag that a socket has.
const nonblock = 0x800

// socket is one object.
type socket struct {
	server    *Server
	number    uint64
	secret    capability.Secret
	transport tcpip.TransportProtocolNumber
	ep        tcpip.Endpoint
	queue     waiter.Queue  // by which the stack tells that something has changed
	moved     *waiter.Queue // instead of that, of a connection that was accepted
	entry     waiter.Entry
	born      time.Time

	mu       sync.Mutex
	flags    uint16 // status flags of its description
	closed   bool
	seq      uint32            // of the last that was said of it
	watchers map[uint32]uint32 // events that a node waits for
	holders  map[uint32]holder // nodes that have it open
}

// serve answers a request whose capability has been checked.
func (k *socket) serve(h *std.Header, data []byte) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	q := *h
	*h = std.Header{}
	if k.closed {
		h.SetStatus(std.CapBad)
		return nil
	}
	switch q.Command {
	case sockio.Recv:
		return k.recv(&q, h, data)
	case sockio.Send:
		return k.send(&q, h, data)
	case sockio.Poll:
		return k.poll(&q, h, data)
	case sockio.Accept:
		return k.accept(&q, h, data)
	case sockio.Bind:
		h.Extra = uint32(k.bind(data))
	case sockio.Listen:
		h.Extra = uint32(errno(k.ep.Listen(int(min(q.Size, maxBacklog)))))
	case sockio.Connect:
		k.connect(h, data)
	case sockio.Shutdown:
		h.Extra = uint32(k.shutdown(q.Extra))
	case sockio.Name:
		return k.name(&q, h)
	case sockio.SetOption:
		h.Extra = uint32(k.setOption(int(q.Offset>>32), int(uint32(q.Offset)), data))
	case sockio.Option:
		value, e := k.option(int(q.Offset>>32), int(uint32(q.Offset)))
		h.Extra = uint32(e)
		return value
	case sockio.Readable:
		n, err := k.ep.GetSockOptInt(tcpip.ReceiveQueueSizeOption)
		h.Size, h.Extra = uint32(n), uint32(errno(err))
	case fileio.Flags:
		which := uint16(q.Extra & nonblock)
		k.flags = k.flags&^which | uint16(q.Size)&which
		h.Offset = fileio.FlagsKnown | uint64(k.flags)
	case api.ObjectAcquire, api.ObjectRelease:
		k.hold(&q, h, data)
	default:
		h.SetStatus(std.ComBad)
	}
	return nil
}

const maxBacklog = 128

// msgPeek is MSG_PEEK, msgMore MSG_MORE.
const (
	msgPeek = 0x2
	msgMore = 0x8000
)

func (k *socket) recv(q, h *std.Header, data []byte) []byte {
	caller, _, ok := sockio.DecodeCaller(data)
	if !ok || q.Size > sockio.MaxData {
		h.SetStatus(std.ArgBad)
		return nil
	}
	buf := make([]byte, 1+sockaddrLen+int(q.Size))
	head := 1
	stream := k.transport == tcp.ProtocolNumber
	if !stream {
		head = 1 + sockaddrLen
	}
	w := tcpip.SliceWriter(buf[head : head+int(q.Size)])
	res, err := k.ep.Read(&w, tcpip.ReadOptions{Peek: q.Extra&msgPeek != 0, NeedRemoteAddr: !stream})
	e := errno(err)
	if _, end := err.(*tcpip.ErrClosedForReceive); end {
		e, res = 0, tcpip.ReadResult{}
	}
	if !stream && e == 0 {
		sockio.AppendAddress(buf[:0], encode(res.RemoteAddr))
	}
	k.finish(h, caller, e, sockio.InKind)
	if e != 0 {
		return nil
	}
	if stream && res.Count > 0 && q.Extra&msgPeek == 0 {
		k.ep.ModerateRecvBuf(res.Count)
	}
	h.Size = uint32(max(res.Total, res.Count))
	return buf[:head+res.Count]
}

func (k *socket) send(q, h *std.Header, data []byte) []byte {
	caller, rest, ok := sockio.DecodeCaller(data)
	if !ok {
		h.SetStatus(std.ArgBad)
		return nil
	}
	to, body, ok := sockio.CutAddress(rest)
	if !ok {
		h.SetStatus(std.ArgBad)
		return nil
	}
	opts := tcpip.WriteOptions{More: q.Extra&msgMore != 0}
	if len(to) > 0 && k.transport != tcp.ProtocolNumber {
		a, e := decode(to)
		if e != 0 {
			h.Extra = uint32(e)
			return nil
		}
		opts.To = &a
	}
	n, err := k.ep.Write(bytes.NewReader(body), opts)
	e := errno(err)
	if n > 0 && e == abi.EAGAIN {
		e = 0
	}
	if e == 0 && n < int64(len(body)) {
		e = abi.EAGAIN // Size says what was taken
	}
	k.finish(h, caller, e, sockio.OutKind)
	h.Size = uint32(n)
	return nil
}

// finish ends a command that would have had to wait, or not: the reply says what holds,
// and what of a kind does not is watched for.
func (k *socket) finish(h *std.Header, caller sockio.Caller, e int, kind uint32) {
	h.Extra, h.Object = uint32(e), uint64(caller.Node)
	st := k.state()
	if e == abi.EAGAIN || e == abi.EINPROGRESS || e == abi.EALREADY {
		st.Events &^= uint16(kind) // whatever has happened since is news
	}
	if uint32(st.Events)&kind == 0 {
		k.watch(caller, kind)
	}
	h.Offset = st.Pack()
}

// state says something of the socket: it is the latest that has been said.
func (k *socket) state() sockio.State {
	k.seq++
	return sockio.State{Seq: k.seq, Events: uint16(k.ep.Readiness(waiter.AllEvents)), Flags: k.flags}
}

func (k *socket) poll(q, h *std.Header, data []byte) []byte {
	caller, _, ok := sockio.DecodeCaller(data)
	if !ok {
		h.SetStatus(std.ArgBad)
		return nil
	}
	st := k.state()
	if rest := q.Size &^ uint32(st.Events); q.Extra == 1 && rest != 0 {
		k.watch(caller, rest)
	}
	h.Offset = st.Pack()
	return nil
}

func (k *socket) accept(q, h *std.Header, data []byte) []byte {
	caller, _, ok := sockio.DecodeCaller(data)
	if !ok {
		h.SetStatus(std.ArgBad)
		return nil
	}
	var from tcpip.FullAddress
	ep, queue, err := k.ep.Accept(&from)
	if err != nil {
		k.finish(h, caller, errno(err), sockio.InKind)
		return nil
	}
	conn := &socket{server: k.server, transport: k.transport, flags: uint16(q.Extra & nonblock)}
	conn.moved = queue
	c, ok := k.server.enter(conn, ep)
	if !ok {
		ep.Close()
		k.finish(h, caller, abi.ENFILE, sockio.InKind)
		return nil
	}
	k.finish(h, caller, 0, sockio.InKind)
	return sockio.AppendAddress(c.Append(nil), encode(from))
}

func (k *socket) bind(data []byte) int {
	a, e := decode(data)
	if e != 0 {
		return e
	}
	return errno(k.ep.Bind(a))
}

func (k *socket) connect(h *std.Header, data []byte) {
	caller, to, ok := sockio.DecodeCaller(data)
	if !ok {
		h.SetStatus(std.ArgBad)
		return
	}
	k.finish(h, caller, k.connectTo(to), sockio.OutKind)
}

func (k *socket) connectTo(to []byte) int {
	if unspecified(to) {
		return errno(k.ep.Disconnect())
	}
	a, e := decode(to)
	if e != 0 {
		return e
	}
	if a.Addr.Len() == 0 {
		a.Addr = tcpip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return errno(k.ep.Connect(a))
}

func (k *socket) shutdown(how uint32) int {
	switch how {
	case 0:
		return errno(k.ep.Shutdown(tcpip.ShutdownRead))
	case 1:
		return errno(k.ep.Shutdown(tcpip.ShutdownWrite))
	case 2:
		return errno(k.ep.Shutdown(tcpip.ShutdownRead | tcpip.ShutdownWrite))
	}
	return abi.EINVAL
}

func (k *socket) name(q, h *std.Header) []byte {
	get := k.ep.GetLocalAddress
	if q.Extra == 1 {
		get = k.ep.GetRemoteAddress
	}
	a, err := get()
	if err != nil {
		h.Extra = uint32(errno(err))
		return nil
	}
	return encode(a)
}

// info is a line about the socket. It takes no lock.
func (k *socket) info() string {
	if k == nil {
		return "TCP/IP server"
	}
	local, _ := k.ep.GetLocalAddress()
	remote, _ := k.ep.GetRemoteAddress()
	return fmt.Sprintf("%-4s %-22s %-22s %s", k.protocol(), text(local), text(remote), k.stateName())
}
