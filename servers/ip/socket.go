package ip

import (
	"sync"
	"sync/atomic"
	"time"

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
	server *Server
	number uint64
	secret capability.Secret
	end    endpoint
	born   time.Time

	mu       sync.Mutex
	flags    uint16 // status flags of its description
	closed   bool
	seq      uint32            // of the last that was said of it
	watchers map[uint32]uint32 // events that a node waits for
	watched  atomic.Uint32     // all of those
	holders  map[uint32]holder // nodes that have it open
	patience [2]time.Duration  // SO_RCVTIMEO, SO_SNDTIMEO; 0: without end
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
		h.Extra = uint32(k.end.bind(data))
	case sockio.Listen:
		h.Extra = uint32(k.end.listen(int(min(q.Size, maxBacklog)), q.Extra))
	case sockio.Connect:
		k.connect(&q, h, data)
	case sockio.Shutdown:
		h.Extra = uint32(k.end.shutdown(q.Extra))
	case sockio.Name:
		get := k.end.name
		if q.Extra == 1 {
			get = k.end.peerName
		}
		name, errno := get()
		h.Extra = uint32(errno)
		return name
	case sockio.SetOption:
		h.Extra = uint32(k.setOption(int(q.Offset>>32), int(uint32(q.Offset)), data))
	case sockio.Option:
		value, errno := k.option(int(q.Offset>>32), int(uint32(q.Offset)))
		h.Extra = uint32(errno)
		return value
	case sockio.Readable:
		n, errno := k.end.readable()
		h.Size, h.Extra = uint32(n), uint32(errno)
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

func (k *socket) recv(q, h *std.Header, data []byte) []byte {
	caller, _, ok := sockio.DecodeCaller(data)
	if !ok || q.Size > sockio.MaxData {
		h.SetStatus(std.ArgBad)
		return nil
	}
	// The address comes first, and is known last.
	const room = 1 + sockio.MaxAddress
	buf := make([]byte, room+int(q.Size))
	n, size, from, errno := k.end.recv(buf[room:], q.Extra)
	k.finish(h, caller, errno, sockio.InKind)
	if errno != 0 {
		return nil
	}
	h.Size = uint32(size)
	at := room - 1 - len(from)
	sockio.AppendAddress(buf[at:at], from)
	return buf[at : room+n]
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
	n, errno := k.end.send(body, to, q.Extra)
	if n > 0 && errno == abi.EAGAIN {
		errno = 0
	}
	if errno == 0 && n < len(body) {
		errno = abi.EAGAIN // Size says what was taken
	}
	k.finish(h, caller, errno, sockio.OutKind)
	h.Size = uint32(n)
	return nil
}

// finish ends a command that would have had to wait, or not: the reply says what holds,
// and what of a kind does not is watched for.
func (k *socket) finish(h *std.Header, caller sockio.Caller, e int, kind uint32) {
	h.Extra, h.Object = uint32(e), uint64(caller.Node)|k.patienceFor(kind)<<sockio.PatienceShift
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
	return sockio.State{Seq: k.seq, Events: uint16(k.end.events()), Flags: k.flags}
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
	end, from, errno := k.end.accept()
	if errno != 0 {
		k.finish(h, caller, errno, sockio.InKind)
		return nil
	}
	c, ok := k.server.enter(&socket{server: k.server, flags: uint16(q.Extra & nonblock)}, end)
	if !ok {
		end.close()
		k.finish(h, caller, abi.ENFILE, sockio.InKind)
		return nil
	}
	k.finish(h, caller, 0, sockio.InKind)
	return sockio.AppendAddress(c.Append(nil), from)
}

func (k *socket) connect(q, h *std.Header, data []byte) {
	caller, to, ok := sockio.DecodeCaller(data)
	if !ok {
		h.SetStatus(std.ArgBad)
		return
	}
	k.finish(h, caller, k.end.connect(to, q.Size), sockio.OutKind)
}
