package nodetest

import (
	"fmt"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc/api"
)

// A server with a counter, whose one operation is not idempotent, and clients that
// call it as fast as they can.
const (
	hdrAt, dataAt, totalAt = 4096, 8192, 16384

	adds = 8000 // by each client
)

var addPort = capability.Port{0xad, 0xd}

func (u *User) putHeader(h std.Header) uint64 {
	var b [std.HeaderLen]byte
	h.PutUser(&b)
	return u.Put(hdrAt, b[:])
}

func (u *User) header() (h std.Header) {
	var b [std.HeaderLen]byte
	copy(b[:], u.Get(hdrAt, len(b)))
	h.GetUser(&b)
	return h
}

// addServer keeps the counter in A.
var addServer = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: addPort}), DataBase+dataAt, 64)
	case 1:
		if u.Ret < 0 {
			panic(fmt.Sprintf("getreq: %v", std.Status(u.Ret)))
		}
		u.SetA(u.A() + u.header().Offset)
		u.Call(2, abi.SysPutrep, u.putHeader(std.Header{Offset: u.A()}), DataBase+dataAt, 8)
	case 2:
		if u.Ret < 0 {
			panic(fmt.Sprintf("putrep: %v", std.Status(u.Ret)))
		}
		u.Goto(0)
	}
})

// addClient counts its calls in A, and failures in B; it says so at the end.
var addClient = Register(func(u *User) {
	switch u.PC() {
	case 0:
		if u.A() == adds {
			line := fmt.Sprintf("done %d failed\n", u.B())
			u.Print(2, 1, line)
			return
		}
		u.Call(1, abi.SysTrans, u.putHeader(std.Header{Port: addPort.Put(), Offset: 1}), DataBase+dataAt, 16, DataBase+dataAt, 64)
	case 1:
		u.SetA(u.A() + 1)
		if u.Ret != 8 {
			u.SetB(u.B() + 1)
		}
		u.Goto(0)
	case 2:
		u.Call(3, abi.SysExitGroup, 0)
	}
})

// Every add is executed exactly once, whoever moves and whatever the wire does.
func TestMove_AddServerUnderLoad(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 3, seed)
			w.Wire.Loss, w.Wire.Dup = 0.01*float64(seed%4), 0.01*float64(seed%3)
			out := w.Host.NewObject()
			server := w.Nodes[1].Start(addServer).PID
			var clients []int32
			for i := range 3 {
				nd := w.Nodes[i%3+1]
				clients = append(clients, nd.Start(addClient, nil, nd.Remote(out)).PID)
			}
			w.watch(server)
			done := func() bool { return len(out.Out) == 3*len("done 0 failed\n") }
			for i := 0; !done(); i++ {
				if i > 2000 {
					t.Fatalf("never done\n%s", w.Describe())
				}
				who := server
				if i%3 == 2 {
					who = clients[i%len(clients)]
				}
				if on := w.On(who); on != 0 {
					w.Host.Migrate(who, on, on%3+1, func(api.MigrateReply) {})
				}
				w.Run(5e6)
			}
			if string(out.Out) != "done 0 failed\ndone 0 failed\ndone 0 failed\n" {
				t.Errorf("%s", out.Out)
			}
			for i := 0; w.On(server) == 0; i++ { // it is between two nodes
				if i > 2000 {
					t.Fatalf("never there\n%s", w.Describe())
				}
				w.Run(5e6)
			}
			p := w.Nodes[w.On(server)].Tab.Process(server)
			if got := p.Leader().Frame.R13; got != 3*adds {
				t.Errorf("the counter says %d, %d calls were made", got, 3*adds)
			}
			if p.Moves < 5 {
				t.Errorf("the server moved %d times only", p.Moves)
			}
		})
	}
}
