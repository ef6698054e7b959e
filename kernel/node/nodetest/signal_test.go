package nodetest

import (
	"fmt"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
)

// A client, a relay that asks a server while it serves, and that server.
var relayPort, workPort = capability.Port{0x5e, 1}, capability.Port{0x5e, 2}

const sigtrans = 1 << (abi.SIGTRANS - 1)

// signalClient catches SIGUSR1, once, on top of its trans. A is what came of that.
var signalClient = Register(func(u *User) {
	f := u.t.Frame
	switch {
	case u.PC() == 0:
		f.SP = DataBase + DataSize - 4096
		u.t.Process().Actions[abi.SIGUSR1] = proc.Action{Handler: 0x4000, Flags: proc.SaRestorer}
		u.Call(1, abi.SysTrans, u.putHeader(std.Header{Port: relayPort.Put()}), DataBase+dataAt, 8, DataBase+dataAt, 64)
	case u.PC() == 1 && f.DI == abi.SIGUSR1: // in the handler
		u.Put(totalAt, []byte{1})
		f.SP += 8 // its return address
		u.Call(1, abi.SysRtSigreturn)
	case u.PC() == 1:
		u.SetA(uint64(u.Ret) + 1000)
		u.Call(2, abi.SysPause)
	}
})

// signalRelay keeps the outcome of its own trans in A.
var signalRelay = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: relayPort}), DataBase+dataAt, 64)
	case 1:
		u.Call(2, abi.SysTrans, u.putHeader(std.Header{Port: workPort.Put()}), DataBase+dataAt, 8, DataBase+dataAt, 64)
	case 2:
		u.SetA(uint64(u.Ret) + 1000)
		u.Call(3, abi.SysPutrep, u.putHeader(std.Header{}), DataBase+dataAt, 3)
	case 3:
		u.Goto(0)
	}
})

// signalWorker waits for SIGTRANS, which it has blocked, and answers when it comes.
// A counts the signals.
var signalWorker = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.t.Process().Actions[abi.SIGTRANS] = proc.Action{Handler: 0x4000, Flags: proc.SaRestorer}
		u.t.SetMask(sigtrans)
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: workPort}), DataBase+dataAt, 64)
	case 1:
		u.Put(lineAt, []byte{0, 0, 0, 0, 0, 0, 0, 0x40}) // the set of SIGTRANS
		u.Call(2, abi.SysRtSigtimedwait, DataBase+lineAt, 0, 0, 8)
	case 2:
		if u.Ret == abi.SIGTRANS {
			u.SetA(u.A() + 1)
		}
		u.Call(3, abi.SysPutrep, u.putHeader(std.Header{}), DataBase+dataAt, 5)
	case 3:
		u.Goto(0)
	}
})

// A signal to a client reaches the server of the server it asked, once, wherever
// the ones in the middle have gone.
func TestSignal_ThroughNestedTransactions(t *testing.T) {
	for _, nodes := range [][3]int{{1, 2, 3}, {1, 1, 1}, {1, 1, 2}, {1, 2, 2}} {
		for _, moved := range []string{"nobody", "relay", "client", "worker"} {
			t.Run(fmt.Sprint(nodes, moved), func(t *testing.T) {
				w := New(t, 3, 1)
				w.Wire.Loss = 0.02
				worker := w.Nodes[nodes[2]].Start(signalWorker).PID
				relay := w.Nodes[nodes[1]].Start(signalRelay).PID
				client := w.Nodes[nodes[0]].Start(signalClient).PID
				w.Run(100e6)
				if who, ok := map[string]int32{"relay": relay, "client": client, "worker": worker}[moved]; ok {
					on := w.On(who)
					w.Host.Migrate(who, on, on%3+1, func(api.MigrateReply) {})
					w.Run(1e9)
					if w.On(who) == on {
						t.Fatalf("%s did not move", moved)
					}
				}
				leader := func(pid int32) *proc.Thread { return w.Nodes[w.On(pid)].Tab.Process(pid).Leader() }
				if leader(worker).Call.Nr != abi.SysRtSigtimedwait {
					t.Fatal("the worker has not got its request")
				}
				w.Nodes[w.On(client)].Tab.SignalThread(leader(client), proc.Info{Signo: abi.SIGUSR1})
				w.Run(5e9)
				if n := leader(worker).Frame.R13; n != 1 {
					t.Errorf("the worker got %d signals", n)
				}
				if r := int64(leader(relay).Frame.R13) - 1000; r != 5 {
					t.Errorf("the relay's trans: %d", r)
				}
				if r := int64(leader(client).Frame.R13) - 1000; r != 3 {
					t.Errorf("the client's trans: %d", r)
				}
				handled := &User{t: leader(client)}
				if handled.Get(totalAt, 1)[0] != 1 {
					t.Error("the client's handler did not run")
				}
			})
		}
	}
}

// A relay that still looks for a server gives up when its client is signalled.
func TestSignal_AbortsTheSearch(t *testing.T) {
	w := New(t, 2, 1)
	relay := w.Nodes[2].Start(signalRelay)
	client := w.Nodes[1].Start(signalClient)
	w.Run(500e6)
	w.Nodes[1].Tab.SignalThread(client.Leader(), proc.Info{Signo: abi.SIGUSR1})
	w.Run(500e6)
	if r := std.Status(int64(relay.Leader().Frame.R13) - 1000); r != std.RPCAborted {
		t.Errorf("the relay's trans: %v", r)
	}
	if r := int64(client.Leader().Frame.R13) - 1000; r != 3 {
		t.Errorf("the client's trans: %d", r)
	}
}

// limited makes three calls to a port whose server never answers: with a deadline,
// with one to a port that nobody serves, and with a timeout there. The results and
// how long they took are in memory.
var limited = Register(func(u *User) {
	next := func(pc, nr uint64, port capability.Port, ms uint64) {
		u.SetB(uint64(u.Mono()))
		u.Call(pc, nr, u.putHeader(std.Header{Port: port.Put()}), DataBase+dataAt, 8, DataBase+dataAt, 64, ms)
	}
	note := func() {
		i := int(u.A())
		u.SetA(u.A() + 1)
		u.Put(totalAt+16*i, []byte{byte(u.Ret), byte((uint64(u.Mono()) - u.B()) / 10e6)})
	}
	switch u.PC() {
	case 0:
		next(1, abi.SysTransWithin, workPort, 300)
	case 1:
		note()
		next(2, abi.SysTransWithin, relayPort, 200)
	case 2:
		note()
		u.Call(3, abi.SysTimeout, 700)
	case 3:
		u.Put(totalAt+64, []byte{byte(u.Ret / 100)})
		next(4, abi.SysTrans, relayPort, 0)
	case 4:
		note()
		u.Call(5, abi.SysTimeout, 0)
	case 5:
		u.Put(totalAt+65, []byte{byte(u.Ret / 100)})
		u.Call(6, abi.SysPause)
	}
})

func TestDeadline_AndTimeout(t *testing.T) {
	for _, moved := range []bool{false, true} {
		w := New(t, 3, 1)
		worker := w.Nodes[2].Start(signalWorker)
		client := w.Nodes[1].Start(limited).PID
		if moved {
			w.Run(50e6)
			w.Host.Migrate(client, 1, 3, func(api.MigrateReply) {})
		}
		w.Run(5e9)
		u := &User{t: w.Nodes[w.On(client)].Tab.Process(client).Leader()}
		for i, want := range []struct {
			status std.Status
			least  byte // time, in 10 ms
		}{{std.RPCFailure, 30}, {std.RPCNotFound, 20}, {std.RPCNotFound, 70}} {
			got := u.Get(totalAt+16*i, 2)
			if std.Status(int8(got[0])) != want.status || got[1] < want.least-1 || got[1] > want.least+10 {
				t.Errorf("moved %v, call %d: %v after %d0 ms, want %v", moved, i, std.Status(int8(got[0])), got[1], want.status)
			}
		}
		if got := u.Get(totalAt+64, 2); got[0] != 52 || got[1] != 7 {
			t.Errorf("timeouts were %v", got)
		}
		if n := worker.Leader().Frame.R13; n != 1 {
			t.Errorf("the server got %d signals", n)
		}
	}
}

// forwarder sends every request to workPort instead.
var forwarder = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: addPort}), DataBase+dataAt, 64)
	case 1:
		port := workPort.Put()
		u.Call(2, abi.SysForward, u.Put(lineAt, port[:]), 0)
	case 2:
		if u.Ret != 0 {
			panic(fmt.Sprintf("forward: %v", std.Status(u.Ret)))
		}
		u.SetA(u.A() + 1)
		u.Goto(0)
	}
})

// behind is addServer on workPort.
var behind = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: workPort}), DataBase+dataAt, 64)
	case 1:
		u.SetA(u.A() + u.header().Offset)
		u.Call(0, abi.SysPutrep, u.putHeader(std.Header{Offset: u.A()}), DataBase+dataAt, 8)
	}
})

// Every forwarded request is executed once, while all three move.
func TestForward_AllMove(t *testing.T) {
	for seed := range uint64(4) {
		w := New(t, 3, seed)
		w.Wire.Loss, w.Wire.Dup = 0.01*float64(seed%3), 0.01*float64(seed%2)
		out := w.Host.NewObject()
		first, second := w.Nodes[1].Start(forwarder).PID, w.Nodes[2].Start(behind).PID
		client := w.Nodes[3].Start(addClient, nil, w.Nodes[3].Remote(out)).PID
		w.watch(second)
		for i := 0; len(out.Out) == 0; i++ {
			if i > 4000 {
				t.Fatalf("never done\n%s", w.Describe())
			}
			who := []int32{first, second, client}[i%3]
			if on := w.On(who); on != 0 {
				w.Host.Migrate(who, on, on%3+1, func(api.MigrateReply) {})
			}
			w.Run(20e6)
		}
		if string(out.Out) != "done 0 failed\n" {
			t.Errorf("%s", out.Out)
		}
		w.RunUntil(10e9, "both to be somewhere", func() bool { return w.On(first) != 0 && w.On(second) != 0 })
		for _, pid := range []int32{first, second} {
			p := w.Nodes[w.On(pid)].Tab.Process(pid)
			if got := p.Leader().Frame.R13; got != adds {
				t.Errorf("%d counted %d of %d", pid, got, adds)
			}
			if p.Moves < 3 {
				t.Errorf("%d moved %d times only", pid, p.Moves)
			}
		}
	}
}
