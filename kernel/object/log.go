package object

import (
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/kernel/wait"
)

// LogSize is how much of a detached process's output is kept. It goes along when
// the process moves, in one message with the rest of its state.
const LogSize = 512 << 10

// Log is the output of a detached process: the last LogSize bytes of it. It
// belongs to the process and moves with it; writing to it waits only meanwhile.
type Log struct {
	stream
	store *vm.Store // a ring: byte i of the output lies at i mod LogSize
	end   int64     // bytes ever written
	held  bool      // it is on its way to another node
	queue wait.Queue

	// OnWrite is called once output was added; may be nil.
	OnWrite func()
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{store: vm.NewStore()} }

func (l *Log) Queue() *wait.Queue { return &l.queue }

func (l *Log) Ready(*File) Events {
	if l.held {
		return 0
	}
	return Out | WrNorm
}

func (l *Log) Close(*File) { l.store.Release() }

// Hold keeps writers waiting, while the log is on its way to another node: what they
// wrote would not go along. Without it they try again, wherever the log then is.
func (l *Log) Hold(on bool) {
	l.held = on
	if !on {
		l.queue.Wake(uint32(Out | WrNorm))
	}
}

func (l *Log) Write(op *Op, _ *File, _ int64) int {
	if l.held {
		return abi.EAGAIN
	}
	for {
		m := op.Buf.Next(vm.PageBytes, false)
		if len(m) == 0 {
			return faultError(op)
		}
		n := l.Append(m)
		op.Buf.Advance(n)
		if n < len(m) {
			if op.Buf.Done == 0 {
				return abi.ENOSPC
			}
			return 0
		}
	}
}

// Append adds output, and returns how much of it memory had room for.
func (l *Log) Append(p []byte) (n int) {
	for n < len(p) {
		at := l.end % LogSize
		k := min(len(p)-n, int(LogSize-at))
		got := l.store.WriteAt(p[n:n+k], at)
		l.end += int64(got)
		n += got
		if got < k {
			break
		}
	}
	if n > 0 && l.OnWrite != nil {
		l.OnWrite()
	}
	return n
}

// End is the number of bytes ever written.
func (l *Log) End() int64 { return l.end }

// From returns up to n bytes of the output from byte off on, and the offset of
// the first of them: later than asked when that is no longer kept.
func (l *Log) From(off int64, n int) (p []byte, first int64) {
	first = max(off, l.end-LogSize, 0)
	if first >= l.end {
		return nil, l.end
	}
	p = make([]byte, min(int64(n), l.end-first, LogSize-first%LogSize))
	return p[:l.store.ReadAt(p, first%LogSize)], first
}

// Snapshot returns what is kept, and the offset of its first byte.
func (l *Log) Snapshot() (p []byte, base int64) {
	for off := max(l.end-LogSize, 0); off < l.end; {
		q, first := l.From(off, LogSize)
		if p == nil {
			base = first
		}
		p = append(p, q...)
		off = first + int64(len(q))
	}
	return p, base
}

// Restore makes a log of what an image holds: the bytes from base on. It reports
// false when memory has no room for them.
func (l *Log) Restore(base int64, p []byte) bool {
	l.end = base
	return l.Append(p) == len(p)
}
