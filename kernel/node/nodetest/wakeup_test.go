package nodetest

import (
	"fmt"
	"testing"

	"motile/kernel/abi"
	"motile/proc"
)

const (
	muAt = 512
)

// waking has a thread wait for a futex, and wakes it as soon as it finds itself on
// another node. It says how many there were to wake.
var waking = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysClone, threadFlags)
	case 1:
		if u.Ret == 0 {
			u.Call(10, abi.SysFutex, DataBase+muAt, 0, 0, 0) // FUTEX_WAIT while it is 0
			return
		}
		u.Call(2, abi.SysNodeInfo)
	case 2:
		if u.SetA(u.A() + 1); u.A() == 1 {
			u.SetB(uint64(u.Ret))
		}
		if uint64(u.Ret) == u.B() {
			u.Call(3, abi.SysNanosleep, u.Put(sleepAt, timespec(1e6)), 0)
			return
		}
		u.Call(4, abi.SysFutex, DataBase+muAt, 1, 100) // FUTEX_WAKE
	case 3:
		u.Call(2, abi.SysNodeInfo)
	case 4:
		u.Print(5, 1, fmt.Sprintf("woke %d\n", u.Ret))
	default:
		u.Call(6, abi.SysPause)
	}
})

// Whoever waits for a futex waits when the process has moved, before any other thread of
// it runs: a wake-up is never lost. That it was stunned under way changes nothing.
func TestFutex_StoppedWaiterIsWoken(t *testing.T) {
	for _, how := range []string{"runs", "stunned", "stopped"} {
		for seed := range uint64(8) {
			w := New(t, 2, seed)
			out := w.Host.NewObject()
			p := w.Nodes[1].Start(waking, nil, w.Nodes[1].Remote(out))
			pid := p.PID
			w.Run(50e6 + int64(seed)*130e3)
			switch how {
			case "stunned":
				w.mustStun(pid, 1, 0)
			case "stopped":
				w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGSTOP})
				w.Run(5e6)
			}
			w.migrate(pid, 2)
			w.resume(pid)
			w.Nodes[2].Tab.Signal(w.Nodes[2].Tab.Process(pid), proc.Info{Signo: abi.SIGCONT})
			w.Run(100e6)
			if got := string(out.Out); got != "woke 1\n" {
				t.Errorf("%s, seed %d: %q", how, seed, got)
			}
		}
	}
}
