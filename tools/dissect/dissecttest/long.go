package dissecttest

import (
	"fmt"
	"testing"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/node/nodetest"
)

// Data too long for one message is pulled, in parts; who watches the wire sees all of
// it nevertheless.

const (
	longLen  = 2_500_000
	longRoom = 3 << 20
)

// mapRoom gets memory for a long message; B is where it is.
func mapRoom(u *nodetest.User, then uint64) {
	const readWrite, privateAnonymous = 3, 0x22
	u.Call(then, abi.SysMmap, 0, longRoom, readWrite, privateAnonymous, ^uint64(0), 0)
}

var longServer = nodetest.Register(func(u *nodetest.User) {
	switch u.PC() {
	case 0:
		mapRoom(u, 1)
	case 1:
		u.SetB(uint64(u.Ret))
		u.Goto(2)
	case 2:
		u.Call(3, abi.SysGetreq, putHeader(u, std.Header{Port: servicePort}), u.B(), longRoom)
	case 3:
		u.SetA(u.A() + uint64(u.Ret))
		u.Call(2, abi.SysPutrep, putHeader(u, std.Header{Offset: u.A()}), u.B(), longLen)
	}
})

var longClient = nodetest.Register(func(u *nodetest.User) {
	switch u.PC() {
	case 0:
		mapRoom(u, 1)
	case 1:
		u.SetB(uint64(u.Ret))
		u.Call(2, abi.SysTrans, putHeader(u, std.Header{Port: servicePort.Put(), Command: 8}), u.B(), longLen, u.B(), longRoom)
	case 2:
		line := fmt.Sprintf("got %d\n", u.Ret)
		u.Call(3, abi.SysWrite, 1, u.Put(lineAt, []byte(line)), uint64(len(line)))
	case 3:
		u.Call(3, abi.SysPause)
	}
})

// Long makes a capture of a request and a reply that are pulled.
func Long(t testing.TB, path string) {
	w := nodetest.New(t, 2, 3)
	r := start(t, w, path)
	defer r.close()
	out := w.Host.NewObject()
	w.Nodes[1].Start(longServer)
	w.Nodes[2].Start(longClient, nil, w.Nodes[2].Remote(out))
	w.RunUntil(20e9, "answered", func() bool { return len(out.Out) > 0 })
	if want := fmt.Sprintf("got %d\n", longLen); string(out.Out) != want {
		t.Fatalf("%q", out.Out)
	}
}
