package image

import (
	"fmt"

	"motile/kernel/abi"
)

// PosixTimer is a timer of timer_create. Its times are of the process's own clock,
// monotonic, wall or of CPU time, so what the clock says when it goes on decides.
type PosixTimer struct {
	ID     int32  `cbor:"1,keyasint"`
	Clock  uint8  `cbor:"2,keyasint"` // proc.TimerClock
	Notify uint8  `cbor:"3,keyasint"` // sigev_notify
	Signo  int32  `cbor:"4,keyasint"`
	Value  uint64 `cbor:"5,keyasint"`
	Target uint32 `cbor:"6,keyasint,omitempty"` // index of the thread that is signalled
	Owner  uint32 `cbor:"7,keyasint,omitempty"` // index of the thread whose CPU time counts
	Armed  bool   `cbor:"8,keyasint,omitempty"`
	At     int64  `cbor:"9,keyasint,omitempty"` // ns
	Period int64  `cbor:"10,keyasint,omitempty"`
	Queued bool   `cbor:"11,keyasint,omitempty"` // its signal is among the pending ones
	Missed int64  `cbor:"12,keyasint,omitempty"`
	Last   int32  `cbor:"13,keyasint,omitempty"` // overruns of the last signal that was delivered
}

// Timer is a timerfd.
type Timer struct {
	Ticks  uint64 `cbor:"1,keyasint"` // expiries that were not read
	Armed  bool   `cbor:"2,keyasint"`
	Left   int64  `cbor:"3,keyasint"` // ns to the next expiry, when it was frozen; not above 0: due
	Period int64  `cbor:"4,keyasint"`
	Fired  bool   `cbor:"5,keyasint"`           // the expiry at Left is counted, and those after it are not yet
	Wall   bool   `cbor:"6,keyasint,omitempty"` // of CLOCK_REALTIME
	At     int64  `cbor:"7,keyasint,omitempty"` // the expiry by the wall clock, if it was set for a time of that; 0: Left counts
	Cancel bool   `cbor:"8,keyasint,omitempty"` // TFD_TIMER_CANCEL_ON_SET
	// Canceled: the clock has been set and the program has not been told.
	Canceled bool `cbor:"9,keyasint,omitempty"`
}

const maxTimers = 512 // of timer_create: proc.MaxPosixTimers

func (p *Process) checkTimers() error {
	if len(p.PosixTimers) > maxTimers || p.NextTimer < 0 {
		return fmt.Errorf("%d timers, the next is %d", len(p.PosixTimers), p.NextTimer)
	}
	seen := make(map[int32]bool)
	for _, t := range p.PosixTimers {
		const none, thread, clocks = 1, 4, 4
		bad := t.ID < 0 || seen[t.ID] || t.Clock >= clocks ||
			t.Notify != 0 && t.Notify != none && t.Notify != thread ||
			t.Notify != none && (t.Signo < 1 || t.Signo > abi.NSIG) ||
			!inTime(t.At) || t.Period < 0 || t.Period > maxTime || t.Missed < 0 || t.Missed > maxTime || t.Last < 0
		if bad {
			return fmt.Errorf("timer %d: clock %d, notification %d by signal %d, at %d every %d",
				t.ID, t.Clock, t.Notify, t.Signo, t.At, t.Period)
		}
		seen[t.ID] = true
	}
	return nil
}

func inTime(ns int64) bool { return ns >= -maxTime && ns <= maxTime }

// checkEvent looks at what a file of a kind needs of its object.
func (f *File) checkEvent(o *Object) error {
	switch t := &o.Timer; f.Kind {
	case KindTimerfd:
		if !inTime(t.Left) || !inTime(t.At) || t.Period < 0 || t.Period > maxTime || t.Ticks > maxTime {
			return fmt.Errorf("timer %+v", *t)
		}
	case KindPidfd:
		if !validPID(o.PID) {
			return fmt.Errorf("process %d", o.PID)
		}
	case KindPTYMaster, KindPTYSlave:
		if !o.PTY.fits() {
			return fmt.Errorf("pseudo-terminal %+v", o.PTY)
		}
	}
	return nil
}
