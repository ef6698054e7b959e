package nodetest

import (
	"fmt"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/proc"
	"motile/proc/api"
)

// A request and a reply of several megabytes each, far more than travels in one
// message, between programs that add up what they see.
const (
	longBase = 0x4000_0000
	longSize = 5<<20 + 123
	longRuns = 5
)

var longPort = capability.Port{0x10, 0x46}

// startLong is Start with memory for long messages.
func (nd *Node) startLong(program int) *proc.Process {
	p := nd.Start(program)
	p.Space.Map(longBase, 8<<20, vm.Region{Prot: vm.ProtRead | vm.ProtWrite}, true)
	return p
}

// paint fills the long buffer; look says whether it is so painted.
func (u *User) paint(color byte) {
	b := make([]byte, longSize)
	for i := range b {
		b[i] = byte(i>>12) ^ byte(i) + color
	}
	u.touch(longBase, longSize).CopyOut(longBase, b)
}

func (u *User) look(color byte) bool {
	b := make([]byte, longSize)
	u.touch(longBase, longSize).CopyIn(b, longBase)
	for i := range b {
		if b[i] != byte(i>>12)^byte(i)+color {
			return false
		}
	}
	return true
}

// longServer counts damaged requests in B.
var longServer = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: longPort}), longBase, longSize)
	case 1:
		color := byte(u.header().Offset)
		if u.Ret != longSize || !u.look(color) {
			u.SetB(u.B() + 1)
		}
		u.SetA(u.A() + 1)
		u.paint(color + 1)
		u.Call(2, abi.SysPutrep, u.putHeader(std.Header{Offset: uint64(color)}), longBase, longSize)
	case 2:
		if u.Ret != 0 {
			u.SetB(u.B() + 100)
		}
		u.Goto(0)
	}
})

// longClient counts calls in A and failures in B.
var longClient = Register(func(u *User) {
	switch u.PC() {
	case 0:
		if u.A() == longRuns {
			u.Call(0, abi.SysPause)
			return
		}
		u.paint(byte(u.A() * 10))
		u.Call(1, abi.SysTrans, u.putHeader(std.Header{Port: longPort.Put(), Offset: u.A() * 10}), longBase, longSize, longBase, longSize)
	case 1:
		if u.Ret != longSize || !u.look(byte(u.A()*10)+1) {
			u.SetB(u.B() + 1)
		}
		u.SetA(u.A() + 1)
		u.Goto(0)
	}
})

// Long messages pass unharmed between processes on one node and on two, and while
// both of them move about.
func TestLong_BothMove(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 3, seed)
			w.Wire.Delay = 1e6 // so that a transfer takes long enough for moves
			w.Wire.Loss, w.Wire.Dup = 0.01*float64(seed%3), 0.01*float64(seed%2)
			server := w.Nodes[1].startLong(longServer).PID
			client := w.Nodes[1+min(seed, 1)].startLong(longClient).PID
			w.watch(server)
			leader := func(pid int32) *abi.Frame { return w.Nodes[w.On(pid)].Tab.Process(pid).Leader().Frame }
			for i := 0; ; i++ {
				if i > 40_000 {
					t.Fatalf("never done\n%s", w.Describe())
				}
				if on := w.On(client); on != 0 && leader(client).R13 == longRuns {
					break
				}
				pause := 4
				if leaves() { // a transfer begins when all of what it needs is there
					pause = 400
				}
				if who := []int32{server, client}[i%2]; seed > 1 && i%pause < 2 {
					if on := w.On(who); on != 0 {
						w.Host.Migrate(who, on, on%3+1, func(api.MigrateReply) {})
					}
				}
				w.Run(1e6)
			}
			w.RunUntil(10e9, "the server to be somewhere", func() bool { return w.On(server) != 0 })
			if bad := leader(client).R12; bad != 0 {
				t.Errorf("%d of %d calls failed", bad, longRuns)
			}
			if f := leader(server); f.R12 != 0 || f.R13 != longRuns {
				t.Errorf("%d requests, errors %d", f.R13, f.R12)
			}
			moves := w.Nodes[w.On(server)].Tab.Process(server).Moves + w.Nodes[w.On(client)].Tab.Process(client).Moves
			if seed > 1 && (moves < 1 || moves < 2 && *strategy == "copy") {
				t.Errorf("%d moves only", moves)
			}
			t.Logf("%d moves", moves)
		})
	}
}

// Both sides get a clear end when one of them has no room, or no memory. The client
// keeps the result of trans in A and the status in the reply in B, the server what
// came of getreq in A and of putrep in B.
func TestLong_Refused(t *testing.T) {
	for name, test := range map[string]struct {
		call         []uint64 // trans: request, size, reply, room
		room, answer uint64   // getreq's room, size of the reply
		trans        std.Status
		getreq       std.Status
		putrep       std.Status
		inReply      bool
	}{
		"request":         {[]uint64{longBase, longSize, longBase, 0}, 1 << 20, 0, std.Overflow, std.Overflow, 0, true},
		"short request":   {[]uint64{longBase, 1000, longBase, 0}, 999, 0, std.Overflow, std.Overflow, 0, true},
		"reply":           {[]uint64{longBase, 0, longBase, 1 << 20}, 0, longSize, std.Overflow, 0, std.Overflow, false},
		"short reply":     {[]uint64{longBase, 0, longBase, 999}, 0, 1000, std.Overflow, 0, 0, false},
		"no such request": {[]uint64{1 << 40, longSize, longBase, 0}, longSize, 0, std.RPCBadAddress, 1, 0, false},
		"no such room":    {[]uint64{longBase, 0, 1 << 40, longSize}, 0, longSize, std.RPCBadAddress, 0, std.Overflow, false},
		"33 bits":         {[]uint64{longBase, 1 << 32, longBase, 0}, 0, 0, std.Overflow, 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			for on := 1; on <= 2; on++ {
				w := New(t, 2, 1)
				refusedTest = refusal{test.call, test.room, test.answer}
				s := w.Nodes[1].startLong(refusingServer)
				c := w.Nodes[on].startLong(refusedClient)
				w.Run(3e9)
				cf, sf := c.Leader().Frame, s.Leader().Frame
				trans := std.Status(int64(cf.R13))
				if test.inReply && trans == 0 {
					trans = std.Status(int64(cf.R12))
				}
				if trans != test.trans {
					t.Errorf("client on %d: trans ended with %v, want %v", on, trans, test.trans)
				}
				if test.getreq != 1 && std.Status(int64(sf.R13)) != test.getreq {
					t.Errorf("client on %d: getreq ended with %v, want %v", on, std.Status(int64(sf.R13)), test.getreq)
				}
				if test.getreq == 1 && sf.R14 != 1 {
					t.Errorf("client on %d: the server does not wait in getreq", on)
				}
				if std.Status(int64(sf.R12)) != test.putrep {
					t.Errorf("client on %d: putrep ended with %v, want %v", on, std.Status(int64(sf.R12)), test.putrep)
				}
			}
		})
	}
}

type refusal struct {
	call         []uint64
	room, answer uint64
}

var refusedTest refusal

var refusedClient = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysTrans, append([]uint64{u.putHeader(std.Header{Port: longPort.Put()})}, refusedTest.call...)...)
	case 1:
		u.SetA(uint64(min(u.Ret, 0)))
		h := u.header()
		u.SetB(uint64(h.Status()))
		u.Call(2, abi.SysPause)
	}
})

var refusingServer = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: longPort}), longBase, refusedTest.room)
	case 1:
		u.SetA(uint64(min(u.Ret, 0)))
		if u.Ret < 0 {
			u.Call(3, abi.SysPause)
			return
		}
		u.Call(2, abi.SysPutrep, u.putHeader(std.Header{}), longBase, refusedTest.answer)
	case 2:
		u.SetB(uint64(u.Ret))
		u.Call(3, abi.SysPause)
	}
})
