package nodetest

import (
	"fmt"
	"testing"

	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
)

const (
	pollIn = 1

	waitPID, waitPidfd                              = 1, 3
	wnohang, wstopped, wexited, wcontinued, wnowait = 1, 2, 4, 8, 0x1000000
	clonePidfd                                      = 0x1000
	pidfdAt                                         = timerAt + 512
	waitedAt                                        = timerAt + 256
)

// keeper has a child by a descriptor, one after the other: it polls that, and when it is
// readable the child must be waitable at once. The children sleep for 100 ms. It prints
// the status of each.
var keeper = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysClone, clonePidfd|abi.SIGCHLD, 0, u.Put(pidfdAt, put64(0)), 0, 0)
	case 1:
		if u.Ret == 0 {
			u.Call(20, abi.SysNanosleep, u.Put(timerAt, timespec(100e6)), 0)
			return
		}
		u.Call(2, abi.SysPoll, u.Put(timerAt, put64(u.u32(pidfdAt)|pollIn<<32)), 1, ^uint64(0))
	case 2:
		if u.Ret != 1 {
			panic(fmt.Sprintf("poll: %d", u.Ret))
		}
		u.Call(3, abi.SysWaitid, waitPidfd, u.u32(pidfdAt), DataBase+waitedAt, wexited|wnohang, 0)
	case 3:
		u.Print(4, 1, fmt.Sprintf("wait %d signal %d code %d status %d\n", u.Ret, u.u32(waitedAt), u.u32(waitedAt+8), u.u32(waitedAt+24)))
	case 4:
		u.Call(0, abi.SysClose, u.u32(pidfdAt))
	case 20:
		u.Call(21, abi.SysExitGroup, 7)
	}
})

func TestMove_PidfdOfChild(t *testing.T) {
	const line = "wait 0 signal 17 code 1 status 7\n"
	for _, moved := range []string{"nobody", "child", "parent", "both", "apart and together", "both, lossy"} {
		t.Run(moved, func(t *testing.T) {
			w := New(t, 3, 1)
			if moved == "both, lossy" {
				w.Wire.Loss = 0.03
			}
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(keeper, nil, w.Nodes[1].Remote(out))
			pid, want := p.PID, ""
			for i := range map[bool]int{true: 40, false: 6}[w.Wire.Loss > 0] {
				w.RunUntil(20e9, "there is a child", func() bool {
					at := w.On(pid)
					if at == 0 {
						return false
					}
					q := w.Nodes[at].Tab.Process(pid)
					return len(q.Children) == 1 && q.Children[0].State == proc.ChildRunning && q.Leader().Call.Nr == abi.SysPoll
				})
				child, on := w.Nodes[w.On(pid)].Tab.Process(pid).Children[0].PID, w.On(pid)
				switch moved {
				case "child":
					w.Move(child, i%2+2)
				case "parent":
					w.Move(pid, on%3+1)
				case "both, lossy": // they may be too late, or meet
					w.Host.Migrate(child, on, on%3+1, func(api.MigrateReply) {})
					w.Host.Migrate(pid, on, (on+1)%3+1, func(api.MigrateReply) {})
				case "both":
					w.Move(child, on%3+1)
					w.Move(pid, (on+1)%3+1)
				case "apart and together":
					w.Move(child, on%3+1)
					w.Move(pid, on%3+1)
				}
				want += line
				w.RunUntil(30e9, "the child is reported", func() bool { return len(out.Out) >= len(want) })
				if string(out.Out) != want {
					t.Fatalf("round %d:\n%s", i, out.Out)
				}
			}
			end(w, pid)
		})
	}
}

// end kills everybody and looks for what is left.
func end(w *World, pids ...int32) {
	w.T.Helper()
	for range 3 { // a process may be having a child
		for _, nd := range w.Nodes[1:] {
			nd.Tab.SignalAll(nil, proc.Info{Signo: abi.SIGKILL})
		}
		w.Run(1e9)
	}
	w.Run(20e9)
	w.CheckEmpty()
}

// onlooker waits for the end of a process that is none of its relatives: the one whose
// pid is in B. It signals it first.
var onlooker = Register(func(u *User) {
	switch u.PC() {
	case 0:
		if u.B() == 0 {
			u.Call(0, abi.SysNanosleep, u.Put(timerAt, timespec(1e6)), 0)
			return
		}
		u.Call(1, abi.SysPidfdOpen, u.B(), 0)
	case 1:
		u.SetA(uint64(u.Ret))
		u.Call(2, abi.SysPoll, u.Put(timerAt, put64(u.A()|pollIn<<32)), 1, ^uint64(0))
	case 2:
		u.Print(3, 1, fmt.Sprintf("poll %d\n", u.Ret))
	case 3:
		u.Call(4, abi.SysWaitid, waitPidfd, u.A(), 0, wexited, 0)
	case 4:
		u.Print(5, 1, fmt.Sprintf("wait %d\n", u.Ret))
	case 5:
		u.Call(6, abi.SysPidfdSendSignal, u.A(), abi.SIGTERM, 0, 0)
	case 6:
		u.Print(7, 1, fmt.Sprintf("signal %d\n", u.Ret))
	case 7:
		u.Call(7, abi.SysPause)
	}
})

func TestMove_PidfdOfStranger(t *testing.T) {
	for _, moves := range []string{"", "t", "o", "to", "ot", "tot", "ttoo", "ttt"} { // target, onlooker
		t.Run("moves "+moves, func(t *testing.T) {
			w := New(t, 3, 1)
			out := w.Host.NewObject()
			target := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject())).PID
			o := w.Nodes[2].Start(onlooker, nil, w.Nodes[2].Remote(out))
			o.Leader().Frame.R12 = uint64(target)
			w.Run(100e6)
			for _, who := range moves {
				pid := map[rune]int32{'t': target, 'o': o.PID}[who]
				w.Move(pid, w.On(pid)%3+1)
				w.Run(50e6)
			}
			w.Run(3e9)
			if len(out.Out) > 0 {
				t.Fatalf("too early: %s", out.Out)
			}
			nd := w.Nodes[w.On(target)]
			nd.Tab.Signal(nd.Tab.Process(target), proc.Info{Signo: abi.SIGKILL})
			w.Run(3e9)
			if want := "poll 1\nwait -10\nsignal -3\n"; string(out.Out) != want {
				t.Errorf("%q, want %q", out.Out, want)
			}
			end(w)
		})
	}
}

// A process that is lost with its node has ended, for those who wait for it, when
// nobody has claimed it for a minute.
func TestPidfd_LostWithItsNode(t *testing.T) {
	w := New(t, 2, 1)
	out := w.Host.NewObject()
	target := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject())).PID
	o := w.Nodes[2].Start(onlooker, nil, w.Nodes[2].Remote(out))
	o.Leader().Frame.R12 = uint64(target)
	w.Run(100e6)
	w.Wire.Cut = func(from, to int) bool { return from+to == 3 }
	w.Run(30e9)
	w.Wire.Cut = nil
	w.Run(30e9)
	if len(out.Out) > 0 {
		t.Fatalf("it was only cut off: %s", out.Out)
	}
	w.Kill(1)
	w.Run(30e9)
	if len(out.Out) > 0 {
		t.Fatalf("too early: %s", out.Out)
	}
	w.Run(60e9)
	if want := "poll 1\nwait -10\nsignal -3\n"; string(out.Out) != want {
		t.Errorf("%q, want %q", out.Out, want)
	}
}

// sender signals a child by its descriptor, ten times, and reads by a signalfd the
// signals with which the child answers. It prints how many came.
var sender = Register(func(u *User) {
	const sig = 40
	set := put64(1 << (sig - 1))
	if u.PC() < 10 || u.PC() >= 20 {
		switch u.PC() {
		case 0:
			u.Call(1, abi.SysRtSigprocmask, 0, u.Put(0, set), 0, 8)
		case 1:
			u.Call(2, abi.SysSignalfd4, ^uint64(0), u.Put(0, set), 8, 0)
		case 2:
			u.Put(totalAt, put64(uint64(u.Ret)))
			u.Call(3, abi.SysClone, clonePidfd|abi.SIGCHLD, 0, u.Put(pidfdAt, put64(0)), 0, 0)
		case 3:
			if u.Ret == 0 {
				u.Goto(10)
				return
			}
			u.Goto(20)
		case 20:
			u.Call(21, abi.SysNanosleep, u.Put(timerAt, timespec(20e6)), 0)
		case 21:
			u.Call(22, abi.SysPidfdSendSignal, u.u32(pidfdAt), sig, 0, 0)
		case 22:
			if u.Ret != 0 {
				panic(fmt.Sprintf("pidfd_send_signal: %d", u.Ret))
			}
			u.Call(23, abi.SysRead, u.u64(totalAt), DataBase+waitedAt, 128)
		case 23:
			if u.Ret != 128 || u.u32(waitedAt) != sig {
				panic(fmt.Sprintf("read: %d, signal %d", u.Ret, u.u32(waitedAt)))
			}
			u.SetA(u.A() + 1)
			u.Print(20, 1, fmt.Sprintf("%d\n", u.A()))
		}
		return
	}
	switch u.PC() { // the child, which has the same signalfd: it reads its own
	case 10:
		u.Call(11, abi.SysPoll, u.Put(timerAt, put64(u.u64(totalAt)|pollIn<<32)), 1, ^uint64(0))
	case 11:
		u.Call(12, abi.SysRead, u.u64(totalAt), DataBase+waitedAt, 128)
	case 12:
		if u.Ret != 128 {
			panic(fmt.Sprintf("child's read: %d", u.Ret))
		}
		u.Call(13, abi.SysGetppid)
	case 13:
		u.Call(10, abi.SysKill, uint64(u.Ret), sig)
	}
})

// Ten moves of parent and child: no signal is lost, none comes twice, and each reads its
// own by the signalfd that they have shared since the fork.
func TestMove_SignalfdAndPidfd(t *testing.T) {
	w := New(t, 3, 1)
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(sender, nil, w.Nodes[1].Remote(out))
	w.Run(70e6)
	child := p.Children[0].PID
	for i := range 10 {
		pid := []int32{p.PID, child}[i%2]
		w.Move(pid, w.On(pid)%3+1)
		w.Run(60e6)
	}
	before := len(out.Out)
	w.Run(1e9)
	if len(out.Out) < before+20 {
		t.Errorf("it does not go on: %s\n%s", out.Out, w.Describe())
	}
	checkLines(t, out.Out)
	end(w)
}

// waiter asks for each change of a child, without and with taking note of it.
var waiter = Register(func(u *User) {
	steps := []uint64{wstopped | wnowait, wstopped, wcontinued | wnowait, wcontinued, wexited | wstopped | wnowait, wexited}
	switch pc := u.PC(); {
	case pc == 0:
		u.Call(1, abi.SysFork)
	case pc == 1 && u.Ret == 0:
		u.Call(1000, abi.SysPause)
	case pc == 1:
		u.SetB(uint64(u.Ret))
		u.Goto(2)
	case pc == 1000:
		u.Goto(1)
		u.Call(1000, abi.SysPause)
	case pc == 200:
		u.Call(201, abi.SysWait4, u.B(), 0, 0, 0)
	case pc == 201:
		u.Print(202, 1, fmt.Sprintf("wait4 %d\n", u.Ret))
	case pc == 202:
		u.Call(202, abi.SysPause)
	case pc < 100:
		if int(u.A()) == len(steps) {
			u.Goto(200)
			return
		}
		u.Call(100, abi.SysWaitid, waitPID, u.B(), u.Put(waitedAt, make([]byte, 128)), steps[u.A()], 0)
	default:
		u.SetA(u.A() + 1)
		u.Print(2, 1, fmt.Sprintf("%d code %d status %d\n", u.Ret, u.u32(waitedAt+8), u.u32(waitedAt+24)))
	}
})

func TestMove_WaitidOfAChildElsewhere(t *testing.T) {
	for _, moved := range []string{"child", "parent", "parent before each"} {
		t.Run(moved, func(t *testing.T) {
			w := New(t, 3, 1)
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(waiter, nil, w.Nodes[1].Remote(out))
			w.Run(50e6)
			child := p.Children[0].PID
			if moved == "child" {
				w.Move(child, 2)
			} else {
				w.Move(p.PID, 2)
			}
			for _, sig := range []int32{abi.SIGSTOP, abi.SIGCONT, abi.SIGKILL} {
				if moved == "parent before each" {
					w.Move(p.PID, w.On(p.PID)%3+1)
				}
				nd := w.Nodes[w.On(child)]
				nd.Tab.Signal(nd.Tab.Process(child), proc.Info{Signo: sig})
				w.Run(500e6)
			}
			want := "0 code 5 status 19\n0 code 5 status 19\n0 code 6 status 18\n0 code 6 status 18\n0 code 2 status 9\n0 code 2 status 9\nwait4 -10\n"
			if string(out.Out) != want {
				t.Errorf("\n%swant\n%s", out.Out, want)
			}
			end(w)
		})
	}
}
