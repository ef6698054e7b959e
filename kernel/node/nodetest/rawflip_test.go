package nodetest

import (
	"encoding/binary"
	"fmt"
	"testing"

	"motile/ipc/flip"
	"motile/ipc/raw"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
)

// Where the programs of these tests keep things.
const (
	privateAt = 20480
	packetAt  = 20544
	rawAt     = 32768
)

var echoPrivate = flip.Address{0xec, 0x40}

func (u *User) packet() (pk raw.Packet) {
	pk.Get((*[raw.PacketLen]byte)(u.Get(packetAt, raw.PacketLen)))
	return pk
}

func (u *User) putPacket(pk raw.Packet) uint64 {
	var b [raw.PacketLen]byte
	pk.Put(&b)
	return u.Put(packetAt, b[:])
}

func (u *User) must(call string) {
	if u.Ret < 0 {
		panic(fmt.Sprintf("%s: %v", call, std.Status(u.Ret)))
	}
}

// flipEcho sends back what comes. A counts.
var flipEcho = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysFlipInit)
	case 1:
		u.must("init")
		u.Call(2, abi.SysFlipRegister, 0, u.Put(privateAt, echoPrivate[:]), 0)
	case 2:
		u.must("register")
		u.Goto(3)
	case 3:
		u.Call(4, abi.SysFlipReceive, 0, u.putPacket(raw.Packet{}), DataBase+rawAt, 4096, ^uint64(0))
	case 4:
		u.must("receive")
		pk := u.packet()
		u.Goto(3)
		if pk.Kind != raw.Unicast {
			return // a notice: its client is gone, or will ask again
		}
		u.SetA(u.A() + 1)
		u.Call(3, abi.SysFlipUnicast, 0, u.putPacket(raw.Packet{Address: pk.Address, Endpoint: 1}), DataBase+rawAt, uint64(u.Ret), 0)
	}
})

const (
	echoes    = 10000
	echoAfter = 100 // ms until a message is sent again
)

// flipClient sends numbered messages and waits for each to come back: A is the number,
// B counts those that were sent more than once.
var flipClient = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysFlipInit)
	case 1:
		private := flip.Address{1: byte(u.t.TID), 2: byte(u.t.TID >> 8), 3: byte(u.t.TID >> 16), 4: 1}
		u.Call(2, abi.SysFlipRegister, 0, u.Put(privateAt, private[:]), 0)
	case 2:
		u.must("register")
		u.Goto(3)
	case 3: // send number A
		if u.A() == echoes {
			line := fmt.Sprintf("done, %d again\n", u.B())
			u.Print(5, 1, line)
			return
		}
		size := 8 + u.A()%7*300 // of one fragment and of several
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], u.A())
		u.Call(4, abi.SysFlipUnicast, 0, u.putPacket(raw.Packet{Address: echoPrivate.Public(), Endpoint: 1, Token: u.A()}),
			u.Put(rawAt, n[:]), size, 5000)
	case 4:
		u.must("unicast")
		u.Call(6, abi.SysFlipReceive, 0, u.putPacket(raw.Packet{}), DataBase+rawAt, 4096, echoAfter)
	case 5:
		u.Call(0, abi.SysExitGroup, 0)
	case 6:
		if u.Ret == int64(std.FlipTimeout) {
			u.SetB(u.B() + 1)
			u.Goto(3)
			return
		}
		u.must("receive")
		pk := u.packet()
		switch n := binary.LittleEndian.Uint64(u.Get(rawAt, 8)); {
		case pk.Kind == raw.NotDelivered:
			u.Goto(3)
		case pk.Address != echoPrivate.Public() || n > u.A() || int64(pk.Size) != u.Ret || uint64(u.Ret) != 8+n%7*300:
			panic(fmt.Sprintf("number %d, %d bytes, %+v", n, u.Ret, pk))
		case n < u.A(): // of one that was sent again: wait on
			u.Goto(4)
			u.Ret = 0
		default:
			u.SetA(u.A() + 1)
			u.Goto(3)
		}
	}
})

// Both ends of a raw echo move while they exchange messages, on a wire that loses and
// doubles some. Who waits in flip_receive waits on where the process goes.
func TestRawFlip_EchoMoves(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := New(t, 3, seed)
			w.Wire.Loss, w.Wire.Dup = 0.01*float64(seed%3), 0.01*float64(seed%2)
			out := w.Host.NewObject()
			server := w.Nodes[1].Start(flipEcho).PID
			client := w.Nodes[2].Start(flipClient, nil, w.Nodes[2].Remote(out)).PID
			w.watch(server)
			w.watch(client)
			moves := 0
			for i := 0; len(out.Out) == 0; i++ {
				if i > 6000 {
					t.Fatalf("never done\n%s", w.Describe())
				}
				who := server
				if i%2 == 1 {
					who = client
				}
				if on := w.On(who); on != 0 {
					w.Host.Migrate(who, on, on%3+1, func(r api.MigrateReply) {
						if r.Error == "" {
							moves++
						}
					})
				}
				w.Run(4e6)
			}
			var again int
			if _, err := fmt.Sscanf(string(out.Out), "done, %d again\n", &again); err != nil {
				t.Fatalf("%q", out.Out)
			}
			w.RunUntil(5e9, "the server is somewhere", func() bool { return w.On(server) != 0 })
			p := w.Nodes[w.On(server)].Tab.Process(server)
			if got := p.Leader().Frame.R13; got < echoes {
				t.Errorf("%d of %d messages echoed", got, echoes)
			}
			if moves < 10 {
				t.Errorf("only %d moves", moves)
			}
			// What is refused after its sender was frozen is lost; nothing else is.
			if w.Wire.Loss == 0 && again > moves/100 {
				t.Errorf("%d messages were lost on a good wire, with %d moves", again, moves)
			}
			t.Logf("%d moves, %d of %d sent again", moves, again, echoes)
			w.Nodes[w.On(server)].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
			w.Run(5e9)
			w.CheckEmpty()
		})
	}
}

// flipScript makes the calls of a script, one after the other, and checks what each
// returns. Then it pauses.
var flipScript = Register(func(u *User) {
	i := int(u.PC())
	if u.Signal != 0 {
		handled++
		u.Return()
		return
	}
	if i > 0 && script[i-1].want != u.Ret {
		script[i-1].failed(u.Ret)
	}
	if i == len(script) {
		u.Call(u.PC(), abi.SysPause)
		return
	}
	c := &script[i]
	u.Call(u.PC()+1, c.nr, c.args(u)...)
})

// scripted is one call and what it is to return.
type scripted struct {
	nr     uint64
	args   func(u *User) []uint64
	want   int64
	failed func(got int64)
}

var (
	script  []scripted
	handled int // signals
)

func args(a ...uint64) func(*User) []uint64 { return func(*User) []uint64 { return a } }

// runScript makes the calls in a process of its own, on node 1.
func runScript(t *testing.T, w *World, calls []scripted) *proc.Process {
	t.Helper()
	script, handled = calls, 0
	for i := range script {
		script[i].failed = func(got int64) {
			t.Errorf("call %d (%#x): %d (%v), want %d", i, script[i].nr, got, std.Status(got), script[i].want)
		}
	}
	return w.Nodes[1].Start(flipScript)
}

const unmapped = 0x10

// What a program may not do is refused, and says how.
func TestRawFlip_BadArguments(t *testing.T) {
	w := New(t, 1, 3)
	registered := func(private flip.Address, flags uint64) func(u *User) []uint64 {
		return func(u *User) []uint64 { return []uint64{0, u.Put(privateAt, private[:]), flags} }
	}
	send := func(pk raw.Packet, size, last uint64) func(u *User) []uint64 {
		return func(u *User) []uint64 { return []uint64{0, u.putPacket(pk), DataBase + rawAt, size, last} }
	}
	to := flip.Address{9}
	const fail, argBad, badAddress = int64(std.FlipFail), int64(std.ArgBad), int64(std.RPCBadAddress)
	calls := []scripted{
		{nr: abi.SysFlipEnd, args: args(0), want: fail},
		{nr: abi.SysFlipReceive, args: args(0, DataBase, DataBase, 10, 0), want: fail},
	}
	for i := range raw.MaxInterfaces {
		calls = append(calls, scripted{nr: abi.SysFlipInit, args: args(), want: int64(i)})
	}
	calls = append(calls, []scripted{
		{nr: abi.SysFlipInit, args: args(), want: int64(std.NoSpace)},
		{nr: abi.SysFlipEnd, args: args(3), want: 0},
		{nr: abi.SysFlipEnd, args: args(3), want: fail},
		{nr: abi.SysFlipInit, args: args(), want: 3},
		{nr: abi.SysFlipEnd, args: args(1<<63 + 1), want: fail},
		{nr: abi.SysFlipRegister, args: args(0, unmapped, 0), want: badAddress},
		{nr: abi.SysFlipRegister, args: registered(flip.Address{1}, 2), want: argBad},
		{nr: abi.SysFlipRegister, args: registered(flip.Address{1}, 0), want: 1},
		{nr: abi.SysFlipRegister, args: registered(flip.Address{1}, 0), want: int64(std.Exists)},
		{nr: abi.SysFlipRegister, args: registered(flip.Address{2}, uint64(raw.AsGroup)), want: 2},
		{nr: abi.SysFlipRegister, args: registered(flip.Address{}, 0), want: 3},
		{nr: abi.SysFlipUnregister, args: args(0, 4), want: fail},
		{nr: abi.SysFlipUnregister, args: args(0, 1<<32+1), want: fail},
		{nr: abi.SysFlipUnicast, args: args(0, unmapped, DataBase, 1, 0), want: badAddress},
		{nr: abi.SysFlipUnicast, args: send(raw.Packet{Address: to, Endpoint: 1}, 1<<40, 0), want: int64(std.Overflow)},
		{nr: abi.SysFlipUnicast, args: send(raw.Packet{Address: to, Endpoint: 1}, raw.MaxMessage+1, 0), want: int64(std.Overflow)},
		{nr: abi.SysFlipUnicast, args: send(raw.Packet{Address: to, Endpoint: 1}, 4, 1<<63), want: argBad},
		{nr: abi.SysFlipUnicast, args: send(raw.Packet{Endpoint: 1}, 4, 0), want: argBad},
		{nr: abi.SysFlipUnicast, args: send(raw.Packet{Address: to, Endpoint: 1, Flags: 8}, 4, 0), want: argBad},
		{nr: abi.SysFlipUnicast, args: send(raw.Packet{Address: to, Endpoint: 2}, 4, 0), want: fail}, // a group's
		{nr: abi.SysFlipUnicast, args: send(raw.Packet{Address: to, Endpoint: 1 << 31}, 4, 0), want: fail},
		{nr: abi.SysFlipUnicast, args: func(u *User) []uint64 {
			return []uint64{0, u.putPacket(raw.Packet{Address: to, Endpoint: 1}), unmapped, 4, 0}
		}, want: badAddress},
		{nr: abi.SysFlipUnicast, args: func(u *User) []uint64 {
			return []uint64{0, u.putPacket(raw.Packet{Address: to, Endpoint: 1}), unmapped, 4096, 0}
		}, want: badAddress},
		{nr: abi.SysFlipBroadcast, args: send(raw.Packet{Endpoint: 1}, 4, 0), want: argBad},
		{nr: abi.SysFlipBroadcast, args: send(raw.Packet{Endpoint: 1}, 4, 1<<32), want: argBad},
		{nr: abi.SysFlipMulticast, args: send(raw.Packet{Address: to, Endpoint: 1}, 4, 1<<40), want: argBad},
		{nr: abi.SysFlipMulticast, args: send(raw.Packet{Endpoint: 1}, 4, 1), want: argBad},
		{nr: abi.SysFlipBroadcast, args: send(raw.Packet{Endpoint: 1}, 100, 25), want: 0},
		{nr: abi.SysFlipMulticast, args: send(raw.Packet{Address: flip.Address{2}.Public(), Endpoint: 1}, 200, 1), want: 0},
		// The broadcast is here, since endpoint 3 listens. It stays until it fits.
		{nr: abi.SysFlipReceive, args: args(0, DataBase, DataBase+rawAt, 99, 0), want: int64(std.Overflow)},
		{nr: abi.SysFlipReceive, args: args(0, unmapped, DataBase+rawAt, 100, 0), want: badAddress},
		{nr: abi.SysFlipReceive, args: args(0, DataBase, unmapped, 100, 0), want: badAddress},
		{nr: abi.SysFlipReceive, args: args(0, DataBase, 1<<64-1, 100, 0), want: badAddress},
		{nr: abi.SysFlipReceive, args: args(0, DataBase, DataBase+rawAt, 100, 0), want: 100},
		{nr: abi.SysFlipReceive, args: args(0, DataBase, DataBase+rawAt, 1<<63, 0), want: 200},
		{nr: abi.SysFlipReceive, args: args(0, DataBase, DataBase+rawAt, 100, 0), want: int64(std.FlipTimeout)},
		{nr: abi.SysFlipReceive, args: args(0, DataBase, DataBase+rawAt, 100, 50), want: int64(std.FlipTimeout)},
	}...)
	for i := range raw.MaxEndpoints - 3 { // together with the three there are
		calls = append(calls, scripted{nr: abi.SysFlipRegister, args: registered(flip.Address{3, byte(i)}, 0), want: int64(4 + i)})
	}
	calls = append(calls, scripted{nr: abi.SysFlipRegister, args: registered(flip.Address{4}, 0), want: int64(std.NoSpace)})
	// Messages that nobody takes: so many may wait, and then there is no room.
	for range raw.MaxSent {
		calls = append(calls, scripted{nr: abi.SysFlipUnicast, args: send(raw.Packet{Address: to, Endpoint: 1}, 1000, 60_000), want: 0})
	}
	calls = append(calls, scripted{nr: abi.SysFlipUnicast, args: send(raw.Packet{Address: to, Endpoint: 1}, 4, 0), want: int64(std.FlipNoPacket)})
	p := runScript(t, w, calls)
	w.RunUntil(5e9, "through", func() bool { return p.Leader().Call.Nr == abi.SysPause })
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	w.Run(1e9)
	w.CheckEmpty()
}

// A process takes along what waits in its queue, what has not left, its numbers and
// counters; a message that finds nobody comes back as a notice.
func TestRawFlip_QueueMoves(t *testing.T) {
	w := New(t, 2, 4)
	here, group := flip.Address{5}, flip.Address{6}
	register := func(private flip.Address, flags uint64) func(u *User) []uint64 {
		return func(u *User) []uint64 { return []uint64{1, u.Put(privateAt, private[:]), flags} }
	}
	say := func(to flip.Address, token uint64, text string, last uint64) func(u *User) []uint64 {
		return func(u *User) []uint64 {
			pk := raw.Packet{Address: to, Endpoint: 2, Token: token}
			return []uint64{1, u.putPacket(pk), u.Put(rawAt, []byte(text)), uint64(len(text)), last}
		}
	}
	receive := func(u *User) []uint64 { return []uint64{1, DataBase + packetAt, DataBase + rawAt, 4096, 10_000} }
	var got []string
	var noticed int64
	look := func(u *User) []uint64 {
		pk := u.packet()
		if pk.Kind == raw.NotDelivered {
			noticed = w.Now
		}
		got = append(got, fmt.Sprintf("%v at %d token %d: %q", pk.Kind, pk.Endpoint, pk.Token, u.Get(rawAt, int(pk.Size))))
		return nil
	}
	nobody := flip.Address{7}
	p := runScript(t, w, []scripted{
		{nr: abi.SysFlipInit, args: args(), want: 0},
		{nr: abi.SysFlipInit, args: args(), want: 1},
		{nr: abi.SysFlipRegister, args: register(group, uint64(raw.AsGroup)), want: 1},
		{nr: abi.SysFlipRegister, args: register(here, 0), want: 2},
		{nr: abi.SysFlipEnd, args: args(0), want: 0},
		{nr: abi.SysFlipUnicast, args: say(here.Public(), 0, "to myself", 3000), want: 0},
		{nr: abi.SysFlipMulticast, args: say(group.Public(), 0, "to us", 1), want: 0},
		{nr: abi.SysFlipUnicast, args: say(nobody, 77, "to nobody", 3000), want: 0},
		{nr: abi.SysNanosleep, args: func(u *User) []uint64 { return []uint64{u.Put(0, timespec(1e9)), 0} }, want: 0}, // it moves
		{nr: abi.SysFlipReceive, args: receive, want: 9},
		{nr: abi.SysGetpid, args: look, want: 1000000},
		{nr: abi.SysFlipReceive, args: receive, want: 5},
		{nr: abi.SysGetpid, args: look, want: 1000000},
		{nr: abi.SysFlipReceive, args: receive, want: 0}, // the notice, when the three seconds are over
		{nr: abi.SysGetpid, args: look, want: 1000000},
		{nr: abi.SysFlipUnicast, args: say(here.Public(), 0, "again", 0), want: 0},
		{nr: abi.SysFlipReceive, args: receive, want: 5},
		{nr: abi.SysGetpid, args: look, want: 1000000},
	})
	for i := range script {
		if script[i].nr == abi.SysGetpid {
			script[i].want = int64(p.PID)
		}
	}
	pid, began := p.PID, w.Now
	w.Run(500e6)
	w.Move(pid, 2)
	w.RunUntil(10e9, "notified", func() bool { return noticed != 0 })
	if took := noticed - began; took < 2500e6 || took > 4500e6 {
		t.Errorf("the notice came after %d ms, of 3000", took/1e6)
	}
	w.RunUntil(10e9, "through", func() bool {
		p := w.Nodes[2].Tab.Process(pid)
		return p != nil && p.Leader().Call.Nr == abi.SysPause
	})
	want := []string{`unicast at 2 token 0: "to myself"`, `multicast at 1 token 0: "to us"`,
		`not delivered at 2 token 77: ""`, `unicast at 2 token 0: "again"`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("received\n%q, want\n%q", got, want)
	}
	w.Nodes[2].Tab.Signal(w.Nodes[2].Tab.Process(pid), proc.Info{Signo: abi.SIGKILL})
	w.Run(1e9)
	w.CheckEmpty()
}

// A signal ends a flip_receive, unless its handler has SA_RESTART: then it runs on top,
// and the call goes on, also where the process has moved.
func TestRawFlip_Signals(t *testing.T) {
	for name, restart := range map[string]bool{"restarted": true, "aborted": false} {
		t.Run(name, func(t *testing.T) {
			w := New(t, 2, 5)
			flags, want := uint64(0), int64(std.RPCAborted)
			if restart {
				flags, want = proc.SaRestart, int64(std.FlipTimeout)
			}
			p := runScript(t, w, []scripted{
				{nr: abi.SysFlipInit, args: args(), want: 0},
				{nr: abi.SysRtSigaction, want: 0, args: func(u *User) []uint64 {
					u.Handle(u.PC(), abi.SIGUSR1, flags)
					f := u.t.Frame
					return []uint64{f.DI, f.SI, f.DX, f.R10}
				}},
				{nr: abi.SysFlipReceive, args: args(0, DataBase, DataBase+rawAt, 10, 2000), want: want},
			})
			began := w.Now
			w.Run(500e6)
			w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGUSR1})
			w.Run(100e6)
			if restart {
				w.Move(p.PID, 2)
				p = w.Nodes[2].Tab.Process(p.PID)
				w.Nodes[2].Tab.Signal(p, proc.Info{Signo: abi.SIGUSR1})
			}
			w.RunUntil(10e9, "through", func() bool { return p.Leader().Call.Nr == abi.SysPause })
			if took := w.Now - began; restart && (took < 1900e6 || took > 2200e6) || !restart && took > 700e6 {
				t.Errorf("the call took %d ms", took/1e6)
			}
			if want := map[bool]int{true: 2, false: 1}[restart]; handled != want {
				t.Errorf("%d signals were handled, want %d", handled, want)
			}
		})
	}
}
