package proc

import (
	"encoding/binary"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/kernel/wait"
)

// What a thread sees of its signals by a signalfd (object.Signals).

// SignalQueue implements object.Signals.
func (t *Thread) SignalQueue() *wait.Queue { return &t.proc.signalQ }

// SignalPending implements object.Signals. A thread that has ended, but had an epoll
// set look for it, stands for its process.
func (t *Thread) SignalPending(set uint64) bool {
	pending := t.proc.Pending.Set
	if t.state != Dead {
		pending |= t.Pending.Set
	}
	return pending&set&^unblockable != 0
}

// SignalInfo implements object.Signals: it takes a signal, as a struct
// signalfd_siginfo (signalfd(2)).
func (t *Thread) SignalInfo(set uint64) (b [object.SignalInfoSize]byte, ok bool) {
	in, ok := t.TakeSignal(set &^ unblockable)
	if !ok {
		return b, false
	}
	le := binary.LittleEndian
	put := func(at int, v uint32) { le.PutUint32(b[at:], v) }
	put(0, uint32(in.Signo))
	put(8, uint32(in.Code))
	const pid, uid, tid, overrun, status, value, pointer, utime, stime, addr = 12, 16, 24, 32, 40, 44, 48, 56, 64, 72
	switch {
	case in.Code > 0 && in.Code < SiKernel && in.Signo == abi.SIGCHLD:
		put(pid, uint32(in.PID))
		put(uid, uint32(in.UID))
		put(status, uint32(in.Value))
		le.PutUint64(b[utime:], uint64(in.UTime))
		le.PutUint64(b[stime:], uint64(in.STime))
	case in.Code > 0 && in.Code < SiKernel && in.Addr != 0:
		le.PutUint64(b[addr:], in.Addr)
	case in.Code == SiTimer:
		put(tid, uint32(in.PID))
		put(overrun, uint32(in.UID))
		put(value, uint32(in.Value))
		le.PutUint64(b[pointer:], in.Value)
	default:
		put(pid, uint32(in.PID))
		put(uid, uint32(in.UID))
		if in.Code < 0 {
			put(value, uint32(in.Value))
			le.PutUint64(b[pointer:], in.Value)
		}
	}
	return b, true
}
