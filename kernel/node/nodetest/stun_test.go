package nodetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// stun asks for a stun of a process and returns the answer, and why if it was refused.
func (w *World) stun(pid int32, code int64, flags uint32) (std.Status, string) {
	w.T.Helper()
	e := w.ask(w.Key.ProcessCap(pid), std.Header{Command: api.Stun, Offset: uint64(code), Extra: flags}, nil)
	return e.Header.Status(), string(e.Data)
}

func (w *World) mustStun(pid int32, code int64, flags uint32) {
	w.T.Helper()
	if s, why := w.stun(pid, code, flags); s != std.OK {
		w.T.Fatalf("stun: %v: %s", s, why)
	}
}

func (w *World) resume(pid int32) (std.Status, string) {
	w.T.Helper()
	e := w.ask(w.Key.ProcessCap(pid), std.Header{Command: api.Resume}, nil)
	return e.Header.Status(), string(e.Data)
}

// info is what ps says of a process.
func (w *World) info(pid int32) (in api.ProcessInfo) {
	w.T.Helper()
	e := w.ask(w.Key.ProcessCap(pid), std.Header{Command: api.Info}, nil)
	if err := image.Unmarshal(e.Data, &in); err != nil {
		w.T.Fatal(err)
	}
	return in
}

// has reports on which node a process is, running or not.
func (w *World) has(pid int32) int {
	for _, nd := range w.Nodes[1:] {
		if !nd.dead && nd.Tab.Process(pid) != nil {
			return nd.n
		}
	}
	return 0
}

// migrate moves a process that may stand still.
func (w *World) migrate(pid int32, to int) {
	w.T.Helper()
	var reply *api.MigrateReply
	w.Host.Migrate(pid, w.has(pid), to, func(r api.MigrateReply) { reply = &r })
	w.RunUntil(60e9, "moved", func() bool { return reply != nil })
	if reply.Error != "" {
		w.T.Fatalf("moving %d to node %d: %s\n%s", pid, to, reply.Error, w.Describe())
	}
}

// What a stunned process was doing it goes on with, and nobody gets an error: not a
// server's clients, not a client in the middle of a call, not a sleeper, however long it
// lasts.
func TestStun_AbortsNothing(t *testing.T) {
	for _, code := range []int64{0, -1} {
		w := New(t, 3, 1)
		server := w.Nodes[1].Start(addServer)
		client := w.Nodes[2].Start(walkClient)
		out := w.Host.NewObject()
		sleeper := w.Nodes[3].Start(counter, nil, w.Nodes[3].Remote(out))
		w.Run(500e6)
		for _, p := range []*proc.Process{server, client, sleeper} {
			w.mustStun(p.PID, code, 0)
			before, lines := client.Leader().Frame.R13, len(out.Out)
			w.Run(100e9)
			if now := client.Leader().Frame.R13; p != sleeper && now > before+1 {
				t.Errorf("code %d: %d calls went through", code, now-before)
			}
			if p == sleeper && len(out.Out) != lines {
				t.Errorf("code %d: it printed %q", code, out.Out[lines:])
			}
			if s, why := w.resume(p.PID); s != std.OK {
				t.Fatal(s, why)
			}
			w.Run(500e6)
			if now := client.Leader().Frame.R13; now <= before+1 {
				t.Errorf("code %d: it does not go on\n%s", code, w.Describe())
			}
			if len(out.Out) == lines {
				t.Errorf("code %d: nothing printed", code)
			}
		}
		if failed := client.Leader().Frame.R12; failed != 0 {
			t.Errorf("code %d: %d calls failed", code, failed)
		}
		if made, done := client.Leader().Frame.R13, server.Leader().Frame.R13; done != made && done != made+1 {
			t.Errorf("code %d: the server counted %d, the client %d", code, done, made)
		}
		checkLines(t, out.Out)
	}
}

func TestStun_Kinds(t *testing.T) {
	w := New(t, 2, 1)
	heard := w.Host.NewOwner()
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	pid, c := p.PID, w.Key.ProcessCap(p.PID)
	w.ask(c, std.Header{Command: api.SetOwner}, heard.cap())
	shows := func(state, why string) {
		t.Helper()
		if in := w.info(pid); in.State != state || in.Stun != why {
			t.Errorf("ps shows %q, %q, want %q, %q", in.State, in.Stun, state, why)
		}
	}
	w.mustStun(pid, 7, api.StunQuietly)
	shows("stunned", "code 7")
	if e := w.ask(c, std.Header{Command: std.Info}, nil); string(e.Data) != "Stp test" {
		t.Errorf("info %q", e.Data)
	}
	if s, why := w.stun(pid, 8, api.StunQuietly); s != std.NotNow || !strings.Contains(why, "stunned already (code 7)") {
		t.Errorf("stunned twice: %v, %q", s, why)
	}
	w.mustStun(pid, -3, api.StunQuietly)
	shows("stunned", "emergency, code -3")
	if s, _ := w.stun(pid, 1<<40, 0); s != std.ArgBad {
		t.Errorf("a code that is none: %v", s)
	}
	w.resume(pid)
	w.Run(500e6)
	shows("S", "")
	if s, _ := w.resume(pid); s != std.OK {
		t.Errorf("resumed although it runs: %v", s)
	}
	if len(heard.Told) != 0 {
		t.Errorf("the owner was told of what is transparent: %+v", heard.Told)
	}
	// One that a signal has stopped can be stunned too, and is stopped when it is resumed.
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGSTOP})
	w.Run(100e6)
	w.mustStun(pid, 1, api.StunQuietly)
	shows("stunned", "code 1")
	w.resume(pid)
	shows("T", "")
	// And killed.
	w.mustStun(pid, 1, api.StunQuietly)
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	w.Run(5e9)
	w.CheckEmpty()
	if n := len(heard.Told); n != 1 || heard.Told[0].Extra != abi.SIGKILL {
		t.Errorf("at the end the owner was told %+v", heard.Told)
	}
}

// Between vfork and exec a normal stun waits, for so long; an emergency one does not.
func TestStun_Vfork(t *testing.T) {
	for ms, stuns := range map[uint64]bool{30: true, 5000: false} {
		w := New(t, 2, 7)
		p := w.Nodes[1].Start(spawner, nil)
		u := User{t: p.Leader()}
		u.SetA(ms)
		w.RunUntil(1e9, "forked", func() bool { return len(p.Children) == 1 })
		began := w.Now
		s, why := w.stun(p.PID, 1, 0)
		if stuns != (s == std.OK) || p.Stunned() != stuns || w.Now-began < 20e6 {
			t.Errorf("exec after %d ms: %v, %q after %d ms", ms, s, why, (w.Now-began)/1e6)
		}
		if !stuns && !strings.Contains(why, "vfork") {
			t.Errorf("refused for another reason: %q", why)
		}
		if !stuns {
			child := p.Children[0].PID
			w.mustStun(child, -1, 0)
			w.Run(1e9)
			if w.has(child) == 0 || p.Stunned() {
				t.Errorf("the child was not stunned, or the parent was\n%s", w.Describe())
			}
			w.mustStun(p.PID, -1, 0)
			w.resume(child)
			w.Run(5e9)
			if w.has(child) != 0 || w.has(p.PID) != 1 || len(p.Children) != 1 {
				t.Errorf("the child does not go on, or its parent does\n%s", w.Describe())
			}
		}
		w.resume(p.PID)
		if s := w.Nodes[1].Leftovers(); s != "" && !strings.Contains(s, "process") {
			t.Error(s)
		}
	}
}

// A process that is stunned while it negotiates a move, or its pages are sent, arrives
// stunned.
func TestStun_InAMove(t *testing.T) {
	w := New(t, 2, 1)
	out := w.Host.NewObject()
	pid := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out)).PID
	w.Run(500e6)
	w.Wire.Cut = func(from, to int) bool { return from == 2 && to == 1 } // it does not hear whether it may come
	var reply *api.MigrateReply
	w.Host.Migrate(pid, 1, 2, func(r api.MigrateReply) { reply = &r })
	w.Run(10e6)
	w.mustStun(pid, 3, 0)
	w.Wire.Cut = nil
	w.RunUntil(30e9, "moved", func() bool { return reply != nil })
	lines := len(out.Out)
	w.Run(1e9)
	if in := w.info(pid); reply.Error != "" || in.Node != 2 || in.State != "stunned" || in.Stun != "code 3" || len(out.Out) != lines {
		t.Errorf("%+v\n%+v", reply, in)
	}
}

// A stunned process is moved about; where it is resumed it goes on.
func TestStun_Moves(t *testing.T) {
	w := New(t, 3, 1)
	out := w.Host.NewObject()
	pid := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out)).PID
	w.Run(500e6)
	w.mustStun(pid, 5, 0)
	lines := len(out.Out)
	for _, to := range []int{2, 3, 1, 2} {
		began := w.Now
		w.migrate(pid, to)
		if took := w.Now - began; took > 1e9 {
			t.Errorf("a move of a stunned process took %d ms", took/1e6)
		}
		w.Run(500e6)
		if in := w.info(pid); in.Node != to || in.State != "stunned" || in.Stun != "code 5" || len(out.Out) != lines {
			t.Fatalf("on node %d: %+v", to, in)
		}
	}
	w.resume(pid)
	w.Run(500e6)
	if len(out.Out) == lines {
		t.Error("it does not go on")
	}
	checkLines(t, out.Out)
	// A signal that comes while it is stunned is there when it goes on.
	w.mustStun(pid, 5, 0)
	e := w.ask(w.Key.ProcessCap(pid), std.Header{Command: api.Signal}, must(image.Marshal(api.SignalRequest{Signo: abi.SIGTERM})))
	if e.Header.Status() != std.OK || w.has(pid) == 0 {
		t.Fatal(e.Header.Status())
	}
	w.migrate(pid, 3)
	w.resume(pid)
	w.Run(5e9)
	w.CheckEmpty()
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// decider owns processes: it answers each CHECKPOINT after A ms with status B, and says
// so on descriptor 1.
var ownerPort = capability.Port{0x0e, 0xd}

var decider = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysGetreq, u.putHeader(std.Header{Port: ownerPort}), DataBase+dataAt, 64<<10)
	case 1:
		h, text := u.header(), ""
		if u.Ret > 0 {
			var m api.CheckpointMessage
			if err := image.Unmarshal(u.Get(dataAt, int(u.Ret)), &m); err != nil || m.PID != int32(h.Offset) {
				panic(fmt.Sprint(m.PID, err))
			}
			text = fmt.Sprintf("%d: term %d, %d: code %d, signal %d\n", m.PID, h.Extra, int32(h.Size), m.Code, m.Signal)
		} else {
			text = fmt.Sprintf("%d: ended with %d\n", h.Offset, h.Extra)
		}
		u.Print(2, 1, text)
	case 2:
		u.Call(3, abi.SysNanosleep, u.Put(sleepAt, timespec(int64(u.A())*1e6)), 0)
	case 3:
		u.Call(4, abi.SysPutrep, u.putHeader(std.Header{Command: uint32(u.B())}), DataBase+dataAt, 0)
	case 4:
		u.Goto(0)
	}
})

// failing runs into an illegal instruction after A ms, and says so when it has gone on.
var failing = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysNanosleep, u.Put(sleepAt, timespec(int64(u.A())*1e6)), 0)
	case 1:
		u.Goto(2)
		u.t.Frame.Vector = abi.VecOpcode
	case 2:
		u.Print(3, 1, "went on\n")
	default:
		u.Call(4, abi.SysPause)
	}
})

// owned makes a world in which a decider on node 3 owns a process on node 1.
func owned(t *testing.T, program int, after uint64, answer std.Status) (w *World, p, owner *proc.Process, said, out *Object) {
	w = New(t, 4, 1)
	said, out = w.Host.NewObject(), w.Host.NewObject()
	owner = w.Nodes[3].Start(decider, nil, w.Nodes[3].Remote(said))
	p = w.Nodes[1].Start(program, nil, w.Nodes[1].Remote(out))
	(&User{t: owner.Leader()}).SetA(after)
	(&User{t: owner.Leader()}).SetB(uint64(uint32(answer)))
	if program == failing {
		(&User{t: p.Leader()}).SetA(100)
	}
	c := capability.Owner(ownerPort.Put(), 1, capability.Secret{1})
	w.ask(w.Key.ProcessCap(p.PID), std.Header{Command: api.SetOwner}, c.Append(nil))
	return w, p, owner, said, out
}

// The owner decides, wherever he and the process are by then.
func TestOwner_Decides(t *testing.T) {
	for name, event := range map[string]func(w *World, pid, owner int32){
		"nobody moves": func(*World, int32, int32) {},
		"the owner moves": func(w *World, pid, owner int32) {
			w.migrate(owner, 4)
			w.Run(20e6)
			w.migrate(owner, 2)
		},
		"the process moves": func(w *World, pid, owner int32) {
			w.migrate(pid, 2)
			w.Run(20e6)
			w.migrate(pid, 3)
		},
		"both move": func(w *World, pid, owner int32) {
			w.migrate(pid, 2)
			w.migrate(owner, 1)
			w.migrate(pid, 4)
		},
	} {
		for _, fails := range []bool{false, true} {
			for _, answer := range []std.Status{std.OK, std.Denied} {
				t.Run(fmt.Sprintf("%s/fails %v/%v", name, fails, answer), func(t *testing.T) {
					program := counter
					if fails {
						program = failing
					}
					w, p, owner, said, out := owned(t, program, 1000, answer)
					pid := p.PID
					want, ends := fmt.Sprintf("%d: term 1, 6: code 6, signal 0\n", pid), abi.SIGKILL
					if fails {
						want, ends = fmt.Sprintf("%d: term 2, %d: code 0, signal %d\n", pid, abi.SIGILL, abi.SIGILL), abi.SIGILL|0x80
						w.RunUntil(1e9, "failed", p.Stunned)
					} else {
						w.Run(500e6)
						w.mustStun(pid, 6, 0)
					}
					if in := w.info(pid); !strings.HasSuffix(in.Stun, "; its owner was asked") {
						t.Errorf("ps says %q", in.Stun)
					}
					lines := len(out.Out)
					event(w, pid, owner.PID)
					if len(out.Out) != lines {
						t.Errorf("it runs while its owner thinks: %q", out.Out)
					}
					w.Run(3e9)
					switch q := w.Nodes[max(w.has(pid), 1)].Tab.Process(pid); {
					case answer == std.OK && (q == nil || q.Stunned() || len(out.Out) == lines):
						t.Errorf("it does not go on\n%s", w.Describe())
					case answer != std.OK && q != nil:
						t.Errorf("it was not killed\n%s", w.Describe())
					case answer != std.OK:
						want += fmt.Sprintf("%d: ended with %d\n", pid, ends)
					}
					if string(said.Out) != want {
						t.Errorf("the owner heard\n%swant\n%s", said.Out, want)
					}
				})
			}
		}
	}
}

// An owner who is not there, or dies before he answers, changes nothing.
func TestOwner_Silent(t *testing.T) {
	for name, strike := range map[string]func(w *World, owner *proc.Process){
		"dead before": nil,
		"killed":      func(w *World, o *proc.Process) { w.Nodes[3].Tab.Signal(o, proc.Info{Signo: abi.SIGKILL}) },
		"lost power":  func(w *World, o *proc.Process) { w.Kill(3) },
	} {
		t.Run(name, func(t *testing.T) {
			w, p, owner, _, out := owned(t, counter, 60_000, std.OK)
			pid := p.PID
			w.Run(500e6)
			if strike == nil {
				w.Nodes[3].Tab.Signal(owner, proc.Info{Signo: abi.SIGKILL})
				w.Run(100e6)
			}
			w.mustStun(pid, 6, 0)
			if strike != nil {
				w.Run(500e6)
				strike(w, owner)
			}
			w.Run(120e9)
			if in := w.info(pid); in.State != "stunned" || !strings.Contains(in.Stun, "code 6; its owner does not answer (RPC_") {
				t.Errorf("%+v", in)
			}
			w.migrate(pid, 2) // and it is known there too
			if in := w.info(pid); in.Node != 2 || !strings.Contains(in.Stun, "does not answer (RPC_") {
				t.Errorf("%+v", in)
			}
			lines := len(out.Out)
			w.resume(pid)
			w.Run(500e6)
			if len(out.Out) == lines {
				t.Error("it does not go on")
			}
			checkLines(t, out.Out)
		})
	}
}

// Somebody resumes the process while its owner thinks: his answer comes too late, even
// if he wants to kill it. An emergency asks him anew.
func TestOwner_TooLate(t *testing.T) {
	w, p, _, said, out := owned(t, counter, 1000, std.Denied)
	pid := p.PID
	w.Run(500e6)
	w.mustStun(pid, 6, 0)
	w.Run(200e6)
	w.resume(pid)
	w.Run(5e9)
	if w.On(pid) != 1 || !strings.Contains(string(said.Out), "code 6") {
		t.Errorf("the owner heard %q\n%s", said.Out, w.Describe())
	}
	checkLines(t, out.Out)
	w.mustStun(pid, 6, 0)
	w.Run(200e6)
	w.mustStun(pid, -6, 0)
	w.Run(5e9)
	want := "code 6, signal 0\n" + fmt.Sprintf("%d: term 1, 6: code 6, signal 0\n%[1]d: term 1, -6: code -6, signal 0\n%[1]d: ended with 9\n", pid)
	if w.has(pid) != 0 || !strings.HasSuffix(string(said.Out), want) {
		t.Errorf("the owner heard\n%s\n%s", said.Out, w.Describe())
	}
}

// A signal that nobody catches ends a process that nobody owns, as ever.
func TestOwner_None(t *testing.T) {
	w := New(t, 1, 1)
	p := w.Nodes[1].Start(failing, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	(&User{t: p.Leader()}).SetA(300)
	status := -1
	w.Host.process(p.PID, api.Wait, func(e rpc.Complete) {
		var r api.WaitReply
		if image.Unmarshal(e.Data, &r) == nil {
			status = r.Status
		}
	})
	w.RunUntil(10e9, "ended", func() bool { return status == abi.SIGILL|0x80 })
	w.CheckEmpty()
}

// Who may not kill a process learns who owns it, and gets no right to deal with him.
func TestOwner_Rights(t *testing.T) {
	w, p, _, _, _ := owned(t, counter, 0, std.OK)
	owner, _ := capability.Decode(p.Owner)
	ask := func(rights capability.Rights) capability.Capability {
		c, _ := capability.Restrict(w.Key.ProcessCap(p.PID), rights)
		got, _ := capability.Decode(w.ask(c, std.Header{Command: api.GetOwner}, nil).Data)
		return got
	}
	if got := ask(capability.PSRRead | capability.PSRKill); got != owner {
		t.Errorf("with the right to kill: %+v", got)
	}
	if got := ask(capability.PSRRead); got.Port != owner.Port || got.Object != owner.Object || got.Rights != 0 || got.Check == owner.Check {
		t.Errorf("without: %+v", got)
	}
	reader, _ := capability.Restrict(w.Key.ProcessCap(p.PID), capability.PSRRead)
	if e := w.ask(reader, std.Header{Command: api.SetOwner}, owner.Append(nil)); e.Header.Status() != std.Denied {
		t.Errorf("set without the right: %v", e.Header.Status())
	}
}

// What an owner is told of a stunned process is enough to make another of it.
func TestOwner_Snapshot(t *testing.T) {
	w := New(t, 2, 1)
	heard := w.Host.NewOwner()
	heard.Answer = std.Denied
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))
	w.ask(w.Key.ProcessCap(p.PID), std.Header{Command: api.SetOwner}, heard.cap())
	w.Run(550e6)
	w.mustStun(p.PID, 6, 0)
	w.RunUntil(10e9, "killed", func() bool { return w.has(p.PID) == 0 })
	lines := strings.Count(string(out.Out), "\n")
	var m api.CheckpointMessage
	if err := image.Unmarshal(heard.Data[0], &m); err != nil || len(m.Image) == 0 || m.Without != "" || m.Code != 6 {
		t.Fatalf("%+v, %v", m, err)
	}
	var r api.ExecReply
	e := w.ask(w.Key.NodeCap(2), std.Header{Command: api.Exec}, must(image.Marshal(api.ExecRequest{Image: m.Image})))
	if err := image.Unmarshal(e.Data, &r); err != nil || r.Refused != "" || w.On(r.PID) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.Run(1e9)
	if n := strings.Count(string(out.Out), "\n"); n < lines+9 {
		t.Errorf("%d lines, then %d", lines, n)
	}
	checkLines(t, out.Out)
	c, _ := capability.Decode(m.Snapshot)
	if e := w.ask(c, std.Header{Command: std.Destroy}, nil); e.Header.Status() != std.OK {
		t.Errorf("destroy: %v", e.Header.Status())
	}
	w.Nodes[2].Tab.Signal(w.Nodes[2].Tab.Process(r.PID), proc.Info{Signo: abi.SIGKILL})
	w.Run(5e9)
	w.CheckEmpty()
}

// An owner who answers with an image has the process replaced by what is made of it; one
// whose image is of no use has changed nothing.
func TestOwner_Replaces(t *testing.T) {
	for _, good := range []bool{true, false} {
		w := New(t, 2, 1)
		heard := w.Host.NewOwner()
		out := w.Host.NewObject()
		p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))
		w.ask(w.Key.ProcessCap(p.PID), std.Header{Command: api.SetOwner}, heard.cap())
		w.Run(550e6)
		e := w.ask(w.Key.ProcessCap(p.PID), std.Header{Command: api.Snapshot}, nil)
		var snap api.SnapshotReply
		if err := image.Unmarshal(e.Data, &snap); err != nil || snap.Refused != "" {
			t.Fatal(err, snap.Refused)
		}
		self := e.Header.Capability()
		w.Run(1e9) // what it has counted since then is lost
		before := strings.Count(string(out.Out), "\n")
		heard.With = snap.Image
		if !good {
			heard.With = snap.Image[:len(snap.Image)/2]
		}
		w.mustStun(p.PID, 6, 0)
		w.Run(2e9)
		if good {
			if w.has(p.PID) != 0 || len(heard.Told) != 2 || heard.Told[1].Command != api.SwapProc {
				t.Fatalf("the owner heard %+v\n%s", heard.Told, w.Describe())
			}
			was, _ := capability.Decode(heard.Data[1])
			is, _ := capability.Decode(heard.Data[1][44:])
			if was != w.Key.ProcessCap(p.PID) || is.Object == was.Object || w.On(int32(is.Object)) != 1 {
				t.Errorf("swapped %+v for %+v", was, is)
			}
			if lines := strings.Split(string(out.Out), "\n"); !strings.HasPrefix(lines[before], "6 ") || len(lines) < before+15 {
				t.Errorf("then it said %q", lines[before:])
			}
			if e := w.ask(is, std.Header{Command: api.GetOwner}, nil); !bytes.Equal(e.Data, heard.cap()) {
				t.Errorf("the new one's owner is %x", e.Data)
			}
			w.ask(is, std.Header{Command: api.SetOwner}, nil)
			w.ask(is, std.Header{Command: std.Destroy}, nil)
		} else {
			if in := w.info(p.PID); in.State != "stunned" || in.Stun != "code 6; its owner's answer was of no use (STD_ARGBAD)" {
				t.Errorf("%+v", in)
			}
			w.resume(p.PID)
			w.Run(500e6)
			checkLines(t, out.Out)
			w.ask(w.Key.ProcessCap(p.PID), std.Header{Command: std.Destroy}, nil)
		}
		w.ask(self, std.Header{Command: std.Destroy}, nil)
		for _, data := range heard.Data {
			var m api.CheckpointMessage
			if image.Unmarshal(data, &m) == nil && len(m.Snapshot) > 0 {
				c, _ := capability.Decode(m.Snapshot)
				w.ask(c, std.Header{Command: std.Destroy}, nil)
			}
		}
		w.Run(5e9)
		w.CheckEmpty()
	}
}
