package ip

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc/api"
)

// unix makes a local socket, unixPair two.
func (l *lab) unix(typ uint32) capability.Capability {
	l.t.Helper()
	_, b := l.want(0, l.service(), std.Header{Command: sockio.Create, Offset: afUnix << 32, Extra: typ}, nil)
	c, _ := capability.Decode(b)
	l.hold(c, first, api.ObjectAcquire)
	return c
}

func (l *lab) unixPair(typ uint32) (a, b capability.Capability) {
	l.t.Helper()
	_, data := l.want(0, l.service(), std.Header{Command: sockio.Pair, Offset: afUnix << 32, Extra: typ, Size: 77}, nil)
	a, _ = capability.Decode(data)
	b, _ = capability.Decode(data[capability.EncodedLen:])
	l.hold(a, first, api.ObjectAcquire)
	l.hold(b, first, api.ObjectAcquire)
	return a, b
}

func (l *lab) bind(c capability.Capability, name string) {
	l.t.Helper()
	l.want(0, c, std.Header{Command: sockio.Bind}, unixAddress(name))
}

func (l *lab) connect(errno int, c capability.Capability, name string) {
	l.t.Helper()
	l.want(errno, c, std.Header{Command: sockio.Connect, Size: 55}, append(first.Append(nil), unixAddress(name)...))
}

// put sends, and says how much was taken.
func (l *lab) put(errno int, c capability.Capability, to string, size int) int {
	l.t.Helper()
	var addr []byte
	if to != "" {
		addr = unixAddress(to)
	}
	h, _ := l.want(errno, c, std.Header{Command: sockio.Send}, append(sockio.AppendAddress(first.Append(nil), addr), make([]byte, size)...))
	return int(h.Size)
}

// take receives, and says how much.
func (l *lab) take(errno int, c capability.Capability) int {
	l.t.Helper()
	h, _ := l.want(errno, c, std.Header{Command: sockio.Recv, Size: sockio.MaxData}, first.Append(nil))
	return int(h.Size)
}

func (l *lab) events(c capability.Capability) uint32 {
	l.t.Helper()
	h, _ := l.want(0, c, std.Header{Command: sockio.Poll}, first.Append(nil))
	st, _ := sockio.Unpack(h.Offset)
	return uint32(st.Events)
}

// wantTold wants the node to be told that events of a socket hold, by its Waits.
func (l *lab) wantTold(c capability.Capability, events uint32) {
	l.t.Helper()
	for {
		_, b := l.want(0, l.service(), std.Header{Command: sockio.Wait}, first.Append(nil))
		list := sockio.DecodeEvents(b)
		if len(list) == 0 {
			l.t.Fatalf("not told that events %#x of %d hold", events, c.Object)
		}
		for _, e := range list {
			if e.Object == c.Object && e.Events&events != 0 {
				return
			}
		}
	}
}

func TestLocal_StreamFillsAndDrains(t *testing.T) {
	l := newLab(t)
	a, b := l.unixPair(sockStream)
	sent := 0
	for {
		h, _ := l.ask(a, std.Header{Command: sockio.Send}, append(sockio.AppendAddress(first.Append(nil), nil), make([]byte, sockio.MaxData)...))
		if sent += int(h.Size); h.Extra == abi.EAGAIN {
			break
		}
	}
	if sent > defaultBuffer || sent < defaultBuffer/2 || l.events(a)&out != 0 {
		t.Fatalf("%d bytes under way, events %#x", sent, l.events(a))
	}
	got := l.take(0, b)
	if l.events(a)&out != 0 {
		t.Error("it can be written to as soon as anything is read")
	}
	for got < sent {
		got += l.take(0, b)
	}
	l.wantTold(a, out)
	l.take(abi.EAGAIN, b)
	l.put(0, a, "", 1)
	l.wantTold(b, in)
}

func TestLocal_DatagramsWaitForTheirReceiver(t *testing.T) {
	for _, connected := range []bool{false, true} {
		l := newLab(t)
		a, b, to := l.unix(sockDgram), l.unix(sockDgram), "\x00there"
		l.bind(b, to)
		if connected {
			l.connect(0, a, to)
			to = ""
		}
		for range maxDgrams + 1 {
			l.put(0, a, to, 10)
		}
		l.put(abi.EAGAIN, a, to, 10)
		if l.events(a)&out != 0 {
			t.Fatalf("connected %v: events %#x", connected, l.events(a))
		}
		l.take(0, b)
		l.wantTold(a, out)
		l.put(0, a, to, 10)
		l.put(abi.EAGAIN, a, to, 10)
		l.hold(b, first, api.ObjectRelease)
		l.wantTold(a, out) // and to be told that nobody is there
		l.put(abi.ECONNREFUSED, a, to, 10)
	}
}

func TestLocal_ConnectWaitsForRoom(t *testing.T) {
	l := newLab(t)
	listener, one, two := l.unix(sockStream), l.unix(sockStream), l.unix(sockStream)
	l.bind(listener, "/s")
	l.connect(abi.ECONNREFUSED, one, "/s")
	l.want(0, listener, std.Header{Command: sockio.Listen, Size: 0, Extra: 44}, nil)
	l.connect(0, one, "/s")
	l.connect(abi.EAGAIN, two, "/s")
	l.want(0, listener, std.Header{Command: sockio.Accept}, first.Append(nil))
	l.wantTold(two, out)
	l.connect(0, two, "/s")
	l.hold(listener, first, api.ObjectRelease)
	l.take(abi.ECONNRESET, two) // nobody will accept it
	l.take(0, two)
	l.connect(abi.ENOENT, l.unix(sockStream), "/s")
}

func TestLocal_PeerCredentials(t *testing.T) {
	l := newLab(t)
	cred := func(c capability.Capability) uint32 {
		_, b := l.want(0, c, std.Header{Command: sockio.Option, Offset: solSocket<<32 | soPeerCred}, nil)
		if len(b) != 12 || !bytes.Equal(b[4:], make([]byte, 8)) {
			t.Errorf("% x", b)
		}
		return binary.LittleEndian.Uint32(b)
	}
	a, b := l.unixPair(sockStream)
	if cred(a) != 77 || cred(b) != 77 {
		t.Errorf("of a pair: %d, %d", cred(a), cred(b))
	}
	listener, client := l.unix(sockStream), l.unix(sockStream)
	l.bind(listener, "/s")
	l.want(0, listener, std.Header{Command: sockio.Listen, Size: 5, Extra: 44}, nil)
	l.connect(0, client, "/s")
	_, data := l.want(0, listener, std.Header{Command: sockio.Accept}, first.Append(nil))
	conn, _ := capability.Decode(data)
	if cred(client) != 44 || cred(conn) != 55 {
		t.Errorf("the client sees %d, the server %d", cred(client), cred(conn))
	}
}

func TestLocal_NamesAreMadeUp(t *testing.T) {
	l := newLab(t)
	a, b := l.unix(sockDgram), l.unix(sockDgram)
	l.bind(a, "")
	l.bind(b, "")
	_, x := l.want(0, a, std.Header{Command: sockio.Name}, nil)
	_, y := l.want(0, b, std.Header{Command: sockio.Name}, nil)
	if len(x) != 8 || x[2] != 0 || bytes.Equal(x, y) {
		t.Errorf("%q, %q", x, y)
	}
	l.put(0, b, string(x[2:]), 3)
	l.recv(a, first, "\x00\x00\x00")
}

func TestLocal_Addresses(t *testing.T) {
	l := newLab(t)
	listener, client := l.unix(sockStream), l.unix(sockStream)
	name := func(c capability.Capability, whose uint32, want string) {
		t.Helper()
		if _, b := l.want(0, c, std.Header{Command: sockio.Name, Extra: whose}, nil); string(b) != want {
			t.Errorf("%q, want %q", b, want)
		}
	}
	name(listener, 0, "\x01\x00")
	l.bind(listener, "/a/path\x00and more")
	name(listener, 0, "\x01\x00/a/path\x00")
	l.want(0, listener, std.Header{Command: sockio.Listen, Size: 5}, nil)
	l.connect(0, client, "/a/path")
	name(client, 1, "\x01\x00/a/path\x00")
	_, b := l.want(0, listener, std.Header{Command: sockio.Accept}, first.Append(nil))
	if from := b[capability.EncodedLen:]; string(from) != "\x02\x01\x00" {
		t.Errorf("accepted from %q", from)
	}
	conn, _ := capability.Decode(b)
	l.hold(conn, first, api.ObjectAcquire)
	l.put(0, client, "", 1)
	if _, b = l.want(0, conn, std.Header{Command: sockio.Recv, Size: 9}, first.Append(nil)); b[0] != 0 {
		t.Errorf("received from %q", b)
	}
	for _, bad := range []string{"", "\x01", "\x02\x00/a/path"} {
		l.want(abi.EINVAL, client, std.Header{Command: sockio.Bind}, []byte(bad))
	}
}

func TestLocal_AnAssociationEnds(t *testing.T) {
	l := newLab(t)
	a, b := l.unix(sockDgram), l.unix(sockDgram)
	l.bind(b, "/b")
	l.connect(0, a, "/b")
	l.put(0, a, "", 5)
	l.want(0, a, std.Header{Command: sockio.Connect}, append(first.Append(nil), afUnspec, 0))
	l.put(abi.ENOTCONN, a, "", 5)
	if got := l.take(0, b); got != 5 {
		t.Errorf("%d bytes", got)
	}
}

// One end of a pair whose maker has died before it said that it has it is closed after a
// while, and the other sees the end.
func TestLocal_HalfOfAPairIsLost(t *testing.T) {
	l := newLab(t)
	_, data := l.want(0, l.service(), std.Header{Command: sockio.Pair, Offset: afUnix << 32, Extra: sockStream}, nil)
	a, _ := capability.Decode(data)
	l.hold(a, second, api.ObjectAcquire)
	l.now = l.now.Add(2 * unclaimed)
	l.s.mu.Lock()
	l.s.peer(second)
	l.s.mu.Unlock()
	l.s.look()
	if got := l.take(0, a); got != 0 {
		t.Errorf("received %d bytes", got)
	}
}

// underWay adds to what all have under way, and says how much that is.
func (l *lab) underWay(more int) int {
	l.s.locals.mu.Lock()
	defer l.s.locals.mu.Unlock()
	l.s.locals.used += more
	return l.s.locals.used
}

// Who does not read uses up the memory for all; the others go on, with little at a time.
func TestLocal_MemoryIsUsedUp(t *testing.T) {
	l := newLab(t)
	var ends []capability.Capability
	for l.underWay(0) < worldMost {
		a, b := l.unixPair(sockSeqpacket)
		ends = append(ends, a, b)
		for range defaultBuffer/sockio.MaxData - 1 {
			l.put(0, a, "", sockio.MaxData)
		}
	}
	a, b := l.unixPair(sockStream)
	if got := l.put(abi.EAGAIN, a, "", sockio.MaxData); got == 0 || got > guaranteed {
		t.Fatalf("%d bytes taken", got)
	}
	if l.events(a)&out != 0 {
		t.Fatal("it can be written to")
	}
	before := l.underWay(0)
	l.take(0, b)
	l.wantTold(a, out)
	if got := l.put(abi.EAGAIN, a, "", sockio.MaxData); got == 0 || l.underWay(0) > before {
		t.Fatalf("%d bytes taken, %d used, %d before", got, l.underWay(0), before)
	}
	for _, c := range ends {
		l.hold(c, first, api.ObjectRelease)
	}
	l.wantTold(a, out)
	l.put(0, a, "", sockio.MaxData)
	// A datagram for which there is only little room is refused, not put off for ever.
	l.underWay(worldMost)
	c, _ := l.unixPair(sockDgram)
	l.put(abi.ENOBUFS, c, "", guaranteed+1)
	l.put(0, c, "", guaranteed/2)
}

func TestLocal_TimeOuts(t *testing.T) {
	l := newLab(t)
	a, _ := l.unixPair(sockStream)
	at := uint64(solSocket)<<32 | soRcvTimeo
	timeval := func(s, micro int64) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(s)), uint64(micro))
	}
	patience := func() uint64 {
		h, _ := l.want(abi.EAGAIN, a, std.Header{Command: sockio.Recv, Size: 1}, first.Append(nil))
		if uint32(h.Object) != first.Node {
			t.Errorf("node %d", uint32(h.Object))
		}
		return h.Object >> sockio.PatienceShift
	}
	for _, test := range []struct {
		s, micro int64
		ms       uint64
	}{{0, 0, 0}, {2, 500, 2001}, {-1, 0, 1}, {1 << 40, 0, 0}, {1 << 62, 0, 0}, {0, 999999, 1000}} {
		l.want(0, a, std.Header{Command: sockio.SetOption, Offset: at}, timeval(test.s, test.micro))
		if got := patience(); got != test.ms {
			t.Errorf("%d s %d µs: %d ms", test.s, test.micro, got)
		}
	}
	_, b := l.want(0, a, std.Header{Command: sockio.Option, Offset: at}, nil)
	if !bytes.Equal(b, timeval(0, 999999)) {
		t.Errorf("% x", b)
	}
	l.want(abi.EDOM, a, std.Header{Command: sockio.SetOption, Offset: at}, timeval(0, 1e6))
	l.want(abi.EINVAL, a, std.Header{Command: sockio.SetOption, Offset: at}, timeval(0, 1)[:8])
	if h, _ := l.want(0, a, std.Header{Command: sockio.Send}, append(sockio.AppendAddress(first.Append(nil), nil), 1)); h.Object>>sockio.PatienceShift != 0 {
		t.Error("a send has the time-out of receives")
	}
}

func TestLocal_RefusesWhatItCannotDo(t *testing.T) {
	l := newLab(t)
	for _, q := range []struct {
		command               uint32
		domain, typ, protocol uint64
		errno                 int
	}{
		{sockio.Create, afUnix, 4, 0, abi.ESOCKTNOSUPPORT}, {sockio.Create, afUnix, sockStream, 2, abi.EPROTONOSUPPORT},
		{sockio.Pair, afInet, sockStream, 0, abi.EOPNOTSUPP}, {sockio.Pair, 10, sockStream, 0, abi.EAFNOSUPPORT},
		{sockio.Pair, afUnix, 9, 0, abi.ESOCKTNOSUPPORT},
	} {
		l.want(q.errno, l.service(), std.Header{Command: q.command, Offset: q.domain<<32 | q.protocol, Extra: uint32(q.typ)}, nil)
	}
	c := l.unix(sockStream)
	on := binary.LittleEndian.AppendUint32(nil, 1)
	l.want(abi.ENOPROTOOPT, c, std.Header{Command: sockio.SetOption, Offset: solSocket<<32 | soPassCred}, on)
	l.want(abi.EOPNOTSUPP, c, std.Header{Command: sockio.SetOption, Offset: solTCP<<32 | tcpNoDelay}, on)
	a, _ := l.unixPair(sockDgram)
	l.want(0, a, std.Header{Command: sockio.SetOption, Offset: solSocket<<32 | soSndBuf}, on)
	l.put(abi.EMSGSIZE, a, "", minSendBuffer)
}

// pipe is an end of a connection as a program has it, which waits for events.
type pipe struct {
	l    *lab
	c    capability.Capability
	news *sync.Cond // the node has been told something
}

// until does what is EAGAIN until it is not any more.
func (p *pipe) until(do func() (errno uint32)) {
	for {
		p.news.L.Lock()
		errno := do()
		if errno != abi.EAGAIN {
			p.news.L.Unlock()
			return
		}
		p.news.Wait()
		p.news.L.Unlock()
	}
}

func (p *pipe) Write(b []byte) (n int, err error) {
	for n < len(b) {
		p.until(func() uint32 {
			h, _ := p.l.ask(p.c, std.Header{Command: sockio.Send}, append(sockio.AppendAddress(first.Append(nil), nil), b[n:min(len(b), n+sockio.MaxData)]...))
			if n += int(h.Size); h.Extra != 0 && h.Extra != abi.EAGAIN {
				err = fmt.Errorf("errno %d", h.Extra)
			}
			return h.Extra
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (p *pipe) Read(b []byte) (n int, err error) {
	p.until(func() uint32 {
		h, data := p.l.ask(p.c, std.Header{Command: sockio.Recv, Size: uint32(min(len(b), sockio.MaxData))}, first.Append(nil))
		if h.Extra == 0 {
			_, data, _ = sockio.CutAddress(data)
			n = copy(b, data)
		} else if h.Extra != abi.EAGAIN {
			err = fmt.Errorf("errno %d", h.Extra)
		}
		return h.Extra
	})
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Many connections at once, both ways: all bytes arrive, and everybody is told in time.
func TestLocal_Streams(t *testing.T) {
	l := newLab(t)
	news := sync.NewCond(new(sync.Mutex))
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			h := std.Header{Command: sockio.Wait}
			h.SetCapability(l.service())
			l.s.serve(&h, first.Append(nil))
			news.L.Lock()
			news.Broadcast()
			news.L.Unlock()
		}
	}()
	const size = 3 << 20
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	var wg sync.WaitGroup
	for range 4 {
		a, b := l.unixPair(sockStream)
		for _, ends := range [][2]capability.Capability{{a, b}, {b, a}} {
			wg.Go(func() {
				if n, err := (&pipe{l, ends[0], news}).Write(data); n != size || err != nil {
					t.Errorf("%d bytes written: %v", n, err)
				}
			})
			wg.Go(func() {
				got := make([]byte, size)
				if _, err := io.ReadFull(&pipe{l, ends[1], news}, got); err != nil || !bytes.Equal(got, data) {
					t.Errorf("other bytes: %v", err)
				}
			})
		}
	}
	wg.Wait()
}
