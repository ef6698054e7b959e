package proc

import "motile/kernel/abi"

// Init makes a timer that calls owner.
func (t *Timer) Init(owner Expirer) { t.owner = owner }

// StartTimer makes a timer of somebody else run out at a time; StopTimer stops it.
func (tb *Table) StartTimer(t *Timer, at int64) { tb.timers.start(t, at) }
func (tb *Table) StopTimer(t *Timer)            { tb.timers.stop(t) }

// Timer calls its owner once, at a time. The zero Timer with an owner is stopped.
type Timer struct {
	At    int64
	owner Expirer
	index int // in the heap, plus one; 0: not running
	seq   uint64
}

// Expirer is told when its timer has run out.
type Expirer interface{ Expire(now int64) }

// timers is a binary heap by time; equal times run in the order they were set.
type timers struct {
	heap []*Timer
	seq  uint64
}

func (h *timers) start(t *Timer, at int64) {
	h.stop(t)
	h.seq++
	t.At, t.seq = at, h.seq
	h.heap = append(h.heap, t)
	t.index = len(h.heap)
	h.up(t.index - 1)
}

func (h *timers) stop(t *Timer) {
	if t.index == 0 {
		return
	}
	i, last := t.index-1, len(h.heap)-1
	h.swap(i, last)
	h.heap[last] = nil
	h.heap = h.heap[:last]
	t.index = 0
	if i < last {
		h.down(i)
		h.up(i)
	}
}

func (h *timers) less(i, j int) bool {
	a, b := h.heap[i], h.heap[j]
	return a.At < b.At || a.At == b.At && a.seq < b.seq
}

func (h *timers) swap(i, j int) {
	h.heap[i], h.heap[j] = h.heap[j], h.heap[i]
	h.heap[i].index, h.heap[j].index = i+1, j+1
}

func (h *timers) up(i int) {
	for i > 0 && h.less(i, (i-1)/2) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (h *timers) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h.heap) {
			return
		}
		if c+1 < len(h.heap) && h.less(c+1, c) {
			c++
		}
		if !h.less(c, i) {
			return
		}
		h.swap(i, c)
		i = c
	}
}

// Deadline is when the next timer runs out, 0 if none does.
func (tb *Table) Deadline() int64 {
	if len(tb.timers.heap) == 0 {
		return 0
	}
	return tb.timers.heap[0].At
}

// Tick runs the timers whose time has come.
func (tb *Table) Tick() {
	h := &tb.timers
	for len(h.heap) > 0 && h.heap[0].At <= tb.Now {
		t := h.heap[0]
		h.stop(t)
		t.owner.Expire(tb.Now)
	}
}

// Interval is one of the three interval timers (setitimer(2)). Real time is
// kept by a Timer; the CPU-time ones are looked at when a slice ends.
type Interval struct {
	Value  int64 // next expiry: monotonic node time (real), or CPU time; 0: off
	Period int64
	Signal int
	proc   *Process
	timer  Timer
}

// Which interval timer.
const (
	TimerReal = iota
	TimerVirtual
	TimerProf
)

func (p *Process) initTimers() {
	for i, sig := range []int{abi.SIGALRM, abi.SIGVTALRM, abi.SIGPROF} {
		iv := &p.Timers[i]
		iv.Signal, iv.proc = sig, p
		iv.timer.owner = iv
	}
}

// clock is the time the interval timer counts in.
func (iv *Interval) clock() int64 {
	user, system := iv.proc.CPU()
	switch iv {
	case &iv.proc.Timers[TimerVirtual]:
		return user
	case &iv.proc.Timers[TimerProf]:
		return user + system
	}
	return iv.proc.table.Now
}

// Get returns the time left and the period.
func (iv *Interval) Get() (left, period int64) {
	if iv.Value == 0 {
		return 0, iv.Period
	}
	return max(iv.Value-iv.clock(), 1), iv.Period
}

// Set arms the timer to run out after value, then every period; 0 disarms.
func (iv *Interval) Set(value, period int64) {
	tb := iv.proc.table
	tb.timers.stop(&iv.timer)
	iv.Value, iv.Period = 0, period
	if value == 0 {
		return
	}
	iv.Value = iv.clock() + value
	if iv == &iv.proc.Timers[TimerReal] {
		tb.timers.start(&iv.timer, iv.Value)
	}
}

// Expire implements Expirer.
func (iv *Interval) Expire(now int64) {
	tb, real := iv.proc.table, iv == &iv.proc.Timers[TimerReal]
	if iv.Period == 0 {
		iv.Value = 0
	} else {
		if late := now - iv.Value; late >= 0 { // periods that were missed give one signal
			iv.Value = later(now-late%iv.Period, 1, iv.Period)
		}
		if real {
			tb.timers.start(&iv.timer, iv.Value)
		}
	}
	tb.Signal(iv.proc, Info{Signo: int32(iv.Signal), Code: SiKernel})
}

// CheckCPU lets the CPU-time timers of p run out.
func (tb *Table) CheckCPU(p *Process) {
	for i := TimerVirtual; i <= TimerProf; i++ {
		if iv := &p.Timers[i]; iv.Value != 0 && iv.clock() >= iv.Value {
			iv.Expire(iv.clock())
		}
	}
	if len(p.posix) > 0 {
		tb.checkCPUTimers(p)
	}
}

// rearm puts back a timer that moved here with what was left of its time, which may
// have run out on the way: its periods go on from when it was due.
func (iv *Interval) rearm(left, period int64) {
	iv.Set(0, period)
	iv.Value = iv.clock() + left
	if iv.Value == 0 {
		iv.Value = -1 // 0 would say that it is off
	}
}

// stopTimers and startTimers hold the timers of a frozen process. Their deadlines are
// absolute: what was missed comes at once after the thaw.
func (tb *Table) stopTimers(p *Process) {
	tb.timers.stop(&p.Timers[TimerReal].timer)
	for _, tm := range p.posix {
		tb.timers.stop(&tm.timer)
	}
}

func (tb *Table) startTimers(p *Process) {
	if iv := &p.Timers[TimerReal]; iv.Value != 0 {
		tb.timers.start(&iv.timer, iv.Value)
	}
	for _, tm := range p.posix {
		tm.start()
	}
}
