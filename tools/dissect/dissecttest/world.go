package dissecttest

import (
	"fmt"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/node/nodetest"
	"motile/proc/api"
)

// server answers whatever it is asked.
var server = nodetest.Register(func(u *nodetest.User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, putHeader(u, std.Header{Port: servicePort}), nodetest.DataBase+dataAt, 1<<15)
	case 1:
		u.SetA(u.A() + 1)
		u.Call(0, abi.SysPutrep, putHeader(u, std.Header{Offset: u.A()}), nodetest.DataBase+dataAt, 8)
	}
})

// client asks it, every so often something long, and says so on descriptor 1.
var client = nodetest.Register(func(u *nodetest.User) {
	switch u.PC() {
	case 0:
		length := uint64(4)
		if u.A()%16 == 2 {
			length = longRequest
		}
		u.Call(1, abi.SysTrans, putHeader(u, std.Header{Port: servicePort.Put(), Command: 7}), nodetest.DataBase+dataAt, length, nodetest.DataBase+dataAt, 64)
	case 1:
		u.SetA(u.A() + 1)
		line := fmt.Sprintf("answer %d\n", u.A())
		u.Call(2, abi.SysWrite, 1, u.Put(lineAt, []byte(line)), uint64(len(line)))
	case 2:
		if u.A() == questions {
			u.Call(3, abi.SysPause)
			return
		}
		u.Call(0, abi.SysNanosleep, u.Put(sleepAt, pause(50e3)), 0)
	}
})

// World makes a capture of a server that moves while a client calls it, with
// questions of the host's in between, and returns the cluster's key.
func World(t testing.TB, path string) api.Key {
	w := nodetest.New(t, 3, 7)
	r := start(t, w, path)
	defer r.close()
	lost := 0
	w.Wire.Cut = func(from, to int) bool { // one of the long request's fragments
		var h flip.Header
		flip.Decode(&h, r.last)
		if h.Total < longRequest || h.Offset == 0 || from == 0 || lost > 0 {
			return false
		}
		lost++
		r.write("dropped", r.last)
		return true
	}
	ask := func(to flip.Address, c capability.Capability, command uint32) {
		h := &std.Header{Command: command}
		h.SetCapability(c)
		answered := false
		w.Host.Ask(to, h, nil, func(rpc.Complete) { answered = true })
		w.RunUntil(5e9, "answered", func() bool { return answered })
	}
	out, last := w.Host.NewObject(), fmt.Sprintf("answer %d\n", questions)
	pid := w.Nodes[1].Start(server).PID
	w.Nodes[2].Start(client, nil, w.Nodes[2].Remote(out))
	w.RunUntil(5e9, "called", func() bool { return len(out.Out) >= 3*len("answer 1\n") })
	ask(w.Key.NodeAddress(1), w.Key.NodeCap(1), api.List)
	ask(w.Key.ProcessAddress(pid), w.Key.ProcessCap(pid), std.Info)
	ask(w.Key.ProcessAddress(pid), w.Key.ProcessCap(pid), 4711) // there is no such command
	w.Move(pid, 3)
	w.Run(1e6)
	w.Move(pid, 1)
	w.RunUntil(5e9, "called", func() bool { return strings.Contains(string(out.Out), last) })
	w.Run(2e9) // a hello
	if lost == 0 {
		t.Error("no fragment was lost")
	}
	return w.Key
}
