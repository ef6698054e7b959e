package nodetest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/proc"
)

// Timers in moves: it is not enough that they are there afterwards. They run out at
// the times they would have run out at, each expiry counts once, and none is lost.

const (
	timerPeriod = 50e6
	timerAt     = 128 // where programs put their structures
	clockMono   = 1
	clockWall   = 0
)

func put64(v ...uint64) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

func itimerspec(value, period int64) []byte { return append(timespec(period), timespec(value)...) }

func (u *User) u32(off int) uint64 { return uint64(binary.LittleEndian.Uint32(u.Get(off, 4))) }
func (u *User) u64(off int) uint64 { return binary.LittleEndian.Uint64(u.Get(off, 8)) }

// A program prints lines "count mono": how many expiries it knows of, and when it knew.
func (u *User) tell(pc uint64) {
	u.Print(pc, 1, fmt.Sprintf("%d %d %d\n", u.A(), u.Mono(), u.Wall()))
}

// posixTimer waits for the signals of a timer; those it missed are overruns.
func posixTimer(clock uint64) Program {
	return func(u *User) {
		const sig = 40
		set := put64(1 << (sig - 1))
		switch u.PC() {
		case 0:
			u.Call(1, abi.SysRtSigprocmask, 0, u.Put(0, set), 0, 8)
		case 1:
			u.Call(2, abi.SysTimerCreate, clock, u.Put(timerAt, put64(77, sig, 0, 0, 0, 0, 0, 0)), DataBase)
		case 2:
			u.SetB(u.u32(0))
			u.Call(3, abi.SysTimerSettime, u.B(), 0, u.Put(timerAt, itimerspec(timerPeriod, timerPeriod)), 0)
		case 3:
			u.tell(4)
		case 4:
			u.Call(5, abi.SysRtSigtimedwait, u.Put(0, set), DataBase+timerAt, 0, 8)
		case 5:
			if u.Ret == sig {
				if u.u64(timerAt+24) != 77 || u.u32(timerAt+16) != u.B() {
					panic("another timer's signal")
				}
				u.SetA(u.A() + 1 + u.u32(timerAt+20))
				u.tell(4)
				return
			}
			u.Goto(4)
		}
	}
}

// timerfd reads one; poll says whether it waits in poll before it does.
func timerfd(clock uint64, absolute, poll bool) Program {
	return func(u *User) {
		switch u.PC() {
		case 0:
			u.Call(1, abi.SysTimerfdCreate, clock, 0)
		case 1:
			u.SetB(uint64(u.Ret))
			value, flags := int64(timerPeriod), uint64(0)
			if absolute {
				now := u.Mono()
				if clock == clockWall {
					now = u.Wall()
				}
				value, flags = now+timerPeriod, 1
			}
			u.Call(2, abi.SysTimerfdSettime, u.B(), flags, u.Put(timerAt, itimerspec(value, timerPeriod)), 0)
		case 2:
			u.tell(3)
		case 3:
			if poll {
				u.Call(4, abi.SysPoll, u.Put(timerAt, put64(u.B()|1<<32)), 1, ^uint64(0))
				return
			}
			u.Goto(4)
		case 4:
			u.Call(5, abi.SysRead, u.B(), DataBase+timerAt, 8)
		case 5:
			if u.Ret == 8 {
				u.SetA(u.A() + u.u64(timerAt))
				u.tell(3)
				return
			}
			u.Goto(3)
		}
	}
}

// edges waits for a timerfd by an edge-triggered epoll set: an edge that is lost is the
// end of it.
var edges = Register(func(u *User) {
	const set = 3
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysEpollCreate1, 0)
	case 1:
		u.Put(totalAt, put64(uint64(u.Ret)))
		u.Call(2, abi.SysTimerfdCreate, clockMono, 0)
	case 2:
		u.SetB(uint64(u.Ret))
		u.Call(set, abi.SysEpollCtl, u.u64(totalAt), 1, u.B(), u.Put(timerAt, put64(1|1<<31, 0)))
	case set:
		u.Call(4, abi.SysTimerfdSettime, u.B(), 0, u.Put(timerAt, itimerspec(timerPeriod, timerPeriod)), 0)
	case 4:
		u.tell(5)
	case 5:
		u.Call(6, abi.SysEpollWait, u.u64(totalAt), DataBase+timerAt, 4, ^uint64(0))
	case 6:
		if u.Ret <= 0 {
			u.Goto(5)
			return
		}
		u.Call(7, abi.SysRead, u.B(), DataBase+timerAt, 8)
	case 7:
		u.SetA(u.A() + u.u64(timerAt))
		u.tell(5)
	}
})

var timerPrograms = map[string]int{
	"timer_create":                 Register(posixTimer(clockMono)),
	"timer_create, wall clock":     Register(posixTimer(clockWall)),
	"timerfd":                      Register(timerfd(clockMono, false, false)),
	"timerfd, poll":                Register(timerfd(clockMono, false, true)),
	"timerfd, absolute":            Register(timerfd(clockMono, true, false)),
	"timerfd, absolute wall clock": Register(timerfd(clockWall, true, true)),
	"timerfd, edges":               edges,
}

// checkTimer checks that a program knew, each time it said so, of all expiries until
// then; slack is how long the news may have taken.
func checkTimer(t *testing.T, out []byte, slack int64) {
	t.Helper()
	var began int64
	for i, l := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		var n, mono, wall int64
		if k, _ := fmt.Sscanf(l, "%d %d %d", &n, &mono, &wall); k != 3 {
			t.Fatalf("line %d is %q", i, l)
		}
		if i == 0 {
			began = mono
			continue
		}
		due := (mono - began + slack) / timerPeriod // the timer began a little earlier
		if n != due && n != (mono-began)/timerPeriod {
			t.Errorf("line %d: %d expiries after %d ms", i, n, (mono-began)/1e6)
		}
	}
}

func TestMove_Timers(t *testing.T) {
	for name, program := range timerPrograms {
		t.Run(name, func(t *testing.T) {
			w := New(t, 3, 1)
			out := w.Host.NewObject()
			pid := w.Nodes[1].Start(program, nil, w.Nodes[1].Remote(out)).PID
			w.Run(320e6)
			for i := range 10 {
				if i%3 == 2 {
					w.Run(170e6) // so that it moves at other points of its period, too
				}
				w.Move(pid, (i+1)%3+1)
				w.Run(120e6)
			}
			w.Run(500e6)
			checkTimer(t, out.Out, 1e6)
			if n := strings.Count(string(out.Out), "\n"); n < 30 {
				t.Errorf("%d lines only", n)
			}
		})
	}
}

// What runs out while a process stands still is counted when it goes on: here for more
// than a second.
func TestMove_TimersOverALongFreeze(t *testing.T) {
	for name, program := range timerPrograms {
		t.Run(name, func(t *testing.T) {
			w := New(t, 2, 1)
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(program, nil, w.Nodes[1].Remote(out))
			w.Run(320e6)
			before := strings.Count(string(out.Out), "\n")
			w.Nodes[1].Tab.Freeze(p)
			w.Run(1234e6)
			w.Nodes[1].Tab.Thaw(p)
			w.Move(p.PID, 2)
			w.Run(1e9)
			checkTimer(t, out.Out, 1e6)
			if n := strings.Count(string(out.Out), "\n") - before; n > 25 {
				t.Errorf("%d lines after the freeze: what went by came one by one", n)
			}
		})
	}
}

// intervals counts the signals of an interval timer.
var intervals = Register(func(u *User) {
	if u.Signal != 0 {
		u.Put(totalAt, put64(u.u64(totalAt)+1))
		u.Return()
		return
	}
	switch u.PC() {
	case 0:
		u.Handle(1, abi.SIGALRM, 0)
	case 1: // first after 30 ms, then every 100
		u.Call(2, abi.SysSetitimer, proc.TimerReal, u.Put(timerAt, put64(0, 100e3, 0, 30e3)), 0)
	case 2:
		u.tell(3)
	case 3:
		u.Call(4, abi.SysPause)
	case 4:
		u.SetA(u.u64(totalAt))
		u.tell(3)
	}
})

// An interval timer keeps its phase over moves, also when it runs out on the way: the
// wire is so slow here that this happens.
func TestMove_IntervalTimerKeepsItsPhase(t *testing.T) {
	w := New(t, 3, 1)
	out := w.Host.NewObject()
	pid := w.Nodes[1].Start(intervals, nil, w.Nodes[1].Remote(out)).PID
	w.Run(50e6)
	w.Wire.Delay = 12e6
	for i := range 12 {
		w.Move(pid, (i+1)%3+1)
		w.Run([]int64{40e6, 77e6, 90e6, 250e6}[i%4])
	}
	w.Wire.Delay = 50_000
	w.Run(500e6)
	moved := strings.Count(string(out.Out), "\n")
	w.Run(1e9)
	lines := strings.Split(strings.TrimSuffix(string(out.Out), "\n"), "\n")
	var began int64
	for i, l := range lines {
		var n, mono, wall int64
		if k, _ := fmt.Sscanf(l, "%d %d %d", &n, &mono, &wall); k != 3 || n < int64(i) { // one may come while it writes
			t.Fatalf("line %d: %q", i, l)
		}
		if i == 0 {
			began = mono
		}
		if off := (mono-began-30e6+50e6)%100e6 - 50e6; i >= moved && (off < -1e6 || off > 1e6) {
			t.Errorf("line %d is %d us out of step", i, off/1000)
		}
	}
	if len(lines) < moved+9 {
		t.Errorf("%d lines in a second", len(lines)-moved)
	}
}

// burns uses CPU time, and counts SIGVTALRM and SIGPROF of interval timers and of a
// timer of its CPU clock (SIGUSR1).
var burns = Register(func(u *User) {
	count := func(sig int) int {
		return totalAt + 8*map[int]int{abi.SIGVTALRM: 0, abi.SIGPROF: 1, abi.SIGUSR1: 2}[sig]
	}
	if u.Signal != 0 {
		u.Put(count(u.Signal), put64(u.u64(count(u.Signal))+1))
		u.Return()
		return
	}
	const burn = 3_000_000 // ns
	switch u.PC() {
	case 0:
		u.Handle(1, abi.SIGVTALRM, 0)
	case 1:
		u.Handle(2, abi.SIGPROF, 0)
	case 2:
		u.Handle(3, abi.SIGUSR1, 0)
	case 3:
		u.Call(4, abi.SysSetitimer, proc.TimerVirtual, u.Put(timerAt, put64(0, burn/1000, 0, burn/1000)), 0)
	case 4:
		u.Call(5, abi.SysSetitimer, proc.TimerProf, u.Put(timerAt, put64(0, burn/1000, 0, burn/1000)), 0)
	case 5:
		u.Call(6, abi.SysTimerCreate, 2, u.Put(timerAt, put64(0, abi.SIGUSR1, 0, 0, 0, 0, 0, 0)), DataBase)
	case 6:
		u.Call(7, abi.SysTimerSettime, u.u32(0), 0, u.Put(timerAt, itimerspec(burn, burn)), 0)
	case 7:
		u.Call(7, abi.SysGetpid)
	}
})

func TestMove_CPUTimers(t *testing.T) {
	w := New(t, 2, 1)
	p := w.Nodes[1].Start(burns)
	pid := p.PID
	for i := range 6 {
		w.Run(5e6)
		w.Move(pid, i%2*-1+2)
	}
	w.Run(5e6)
	q := w.Nodes[w.On(pid)].Tab.Process(pid)
	u := &User{t: q.Leader()}
	user, system := q.CPU()
	for i, used := range []int64{user, user + system, user + system} {
		if got, want := int64(u.u64(totalAt+8*i)), used/3e6; got < want-1 || got > want+1 || want < 3 {
			t.Errorf("timer %d: %d signals in %d us of CPU time", i, got, used/1000)
		}
	}
}

// sleepUntil sleeps until a time of a clock, again and again.
func sleepUntil(clock uint64) Program {
	return func(u *User) {
		switch u.PC() {
		case 0:
			now := u.Mono()
			if clock == clockWall {
				now = u.Wall()
			}
			u.SetB(uint64(now + 300e6))
			u.Call(1, abi.SysClockNanosleep, clock, 1, u.Put(timerAt, timespec(int64(u.B()))), 0)
		case 1:
			now := u.Mono()
			if clock == clockWall {
				now = u.Wall()
			}
			u.SetA(u.A() + 1)
			u.Print(0, 1, fmt.Sprintf("%d %d\n", u.Ret, now-int64(u.B())))
		}
	}
}

var sleepsUntil = map[string]int{"monotonic": Register(sleepUntil(clockMono)), "wall clock": Register(sleepUntil(clockWall))}

func TestMove_AbsoluteSleep(t *testing.T) {
	for name, program := range sleepsUntil {
		t.Run(name, func(t *testing.T) {
			w := New(t, 2, 1)
			out := w.Host.NewObject()
			pid := w.Nodes[1].Start(program, nil, w.Nodes[1].Remote(out)).PID
			for i := range 12 {
				w.Run(70e6)
				w.Move(pid, i%2*-1+2)
			}
			w.Run(1e9)
			lines := strings.Split(strings.TrimSuffix(string(out.Out), "\n"), "\n")
			for _, l := range lines {
				var ret, late int64
				if k, _ := fmt.Sscanf(l, "%d %d", &ret, &late); k != 2 || ret != 0 || late < 0 || late > 15e6 {
					t.Errorf("%q: result, ns after its time", l)
				}
			}
			if len(lines) < 5 {
				t.Errorf("%d lines", len(lines))
			}
		})
	}
}

// sharers: a parent makes a timerfd and a child; both read it, and the child has set it.
// A is what each has read.
var sharers = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysTimerfdCreate, clockMono, 0)
	case 1:
		u.SetB(uint64(u.Ret))
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret != 0 {
			u.Goto(4)
			return
		}
		u.Goto(3)
	case 3: // the child, in its time
		u.Call(10, abi.SysNanosleep, u.Put(timerAt, timespec(500e6)), 0)
	case 10:
		u.Call(4, abi.SysTimerfdSettime, u.B(), 0, u.Put(timerAt, itimerspec(timerPeriod, timerPeriod)), DataBase+timerAt)
	case 4:
		if u.Ret < 0 {
			panic(fmt.Sprintf("settime: %d", u.Ret))
		}
		u.Call(5, abi.SysRead, u.B(), DataBase+timerAt, 8)
	case 5:
		if u.Ret != 8 {
			panic(fmt.Sprintf("read: %d", u.Ret))
		}
		u.SetA(u.A() + u.u64(timerAt))
		u.Goto(4)
	}
})

// A timerfd that relatives share is one timer, wherever they are: what one reads the
// other does not, and it is set from afar. When only one is left, it follows.
func TestMove_SharedTimerfd(t *testing.T) {
	w := New(t, 3, 1)
	p := w.Nodes[1].Start(sharers)
	w.Run(50e6)
	child := p.Children[0].PID
	w.Move(child, 2) // before it sets the timer
	w.Run(1450e6)
	at := func(pid int32) *User { return &User{t: w.Nodes[w.On(pid)].Tab.Process(pid).Leader()} }
	began := w.Now
	read := func() uint64 { return at(p.PID).A() + at(child).A() }
	if n := read(); n < 15 || n > 25 {
		t.Fatalf("%d expiries in about a second", n)
	}
	first := read()
	w.Move(p.PID, 3)
	w.Run(1e9)
	w.Move(child, 1)
	w.Run(1e9)
	due := uint64(w.Now-began) / timerPeriod
	if n := read() - first; n+1 < due || n > due+1 {
		t.Errorf("%d expiries, %d were due", n, due)
	}
	was := read()
	before := at(child).A()
	w.Nodes[w.On(p.PID)].Tab.Signal(w.Nodes[w.On(p.PID)].Tab.Process(p.PID), proc.Info{Signo: abi.SIGKILL})
	began = w.Now
	w.Run(3e9)
	due = uint64(w.Now-began) / timerPeriod
	if n := at(child).A() - before; n+2 < due || n > due+2 {
		t.Errorf("alone: %d expiries, %d were due (%d before)", n, due, was)
	}
	w.Run(30e9)
	if s := w.Nodes[3].Leftovers(); s != "" {
		t.Errorf("the timer has not followed: %s", s)
	}
}
