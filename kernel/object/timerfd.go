package object

import (
	"encoding/binary"
	"math"

	"motile/kernel/abi"
	"motile/kernel/wait"
)

// Alarm calls a Timerfd's Ring at a time of the node's monotonic clock.
type Alarm interface {
	Now() int64
	Set(at int64)
	Stop()
}

// Timerfd is a timer that is read (timerfd_create(2)). When it has run out it stands
// still until somebody looks, as on Linux: then the periods that went by are counted,
// however many. So one that nobody reads costs nothing.
type Timerfd struct {
	stream
	Wall   bool // of CLOCK_REALTIME
	Cancel bool // TFD_TIMER_CANCEL_ON_SET
	// ByWall: it was set for a time of day, and goes by that when clocks have parted.
	ByWall   bool
	Canceled bool // the clock was set, and no read has said so
	Armed    bool
	Fired    bool  // At has come and is in Ticks; what came after it is not
	At       int64 // next expiry, or the one that fired; the node's monotonic time
	Period   int64 // 0: once
	Ticks    uint64
	Alarm    Alarm

	queue wait.Queue
}

func (d *Timerfd) Queue() *wait.Queue { return &d.queue }

func (d *Timerfd) Stat() Stat { return Stat{Mode: 0o600, Nlink: 1} }

// Arm sets the timer; armed false stops it.
func (d *Timerfd) Arm(armed bool, at, period int64) {
	d.Alarm.Stop()
	d.Armed, d.At, d.Period = armed, at, period
	d.Fired, d.Canceled, d.Ticks = false, false, 0
	d.run()
}

// Resume lets a timer run that has moved here.
func (d *Timerfd) Resume() {
	d.run()
	if d.Canceled {
		d.queue.Wake(uint32(In | RdNorm))
	}
}

func (d *Timerfd) run() {
	if d.Armed && !d.Fired {
		d.Alarm.Set(d.At)
	}
}

// Ring is called when the time has come.
func (d *Timerfd) Ring() {
	d.Fired = true
	d.Ticks++
	d.queue.Wake(uint32(In | RdNorm))
}

// catchUp counts the periods since the timer fired and lets it run on.
func (d *Timerfd) catchUp() {
	if !d.Fired {
		return
	}
	d.Fired = false
	if d.Period == 0 {
		d.Armed = false
		return
	}
	n := max(d.Alarm.Now()-d.At, 0) / d.Period
	d.Ticks += uint64(n)
	if d.Period > (math.MaxInt64/2-max(d.At, 0))/(n+1) {
		d.At = math.MaxInt64 / 2
	} else {
		d.At += (n + 1) * d.Period
	}
	d.run()
}

// Left is the time to the next expiry, 0 if there will be none.
func (d *Timerfd) Left() int64 {
	if d.Fired && d.Period > 0 {
		d.catchUp()
	}
	if !d.Armed || d.Fired {
		return 0
	}
	return max(d.At-d.Alarm.Now(), 1)
}

func (d *Timerfd) Read(op *Op, f *File, _ int64) int {
	if op.Buf.Left() < 8 {
		return abi.EINVAL
	}
	if d.Canceled {
		d.Canceled = false
		return abi.ECANCELED
	}
	if d.Ticks == 0 {
		return abi.EAGAIN
	}
	d.catchUp()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], d.Ticks)
	d.Ticks = 0
	if op.Buf.Put(b[:]) < 8 {
		return abi.EFAULT
	}
	return 0
}

func (d *Timerfd) Ready(*File) Events {
	if d.Ticks > 0 || d.Canceled {
		return In | RdNorm
	}
	return 0
}

func (d *Timerfd) Close(*File) { d.Alarm.Stop() }

// TimerSetting is what timerfd_settime says and timerfd_gettime tells, to a timer that
// may be on another node: times are relative, for clocks are not shared.
type TimerSetting struct {
	Query  bool // nothing is set
	Armed  bool
	ByWall bool
	Cancel bool
	Left   int64 // not above 0, though armed: in the past
	Period int64
}

// timerSettingSize is what a TimerSetting takes on the wire: flags, Left, Period.
const timerSettingSize = 17

// Append encodes s.
func (s TimerSetting) Append(b []byte) []byte {
	flags := byte(0)
	for i, on := range []bool{s.Query, s.Armed, s.ByWall, s.Cancel} {
		if on {
			flags |= 1 << i
		}
	}
	b = append(b, flags)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Left))
	return binary.BigEndian.AppendUint64(b, uint64(s.Period))
}

// DecodeTimerSetting reads one.
func DecodeTimerSetting(b []byte) (s TimerSetting, ok bool) {
	if len(b) < timerSettingSize {
		return s, false
	}
	s = TimerSetting{Query: b[0]&1 != 0, Armed: b[0]&2 != 0, ByWall: b[0]&4 != 0, Cancel: b[0]&8 != 0,
		Left: int64(binary.BigEndian.Uint64(b[1:])), Period: int64(binary.BigEndian.Uint64(b[9:]))}
	return s, s.Period >= 0 && s.Left > math.MinInt64/2 && s.Left <= math.MaxInt64/2 && s.Period <= math.MaxInt64/2
}

// Apply sets the timer, unless s only asks, and returns what it said before.
func (d *Timerfd) Apply(s TimerSetting) (was TimerSetting) {
	was = TimerSetting{Left: d.Left(), Period: d.Period}
	if !s.Query {
		d.ByWall, d.Cancel = s.ByWall, s.Cancel
		d.Arm(s.Armed, d.Alarm.Now()+s.Left, s.Period)
	}
	return was
}
