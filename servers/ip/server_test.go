package ip

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/fileio"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc/api"
)

// lab is a server that reaches only itself, and a clock that the test sets.
type lab struct {
	t   *testing.T
	s   *Server
	now time.Time
	seq uint64
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, now: time.Unix(1e9, 0)}
	l.s = New(&api.Key{1}, 1, t.Logf)
	l.s.now = func() time.Time { return l.now }
	if err := l.s.AddLoopback(); err != nil {
		t.Fatal(err)
	}
	go l.s.notify()
	return l
}

// ask sends a request to an object.
func (l *lab) ask(c capability.Capability, h std.Header, data []byte) (std.Header, []byte) {
	h.SetCapability(c)
	reply := l.s.serve(&h, data)
	return h, reply
}

func (l *lab) service() capability.Capability {
	return capability.Owner(l.s.put, 0, l.s.secret)
}

// want asks, and wants an errno.
func (l *lab) want(errno int, c capability.Capability, h std.Header, data []byte) (std.Header, []byte) {
	l.t.Helper()
	r, reply := l.ask(c, h, data)
	if r.Status() != std.OK || int(r.Extra) != errno {
		l.t.Fatalf("command %d: status %v, errno %d, want %d", h.Command, r.Status(), r.Extra, errno)
	}
	return r, reply
}

var (
	first  = sockio.Caller{Node: 1, Boot: 11}
	second = sockio.Caller{Node: 2, Boot: 22}
)

func (l *lab) socket(typ uint32) capability.Capability {
	l.t.Helper()
	_, b := l.want(0, l.service(), std.Header{Command: sockio.Create, Offset: afInet << 32, Extra: typ}, nil)
	c, ok := capability.Decode(b)
	if !ok {
		l.t.Fatal("no capability")
	}
	l.hold(c, first, api.ObjectAcquire)
	return c
}

func (l *lab) hold(c capability.Capability, who sockio.Caller, command uint32) {
	l.t.Helper()
	l.seq++
	b, err := image.Marshal(api.HolderRequest{Node: int(who.Node), Boot: who.Boot, Seq: l.seq})
	if err != nil {
		l.t.Fatal(err)
	}
	l.want(0, c, std.Header{Command: command}, b)
}

func inet(port uint16) []byte {
	b := make([]byte, sockaddrLen)
	binary.LittleEndian.PutUint16(b, afInet)
	binary.BigEndian.PutUint16(b[2:], port)
	copy(b[4:], []byte{127, 0, 0, 1})
	return b
}

// await waits until an event of a socket holds, as a node does.
func (l *lab) await(who sockio.Caller, c capability.Capability, events uint32) {
	l.t.Helper()
	for range 20 {
		h, _ := l.want(0, c, std.Header{Command: sockio.Poll, Size: events, Extra: 1}, who.Append(nil))
		st, ok := sockio.Unpack(h.Offset)
		if !ok {
			l.t.Fatal("no state")
		}
		if uint32(st.Events)&events != 0 {
			return
		}
		_, b := l.want(0, l.service(), std.Header{Command: sockio.Wait}, who.Append(nil))
		for _, e := range sockio.DecodeEvents(b) {
			if e.Object == c.Object && int32(e.Seq-st.Seq) <= 0 {
				l.t.Errorf("event %d after state %d", e.Seq, st.Seq)
			}
		}
	}
	l.t.Fatalf("events %#x did not come", events)
}

const in, out = 0x1, 0x4

// pair makes a connection.
func (l *lab) pair(port uint16) (listener, client, server capability.Capability) {
	l.t.Helper()
	listener = l.socket(sockStream)
	l.want(0, listener, std.Header{Command: sockio.Bind}, inet(port))
	l.want(0, listener, std.Header{Command: sockio.Listen, Size: 5}, nil)
	l.want(abi.EAGAIN, listener, std.Header{Command: sockio.Accept}, first.Append(nil))
	client = l.socket(sockStream)
	l.want(abi.EINPROGRESS, client, std.Header{Command: sockio.Connect}, append(first.Append(nil), inet(port)...))
	l.await(first, client, out)
	l.want(0, client, std.Header{Command: sockio.Connect}, append(first.Append(nil), inet(port)...))
	l.await(first, listener, in)
	_, b := l.want(0, listener, std.Header{Command: sockio.Accept}, first.Append(nil))
	server, _ = capability.Decode(b)
	l.hold(server, first, api.ObjectAcquire)
	return listener, client, server
}

func (l *lab) send(c capability.Capability, who sockio.Caller, text string) {
	l.t.Helper()
	h, _ := l.want(0, c, std.Header{Command: sockio.Send}, append(sockio.AppendAddress(who.Append(nil), nil), text...))
	if int(h.Size) != len(text) {
		l.t.Fatalf("%d bytes of %d taken", h.Size, len(text))
	}
}

func (l *lab) recv(c capability.Capability, who sockio.Caller, want string) {
	l.t.Helper()
	l.await(who, c, in)
	_, b := l.want(0, c, std.Header{Command: sockio.Recv, Size: 100}, who.Append(nil))
	if _, data, ok := sockio.CutAddress(b); !ok || string(data) != want {
		l.t.Fatalf("received %q, want %q", data, want)
	}
}

func TestServer_AConnectionIsUsedFromAnyNode(t *testing.T) {
	l := newLab(t)
	_, client, server := l.pair(80)
	l.send(client, first, "to one")
	l.recv(server, first, "to one")
	l.hold(server, second, api.ObjectAcquire) // its process has moved
	l.hold(server, first, api.ObjectRelease)
	l.want(abi.EAGAIN, server, std.Header{Command: sockio.Recv, Size: 9}, second.Append(nil))
	l.send(client, first, "to two")
	l.recv(server, second, "to two")
	l.hold(client, first, api.ObjectRelease)
	l.recv(server, second, "") // the end
	l.hold(server, second, api.ObjectRelease)
	if h, _ := l.ask(server, std.Header{Command: sockio.Recv}, second.Append(nil)); h.Status() != std.CapBad {
		t.Errorf("a socket that nobody holds answers %v", h.Status())
	}
}

func TestServer_WhatIsSentWhenAllHaveLetGoStillArrives(t *testing.T) {
	l := newLab(t)
	_, client, server := l.pair(80)
	l.send(client, first, "last words")
	l.hold(client, first, api.ObjectRelease)
	l.recv(server, first, "last words")
	l.recv(server, first, "")
}

// A release that comes before the acquire of the same node that it overtook must not close
// the socket later, nor an old acquire open it again.
func TestServer_OldMessagesOfHoldersDoNotCount(t *testing.T) {
	l := newLab(t)
	c := l.socket(sockStream)
	b, _ := image.Marshal(api.HolderRequest{Node: 1, Boot: first.Boot, Seq: 1})
	l.seq = 5
	l.hold(c, first, api.ObjectAcquire)
	l.want(0, c, std.Header{Command: api.ObjectRelease}, b)
	l.want(abi.ENOTCONN, c, std.Header{Command: sockio.Name, Extra: 1}, nil)
}

func TestServer_ANodeThatIsGoneHoldsNothing(t *testing.T) {
	for name, happens := range map[string]func(l *lab){
		"silent":  func(l *lab) { l.now = l.now.Add(2 * silence) },
		"started": func(l *lab) { l.now = l.now.Add(2 * unclaimed); l.s.peer(sockio.Caller{Node: 1, Boot: 12}) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			c, kept := l.socket(sockStream), l.socket(sockStream)
			l.s.mu.Lock()
			l.s.peer(first)
			l.s.mu.Unlock()
			happens(l)
			l.hold(kept, second, api.ObjectAcquire)
			l.s.look()
			if h, _ := l.ask(c, std.Header{Command: sockio.Poll}, first.Append(nil)); h.Status() != std.CapBad {
				t.Errorf("its socket answers %v", h.Status())
			}
			if h, _ := l.ask(kept, std.Header{Command: sockio.Poll}, second.Append(nil)); h.Status() != std.OK {
				t.Errorf("a socket that another node holds answers %v", h.Status())
			}
		})
	}
}

func TestServer_NobodyClaimsASocket(t *testing.T) {
	l := newLab(t)
	_, b := l.want(0, l.service(), std.Header{Command: sockio.Create, Offset: afInet << 32, Extra: sockStream}, nil)
	c, _ := capability.Decode(b)
	l.s.look()
	l.want(abi.ENOTCONN, c, std.Header{Command: sockio.Name, Extra: 1}, nil)
	l.now = l.now.Add(2 * unclaimed)
	l.s.look()
	if h, _ := l.ask(c, std.Header{Command: sockio.Name}, nil); h.Status() != std.CapBad {
		t.Errorf("it answers %v", h.Status())
	}
}

func TestServer_Datagrams(t *testing.T) {
	l := newLab(t)
	a, b := l.socket(sockDgram), l.socket(sockDgram)
	l.want(0, a, std.Header{Command: sockio.Bind}, inet(53))
	l.want(0, b, std.Header{Command: sockio.Bind}, inet(54))
	l.want(0, b, std.Header{Command: sockio.Send}, append(sockio.AppendAddress(first.Append(nil), inet(53)), "a question"...))
	l.await(first, a, in)
	h, data := l.want(0, a, std.Header{Command: sockio.Recv, Size: 3}, first.Append(nil))
	from, text, ok := sockio.CutAddress(data)
	if !ok || !bytes.Equal(from, inet(54)) || string(text) != "a q" || h.Size != 10 {
		t.Errorf("%q of %d bytes from % x", text, h.Size, from)
	}
}

func TestServer_Flags(t *testing.T) {
	l := newLab(t)
	c := l.socket(sockStream | nonblock)
	h, _ := l.want(0, c, std.Header{Command: fileio.Flags, Extra: nonblock, Size: 0}, nil)
	if h.Offset != fileio.FlagsKnown {
		t.Errorf("flags %#x", h.Offset)
	}
}

func TestServer_Options(t *testing.T) {
	l := newLab(t)
	c := l.socket(sockStream)
	for _, o := range []struct{ level, name, set, get uint32 }{
		{solSocket, soReuseAddr, 1, 1}, {solSocket, soKeepAlive, 1, 1}, {solTCP, tcpNoDelay, 1, 1}, {solTCP, tcpNoDelay, 0, 0},
		{solTCP, tcpKeepIdle, 15, 15}, {solTCP, tcpKeepInterval, 7, 7}, {solTCP, tcpKeepCount, 3, 3}, {solIP, ipTTL, 9, 9},
	} {
		at := uint64(o.level)<<32 | uint64(o.name)
		l.want(0, c, std.Header{Command: sockio.SetOption, Offset: at}, binary.LittleEndian.AppendUint32(nil, o.set))
		_, b := l.want(0, c, std.Header{Command: sockio.Option, Offset: at}, nil)
		if len(b) != 4 || binary.LittleEndian.Uint32(b) != o.get {
			t.Errorf("option %d of level %d is % x", o.name, o.level, b)
		}
	}
	l.want(abi.ENOPROTOOPT, c, std.Header{Command: sockio.Option, Offset: 77 << 32}, nil)
	l.want(abi.EINVAL, c, std.Header{Command: sockio.SetOption, Offset: solSocket<<32 | soReuseAddr}, []byte{1})
}

func TestServer_RefusesWhatItCannotDo(t *testing.T) {
	l := newLab(t)
	for _, q := range []struct {
		domain, typ, protocol uint64
		errno                 int
	}{
		{10, sockStream, 0, abi.EAFNOSUPPORT}, {afInet, 3, 0, abi.ESOCKTNOSUPPORT},
		{afInet, sockStream, 262, abi.EPROTONOSUPPORT}, // MPTCP, which Go asks for first
	} {
		l.want(q.errno, l.service(), std.Header{Command: sockio.Create, Offset: q.domain<<32 | q.protocol, Extra: uint32(q.typ)}, nil)
	}
	c := l.socket(sockStream)
	c.Check[0] ^= 1
	if h, _ := l.ask(c, std.Header{Command: sockio.Poll}, first.Append(nil)); h.Status() != std.CapBad {
		t.Errorf("a guessed capability: %v", h.Status())
	}
}

func TestServer_List(t *testing.T) {
	l := newLab(t)
	l.pair(80)
	_, b := l.want(0, l.service(), std.Header{Command: sockio.List}, nil)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) != 4 || !slices.ContainsFunc(lines, func(s string) bool {
		return strings.Contains(s, "127.0.0.1:80") && strings.Contains(s, "LISTEN") && strings.HasSuffix(s, " 1")
	}) {
		t.Errorf("%s", b)
	}
}

// Whatever is asked of it, the server stands, and goes on serving.
func TestServer_SurvivesAnything(t *testing.T) {
	l := newLab(t)
	_, client, server := l.pair(80)
	objects := []capability.Capability{l.service(), client, server, l.socket(sockDgram), l.socket(sockStream),
		l.unix(sockStream), l.unix(sockStream), l.unix(sockDgram), l.unix(sockDgram), l.unix(sockSeqpacket)}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		h := std.Header{Command: sockio.Create + r.Uint32N(sockio.Readable-sockio.Create+2), Offset: r.Uint64() >> r.IntN(64), Size: r.Uint32() >> r.IntN(32), Extra: r.Uint32() >> r.IntN(32)}
		if h.Command == sockio.Wait || h.Command == sockio.Create || h.Command == sockio.Pair {
			continue // one waits, the other makes thousands
		}
		data := make([]byte, r.IntN(60))
		for i := range data {
			data[i] = byte(r.Uint32() >> 24 >> r.IntN(8))
		}
		if r.IntN(2) == 0 {
			data = append(first.Append(nil), data...)
		}
		if r.IntN(3) == 0 {
			data = append(data[:0], inet(uint16(r.Uint32()))...)
		}
		if r.IntN(3) == 0 {
			data = append(first.Append(nil), unixAddress(string('a'+rune(r.IntN(3))))...)[r.IntN(2)*sockio.CallerSize:]
		}
		l.ask(objects[r.IntN(len(objects))], h, data)
	}
	l.pair(81)
}

// A Poll that is answered by one event goes on for the others.
func TestServer_WatchesForWhatDoesNotHoldYet(t *testing.T) {
	l := newLab(t)
	_, client, server := l.pair(80)
	h, _ := l.want(0, server, std.Header{Command: sockio.Poll, Size: in | out, Extra: 1}, second.Append(nil))
	if st, _ := sockio.Unpack(h.Offset); st.Events&(in|out) != out {
		t.Fatalf("events %#x, want only that it can be written to", st.Events)
	}
	l.send(client, first, "now")
	_, b := l.want(0, l.service(), std.Header{Command: sockio.Wait}, second.Append(nil))
	if e := sockio.DecodeEvents(b); len(e) != 1 || e[0].Object != server.Object || e[0].Events&in == 0 {
		t.Errorf("told %+v", e)
	}
}
