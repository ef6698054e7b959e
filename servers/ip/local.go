package ip

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"motile/kernel/abi"
)

// locals is what local sockets (unix(7)) share: their names, and the memory for what is
// under way between them. Its lock is for all of them, because what one does changes
// another; it may be taken with a socket's or the server's held, and not the other way round.
type locals struct {
	mu      sync.Mutex
	names   map[localKey]*local
	auto    uint32          // the last name that was made up
	used    int             // bytes under way
	starved map[*local]bool // would send, if that were less
	embryos int             // connections that nobody has accepted yet
}

// localKey is what an endpoint is known by. Abstract names, which begin with a 0 byte, are
// apart for each type of sockets; paths, which are without their final 0, are not.
type localKey struct {
	typ  uint32
	name string
}

func keyOf(name string, typ uint32) localKey {
	if name[0] != 0 {
		typ = 0
	}
	return localKey{typ, name}
}

// local is a local endpoint. It is in one of these states: fresh, listening (queue holds
// connections), connected (peer is not nil). A datagram socket is never listening.
type local struct {
	world *locals
	typ   uint32

	bound   []byte // its address; nil: none
	key     localKey
	peer    *local // it may be closed by now
	cred    cred   // of who made the peer
	listens bool
	backlog int
	queue   []*local // of a listener
	in      []message
	size    int // bytes in in

	sent       int // bytes under way from here
	sendBuffer int
	recvBuffer int
	noRead     bool // shut down
	noWrite    bool
	closed     bool
	failed     int // an error to be reported once
	kept       map[int]int

	waitsFor *local          // has no room for what is to be sent there, or to connect
	waiters  map[*local]bool // wait for room here
	changed  func()
}

// cred is struct ucred. There is one user.
type cred struct {
	pid      uint32
	uid, gid uint32
}

var noCred = cred{0, ^uint32(0), ^uint32(0)}

// create makes an endpoint of a type.
func (w *locals) create(typ, protocol uint32) (*local, int) {
	switch {
	case protocol > afUnix:
		return nil, abi.EPROTONOSUPPORT
	case typ == sockRaw:
		typ = sockDgram
	case typ != sockStream && typ != sockDgram && typ != sockSeqpacket:
		return nil, abi.ESOCKTNOSUPPORT
	}
	return w.newLocal(typ), 0
}

func (w *locals) newLocal(typ uint32) *local {
	return &local{world: w, typ: typ, cred: noCred, sendBuffer: defaultBuffer, recvBuffer: defaultBuffer, changed: func() {}}
}

// pair makes two that are connected.
func (w *locals) pair(typ, protocol, pid uint32) (a, b *local, code int) {
	if a, code = w.create(typ, protocol); code != 0 {
		return nil, nil, code
	}
	b = w.newLocal(a.typ)
	a.peer, b.peer = b, a
	a.cred = cred{pid: pid}
	b.cred = a.cred
	return a, b, 0
}

func (l *local) notify(changed func(events uint32)) {
	l.world.mu.Lock()
	l.changed = func() { changed(^uint32(0)) }
	l.world.mu.Unlock()
}

// connects reports whether it has connections, which a datagram socket has not.
func (l *local) connects() bool { return l.typ != sockDgram }

// localName takes an address apart; name is "" if one is to be made up.
func localName(addr []byte) (name string, code int) {
	if len(addr) < 2 || binary.LittleEndian.Uint16(addr) != afUnix {
		return "", abi.EINVAL
	}
	name = string(addr[2:])
	if name != "" && name[0] != 0 {
		name, _, _ = strings.Cut(name, "\x00")
	}
	return name, 0
}

// localAddress is the struct sockaddr_un of a name.
func localAddress(name string) []byte {
	b := binary.LittleEndian.AppendUint16(nil, afUnix)
	b = append(b, name...)
	if name != "" && name[0] != 0 {
		b = append(b, 0)
	}
	return b
}

// find looks up an address to connect or send to.
func (w *locals) find(addr []byte, typ uint32) (*local, int) {
	name, code := localName(addr)
	if code == 0 && name == "" {
		code = abi.EINVAL
	}
	if code != 0 {
		return nil, code
	}
	l := w.names[keyOf(name, typ)]
	switch {
	case l == nil && name[0] != 0:
		return nil, abi.ENOENT // a path is there as long as its socket
	case l == nil:
		return nil, abi.ECONNREFUSED
	case l.typ != typ:
		return nil, abi.EPROTOTYPE
	}
	return l, 0
}

func (l *local) bind(addr []byte) int {
	w := l.world
	w.mu.Lock()
	defer w.mu.Unlock()
	name, code := localName(addr)
	switch {
	case code != 0:
		return code
	case name == "" && l.bound != nil:
		return 0
	case name == "":
		name = w.makeUp(l.typ)
	case name[0] != 0 && w.names[keyOf(name, l.typ)] != nil:
		return abi.EADDRINUSE
	case l.bound != nil:
		return abi.EINVAL
	case w.names[keyOf(name, l.typ)] != nil:
		return abi.EADDRINUSE
	}
	if w.names == nil {
		w.names = make(map[localKey]*local)
	}
	l.key, l.bound = keyOf(name, l.typ), localAddress(name)
	w.names[l.key] = l
	return 0
}

// makeUp finds a name that nobody has (unix(7), autobind).
func (w *locals) makeUp(typ uint32) string {
	for {
		w.auto = (w.auto + 1) & 0xfffff
		if name := fmt.Sprintf("\x00%05x", w.auto); w.names[keyOf(name, typ)] == nil {
			return name
		}
	}
}

func (l *local) listen(backlog int, pid uint32) int {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	switch {
	case !l.connects():
		return abi.EOPNOTSUPP
	case l.bound == nil, l.peer != nil:
		return abi.EINVAL
	}
	l.listens, l.backlog, l.cred = true, backlog, cred{pid: pid}
	l.roomMade()
	return 0
}

func (l *local) connect(addr []byte, pid uint32) int {
	w := l.world
	w.mu.Lock()
	defer w.mu.Unlock()
	l.waitFor(nil)
	if !l.connects() {
		return l.associate(addr)
	}
	to, code := w.find(addr, l.typ)
	switch {
	case code != 0:
		return code
	case !to.listens, to.noRead:
		return abi.ECONNREFUSED
	case len(to.queue) > to.backlog:
		l.waitFor(to)
		return abi.EAGAIN
	case l.listens:
		return abi.EINVAL
	case l.peer != nil:
		return abi.EISCONN
	case w.embryos >= maxSockets:
		return abi.ENOMEM
	}
	conn := w.newLocal(l.typ)
	conn.bound, conn.peer, conn.cred = to.bound, l, cred{pid: pid}
	l.peer, l.cred = conn, to.cred
	to.queue = append(to.queue, conn)
	w.embryos++
	to.changed()
	l.changed()
	return 0
}

// associate is connect for datagram sockets.
func (l *local) associate(addr []byte) int {
	var to *local
	if !unspecified(addr) {
		var code int
		if to, code = l.world.find(addr, l.typ); code != 0 {
			return code
		}
		if !to.takesFrom(l) {
			return abi.EPERM
		}
	}
	was := l.peer
	if l.peer = to; was != nil && was != to {
		l.left(was)
	}
	l.changed()
	return 0
}

// left ends an association: what had come by it is gone.
func (l *local) left(was *local) {
	if len(l.in) == 0 {
		return
	}
	l.discard()
	if !was.closed && was.peer == l {
		was.failed = abi.ECONNRESET
		was.changed()
	}
}

// takesFrom reports whether it receives what another sends.
func (l *local) takesFrom(from *local) bool { return l.peer == nil || l.peer == from }

func (l *local) accept() (endpoint, []byte, int) {
	w := l.world
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !l.connects():
		return nil, nil, abi.EOPNOTSUPP
	case !l.listens, l.noRead && len(l.queue) == 0:
		return nil, nil, abi.EINVAL
	case len(l.queue) == 0:
		return nil, nil, abi.EAGAIN
	}
	conn := l.queue[0]
	l.queue = l.queue[1:]
	w.embryos--
	l.roomMade()
	return conn, addressOf(conn.peer), 0
}

// addressOf is what getsockname(2) says of an endpoint.
func addressOf(l *local) []byte {
	if l.bound == nil {
		return localAddress("")
	}
	return l.bound
}

func (l *local) name() ([]byte, int) {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	return addressOf(l), 0
}

func (l *local) peerName() ([]byte, int) {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	if l.peer == nil {
		return nil, abi.ENOTCONN
	}
	return addressOf(l.peer), 0
}

func (l *local) shutdown(how uint32) int {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	if how > shutBoth {
		return abi.EINVAL
	}
	l.shut(how != shutWrite, how != shutRead)
	if p := l.peer; p != nil && l.connects() {
		p.shut(how != shutRead, how != shutWrite)
	}
	return 0
}

func (l *local) shut(read, write bool) {
	l.noRead, l.noWrite = l.noRead || read, l.noWrite || write
	l.changed()
	l.roomMade() // who waits for it finds out
}

func (l *local) close() {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	l.end(false)
}

// end closes it; refused: nobody has accepted it.
func (l *local) end(refused bool) {
	if l.closed {
		return
	}
	w := l.world
	l.closed = true
	if w.names[l.key] == l {
		delete(w.names, l.key)
	}
	for _, conn := range l.queue {
		w.embryos--
		conn.end(true)
	}
	l.queue = nil
	if p := l.peer; p != nil && l.connects() && !p.closed {
		if len(l.in) > 0 || refused {
			p.failed = abi.ECONNRESET
		}
		p.shut(true, true)
	}
	l.peer = nil
	l.discard()
	l.roomMade()
	l.waitFor(nil)
	delete(w.starved, l)
}

// waitFor has it told when another has room, and no other; nil: none.
func (l *local) waitFor(to *local) {
	if l.waitsFor != nil && l.waitsFor != to {
		delete(l.waitsFor.waiters, l)
		l.changed()
	}
	if l.waitsFor = to; to == nil {
		return
	}
	if to.waiters == nil {
		to.waiters = make(map[*local]bool)
	}
	to.waiters[l] = true
}

// roomMade tells who waits for room here.
func (l *local) roomMade() {
	for x := range l.waiters {
		x.changed()
	}
	clear(l.waiters)
}
