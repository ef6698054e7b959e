package ip

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"motile/ipc/capability"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/proc/api"
)

// unixWorld is where a test has local sockets: numbered places, each with one socket or
// none. A result is told as a text.
type unixWorld interface {
	create(at int, typ uint32) string
	pair(at, other int, typ uint32) string
	bind(at int, addr []byte) string
	listen(at, backlog int) string
	connect(at int, addr []byte) string
	accept(at, as int) string
	send(at int, data, to []byte) string
	recv(at, size int, flags uint32) string
	shutdown(at int, how uint32) string
	name(at, whose int) string
	option(at, level, name int) string
	poll(at int) string
	readable(at int) string
	close(at int)
	has(at int) bool
}

func told(errno int, text string, args ...any) string {
	if errno != 0 {
		return unix.ErrnoName(unix.Errno(errno))
	}
	return fmt.Sprintf(text, args...)
}

const shownEvents = unix.POLLIN | unix.POLLOUT | unix.POLLERR | unix.POLLHUP | unix.POLLRDHUP

// hostWorld has them on the host.
type hostWorld struct {
	fds  map[int]int
	path map[int]string // that a socket has made
}

func toldError(err error, text string, args ...any) string {
	errno, _ := err.(unix.Errno)
	return told(int(errno), text, args...)
}

func sockaddr(b []byte) unix.Sockaddr {
	switch {
	case len(b) == 0:
		return nil
	case b[0] != afUnix:
		return &unix.SockaddrInet4{}
	}
	return &unix.SockaddrUnix{Name: string(b[2:])}
}

// shownAddress shows an address as package unix does.
func shownAddress(sa unix.Sockaddr) string {
	if sa == nil {
		return "none"
	}
	return sa.(*unix.SockaddrUnix).Name
}

func (w *hostWorld) keep(at, fd int) {
	w.close(at)
	w.fds[at] = fd
}

const hostFlags = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC

func (w *hostWorld) create(at int, typ uint32) string {
	fd, err := unix.Socket(unix.AF_UNIX, int(typ)|hostFlags, 0)
	if err == nil {
		w.keep(at, fd)
	}
	return toldError(err, "")
}

func (w *hostWorld) pair(at, other int, typ uint32) string {
	fds, err := unix.Socketpair(unix.AF_UNIX, int(typ)|hostFlags, 0)
	if err == nil {
		w.keep(at, fds[0])
		w.keep(other, fds[1])
	}
	return toldError(err, "")
}

func (w *hostWorld) bind(at int, addr []byte) string {
	err := unix.Bind(w.fds[at], sockaddr(addr))
	if err == nil && addr[2] != 0 {
		w.path[at] = string(addr[2:])
	}
	return toldError(err, "")
}

func (w *hostWorld) listen(at, backlog int) string {
	return toldError(unix.Listen(w.fds[at], backlog), "")
}

func (w *hostWorld) connect(at int, addr []byte) string {
	return toldError(unix.Connect(w.fds[at], sockaddr(addr)), "")
}

func (w *hostWorld) accept(at, as int) string {
	fd, from, err := unix.Accept4(w.fds[at], hostFlags)
	if err != nil {
		return toldError(err, "")
	}
	w.keep(as, fd)
	return shownAddress(from)
}

func (w *hostWorld) send(at int, data, to []byte) string {
	n, err := unix.SendmsgN(w.fds[at], data, nil, sockaddr(to), unix.MSG_NOSIGNAL)
	return toldError(err, "%d", n)
}

func (w *hostWorld) recv(at, size int, flags uint32) string {
	buf := make([]byte, size)
	n, from, err := unix.Recvfrom(w.fds[at], buf, int(flags|unix.MSG_TRUNC))
	if err != nil {
		return toldError(err, "")
	}
	return told(0, "%d %q from %s", n, buf[:min(n, size)], shownAddress(from))
}

func (w *hostWorld) shutdown(at int, how uint32) string {
	return toldError(unix.Shutdown(w.fds[at], int(how)), "")
}

func (w *hostWorld) name(at, whose int) string {
	sa, err := []func(int) (unix.Sockaddr, error){unix.Getsockname, unix.Getpeername}[whose](w.fds[at])
	if err != nil {
		return toldError(err, "")
	}
	return shownAddress(sa)
}

func (w *hostWorld) option(at, level, name int) string {
	if level == solSocket && name == soPeerCred {
		cred, err := unix.GetsockoptUcred(w.fds[at], level, name)
		if err != nil {
			return toldError(err, "")
		}
		return fmt.Sprint(cred.Pid)
	}
	v, err := unix.GetsockoptInt(w.fds[at], level, name)
	return toldError(err, "%d", v)
}

func (w *hostWorld) poll(at int) string {
	p := []unix.PollFd{{Fd: int32(w.fds[at]), Events: shownEvents}}
	unix.Poll(p, 0)
	return fmt.Sprintf("%#x", p[0].Revents)
}

func (w *hostWorld) readable(at int) string {
	n, err := unix.IoctlGetInt(w.fds[at], unix.TIOCINQ)
	return toldError(err, "%d", n)
}

// close takes the path of a socket away with it, as it is here.
func (w *hostWorld) close(at int) {
	if w.has(at) {
		unix.Close(w.fds[at])
		delete(w.fds, at)
	}
	if path := w.path[at]; path != "" {
		os.Remove(path)
		delete(w.path, at)
	}
}

func (w *hostWorld) has(at int) bool { _, ok := w.fds[at]; return ok }

// serverWorld has them at the server.
type serverWorld struct {
	*lab
	caps map[int]capability.Capability
	typ  map[int]uint32
}

func (w *serverWorld) do(at int, h std.Header, data ...[]byte) (std.Header, []byte, int) {
	var all []byte
	for _, d := range data {
		all = append(all, d...)
	}
	r, reply := w.ask(w.caps[at], h, all)
	if r.Status() != std.OK {
		w.t.Fatalf("command %d: %v", h.Command, r.Status())
	}
	return r, reply, int(r.Extra)
}

func (w *serverWorld) keep(at int, typ uint32, c capability.Capability) {
	w.close(at)
	w.hold(c, first, api.ObjectAcquire)
	w.caps[at], w.typ[at] = c, typ
}

func (w *serverWorld) make(command uint32, typ uint32, at ...int) string {
	h := std.Header{Command: command, Offset: afUnix << 32, Extra: typ | nonblock, Size: uint32(os.Getpid())}
	r, b := w.ask(w.service(), h, nil)
	for i := range at {
		if r.Extra == 0 {
			c, _ := capability.Decode(b[i*capability.EncodedLen:])
			w.keep(at[i], typ, c)
		}
	}
	return told(int(r.Extra), "")
}

func (w *serverWorld) create(at int, typ uint32) string { return w.make(sockio.Create, typ, at) }
func (w *serverWorld) pair(at, other int, typ uint32) string {
	return w.make(sockio.Pair, typ, at, other)
}

func (w *serverWorld) bind(at int, addr []byte) string {
	_, _, e := w.do(at, std.Header{Command: sockio.Bind}, addr)
	return told(e, "")
}

func (w *serverWorld) listen(at, backlog int) string {
	_, _, e := w.do(at, std.Header{Command: sockio.Listen, Size: uint32(backlog), Extra: uint32(os.Getpid())})
	return told(e, "")
}

func (w *serverWorld) connect(at int, addr []byte) string {
	_, _, e := w.do(at, std.Header{Command: sockio.Connect, Size: uint32(os.Getpid())}, first.Append(nil), addr)
	return told(e, "")
}

func (w *serverWorld) accept(at, as int) string {
	_, b, e := w.do(at, std.Header{Command: sockio.Accept}, first.Append(nil))
	if unix.Errno(e) == unix.EINVAL && w.option(at, solSocket, soAcceptConn) == "1" {
		return "EAGAIN" // as below, in recv
	}
	if e != 0 {
		return told(e, "")
	}
	c, _ := capability.Decode(b)
	from, _, _ := sockio.CutAddress(b[capability.EncodedLen:])
	w.keep(as, w.typ[at], c)
	return w.shown(from)
}

func (w *serverWorld) send(at int, data, to []byte) string {
	h, _, e := w.do(at, std.Header{Command: sockio.Send}, sockio.AppendAddress(first.Append(nil), to), data)
	return told(e, "%d", h.Size)
}

func (w *serverWorld) recv(at, size int, flags uint32) string {
	h, b, e := w.do(at, std.Header{Command: sockio.Recv, Size: uint32(size), Extra: flags}, first.Append(nil))
	if e != 0 {
		return told(e, "")
	}
	from, data, _ := sockio.CutAddress(b)
	if w.typ[at] == sockDgram && h.Size == 0 {
		return "EAGAIN" // which one that may not wait has of the host when it was shut down
	}
	return fmt.Sprintf("%d %q from %s", h.Size, data, w.shown(from))
}

func (w *serverWorld) shutdown(at int, how uint32) string {
	_, _, e := w.do(at, std.Header{Command: sockio.Shutdown, Extra: how})
	return told(e, "")
}

func (w *serverWorld) name(at, whose int) string {
	_, b, e := w.do(at, std.Header{Command: sockio.Name, Extra: uint32(whose)})
	if e != 0 {
		return told(e, "")
	}
	return w.shown(b)
}

func (w *serverWorld) shown(addr []byte) string {
	if len(addr) == 0 {
		return "none"
	}
	path := append(addr[2:len(addr):len(addr)], 0)
	if path[0] == 0 {
		path = append([]byte{'@'}, path[1:]...)
	}
	name, _, _ := strings.Cut(string(path), "\x00")
	return name
}

func (w *serverWorld) option(at, level, name int) string {
	_, b, e := w.do(at, std.Header{Command: sockio.Option, Offset: uint64(level)<<32 | uint64(name)})
	if e != 0 {
		return told(e, "")
	}
	return fmt.Sprint(int32(binary.LittleEndian.Uint32(b)))
}

func (w *serverWorld) poll(at int) string {
	h, _, _ := w.do(at, std.Header{Command: sockio.Poll, Size: shownEvents}, first.Append(nil))
	st, _ := sockio.Unpack(h.Offset)
	return fmt.Sprintf("%#x", st.Events&shownEvents)
}

func (w *serverWorld) readable(at int) string {
	h, _, e := w.do(at, std.Header{Command: sockio.Readable})
	return told(e, "%d", h.Size)
}

func (w *serverWorld) close(at int) {
	if w.has(at) {
		w.hold(w.caps[at], first, api.ObjectRelease)
		delete(w.caps, at)
	}
}

func (w *serverWorld) has(at int) bool { _, ok := w.caps[at]; return ok }

// The same operations on local sockets have the same results on the host as here.
func TestLocal_AgreesWithHost(t *testing.T) {
	runs, steps := 100, 400
	if testing.Short() {
		runs = 20
	}
	dir := t.TempDir()
	for seed := range runs {
		host := &hostWorld{fds: make(map[int]int), path: make(map[int]string)}
		here := &serverWorld{newLab(t), make(map[int]capability.Capability), make(map[int]uint32)}
		names := [][]byte{
			unixAddress(fmt.Sprintf("\x00motile %d %d", os.Getpid(), seed)), unixAddress(fmt.Sprintf("\x00motile %d %d b\x00", os.Getpid(), seed)),
			unixAddress(filepath.Join(dir, "s")), unixAddress(filepath.Join(dir, "t")),
		}
		err := agree(rand.New(rand.NewPCG(uint64(seed), 7)), steps, names, host, here)
		for at := range unixSlots {
			host.close(at)
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for at := range unixSlots {
			here.close(at)
		}
		here.s.locals.mu.Lock()
		if l := &here.s.locals; l.used != 0 || l.embryos != 0 || len(l.names) != 0 {
			t.Errorf("seed %d: when all are closed: %d bytes, %d connections, names %v", seed, l.used, l.embryos, l.names)
		}
		here.s.locals.mu.Unlock()
	}
}

func unixAddress(name string) []byte {
	return append(binary.LittleEndian.AppendUint16(nil, afUnix), name...)
}

const unixSlots = 7

// agree makes random steps in both worlds until their results differ.
func agree(r *rand.Rand, steps int, names [][]byte, host, here unixWorld) error {
	types := []uint32{sockStream, sockStream, sockDgram, sockSeqpacket}
	var trail strings.Builder
	// One that has found no room at another reports no events before there is some.
	waits := make(map[int]bool)
	name := func() []byte {
		if r.IntN(12) == 0 {
			return [][]byte{{afUnix, 0}, {afInet, 0, 1, 1, 1, 1, 1, 1}}[r.IntN(2)]
		}
		return names[r.IntN(len(names))]
	}
	for i := range steps {
		at, other := r.IntN(unixSlots), r.IntN(unixSlots)
		var what string
		var do func(w unixWorld) string
		if !host.has(at) {
			typ := types[r.IntN(len(types))]
			waits[at] = false
			what, do = fmt.Sprintf("%d create %d", at, typ), func(w unixWorld) string { return w.create(at, typ) }
			if !host.has(other) && other != at {
				what, do = fmt.Sprintf("%d, %d pair %d", at, other, typ), func(w unixWorld) string { return w.pair(at, other, typ) }
			}
		} else {
			n, to, data := r.IntN(30), name(), fmt.Appendf(nil, "%d:%0*d", i, r.IntN(12), i)
			switch {
			case n < 3:
				if len(to) == 2 {
					continue // names that are made up differ
				}
				what, do = fmt.Sprintf("bind %q", to), func(w unixWorld) string { return w.bind(at, to) }
			case n < 5:
				backlog := r.IntN(3)
				what, do = fmt.Sprintf("listen %d", backlog), func(w unixWorld) string { return w.listen(at, backlog) }
			case n < 8:
				what, do = fmt.Sprintf("connect %q", to), func(w unixWorld) string { return w.connect(at, to) }
			case n < 10:
				what, do = fmt.Sprintf("accept as %d", other), func(w unixWorld) string { return w.accept(at, other) }
			case n < 14:
				what, do = fmt.Sprintf("send %s", data), func(w unixWorld) string { return w.send(at, data, nil) }
			case n < 16:
				what, do = fmt.Sprintf("send %s to %q", data, to), func(w unixWorld) string { return w.send(at, data, to) }
			case n < 22:
				size, flags := 1+r.IntN(20), uint32(r.IntN(4)/3*msgPeek)
				what, do = fmt.Sprintf("recv %d %#x", size, flags), func(w unixWorld) string { return w.recv(at, size, flags) }
			case n < 23:
				how := r.Uint32N(4)
				what, do = fmt.Sprintf("shutdown %d", how), func(w unixWorld) string { return w.shutdown(at, how) }
			case n < 25:
				whose := r.IntN(2)
				what, do = fmt.Sprintf("name %d", whose), func(w unixWorld) string { return w.name(at, whose) }
			case n < 26:
				o := [][2]int{{solSocket, soType}, {solSocket, soError}, {solSocket, soAcceptConn}, {solSocket, soDomain},
					{solSocket, soProtocol}, {solSocket, soPeerCred}, {solTCP, tcpNoDelay}, {solSocket, soReuseAddr}}[r.IntN(8)]
				what, do = fmt.Sprintf("option %v", o), func(w unixWorld) string { return w.option(at, o[0], o[1]) }
			case n < 28:
				what, do = "readable", func(w unixWorld) string { return w.readable(at) }
			default:
				what, do = "close", func(w unixWorld) string { w.close(at); return "" }
			}
			what = fmt.Sprintf("%d %s", at, what)
		}
		want, got := do(host), do(here)
		fmt.Fprintf(&trail, "%s: %s\n", what, want)
		if got != want {
			return fmt.Errorf("%s\nhere: %s", trail.String(), got)
		}
		if strings.Contains(what, " connect ") || strings.Contains(what, " send ") {
			waits[at] = want == "EAGAIN"
		}
		for at := range unixSlots {
			if !host.has(at) || waits[at] {
				continue
			}
			if want, got := host.poll(at), here.poll(at); got != want {
				return fmt.Errorf("%s\nevents of %d: here %s, on the host %s", trail.String(), at, got, want)
			}
		}
	}
	return nil
}
