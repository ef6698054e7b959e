package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/proc"
	"motile/proc/api"
	"motile/proc/api/movestep"
)

// carrier is a user-level migration server with one thread: what servers/cmd/motiled/mover.go
// does. It keeps the number of its message in A, and the length of the answer in B.
var carrier = Register(func(u *User) {
	const (
		messageAt, messageRoom = 8192, 600 << 10
		answerAt, answerRoom   = messageAt + messageRoom, 64 << 10
	)
	key := api.Key{1, 2, 3} // World.Key
	next := func(h std.Header, n uint64) {
		h.Command = api.MoveNext
		u.putHeader(h)
		u.SetB(n)
		u.Call(1, abi.SysNodeInfo)
	}
	switch u.PC() {
	case 0:
		next(std.Header{}, 0)
	case 1:
		h := u.header()
		h.SetCapability(key.NodeCap(int(u.Ret)))
		u.Call(2, abi.SysTrans, u.putHeader(h), DataBase+answerAt, u.B(), DataBase+messageAt, messageRoom)
	case 2:
		h := u.header()
		if u.Ret < 0 || h.Status() != std.OK {
			next(std.Header{}, 0)
			return
		}
		u.SetA(h.Offset)
		to := std.Header{Command: h.Extra}
		to.SetCapability(key.NodeCap(int(h.Object)))
		u.Call(3, abi.SysTrans, u.putHeader(to), DataBase+messageAt, uint64(u.Ret), DataBase+answerAt, answerRoom)
	case 3:
		if u.Ret < 0 {
			next(std.Header{Offset: u.A(), Extra: uint32(u.Ret)}, 0)
			return
		}
		next(std.Header{Offset: u.A(), Size: u.header().Command}, uint64(u.Ret))
	}
})

// carry starts a server on node 1, and has the mover moved by servers.
func (m *mover) carry() *proc.Process {
	m.server = "user"
	p := m.w.Nodes[1].Start(carrier)
	m.w.Run(10e6)
	return p
}

// ordered orders the move and waits for what comes of it.
func (m *mover) ordered() api.MigrateReply {
	m.w.T.Helper()
	m.reply = nil
	m.order()
	m.w.RunUntil(30e9, "an answer to the order", func() bool { return m.reply != nil })
	return *m.reply
}

// unharmed checks that the mover is on node 1, and that nothing of the move is left anywhere.
func (m *mover) unharmed() {
	m.w.T.Helper()
	m.w.Run(20e9)
	m.remain(1)
	s := m.w.Nodes[1].Leftovers() // what the process has open may be there
	for _, none := range []string{" 0 moves out", " 0 messages for servers"} {
		if s != "" && !strings.Contains(s, none) {
			m.w.T.Errorf("node 1: %s", s)
		}
	}
}

// Two servers carry a move, and then the next one to where they have gone themselves.
func TestMover_Moves(t *testing.T) {
	m := newMover(t, true)
	first, second := m.carry(), m.carry()
	if r := m.ordered(); r.Error != "" || r.Report.Server != "user" {
		t.Fatalf("%+v", r)
	}
	m.remain(2)
	for _, p := range []*proc.Process{first, second} {
		m.w.Move(p.PID, 2)
	}
	var back *api.MigrateReply
	m.w.Host.migrate(api.MigrateRequest{PID: m.pids[0], Target: 1, Tree: true, Server: "user"}, 2, func(r api.MigrateReply) { back = &r })
	m.w.RunUntil(30e9, "moved back", func() bool { return back != nil })
	if back.Error != "" {
		t.Fatal(back.Error)
	}
	m.remain(1)
}

// Without a server, by one that does not exist, and of the only server: refused before
// anything stands still.
func TestMover_Refused(t *testing.T) {
	m := newMover(t, false)
	m.server = "user"
	refused := func(want string) {
		t.Helper()
		if r := m.ordered(); !strings.Contains(r.Error, want) || r.Report.FreezeUs != 0 {
			t.Errorf("%+v, want %q", r, want)
		}
		m.unharmed()
	}
	refused("node 1 has no user-level migration server; start one: motiled mover &")
	m.server = "none"
	refused(`there is no migration server "none"; there are kernel and user`)
	p := m.carry()
	m.w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	m.w.Run(10e6)
	refused("has no user-level migration server")
	p = m.carry()
	var reply *api.MigrateReply
	m.w.Host.migrate(api.MigrateRequest{PID: p.PID, Target: 2, Server: "user"}, 1, func(r api.MigrateReply) { reply = &r })
	m.w.RunUntil(10e9, "an answer", func() bool { return reply != nil })
	if !strings.Contains(reply.Error, "cannot carry itself") {
		t.Errorf("%+v", reply)
	}
}

// A request for messages needs the right, and to be of a process of the node.
func TestMover_IsOfTheNode(t *testing.T) {
	m := newMover(t, false)
	if e := m.w.ask(m.w.Key.NodeCap(1), std.Header{Command: api.MoveNext}, nil); e.Header.Status() != std.NotNow {
		t.Errorf("from elsewhere: %v", e.Header.Status())
	}
	weak := m.w.Key.NodeCap(1)
	weak.Rights = 0
	if e := m.w.ask(weak, std.Header{Command: api.MoveNext}, nil); e.Header.Status() == std.NotNow || e.Header.Status() == std.OK {
		t.Errorf("without the right: %v", e.Header.Status())
	}
}

// The server ends at each step of a move, or stops: before the commit line the process runs on
// where it was, and another server moves it; after it, it arrives.
func TestMover_Ends(t *testing.T) {
	for _, signal := range []int32{abi.SIGKILL, abi.SIGSTOP} {
		for _, tree := range []bool{false, true} {
			for _, s := range movestep.All {
				t.Run(fmt.Sprintf("signal %d/tree %v/%v", signal, tree, s), func(t *testing.T) {
					m := newMover(t, tree)
					p := m.carry()
					m.strike(s, func() {
						m.w.due = append(m.w.due, func() { m.w.Nodes[1].Tab.Signal(p, proc.Info{Signo: signal}) })
					})
					m.w.RunUntil(15e9, "an answer to the order", func() bool { return m.reply != nil })
					if s.Committing() {
						if m.reply.Error != "" {
							t.Error(m.reply.Error)
						}
						m.remain(2)
						return
					}
					want := "the user-level migration server of node 1 has ended"
					if signal == abi.SIGSTOP {
						want = "the user-level migration server of node 1 does not answer (for 12 s)"
					}
					if m.reply.Error != want {
						t.Fatalf("%+v, want %q", m.reply, want)
					}
					m.unharmed()
					m.w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
					m.carry()
					if r := m.ordered(); r.Error != "" {
						t.Fatal(r.Error)
					}
					m.remain(2)
				})
			}
		}
	}
}

// A server leaves with a message: as if it had ended.
func TestMover_Leaves(t *testing.T) {
	m := newMover(t, false)
	p := m.carry()
	m.strike(movestep.All[0], func() {
		m.w.due = append(m.w.due, func() { m.w.Host.Migrate(p.PID, 1, 2, func(api.MigrateReply) {}) })
	})
	m.w.RunUntil(12e9, "an answer to the order", func() bool { return m.reply != nil })
	if m.reply.Error != "" { // else it was faster
		m.unharmed()
		if m.w.On(p.PID) != 2 {
			t.Error("the server has not moved")
		}
	}
}

// What precopying sends while a process writes is as it was, on a bad wire too, when two
// servers carry it.
func TestMover_Precopies(t *testing.T) {
	for seed := range uint64(12) {
		w, pid := scribble(t, seed, []int{3, 10, 50}[seed%3])
		w.Wire.Loss = []float64{0, 0.02}[seed%2]
		for _, nd := range w.Nodes[1:] {
			nd.Start(carrier)
			nd.Start(carrier)
		}
		w.Run(10e6)
		for i := range 4 {
			var reply *api.MigrateReply
			q := api.MigrateRequest{PID: pid, Target: i%2 + 2, Strategy: "precopy", Server: "user"}
			w.Host.migrate(q, w.On(pid), func(r api.MigrateReply) { reply = &r })
			w.RunUntil(60e9, "moved", func() bool { return reply != nil })
			if reply.Error != "" || len(reply.Report.Rounds) == 0 || reply.Report.Server != "user" {
				t.Fatalf("seed %d: %+v", seed, reply)
			}
			scribbling.check(t, w.Nodes[w.On(pid)].Tab.Process(pid).Space)
			w.Run(20e6)
		}
	}
}
