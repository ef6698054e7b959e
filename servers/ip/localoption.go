package ip

import (
	"encoding/binary"
	"strings"

	"motile/kernel/abi"
)

// Options of local sockets. Those that change nothing here are kept, and shown again.

const (
	minSendBuffer = 4608
	minRecvBuffer = 2304
	lingerLen     = 8
)

func (l *local) setOption(level, name int, value []byte) int {
	if level != solSocket {
		return abi.EOPNOTSUPP
	}
	v, ok := optionValue(value)
	if !ok {
		return abi.EINVAL
	}
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	switch name {
	case soSndBuf:
		l.sendBuffer = max(2*min(max(v, 0), defaultBuffer), minSendBuffer)
		l.changed()
	case soRcvBuf:
		l.recvBuffer = max(2*min(max(v, 0), defaultBuffer), minRecvBuffer)
	case soLinger:
		if len(value) < lingerLen {
			return abi.EINVAL
		}
		l.keep(soLinger, number(v != 0))
		l.keep(lingerTime, int(binary.LittleEndian.Uint32(value[4:])))
	case soReuseAddr, soKeepAlive, soBroadcast:
		l.keep(name, number(v != 0))
	case soPassCred:
		if v != 0 {
			return abi.ENOPROTOOPT // no message says who has sent it
		}
	default:
		return abi.ENOPROTOOPT
	}
	return 0
}

// lingerTime is where the second number of soLinger is kept.
const lingerTime = -soLinger

func (l *local) keep(name, v int) {
	if l.kept == nil {
		l.kept = make(map[int]int)
	}
	l.kept[name] = v
}

func (l *local) option(level, name int) ([]byte, int) {
	if level != solSocket {
		return nil, abi.EOPNOTSUPP
	}
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	v := 0
	switch name {
	case soType:
		v = int(l.typ)
	case soDomain:
		v = afUnix
	case soProtocol, soPassCred:
	case soAcceptConn:
		v = number(l.listens)
	case soError:
		v = l.failure()
	case soSndBuf:
		v = l.sendBuffer
	case soRcvBuf:
		v = l.recvBuffer
	case soReuseAddr, soKeepAlive, soBroadcast:
		v = l.kept[name]
	case soLinger:
		return words(uint32(l.kept[soLinger]), uint32(l.kept[lingerTime])), 0
	case soPeerCred:
		return words(l.cred.pid, l.cred.uid, l.cred.gid), 0
	default:
		return nil, abi.ENOPROTOOPT
	}
	return words(uint32(v)), 0
}

func words(v ...uint32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

func (l *local) describe() description {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	d := description{kind: "unix", local: l.shown(), state: "-"}
	if l.peer != nil {
		d.remote = l.peer.shown()
	}
	switch {
	case l.listens:
		d.state = "LISTEN"
	case l.peer != nil && !l.peer.closed:
		d.state = "ESTABLISHED"
	}
	switch l.typ {
	case sockDgram:
		d.kind = "unixd"
	case sockSeqpacket:
		d.kind = "unixp"
	}
	return d
}

// shown is its name as people are shown one: of an abstract one, @ is the first byte.
func (l *local) shown() string {
	key, _ := localName(l.bound)
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return '@'
		}
		return r
	}, key)
}
