package object

import (
	"slices"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/kernel/abi"
)

// ModeSocket is the type of sockets in Stat.Mode.
const ModeSocket = 0o140000

// Socket is what a Remote that is a socket has beside: the server keeps the rest.
type Socket struct {
	Domain, Type, Protocol uint16
	Caller                 sockio.Caller // this node

	seq   uint32 // of the last that the server has said
	heard bool   // it has said something

	// How long calls wait that receive, and that send, in ms; 0: without end. As the
	// server has said last.
	patienceIn, patienceOut uint32
}

// Timeout is how long a call waits that sends, or that receives, in ns; 0: without end.
func (s *Socket) Timeout(send bool) int64 {
	if send {
		return int64(s.patienceOut) * 1e6
	}
	return int64(s.patienceIn) * 1e6
}

// Stream reports whether bytes have no borders there.
func (s *Socket) Stream() bool { return s.Type == sockStream }

const sockStream = 1

// IsSocket returns the Remote of a description that is a socket, or nil.
func IsSocket(f *File) *Remote {
	if r, ok := f.Impl.(*Remote); ok && r.Socket != nil {
		return r
	}
	return nil
}

// Received is what a Recv has found beside the bytes.
type Received struct {
	From []byte // the sender's address
	Size int    // of the whole message, of which the buffer may have had room for less
}

// Recv is one step of a recvmsg(2). in may be nil.
func (r *Remote) Recv(op *Op, f *File, flags uint32, in *Received) int {
	n := min(op.Buf.Left(), op.admitted(sockio.MaxData))
	a, ok := op.Link.Answer()
	if !ok {
		if n == 0 && r.Socket.Stream() {
			return 0
		}
		h := std.Header{Command: sockio.Recv, Size: uint32(n), Extra: flags}
		op.Link.Ask(r.Route(&h), &h, r.Socket.Caller.Append(nil))
		return abi.EBLOCKED
	}
	if errno := gone(&a); errno != 0 {
		return errno
	}
	r.state(&a, f, sockio.InKind)
	if a.Header.Extra != 0 {
		return int(a.Header.Extra)
	}
	from, data, ok := sockio.CutAddress(a.Data)
	if !ok {
		return abi.EIO
	}
	if in != nil {
		in.From, in.Size = from, int(a.Header.Size)
	}
	op.Buf.Put(data)
	return faultError(op)
}

// Send is one step of a sendmsg(2).
func (r *Remote) Send(op *Op, f *File, flags uint32, to []byte) int {
	if a, ok := op.Link.Answer(); ok {
		if errno := gone(&a); errno != 0 {
			return errno
		}
		r.state(&a, f, sockio.OutKind)
		op.Buf.Skip(min(int(a.Header.Size), sockio.MaxData))
		if a.Header.Extra != 0 {
			return int(a.Header.Extra)
		}
		if op.Buf.Left() == 0 || !r.Socket.Stream() {
			return 0
		}
	}
	n := min(op.Buf.Left(), sockio.MaxData)
	if !r.Socket.Stream() && op.Buf.Left() > sockio.MaxData {
		return abi.EMSGSIZE
	}
	if !r.Socket.Stream() && n < op.Buf.Left() {
		return abi.ENOBUFS
	}
	data := r.Socket.Caller.Append(make([]byte, 0, sockio.CallerSize+1+len(to)+n))
	data = sockio.AppendAddress(data, to)
	took := op.Buf.Peek(data[len(data) : len(data)+n])
	if took == 0 && n > 0 {
		return faultError(op)
	}
	h := std.Header{Command: sockio.Send, Extra: flags}
	op.Link.Ask(r.Route(&h), &h, data[:len(data)+took])
	return abi.EBLOCKED
}

// overtakes reports whether what has a number was said after all that has been heard.
func (s *Socket) overtakes(seq uint32) bool {
	if s.heard && int32(seq-s.seq) <= 0 {
		return false
	}
	s.heard, s.seq = true, seq
	return true
}

// state takes over what a reply to a Recv or Send says of the socket.
func (r *Remote) state(a *Answer, f *File, kind Events) {
	if patience := uint32(a.Header.Object >> sockio.PatienceShift); kind == sockio.InKind {
		r.Socket.patienceIn = patience
	} else {
		r.Socket.patienceOut = patience
	}
	st, ok := sockio.Unpack(a.Header.Offset)
	if !ok || !r.Socket.overtakes(st.Seq) {
		r.stale(kind)
		return
	}
	f.SetFlags(OSettable, int(st.Flags))
	was := r.ready
	r.ready, r.known = Events(st.Events), true
	if r.ready&kind == 0 && uint32(a.Header.Object) == r.Socket.Caller.Node {
		r.watching |= kind // the server does; if not for the node that asked, and that the process has left
	}
	r.news(r.ready &^ was)
}

// news wakes who waits for events that have come to hold.
func (r *Remote) news(e Events) {
	if r.watching &^= e; e != 0 {
		r.queue.Wake(uint32(e))
	}
}

// Polled is the answer to a Poll of the server's; failed: the socket is gone.
func (r *Remote) Polled(v uint64, asked Events, wait, failed bool) {
	st, ok := sockio.Unpack(v)
	if failed || !ok {
		r.Told(0, wait, true)
		return
	}
	fresh, was := r.Socket.overtakes(st.Seq), r.ready
	if fresh {
		r.ready, r.known = Events(st.Events), true
	}
	switch {
	case !wait:
		r.asking = false
		r.watching &^= r.ready
		r.queue.Wake(uint32(r.ready | Always)) // who waits for the answer looks, or asks again
	case fresh:
		r.news(r.ready&^was | r.ready&asked)
	default:
		// What was heard meanwhile is newer, and the watch may be over by now.
		if r.watching &^= asked; !r.queue.Empty() {
			r.Watch(asked)
		}
	}
}

// Happened is what the server says by itself: events that were watched for hold.
func (r *Remote) Happened(e Events, seq uint32) {
	if r.Socket.overtakes(seq) {
		r.ready |= e
		r.news(e)
		return
	}
	// It may be over by now, and is not watched for any more.
	if r.watching &^= e; !r.queue.Empty() {
		r.Watch(e)
	}
}

// Request asks something else of a socket; Requested finds the answer.
func (r *Remote) Request(op *Op, h std.Header, data ...[]byte) {
	op.Link.Ask(r.Route(&h), &h, slices.Concat(data...))
}

// Requested is the answer to a Request: its errno, and the rest.
func (r *Remote) Requested(op *Op) (a Answer, errno int) {
	a, ok := op.Link.Answer()
	if !ok {
		return a, abi.EIO
	}
	if errno := gone(&a); errno != 0 {
		return a, errno
	}
	return a, int(a.Header.Extra)
}

// gone is the error for a socket that is not there any more: its server does not answer,
// or is another one now, which does not know it.
func gone(a *Answer) int {
	switch {
	case a.Status != std.OK:
		return abi.ENETDOWN
	case a.Header.Status() == std.ArgBad:
		return abi.EINVAL
	case a.Header.Status() != std.OK:
		return abi.ECONNRESET
	}
	return 0
}

// CreateSocket asks a TCP/IP server for a socket (sockio.Create) or for two (sockio.Pair),
// and Created finds out what came of it.
func CreateSocket(op *Op, server capability.Capability, command, domain, typ, protocol uint32) {
	h := std.Header{Command: command, Offset: uint64(domain)<<32 | uint64(protocol), Extra: typ, Size: uint32(op.Who.PID)}
	h.SetCapability(server)
	op.Link.Ask(flip.Address{}, &h, nil)
}

// Created gives the sockets that a CreateSocket has made.
func Created(op *Op, made []capability.Capability) (errno int) {
	a, ok := op.Link.Answer()
	if !ok {
		return abi.EIO
	}
	if errno = gone(&a); errno == 0 {
		errno = int(a.Header.Extra)
	}
	if errno != 0 {
		return errno
	}
	data := a.Data
	for i := range made {
		if made[i], ok = capability.Decode(data); !ok {
			return abi.EIO
		}
		data = data[capability.EncodedLen:]
	}
	return 0
}

// Heard takes over what the answer to a Request says of the socket.
func (r *Remote) Heard(a *Answer, f *File, kind Events) {
	if a.Status == std.OK {
		r.state(a, f, kind)
	}
}

// Accepted is what the answer to an Accept brings: a connection and its peer's address.
func Accepted(a *Answer) (c capability.Capability, from []byte, ok bool) {
	if c, ok = capability.Decode(a.Data); !ok {
		return c, nil, false
	}
	from, _, ok = sockio.CutAddress(a.Data[capability.EncodedLen:])
	return c, from, ok
}
