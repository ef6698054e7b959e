package nodetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc/api"
)

// scribbler changes its memory all the time, in every way there is, and looks whether it is as
// it should be. What it should be is noted beside the simulation: a program runs once only.
type scribbler struct {
	rng   *rand.Rand
	pages map[uint64]uint64 // of memory that is mapped: the word in the middle of each
	rate  int               // changes in each millisecond
	bad   string
	steps int
}

const (
	scribbleBase = 0x10000000
	scribbleMost = 128 // pages
	madvise      = abi.SysMadvise
)

var scribbling *scribbler // of the test that runs

var scribbleProgram = Register(func(u *User) {
	s := scribbling
	if u.Ret < 0 && u.PC() != 0 && s.bad == "" {
		s.bad = fmt.Sprintf("a call ended with %d", u.Ret)
	}
	if s.steps++; s.steps%max(s.rate, 1) == 0 || s.rate == 0 {
		u.Call(1, abi.SysNanosleep, u.Put(0, timespec(1e6)), 0)
		return
	}
	page := scribbleBase + uint64(s.rng.IntN(scribbleMost))*vm.PageBytes
	n := 1 + s.rng.IntN(8)
	is, mapped := s.pages[page]
	switch op := s.rng.IntN(40); {
	case !mapped:
		u.Call(1, abi.SysMmap, page, vm.PageBytes, 3, 0x32, ^uint64(0), 0) // private, fixed, anonymous
		s.pages[page] = 0
	case op == 0:
		u.Call(1, abi.SysMunmap, page, uint64(n)*vm.PageBytes)
		for i := range uint64(n) {
			delete(s.pages, page+i*vm.PageBytes)
		}
	case op == 1:
		u.Call(1, madvise, page, vm.PageBytes, 4) // DONTNEED
		s.pages[page] = 0
	case op == 2 && s.pages[page+vm.PageBytes] == 0:
		to := page + vm.PageBytes
		u.Call(1, abi.SysMremap, page, vm.PageBytes, vm.PageBytes, 3, to) // MAYMOVE, FIXED
		s.pages[to] = is
		delete(s.pages, page)
	default:
		if got := u.Load(page + 2048); got != is && s.bad == "" {
			s.bad = fmt.Sprintf("the word at %#x is %d, not %d", page+2048, got, is)
		}
		v := uint64(s.steps)
		if op < 6 {
			v = 0
		}
		if v%2 == 1 { // else it is sent without most of its blocks
			u.touch(page, vm.PageBytes).CopyOut(page, bytes.Repeat([]byte{byte(v)}, vm.PageBytes))
		}
		u.Store(page+2048, v)
		s.pages[page] = v
		u.Goto(1)
	}
})

// check compares all of it, from outside.
func (s *scribbler) check(t *testing.T, space *vm.Space) {
	t.Helper()
	if s.bad != "" {
		t.Fatal(s.bad)
	}
	for page, is := range s.pages {
		var b [8]byte
		space.Peek(b[:], page+2048)
		if got := binary.LittleEndian.Uint64(b[:]); got != is {
			t.Fatalf("the word at %#x is %d, not %d", page+2048, got, is)
		}
	}
}

func scribble(t *testing.T, seed uint64, rate int) (*World, int32) {
	scribbling = &scribbler{rng: rand.New(rand.NewPCG(seed, 1)), pages: make(map[uint64]uint64), rate: rate}
	w := New(t, 3, seed)
	w.Wire.Delay = 1e5
	pid := w.Nodes[1].Start(scribbleProgram).PID
	w.Run(50e6)
	return w, pid
}

// A process whose memory changes in every way while it is sent has at the target what it
// had.
func TestPrecopy_MemoryIsAsItWas(t *testing.T) {
	for seed := range uint64(30) {
		w, pid := scribble(t, seed, []int{3, 10, 50}[seed%3])
		w.Host.Strategy = "precopy"
		w.Wire.Loss = []float64{0, 0.02}[seed%2]
		for i := range 6 {
			r := w.Move(pid, i%2+2)
			p := w.Nodes[w.On(pid)].Tab.Process(pid)
			scribbling.check(t, p.Space)
			if r.Report.Strategy != "precopy" || len(r.Report.Rounds) == 0 {
				t.Fatalf("%+v", r.Report)
			}
			w.Run(20e6)
		}
		scribbling.check(t, w.Nodes[w.On(pid)].Tab.Process(pid).Space)
	}
}

// Few pages are sent while a process that writes little stands still, and it stands still
// shorter than with a copy; one that writes all its memory again and again is stopped in
// the end, and the report says so.
func TestPrecopy_Converges(t *testing.T) {
	var freeze [2]int64
	for i, how := range []string{"copy", "precopy"} {
		w, pid := scribble(t, 7, 200)
		w.Run(300e6)
		scribbling.rate = 2
		w.Host.Strategy = how
		w.Wire.Delay = 1e6
		r := w.Move(pid, 2).Report
		freeze[i] = r.FreezeUs
		if how == "precopy" && (len(r.Rounds) == 0 || r.Note != "" || r.Pages-r.Rounds[0].Pages > 32) {
			t.Errorf("%+v", r)
		}
	}
	if freeze[1] >= freeze[0] {
		t.Errorf("frozen for %d µs after precopying, %d without", freeze[1], freeze[0])
	}
	w, pid := scribble(t, 8, 5000)
	w.Host.Strategy = "precopy"
	w.Wire.Delay = 2e6
	if r := w.Move(pid, 2).Report; r.Note == "" || r.Resent == 0 || len(r.Rounds) > 12 {
		t.Errorf("%+v", r)
	}
	scribbling.check(t, w.Nodes[2].Tab.Process(pid).Space)
}

// A target that has no room any more, or is gone, while pages are sent to it: the process runs
// on where it was, and has not stood still.
func TestPrecopy_Fails(t *testing.T) {
	w, pid := scribble(t, 3, 50)
	w.Host.Strategy = "precopy"
	w.Wire.Delay = 5e6
	var reply *api.MigrateReply
	w.Host.Migrate(pid, 1, 2, func(r api.MigrateReply) { reply = &r })
	w.Run(30e6) // it is accepted, and pages are on the way
	w.Kill(2)
	steps := scribbling.steps
	for reply == nil {
		w.Run(10e6)
		if scribbling.steps == steps {
			t.Fatal("it stands still")
		}
		steps = scribbling.steps
	}
	if reply.Error == "" || w.On(pid) != 1 {
		t.Fatalf("%+v", reply)
	}
	w.Run(100e6)
	scribbling.check(t, w.Nodes[1].Tab.Process(pid).Space)
	w.Move(pid, 3)
	scribbling.check(t, w.Nodes[3].Tab.Process(pid).Space)
}

// ladenPages are more than a window of messages holds.
const ladenPages = 512

// ladenServer has much memory, and then serves as addServer does; ladenSleeper sleeps.
var (
	ladenServer  = laden(addServer)
	ladenSleeper = laden(Register(func(u *User) { u.Call(0, abi.SysPause) }))
)

func laden(then int) int {
	const mapped, filled = 100, 101
	return Register(func(u *User) {
		switch {
		case u.B() == filled:
			programs[then](u)
		case u.PC() == 0:
			u.Call(mapped, abi.SysMmap, scribbleBase, ladenPages*vm.PageBytes, 3, 0x32, ^uint64(0), 0)
		default:
			for i := range uint64(ladenPages) {
				u.touch(scribbleBase+i*vm.PageBytes, vm.PageBytes).CopyOut(scribbleBase+i*vm.PageBytes, bytes.Repeat([]byte{byte(i%255 + 1)}, vm.PageBytes))
			}
			u.SetB(filled)
			u.Goto(0)
		}
	})
}

// What a process says to others while it is precopied waits behind a few messages of pages only;
// a process that talks with nobody has all the network.
func TestPrecopy_LeavesRoom(t *testing.T) {
	for name, c := range map[string]struct {
		program     int
		least, most int // messages of pages under way at once
	}{"talks": {ladenServer, 2, 3}, "sleeps": {ladenSleeper, 8, 12}} {
		t.Run(name, func(t *testing.T) {
			w := New(t, 3, 1)
			w.Host.Strategy = "precopy"
			w.Wire.Delay = 1e6
			pid := w.Nodes[1].Start(c.program).PID
			w.Nodes[3].Start(addClient, nil, w.Nodes[3].Remote(w.Host.NewObject()))
			w.Run(100e6)
			if r := w.Move(pid, 2).Report; r.Pages < ladenPages || len(r.Rounds) == 0 {
				t.Fatalf("%+v", r)
			}
			most, messages := 0, w.trace(1, pid)[0].Messages
			for _, m := range messages {
				under := 0
				for _, o := range messages {
					if o.Command == api.MovePages && o.AtNs <= m.AtNs && m.AtNs < o.OverNs {
						under++
					}
				}
				most = max(most, under)
			}
			if most < c.least || most > c.most {
				t.Errorf("%d messages of pages were under way at once", most)
			}
		})
	}
}
