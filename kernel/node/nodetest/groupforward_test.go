package nodetest

import (
	"fmt"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc/api"
)

// A group of two: clients know the port of the first member only, which has the second
// do the work.
var (
	frontPort = capability.Port{0xf0, 1}
	backPort  = capability.Port{0xba, 1}
)

const (
	forwarded = 300
	portAt    = 20900
)

var groupFront = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGrpCreate, u.putHeader(std.Header{Port: groupPort}), 0, 4, 4, 10)
	case 1:
		u.must("create")
		u.Call(2, abi.SysGetreq, u.putHeader(std.Header{Port: frontPort}), DataBase+dataAt, 64)
	case 2:
		u.must("getreq")
		put := backPort.Put()
		u.Call(1, abi.SysGrpForward, 0, u.Put(portAt, put[:]), 1)
	}
})

// groupBack counts in A, and says in each reply who it is.
var groupBack = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGrpJoin, u.putHeader(std.Header{Port: groupPort}))
	case 1:
		if u.Ret == int64(std.BCNoExist) {
			u.Goto(0)
			return
		}
		u.must("join")
		u.Goto(2)
	case 2:
		u.Call(3, abi.SysGetreq, u.putHeader(std.Header{Port: backPort}), DataBase+dataAt, 64)
	case 3:
		u.must("getreq")
		u.SetA(u.A() + 1)
		u.Call(4, abi.SysPutrep, u.putHeader(std.Header{Offset: u.A(), Extra: 0xbac}), DataBase+dataAt, 8)
	case 4:
		u.must("putrep")
		u.Goto(2)
	}
})

// groupClient asks the front, and demands that the answers of the back count its calls.
var groupClient = Register(func(u *User) {
	switch u.PC() {
	case 0:
		if u.A() == forwarded {
			u.Print(2, 1, fmt.Sprintf("done %d wrong\n", u.B()))
			return
		}
		u.Call(1, abi.SysTrans, u.putHeader(std.Header{Port: frontPort.Put()}), DataBase+dataAt, 16, DataBase+dataAt, 64)
	case 1:
		u.must("trans")
		u.SetA(u.A() + 1)
		if h := u.header(); u.Ret != 8 || h.Extra != 0xbac || h.Offset != u.A() {
			u.SetB(u.B() + 1)
		}
		u.Goto(0)
	case 2:
		u.Call(3, abi.SysExitGroup, 0)
	}
})

// A member passes requests on to another one, which answers the client. Both move.
func TestGroup_ForwardsToOtherMember(t *testing.T) {
	w := New(t, 4, 5)
	out := w.Host.NewObject()
	front := w.Nodes[1].Start(groupFront).PID
	back := w.Nodes[2].Start(groupBack).PID
	w.watch(front)
	w.watch(back)
	w.Run(1e9) // a request that comes before the back has joined has nowhere to go
	w.watch(w.Nodes[3].Start(groupClient, nil, w.Nodes[3].Remote(out)).PID)
	moves := 0
	for i := 0; len(out.Out) == 0; i++ {
		if i > 2000 {
			t.Fatalf("never done\n%s", w.Describe())
		}
		who := []int32{front, back}[i%2]
		if on := w.On(who); on != 0 {
			w.Host.Migrate(who, on, on%4+1, func(r api.MigrateReply) {
				if r.Error == "" {
					moves++
				}
			})
		}
		w.Run(20e6)
	}
	if string(out.Out) != "done 0 wrong\n" {
		t.Errorf("the client says %q", out.Out)
	}
	if moves < 2 {
		t.Errorf("%d moves while it ran", moves)
	}
}
