package ip

import (
	"motile/kernel/abi"
)

// message is what one send has brought; on streams, the bytes of several may be in one.
type message struct {
	data []byte
	from *local
}

const (
	// overhead is what a message costs beside its bytes.
	overhead = 64
	// defaultBuffer is how much may be under way from one endpoint, which setsockopt(2)
	// changes; worldMost how much in all. When that is used up, each may still send a
	// little: who does not read stops nobody but those who write to it.
	defaultBuffer = 208 << 10
	worldMost     = 16 << 20
	guaranteed    = 4 << 10
	// maxDgrams is how many datagrams wait for one receiver.
	maxDgrams = 10
	// merged is up to what size bytes are added to a message of a stream.
	merged = 4 << 10
)

// events: as unix_poll has them.
func (l *local) events() (e uint32) {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	const (
		in    = 0x1 | 0x40
		out   = 0x4 | 0x100
		err   = 0x8
		hup   = 0x10
		rdHup = 0x2000
	)
	if l.failed != 0 {
		e |= err
	}
	if len(l.in) > 0 || len(l.queue) > 0 {
		e |= in
	}
	if l.noRead {
		e |= in | rdHup
	}
	queues := l.queues()
	if l.noRead && l.noWrite || l.connects() && l.peer == nil && !l.listens && !queues {
		e |= hup
	}
	if !l.listens && l.sent*4 <= l.limit() && !queues {
		e |= out
	}
	if e&out == 0 && l.world.full() {
		l.starve()
	}
	return e
}

// queues reports whether it waits for another to have room.
func (l *local) queues() bool {
	to := l.waitsFor
	if to == nil && !l.connects() {
		to = l.peer
	}
	switch {
	case to == nil:
	case l.connects():
		if !to.closed && to.listens && len(to.queue) > to.backlog {
			l.waitFor(to)
			return true
		}
	case to.crowded(l):
		l.waitFor(to)
		return true
	}
	l.waitFor(nil)
	return false
}

// crowded reports whether too many datagrams wait here for another to be taken. Of a pair,
// the sender's buffer is what bounds them.
func (l *local) crowded(from *local) bool {
	most := maxDgrams
	if l.world.full() {
		most = 0
	}
	return !l.closed && !l.noRead && l.peer != from && len(l.in) > most
}

func (w *locals) full() bool { return w.used >= worldMost }

// limit is how much it may have under way.
func (l *local) limit() int {
	if l.world.full() {
		return min(l.sendBuffer, guaranteed)
	}
	return l.sendBuffer
}

// starve has it told when the memory for all is not used up any more.
func (l *local) starve() {
	if l.world.starved == nil {
		l.world.starved = make(map[*local]bool)
	}
	l.world.starved[l] = true
}

func (l *local) send(data, to []byte, flags uint32) (n, code int) {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	l.waitFor(nil)
	switch {
	case flags&msgOOB != 0:
		return 0, abi.EOPNOTSUPP
	case l.typ == sockStream:
		return l.sendStream(data, len(to) > 0)
	case l.typ == sockSeqpacket:
		if e := l.failure(); e != 0 {
			return 0, e
		}
		if l.peer == nil {
			return 0, abi.ENOTCONN
		}
		to = nil
	}
	return l.sendMessage(data, to)
}

// failure is the error that is to be reported, once.
func (l *local) failure() int {
	e := l.failed
	l.failed = 0
	return e
}

func (l *local) sendStream(data []byte, named bool) (n, code int) {
	switch {
	case named && l.peer != nil:
		return 0, abi.EISCONN
	case named:
		return 0, abi.EOPNOTSUPP
	case l.peer == nil:
		return 0, abi.ENOTCONN
	case l.noWrite, l.peer.closed, l.peer.noRead:
		return 0, abi.EPIPE
	case len(data) == 0:
		return 0, 0
	}
	room := l.limit() - l.sent - overhead
	if room <= 0 {
		return 0, abi.EAGAIN
	}
	n = min(len(data), room)
	l.give(l.peer, data[:n])
	return n, 0
}

// sendMessage sends what arrives in one piece, to the peer if no other address is given.
func (l *local) sendMessage(data, addr []byte) (n, code int) {
	if len(addr) > 0 {
		if name, code := localName(addr); code != 0 || name == "" {
			return 0, abi.EINVAL
		}
	}
	if len(data) > l.sendBuffer-32 {
		return 0, abi.EMSGSIZE
	}
	if e := l.failure(); e != 0 {
		return 0, e
	}
	switch {
	case l.noWrite:
		return 0, abi.EPIPE
	case l.world.full() && len(data) > guaranteed:
		return 0, abi.ENOBUFS
	case l.sent >= l.limit():
		return 0, abi.EAGAIN
	}
	to := l.peer
	if len(addr) > 0 {
		if to, code = l.world.find(addr, l.typ); code != 0 {
			return 0, code
		}
	}
	switch {
	case to == nil:
		return 0, abi.ENOTCONN
	case !l.connects() && !to.takesFrom(l):
		return 0, abi.EPERM
	case to.closed && l.connects():
		return 0, abi.EPIPE
	case to.closed:
		l.peer = nil
		l.left(to)
		return 0, abi.ECONNREFUSED
	case to.noRead:
		return 0, abi.EPIPE
	case !l.connects() && to.crowded(l):
		l.waitFor(to)
		return 0, abi.EAGAIN
	}
	l.give(to, data)
	return len(data), 0
}

// give puts what is sent where it is received.
func (l *local) give(to *local, data []byte) {
	cost := len(data)
	if i := len(to.in) - 1; l.typ == sockStream && i >= 0 && to.in[i].from == l && len(to.in[i].data)+len(data) <= merged {
		to.in[i].data = append(to.in[i].data, data...)
	} else {
		to.in = append(to.in, message{append([]byte(nil), data...), l})
		cost += overhead
	}
	to.size += len(data)
	l.sent += cost
	l.world.used += cost
	to.changed()
}

func (l *local) recv(buf []byte, flags uint32) (n, size int, from []byte, code int) {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	switch {
	case flags&msgOOB != 0:
		return 0, 0, nil, abi.EOPNOTSUPP
	case l.typ == sockStream && l.peer == nil:
		return 0, 0, nil, abi.EINVAL
	case l.typ == sockSeqpacket && l.peer == nil:
		return 0, 0, nil, abi.ENOTCONN
	case l.typ == sockStream:
	case l.failed != 0:
		return 0, 0, nil, l.failure()
	}
	peek := flags&msgPeek != 0
	switch {
	case len(l.in) > 0 && l.typ == sockStream:
		from = l.in[0].from.bound
		n = l.takeBytes(buf, peek)
		return n, n, from, 0
	case len(l.in) > 0:
		m := &l.in[0]
		n, size, from = copy(buf, m.data), len(m.data), m.from.bound
		if !peek {
			l.drop()
		}
		return n, size, from, 0
	case l.failed != 0:
		return 0, 0, nil, l.failure()
	case l.noRead:
		return 0, 0, nil, 0
	}
	return 0, 0, nil, abi.EAGAIN
}

// takeBytes fills buf with bytes of a stream.
func (l *local) takeBytes(buf []byte, peek bool) (n int) {
	if peek {
		for i := 0; i < len(l.in) && n < len(buf); i++ {
			n += copy(buf[n:], l.in[i].data)
		}
		return n
	}
	for len(l.in) > 0 && n < len(buf) {
		m := &l.in[0]
		took := copy(buf[n:], m.data)
		if n += took; took == len(m.data) {
			l.drop()
			continue
		}
		m.data = m.data[took:]
		l.size -= took
		m.from.arrived(took)
	}
	return n
}

// drop takes the first message away.
func (l *local) drop() {
	m := l.in[0]
	l.in[0] = message{}
	l.in = l.in[1:]
	l.size -= len(m.data)
	m.from.arrived(len(m.data) + overhead)
	l.roomMade()
}

// discard takes all away.
func (l *local) discard() {
	for len(l.in) > 0 {
		l.drop()
	}
	l.in = nil
}

// arrived: so much is not under way any more.
func (l *local) arrived(cost int) {
	w := l.world
	could, full := l.sent*4 <= l.limit(), w.full()
	l.sent -= cost
	w.used -= cost
	if !could && l.sent*4 <= l.limit() {
		l.changed()
	}
	if full && !w.full() {
		for x := range w.starved {
			x.changed()
		}
		clear(w.starved)
	}
}

func (l *local) readable() (n, code int) {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	switch {
	case l.listens:
		return 0, abi.EINVAL
	case !l.connects() && len(l.in) > 0:
		return len(l.in[0].data), 0
	}
	return l.size, 0
}
