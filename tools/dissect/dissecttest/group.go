package dissecttest

import (
	"testing"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/node/nodetest"
)

const (
	groupMessages = 6
	largeMessage  = 12_000 // bytes: so much goes to all members at once (BB)
)

// receive is what members do for ever: at 10; a view that has ended is made anew.
func receive(u *nodetest.User) {
	switch u.PC() {
	case 10:
		u.Call(11, abi.SysGrpReceive, u.B(), putHeader(u, std.Header{}), nodetest.DataBase+dataAt, 1<<14, 0)
	case 11:
		if u.Ret < 0 {
			u.Call(10, abi.SysGrpReset, u.B(), 0, 1)
			return
		}
		u.Goto(10)
	}
}

// talk sends some messages, every other one large, and then receives.
func talk(u *nodetest.User) {
	if u.PC() != 5 {
		receive(u)
		return
	}
	if u.SetA(u.A() + 1); u.A() > groupMessages {
		u.Goto(10)
		return
	}
	length := uint64(16)
	if u.A()%2 == 0 {
		length = largeMessage
	}
	u.Call(5, abi.SysGrpSend, u.B(), putHeader(u, std.Header{Command: uint32(u.A())}), nodetest.DataBase+dataAt, length)
}

// founder makes a group, and talks when the others have joined.
var founder = nodetest.Register(func(u *nodetest.User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGrpCreate, putHeader(u, std.Header{Port: servicePort}), 1, 4, 5, 14)
	case 1:
		u.SetB(uint64(u.Ret))
		u.Call(5, abi.SysNanosleep, u.Put(sleepAt, pause(200e6)), 0)
	default:
		talk(u)
	}
})

// joiner joins it, and talks.
var joiner = nodetest.Register(func(u *nodetest.User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGrpJoin, putHeader(u, std.Header{Port: servicePort}))
	case 1:
		if u.Ret < 0 {
			u.Goto(0)
			return
		}
		u.SetB(uint64(u.Ret))
		u.Goto(5)
	default:
		talk(u)
	}
})

// Group makes a capture of a group whose members join, talk on a bad wire, move, and
// go on without one that loses power.
func Group(t testing.TB, path string) {
	w := nodetest.New(t, 3, 5)
	r := start(t, w, path)
	defer r.close()
	w.Wire.Loss, w.Wire.Dup = 0.02, 0.02
	sequencer := w.Nodes[1].Start(founder).PID
	w.Run(20e6)
	member := w.Nodes[2].Start(joiner).PID
	w.Nodes[3].Start(joiner)
	w.Run(220e6)
	w.Move(sequencer, 2)
	w.Move(member, 1)
	w.Run(2e9)
	w.Kill(3)
	w.Run(20e9)
}
