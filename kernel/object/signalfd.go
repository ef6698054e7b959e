package object

import (
	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Signals are the signals of who looks at a signalfd: those of a thread and of its
// process.
type Signals interface {
	// SignalPending reports whether one of a set is pending.
	SignalPending(set uint64) bool
	// SignalInfo takes the next of a set, as a signalfd shows it.
	SignalInfo(set uint64) (info [SignalInfoSize]byte, ok bool)
	// SignalQueue is woken when a signal comes.
	SignalQueue() *wait.Queue
}

// SignalInfoSize is that of a struct signalfd_siginfo.
const SignalInfoSize = 128

// Personal is an Impl that shows each process something of its own.
type Personal interface {
	For(Signals) Impl
}

// Seen is what a file is to somebody.
func (f *File) Seen(by Signals) Impl {
	if p, ok := f.Impl.(Personal); ok && by != nil {
		return p.For(by)
	}
	return f.Impl
}

// Signalfd is a set of signals that are read rather than handled (signalfd(2)). Whose
// signals those are depends on who reads, so there is nothing in it but the set.
type Signalfd struct {
	stream
	Set   uint64
	queue wait.Queue
}

func (s *Signalfd) Queue() *wait.Queue { return &s.queue }

func (s *Signalfd) Stat() Stat { return Stat{Mode: 0o600, Nlink: 1} }

func (s *Signalfd) Ready(*File) Events { return 0 } // to nobody in particular

func (s *Signalfd) Close(*File) {}

// For implements Personal.
func (s *Signalfd) For(who Signals) Impl { return signalView{s, who} }

// signalView is a Signalfd as somebody sees it.
type signalView struct {
	*Signalfd
	who Signals
}

func (v signalView) Queue() *wait.Queue { return v.who.SignalQueue() }

func (v signalView) Ready(*File) Events {
	if v.who.SignalPending(v.Set) {
		return In | RdNorm
	}
	return 0
}

func (v signalView) Read(op *Op, f *File, _ int64) int {
	if op.Buf.Left() < SignalInfoSize {
		return abi.EINVAL
	}
	errno := abi.EAGAIN
	for op.Buf.Left() >= SignalInfoSize {
		b, ok := v.who.SignalInfo(v.Set)
		if !ok {
			break
		}
		if op.Buf.Put(b[:]) < len(b) {
			return abi.EFAULT
		}
		errno = 0
	}
	return errno
}
