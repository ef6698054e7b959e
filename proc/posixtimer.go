package proc

import (
	"math"
	"slices"
)

// Notifications of a POSIX timer (sigevent(7)).
const (
	NotifySignal   = 0
	NotifyNone     = 1
	NotifyThreadID = 4 // a flag: the signal goes to one thread
)

// TimerClock is what a POSIX timer counts.
type TimerClock uint8

const (
	ClockWall TimerClock = iota
	ClockMono
	ClockProcessCPU
	ClockThreadCPU
)

// MaxPosixTimers is how many POSIX timers a process has. Each has one signal in a
// queue at most, beside those that are limited by maxQueued.
const MaxPosixTimers = 512

// PosixTimer is one of timer_create(2). While its signal waits to be delivered it
// stands still, as on Linux: the periods that go by meanwhile are counted when the
// signal is, so however short they are they cost nothing.
//
// At is a time of the process's own clock. Those go on over a move, so nothing has
// to be converted when the process arrives.
type PosixTimer struct {
	ID     int32
	Clock  TimerClock
	Notify uint8
	Signo  int32
	Value  uint64 // sigev_value
	Target uint32 // index of the thread that gets the signal (NotifyThreadID)
	Owner  uint32 // index of the thread whose CPU time counts (ClockThreadCPU)

	Armed  bool
	At     int64 // next expiry; of a queued one, the expiry that was signalled
	Period int64
	Queued bool  // its signal is pending
	Missed int64 // expiries since the one that was signalled
	Last   int32 // overruns of the last signal delivered

	proc  *Process
	timer Timer
}

// NewPosixTimer makes a stopped timer, or returns nil when p has too many.
func (p *Process) NewPosixTimer() *PosixTimer {
	if len(p.posix) >= MaxPosixTimers {
		return nil
	}
	for p.PosixTimer(p.nextTimer) != nil || p.nextTimer < 0 {
		p.nextTimer = (p.nextTimer + 1) & math.MaxInt32
	}
	tm := p.addPosixTimer(PosixTimer{ID: p.nextTimer})
	p.nextTimer = (p.nextTimer + 1) & math.MaxInt32
	return tm
}

func (p *Process) addPosixTimer(v PosixTimer) *PosixTimer {
	tm := &v
	tm.proc = p
	tm.timer.owner = tm
	p.posix = append(p.posix, tm)
	return tm
}

// PosixTimer returns the timer with that id, or nil.
func (p *Process) PosixTimer(id int32) *PosixTimer {
	for _, tm := range p.posix {
		if tm.ID == id {
			return tm
		}
	}
	return nil
}

// DeletePosixTimer is timer_delete(2). A signal of it that is pending goes with it.
func (p *Process) DeletePosixTimer(tm *PosixTimer) {
	tm.disarm()
	p.posix = slices.DeleteFunc(p.posix, func(x *PosixTimer) bool { return x == tm })
}

// dropPosixTimers is what exec does to them.
func (p *Process) dropPosixTimers() {
	for _, tm := range p.posix {
		tm.disarm()
	}
	p.posix = nil
}

// Now is what the timer's clock says.
func (tm *PosixTimer) Now() int64 {
	p := tm.proc
	switch tm.Clock {
	case ClockWall:
		return p.Wall()
	case ClockMono:
		return p.Now()
	case ClockThreadCPU:
		if t := p.byIndex(tm.Owner); t != nil {
			return t.UserNs + t.SystemNs
		}
		return 0 // its clock has stopped for good
	}
	user, system := p.CPU()
	return user + system
}

// byIndex finds a thread by its number within the process.
func (p *Process) byIndex(index uint32) *Thread {
	for _, t := range p.Threads {
		if t.Index == index {
			return t
		}
	}
	return nil
}

// Get returns the time left, 0 if the timer is stopped, and the period.
func (tm *PosixTimer) Get() (left, period int64) {
	if !tm.Armed {
		return 0, tm.Period
	}
	left = tm.At - tm.Now()
	switch {
	case left > 0:
	case tm.Period > 0 && (tm.Queued || tm.Notify == NotifyNone):
		left = tm.Period - -left%tm.Period
	case tm.Notify == NotifyNone:
		left = 0
	default:
		left = 1 // about to run out
	}
	return left, tm.Period
}

// Set arms the timer to run out at a time of its clock, then every period; what it
// was about to say is forgotten. Stop disarms it.
func (tm *PosixTimer) Set(at, period int64) {
	tm.disarm()
	tm.Armed, tm.At, tm.Period = true, at, period
	tm.start()
	tm.proc.table.CheckCPU(tm.proc)
}

func (tm *PosixTimer) Stop(period int64) {
	tm.disarm()
	tm.Period = period
}

func (tm *PosixTimer) disarm() {
	p := tm.proc
	p.table.timers.stop(&tm.timer)
	if tm.Queued {
		p.Pending.dropTimer(tm.ID)
		for _, t := range p.Threads {
			t.Pending.dropTimer(tm.ID)
		}
	}
	tm.Armed, tm.Queued, tm.At, tm.Missed, tm.Last = false, false, 0, 0, 0
}

// start lets the clock run, unless nobody is told, or a signal is still pending.
// CPU time is looked at when a slice ends.
func (tm *PosixTimer) start() {
	p := tm.proc
	if !tm.Armed || tm.Queued || tm.Notify == NotifyNone {
		return
	}
	switch tm.Clock {
	case ClockWall:
		p.table.timers.start(&tm.timer, p.table.Now+p.UntilWall(tm.At))
	case ClockMono:
		p.table.timers.start(&tm.timer, tm.At-p.MonoOffset)
	}
}

// Expire implements Expirer.
func (tm *PosixTimer) Expire(int64) {
	p := tm.proc
	if tm.Now() < tm.At { // the wall clock was corrected
		tm.start()
		return
	}
	in := Info{Signo: tm.Signo, Code: SiTimer, PID: tm.ID, Value: tm.Value, Timer: tm.ID + 1}
	tm.Queued = true // before the signal: that may be the end of p
	tm.Missed = 0
	p.table.signalTimer(tm, in)
	switch {
	case p.exiting:
	case !tm.Queued && tm.Period > 0: // ignored: nobody counts, so there is no hurry
		tm.forward(ignoredPause)
		tm.start()
	case tm.Period == 0:
		tm.Armed = false
	}
}

// ignoredPause is how long a timer rests whose signal nobody wants, so that a short
// period does not keep the node busy.
const ignoredPause = 10_000_000

// forward goes to the first expiry that is more than d away.
func (tm *PosixTimer) forward(d int64) {
	if gone := tm.Now() + d - tm.At; gone >= 0 {
		n := gone / tm.Period
		tm.Missed += n
		tm.At = later(tm.At, n+1, tm.Period)
	}
}

// later is at + n × period, if there is such a time.
func later(at, n, period int64) int64 {
	if period > (math.MaxInt64/2-max(at, 0))/n {
		return math.MaxInt64 / 2
	}
	return at + n*period
}

// signalTimer sends a timer's signal. If that is ignored, the timer is not Queued
// any more.
func (tb *Table) signalTimer(tm *PosixTimer, in Info) {
	p := tm.proc
	if tm.Notify&NotifyThreadID == 0 {
		tb.Signal(p, in)
		tm.Queued = !p.exiting && p.Pending.hasTimer(tm.ID)
		return
	}
	if t := p.byIndex(tm.Target); t != nil {
		tb.SignalThread(t, in)
		tm.Queued = !p.exiting && t.Pending.hasTimer(tm.ID)
		return
	}
	tm.Queued = false
}

// timerTaken is called when a timer's signal is delivered, however that is: now it is
// known how many periods it stands for, and the timer runs on.
func (p *Process) timerTaken(in *Info) {
	tm := p.PosixTimer(in.Timer - 1)
	if tm == nil || !tm.Queued {
		return
	}
	tm.Queued = false
	if tm.Armed && tm.Period > 0 {
		tm.forward(0)
		tm.start()
	}
	tm.Last = int32(min(tm.Missed, math.MaxInt32))
	tm.Missed = 0
	in.UID = tm.Last
}

// timersDropped is called when pending signals were thrown away.
func (p *Process) timersDropped() {
	for _, tm := range p.posix {
		if !tm.Queued || p.Pending.hasTimer(tm.ID) {
			continue
		}
		if t := p.byIndex(tm.Target); tm.Notify&NotifyThreadID != 0 && t != nil && t.Pending.hasTimer(tm.ID) {
			continue
		}
		tm.Queued, tm.Missed = false, 0
		if tm.Armed && tm.Period > 0 {
			tm.forward(0)
			tm.start()
		}
	}
}

func (p *Pending) hasTimer(id int32) bool {
	return slices.ContainsFunc(p.Queue, func(in Info) bool { return in.Timer == id+1 })
}

func (p *Pending) dropTimer(id int32) {
	p.Queue = slices.DeleteFunc(p.Queue, func(in Info) bool { return in.Timer == id+1 })
	p.Set = 0
	for i := range p.Queue {
		p.Set |= bit(p.Queue[i].Signo)
	}
}

// checkCPUTimers lets POSIX timers run out that count CPU time.
func (tb *Table) checkCPUTimers(p *Process) {
	for _, tm := range p.posix {
		if tm.Clock >= ClockProcessCPU && tm.Armed && !tm.Queued && tm.Notify != NotifyNone && tm.Now() >= tm.At {
			tm.Expire(tb.Now)
			if p.exiting {
				return
			}
		}
	}
}

// wallShifted: the node's clock was corrected, and with it the rate at which p's wall
// clock goes.
func (p *Process) wallShifted() {
	if p.frozen {
		return
	}
	for _, tm := range p.posix {
		if tm.Clock == ClockWall {
			tm.start()
		}
	}
}
