package nodetest

import (
	"fmt"
	"testing"

	"motile/kernel/abi"
)

// groupMaker has two children, who wait. After half a second it puts them into a group of
// their own, having tried what is not allowed, ends the group by a signal, and says how it
// went: the pid of the first child it has in A, that of the second in B.
var groupMaker = Register(func(u *User) {
	call := func(nr uint64, args ...uint64) { u.Call(u.PC()+1, nr, args...) }
	say := func(what string) { u.Print(u.PC()+1, 1, fmt.Sprintf("%s %d\n", what, u.Ret)) }
	switch u.PC() {
	case 0:
		call(abi.SysFork)
	case 1, 2:
		if u.Ret == 0 {
			u.Call(90, abi.SysPause)
			return
		}
		if u.PC() == 1 {
			u.SetA(uint64(u.Ret))
			call(abi.SysFork)
			return
		}
		u.SetB(uint64(u.Ret))
		call(abi.SysNanosleep, u.Put(sleepAt, timespec(500e6)), 0)
	case 3: // there is no such group yet
		call(abi.SysSetpgid, u.B(), u.A())
	case 4:
		say("too early")
	case 5:
		call(abi.SysSetpgid, u.A(), 0)
	case 6:
		say("its own")
	case 7:
		call(abi.SysSetpgid, u.B(), u.A())
	case 8:
		say("joined")
	case 9:
		call(abi.SysGetpgid, u.B())
	case 10:
		u.Print(11, 1, fmt.Sprintf("is in it %v\n", uint64(u.Ret) == u.A()))
	case 11:
		call(abi.SysSetpgid, 3999999, 0)
	case 12:
		say("not a child")
	case 13:
		call(abi.SysKill, -u.A(), abi.SIGTERM)
	case 14:
		say("signalled")
	case 15, 17:
		call(abi.SysWait4, -u.A(), DataBase+statusAt, 0, 0)
	case 16, 18:
		u.Print(u.PC()+1, 1, fmt.Sprintf("ended %x\n", u.Get(statusAt, 4)))
	case 19:
		call(abi.SysExitGroup, 0)
	}
})

const groupsMade = "too early -1\nits own 0\njoined 0\nis in it true\nnot a child -3\nsignalled 0\nended 0f000000\nended 0f000000\n"

// A parent puts its children into groups wherever it and they are, and who makes them one
// need not be where anybody else of the group is.
func TestSetpgid_ChildrenElsewhere(t *testing.T) {
	for _, at := range [][3]int{{1, 1, 1}, {1, 1, 2}, {1, 2, 1}, {1, 2, 2}, {1, 2, 3}, {2, 1, 1}, {2, 3, 1}, {3, 3, 1}} {
		for _, loss := range []float64{0, 0.05} {
			t.Run(fmt.Sprint(at, loss), func(t *testing.T) {
				w := New(t, 3, 1)
				w.Wire.Loss, w.Wire.Dup = loss, loss
				out := w.Host.NewObject()
				p := w.Nodes[1].Start(groupMaker, nil, w.Nodes[1].Remote(out))
				w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 2 })
				for i, pid := range []int32{p.PID, p.Children[0].PID, p.Children[1].PID} {
					if at[i] != 1 {
						w.Move(pid, at[i])
					}
				}
				w.RunUntil(20e9, "ended", func() bool { return w.has(p.PID) == 0 })
				if string(out.Out) != groupsMade {
					t.Errorf("it says:\n%s\n%s", out.Out, w.Describe())
				}
				w.Run(15e9)
				w.CheckEmpty()
			})
		}
	}
}

// A parent that moves while nodes are asked for a group, or a child is asked to join it,
// hears the outcome where it then is.
func TestSetpgid_ParentMovesMeanwhile(t *testing.T) {
	for after := int64(0); after < 6e6; after += 400e3 {
		w := New(t, 3, uint64(after))
		out := w.Host.NewObject()
		p := w.Nodes[1].Start(groupMaker, nil, w.Nodes[1].Remote(out))
		w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 2 })
		start := w.Now
		w.Move(p.Children[0].PID, 2)
		w.Move(p.Children[1].PID, 3)
		w.Run(start + 495e6 + after - w.Now)
		w.Move(p.PID, 2)
		w.RunUntil(20e9, "ended", func() bool { return w.has(p.PID) == 0 })
		if string(out.Out) != groupsMade {
			t.Errorf("it leaves after %d us, and says:\n%s\n%s", after/1000, out.Out, w.Describe())
		}
	}
}
