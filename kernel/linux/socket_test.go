package linux_test

import (
	"bytes"
	"slices"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/kernel/abi"
	. "motile/kernel/linux/linuxtest"
	"motile/kernel/object"
	"motile/proc"
)

// socketServer stands for the TCP/IP server and the way to it: what is asked waits for the
// test to answer.
type socketServer struct {
	elsewhere
	asked []std.Header
	data  [][]byte
	open  map[uint64]bool // sockets that the node has open
}

func (s *socketServer) Ask(to flip.Address, h *std.Header, data []byte) {
	s.elsewhere.Ask(to, h, data)
	s.asked, s.data = append(s.asked, *h), append(s.data, slices.Clone(data))
}

func (s *socketServer) Server() capability.Capability { return capability.Capability{Object: 1000} }
func (s *socketServer) Missing()                      {}
func (s *socketServer) Open(c capability.Capability, k object.Socket) *object.Remote {
	k.Caller = sockio.Caller{Node: 1}
	s.open[c.Object] = true
	return &object.Remote{Service: c, Socket: &k, Ask: func(*object.Remote, object.Events, bool) {},
		Dropped: func(*object.Remote) { delete(s.open, c.Object) }}
}

// last is what was asked last.
func (s *socketServer) last() (std.Header, []byte) {
	return s.asked[len(s.asked)-1], s.data[len(s.data)-1]
}

func newSocketServer(b *Bench, p *Thread) *socketServer {
	s := &socketServer{elsewhere: elsewhere{t: p.Thread}, open: make(map[uint64]bool)}
	b.K.Link = func(t *proc.Thread) object.Link { s.t = t; return s }
	b.K.Network = s
	return s
}

// answer ends what a thread has asked.
func (s *socketServer) answer(b *Bench, p *Thread, h std.Header, data []byte) {
	b.Tab.Answered(p.Process(), 1, &object.Answer{Header: h, Data: data})
	b.Run()
}

func capabilities(objects ...uint64) (out []byte) {
	for _, o := range objects {
		c := capability.Capability{Object: o}
		out = c.Append(out)
	}
	return out
}

const (
	unixFamily = 1
	stream     = 1
)

func TestSocketpair(t *testing.T) {
	b := New(t)
	p := b.Process()
	s := newSocketServer(b, p)
	at := p.Alloc(8)
	p.Want(-abi.EOPNOTSUPP, abi.SysSocketpair, 2, stream, 0, at)
	p.Want(-abi.EAFNOSUPPORT, abi.SysSocketpair, 10, stream, 0, at)
	p.Want(-abi.EINVAL, abi.SysSocketpair, unixFamily, stream|0x10, 0, at)
	p.Want(Blocked, abi.SysSocketpair, unixFamily, stream|object.OCloexec|object.ONonblock, 0, at)
	if h, _ := s.last(); h.Command != sockio.Pair || h.Offset != unixFamily<<32 || int32(h.Size) != p.Process().PID {
		t.Fatalf("asked %+v", h)
	}
	s.answer(b, p, std.Header{}, capabilities(7, 8))
	p.Expect(0)
	if len(s.open) != 2 {
		t.Fatalf("open: %v", s.open)
	}
	for i := range 2 {
		fd := uint64(p.Word32(at + uint64(4*i)))
		const getFD, getFL, largeFile = 1, 3, 0x8000
		p.Want(1, abi.SysFcntl, fd, getFD, 0)
		p.Want(object.ORdwr|object.ONonblock|largeFile, abi.SysFcntl, fd, getFL, 0)
		p.Close(fd)
	}
	if len(s.open) != 0 {
		t.Errorf("open after close: %v", s.open)
	}
}

// Whatever goes wrong, both ends are given up.
func TestSocketpair_NoRoom(t *testing.T) {
	b := New(t)
	p := b.Process()
	s := newSocketServer(b, p)
	p.Want(Blocked, abi.SysSocketpair, unixFamily, stream, 0, 8)
	s.answer(b, p, std.Header{}, capabilities(7, 8))
	p.Expect(-abi.EFAULT)
	fd := p.Open("/tmp", object.ORdonly)
	for p.Call(abi.SysDup, fd) >= 0 {
	}
	p.Want(-abi.EMFILE, abi.SysSocketpair, unixFamily, stream, 0, p.Alloc(8))
	p.Close(fd)
	p.Want(Blocked, abi.SysSocketpair, unixFamily, stream, 0, p.Alloc(8))
	s.answer(b, p, std.Header{}, capabilities(9, 10))
	p.Expect(-abi.EMFILE)
	if len(s.open) != 0 {
		t.Errorf("open: %v", s.open)
	}
}

// withSocket is a process that has a local socket, of a socketServer.
func withSocket(t *testing.T, typ int) (b *Bench, p *Thread, s *socketServer, fd uint64) {
	b = New(t)
	p = b.Process()
	s = newSocketServer(b, p)
	p.Want(Blocked, abi.SysSocket, unixFamily, typ, 0)
	s.answer(b, p, std.Header{}, capabilities(5))
	return b, p, s, uint64(p.Result())
}

func TestSocket_PathsAreAbsolute(t *testing.T) {
	b, p, s, fd := withSocket(t, stream)
	p.Must(abi.SysMkdir, p.Text("/tmp/dir"), 0o700)
	p.Must(abi.SysChdir, p.Text("/tmp/dir"))
	for _, test := range []struct{ given, want string }{
		{"sock\x00rest", "/tmp/dir/sock"}, {"/tmp/s", "/tmp/s"}, {"\x00abstract\x00", "\x00abstract\x00"}, {"", ""},
	} {
		addr := append([]byte{unixFamily, 0}, test.given...)
		p.Want(Blocked, abi.SysBind, fd, p.Bytes(addr), len(addr))
		if _, data := s.last(); !bytes.Equal(data, append([]byte{unixFamily, 0}, test.want...)) {
			t.Errorf("%q: the server is told %q", test.given, data)
		}
		s.answer(b, p, std.Header{}, nil)
		p.Expect(0)
	}
	long := append([]byte{unixFamily, 0}, bytes.Repeat([]byte("x"), 109)...)
	p.Want(-abi.EINVAL, abi.SysBind, fd, p.Bytes(long), len(long))
	p.Close(fd)
}

// A receive with a time-out asks once more when the time is over, and gives up.
func TestSocket_TimeOut(t *testing.T) {
	b, p, s, fd := withSocket(t, stream)
	p.Want(Blocked, abi.SysRead, fd, p.Alloc(4), 4)
	s.answer(b, p, std.Header{Extra: abi.EAGAIN, Object: 1 | 500<<sockio.PatienceShift}, nil)
	asked := len(s.asked)
	b.Advance(499e6)
	if len(s.asked) != asked {
		t.Fatal("asked before the time is over")
	}
	b.Advance(2e6)
	if len(s.asked) != asked+1 {
		t.Fatalf("asked %d times when the time was over", len(s.asked)-asked)
	}
	s.answer(b, p, std.Header{Extra: abi.EAGAIN, Object: 1 | 500<<sockio.PatienceShift}, nil)
	p.Expect(-abi.EAGAIN)
	p.Close(fd)
}

// A connect waits for room in the listener's queue, and asks again.
func TestSocket_ConnectQueues(t *testing.T) {
	b, p, s, fd := withSocket(t, stream)
	p.Want(Blocked, abi.SysConnect, fd, p.Bytes([]byte("\x01\x00/s")), 4)
	full := std.Header{Extra: abi.EAGAIN, Offset: sockio.State{Seq: 1}.Pack(), Object: 1}
	s.answer(b, p, full, nil)
	f := p.Process().FDs.Get(int32(fd))
	object.IsSocket(f).Happened(object.Out, 2)
	b.Run()
	if h, _ := s.last(); len(s.asked) != 3 || h.Command != sockio.Connect {
		t.Fatalf("asked %+v", s.asked)
	}
	s.answer(b, p, std.Header{Offset: sockio.State{Seq: 3}.Pack()}, nil)
	p.Expect(0)
	p.Close(fd)
}

// Descriptors are not sent along; what would lose them is refused.
func TestSocket_NoAncillaryData(t *testing.T) {
	_, p, _, fd := withSocket(t, stream)
	m := p.Words(0, 0, 0, 0, p.Alloc(24), 24, 0)
	p.Want(-abi.EOPNOTSUPP, abi.SysSendmsg, fd, m, 0)
	p.Close(fd)
}

func TestSocket_OneOfSeveralMessages(t *testing.T) {
	b, p, s, fd := withSocket(t, 2)
	iov := p.Words(p.Bytes([]byte("abc")), 3)
	list := p.Words(0, 0, iov, 1, 0, 0, 0, 99, 0, 0, iov, 1, 0, 0, 0, 99)
	p.Want(Blocked, abi.SysSendmmsg, fd, list, 2, 0)
	if _, data := s.last(); !bytes.HasSuffix(data, []byte("abc")) {
		t.Fatalf("sent %q", data)
	}
	s.answer(b, p, std.Header{Size: 3}, nil)
	p.Expect(1)
	if got := p.Word32(list + 56); got != 3 {
		t.Errorf("length %d", got)
	}
	p.Want(0, abi.SysRecvmmsg, fd, list, 0, 0, 0)
	p.Want(Blocked, abi.SysWrite, fd, iov, 1)
	s.answer(b, p, std.Header{Extra: abi.EPIPE}, nil)
	p.Expect(-abi.EPIPE) // and no signal, which are for streams
	p.Close(fd)
}
