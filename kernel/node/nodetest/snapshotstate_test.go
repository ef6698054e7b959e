package nodetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc"
	"motile/proc/api"
)

// Processes in special states when they are written down.

// One that a signal has stopped is stopped in the copy; one that was stunned is not.
func TestSnapshot_StoppedAndStunned(t *testing.T) {
	w := New(t, 2, 1)
	check := w.leaks()
	out, again := w.Host.NewObject(), w.Host.NewObject()
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(out))
	w.Run(450e6)
	w.asked(w.Key.ProcessCap(p.PID), std.Header{Command: api.Stun, Extra: api.StunQuietly}, nil, std.OK)
	_, r := w.Snapshot(p.PID)
	had := len(out.Out)
	q := w.Restart(2, r.Image, stdio(again)...)
	w.Run(500e6)
	if len(out.Out) != had || len(again.Out) == 0 || q.Frozen() {
		t.Errorf("the stunned one went on: %v; its copy does not: %v", len(out.Out) != had, len(again.Out) == 0)
	}
	w.asked(w.Key.ProcessCap(p.PID), std.Header{Command: api.Resume}, nil, std.OK)
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGSTOP})
	w.Run(100e6)
	_, r = w.Snapshot(p.PID)
	q = w.Restart(2, r.Image, stdio(again)...)
	had = len(again.Out)
	w.Nodes[2].Tab.SignalAll(q, proc.Info{Signo: abi.SIGKILL})
	w.Run(500e6)
	if !q.Stopped() {
		t.Error("the copy of a stopped process runs")
	}
	w.Nodes[2].Tab.Signal(q, proc.Info{Signo: abi.SIGCONT})
	w.Run(500e6)
	if len(again.Out) == had {
		t.Error("and is not to be continued")
	}
	w.killAll()
	w.Run(1300e9)
	check()
}

var vforks = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysVfork)
	default:
		u.Call(1, abi.SysPause)
	}
})

// What cannot be written down is said, and changes nothing.
func TestSnapshot_Refused(t *testing.T) {
	w := New(t, 2, 1)
	check := w.leaks()
	refused := func(pid int32, want string) {
		t.Helper()
		if _, r := w.trySnapshot(pid); !strings.Contains(r.Refused, want) || len(r.Image) > 0 {
			t.Errorf("%q, want %q", r.Refused, want)
		}
	}
	p := w.Nodes[1].Start(vforks)
	w.Run(50e6)
	refused(p.PID, "between vfork and exec")
	q := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	w.Nodes[1].K.Pressure = func() bool { return true }
	refused(q.PID, "nearly used up")
	w.Nodes[1].K.Pressure = nil
	free := w.Nodes[1].K.FreePages
	w.Nodes[1].K.FreePages = func() uint64 { return 30 }
	refused(q.PID, "KB free")
	w.Nodes[1].K.FreePages = free
	if s := w.Nodes[1].Leftovers(); strings.Contains(s, " segments") && !strings.Contains(s, " 0 segments") {
		t.Error(s)
	}
	w.killAll()
	check()
}

// While a process moves, one asks again, and gets it from where it has gone.
func TestSnapshot_DuringAMove(t *testing.T) {
	w := New(t, 2, 1)
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	w.Run(200e6)
	moved := false
	w.Host.Migrate(p.PID, 1, 2, func(api.MigrateReply) { moved = true })
	h := std.Header{Command: api.Snapshot}
	h.SetCapability(w.Key.ProcessCap(p.PID))
	var status *std.Status
	w.Host.Ask(w.Key.ProcessAddress(p.PID), &h, nil, func(e rpc.Complete) { s := e.Header.Status(); status = &s })
	w.RunUntil(10e9, "moved and answered", func() bool { return moved && status != nil })
	if *status != std.NotNow && *status != std.OK {
		t.Error(*status)
	}
	if _, r := w.Snapshot(p.PID); r.Node != 2 {
		t.Errorf("written down on node %d", r.Node)
	}
}

// The copy of a detached process has a log of its own, with what was in it.
func TestSnapshot_Log(t *testing.T) {
	w := New(t, 2, 1)
	check := w.leaks()
	log := object.NewFile(object.NewLog(), object.OWronly, "log:")
	p := w.Nodes[1].Start(counter, nil, log)
	p.Log = log // with Start's reference
	log.Retain()
	log.Release()
	w.Run(450e6)
	_, r := w.Snapshot(p.PID)
	q := w.Restart(2, r.Image)
	w.Run(500e6)
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	text, _ := q.Log.Impl.(*object.Log).Snapshot()
	checkCounter(t, text, 8)
	w.killAll()
	_ = check // the ends of detached processes are kept
}

// A copy of one end of a pipe between two processes has that end too, as a child would:
// while the checkpoint is there, nobody who has it open needs to be.
func TestSnapshot_PipeBetweenProcesses(t *testing.T) {
	w := New(t, 2, 1)
	check := w.leaks()
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(pipeWriter, nil, w.Nodes[1].Remote(out))
	w.Run(450e6)
	snap, r := w.Snapshot(p.PID)
	q := w.Restart(2, r.Image)
	w.Destroy(snap)
	w.Run(500e6)
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	w.Run(500e6)
	had := len(out.Out)
	w.Run(500e6)
	if len(out.Out) == had {
		t.Errorf("the reader hears nothing of the copy, and had %q", out.Out)
	}
	w.Nodes[2].Tab.Signal(q, proc.Info{Signo: abi.SIGKILL})
	w.Run(2e9)
	if !strings.HasSuffix(string(out.Out), "end\n") {
		t.Errorf("the reader did not see the end: %q", out.Out)
	}
	w.killAll()
	w.Run(10e9)
	check()
}

// pipeWriter writes a byte every 50 ms to a pipe that its child reads.
var pipeWriter = Register(func(u *User) {
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysPipe2, DataBase+fdsAt, 0)
	case 1:
		u.Call(2, abi.SysFork)
	case 2:
		if u.Ret == 0 {
			u.Call(10, abi.SysClose, u.FD(1))
			return
		}
		u.Call(3, abi.SysClose, u.FD(0))
	case 3:
		u.Call(4, abi.SysNanosleep, u.Put(512, timespec(50e6)), 0)
	case 4:
		u.Call(3, abi.SysWrite, u.FD(1), u.Put(textAt, []byte("x")), 1)
	case 10:
		u.Call(11, abi.SysRead, u.FD(0), DataBase+textAt, 1)
	case 11:
		if u.Ret <= 0 {
			u.Print(12, 1, "end\n")
			return
		}
		u.Print(10, 1, "x")
	default:
		u.Call(13, abi.SysExitGroup, 0)
	}
})

// A server's copy serves the same port, and goes on when the original is gone; requests
// are executed once.
func TestSnapshot_Server(t *testing.T) {
	w := New(t, 3, 1)
	p := w.Nodes[1].Start(addServer)
	w.Run(100e6)
	out := w.Host.NewObject()
	client := w.Nodes[2].Start(addClient, nil, w.Nodes[2].Remote(out))
	w.Run(3e6)
	_, r := w.Snapshot(p.PID)
	w.Nodes[1].Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
	w.Run(1e6)
	q := w.Restart(3, r.Image)
	at := q.Leader().Frame.R13
	w.RunUntil(200e9, "done", func() bool { return len(out.Out) > 0 })
	var failed uint64
	fmt.Sscanf(string(out.Out), "done %d failed", &failed)
	if got := q.Leader().Frame.R13; got <= at || got > adds || failed > 1 {
		t.Errorf("the copy began at %d and is at %d; %d calls failed", at, got, failed)
	}
	_ = client
	w.killAll()
}

// An image that is too long for a message is read from the snapshot.
func TestSnapshot_LongImage(t *testing.T) {
	w := New(t, 2, 1)
	p := w.Nodes[1].Start(counter, nil, w.Nodes[1].Remote(w.Host.NewObject()))
	const pipes = 20
	full := bytes.Repeat([]byte("pipe"), 16<<10)
	for i := range int32(pipes) {
		pipe := object.RestorePipe(full, 1, 1)
		p.FDs.Set(10+2*i, object.NewFile(pipe, object.ORdonly, "pipe:"), false)
		p.FDs.Set(11+2*i, object.NewFile(pipe, object.OWronly, "pipe:"), false)
	}
	w.Run(150e6)
	snap, r := w.Snapshot(p.PID)
	if len(r.Image) > 0 || r.Bytes < 1<<20 {
		t.Fatalf("%d bytes in the reply, of %d", len(r.Image), r.Bytes)
	}
	got := w.exec(2, api.ExecRequest{ImageCap: snap.Append(nil), Stdio: stdio(w.Host.NewObject())})
	if got.PID == 0 {
		t.Fatal(got.Refused)
	}
	q := w.Nodes[2].Tab.Process(got.PID)
	for i := range int32(pipes) {
		if got := q.FDs.Get(10 + 2*i).Impl.(*object.Pipe).Bytes(); !bytes.Equal(got, full) {
			t.Errorf("a pipe has %d bytes", len(got))
		}
	}
	for name, c := range map[string][]byte{"short": snap.Append(nil)[:20], "nobody's": make([]byte, 44)} {
		if got := w.exec(2, api.ExecRequest{ImageCap: c}); got.PID != 0 || got.Refused == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	w.killAll()
}
