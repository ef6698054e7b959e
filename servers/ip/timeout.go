package ip

import (
	"encoding/binary"
	"math"
	"time"

	"motile/ipc/sockio"
	"motile/kernel/abi"
)

// Time-outs of sockets are kept here, for all who have one open; who waits is told how long.

// patienceFor is how long a command is to wait for events of a kind, as replies say it.
func (k *socket) patienceFor(kind uint32) uint64 {
	d := k.patience[0]
	if kind == sockio.OutKind {
		d = k.patience[1]
	}
	ms := (d + time.Millisecond - 1) / time.Millisecond
	if ms > math.MaxUint32 {
		return 0 // over a month
	}
	return uint64(ms)
}

// timeOut finds the time-out that an option is about.
func (k *socket) timeOut(level, name int) *time.Duration {
	if level == solSocket {
		switch name {
		case soRcvTimeo, soRcvTimeoNew:
			return &k.patience[0]
		case soSndTimeo, soSndTimeoNew:
			return &k.patience[1]
		}
	}
	return nil
}

const timevalLen = 16

func (k *socket) setOption(level, name int, value []byte) int {
	d := k.timeOut(level, name)
	if d == nil {
		return k.end.setOption(level, name, value)
	}
	if len(value) < timevalLen {
		return abi.EINVAL
	}
	seconds, micro := int64(binary.LittleEndian.Uint64(value)), int64(binary.LittleEndian.Uint64(value[8:]))
	switch {
	case micro < 0 || micro >= 1e6:
		return abi.EDOM
	case seconds < 0:
		*d = time.Nanosecond // it does not wait
	case seconds > math.MaxInt64/int64(time.Second)-1:
		*d = 0
	default:
		*d = time.Duration(seconds)*time.Second + time.Duration(micro)*time.Microsecond
	}
	return 0
}

func (k *socket) option(level, name int) ([]byte, int) {
	d := k.timeOut(level, name)
	if d == nil {
		return k.end.option(level, name)
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(*d/time.Second))
	return binary.LittleEndian.AppendUint64(b, uint64(*d%time.Second/time.Microsecond)), 0
}
