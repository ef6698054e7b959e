package main

import (
	"fmt"
	"path/filepath"
	"strings"
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

func TestLong_IsPutTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pcapng")
	w := nodetest.New(t, 2, 3)
	r := startRecorder(t, w, path)
	out := w.Host.NewObject()
	w.Nodes[1].Start(longServer)
	w.Nodes[2].Start(longClient, nil, w.Nodes[2].Remote(out))
	w.RunUntil(20e9, "answered", func() bool { return len(out.Out) > 0 })
	r.close()
	if want := fmt.Sprintf("got %d\n", longLen); string(out.Out) != want {
		t.Fatalf("%q", out.Out)
	}
	d := dump(t, "--strict", "--type", "PART", "--type", "PULL", "--type", "REQUEST", "--type", "REPLY", path)
	if d.status != 0 {
		t.Fatal(d.errs)
	}
	for _, want := range []string{"(command 8) Data=2500000 bytes", "PART 1/1 of the request ", "PULL 1/1 of the reply "} {
		if !strings.Contains(d.out, want) {
			t.Errorf("it is not said: %s", want)
		}
	}
	if n := strings.Count(d.out, "Data=2500000 bytes"); n != 2 {
		t.Errorf("%d messages of the full length", n)
	}
}
