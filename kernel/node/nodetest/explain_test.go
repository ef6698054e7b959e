package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
	"motile/migrate/image"
	"motile/proc/api"
)

// Explain asks what a move would come to.
func (w *World) Explain(q api.MigrateRequest, from int) (r api.ExplainReply) {
	w.T.Helper()
	c := w.Key.ProcessCap(q.PID)
	q.Cap = c.Append(nil)
	data, err := image.Marshal(q)
	if err != nil {
		w.T.Fatal(err)
	}
	hd := &std.Header{Command: api.Explain}
	hd.SetCapability(w.Key.NodeCap(from))
	var e *rpc.Complete
	w.Host.Ask(w.Key.NodeAddress(from), hd, data, func(c rpc.Complete) { e = &c })
	w.RunUntil(60e9, "explained", func() bool { return e != nil })
	if e.Status != std.OK || e.Header.Status() != std.OK {
		w.T.Fatal(e.Status, e.Header.Status())
	}
	if err := image.Unmarshal(e.Data, &r); err != nil {
		w.T.Fatal(err)
	}
	return r
}

// agrees compares what was said of a move with what it came to.
func agrees(t *testing.T, what string, said, came api.MoveReport) {
	t.Helper()
	if said.Pages != came.Pages || said.Bytes != came.Bytes || said.FilePages != came.FilePages || said.ZeroPages != came.ZeroPages || said.SharedPages != came.SharedPages {
		t.Errorf("%s: said %+v\ncame %+v", what, said, came)
	}
	if d := said.StateBytes - came.StateBytes; d < -came.StateBytes/10 || d > came.StateBytes/10 {
		t.Errorf("%s: state of %d bytes was said, %d came", what, said.StateBytes, came.StateBytes)
	}
}

// hoarder has pages of zeros and others, and as many files of its node open for writing
// as A says; then it waits.
var hoarder = Register(func(u *User) {
	switch u.PC() {
	case 0:
		for page := range 16 {
			u.Store(DataBase+0x10000+uint64(page)*vm.PageBytes, uint64(page%2))
		}
		u.SetB(u.B() + 1)
		if u.B() > u.A() {
			u.Call(1, abi.SysPause)
			return
		}
		u.Call(0, abi.SysOpen, u.Put(0, append(fmt.Appendf(nil, "/held%d", u.B()), 0)), 0o102, 0o644)
	default:
		u.Call(1, abi.SysPause)
	}
})

func TestExplain_SaysWhatAMoveComesTo(t *testing.T) {
	w := New(t, 2, 1)
	w.Host.Strategy = "copy"
	out := w.Host.NewObject()
	p := w.Nodes[1].Start(hoarder, nil, w.Nodes[1].Remote(out))
	pid := p.PID
	w.Run(500e6)
	for i := range 6 {
		at := w.On(pid)
		to := 3 - at
		sent := w.Nodes[at].Leftovers()
		r := w.Explain(api.MigrateRequest{PID: pid, Target: to}, at)
		if len(r.Obstacles) > 0 || r.Node != at || r.Target != to || len(r.Processes) != 1 || len(r.Files) > 0 {
			t.Fatalf("%+v", r)
		}
		if (r.Moves == 0) != (i < 2) { // each node has sent it once then
			t.Errorf("%d: based on %d moves", i, r.Moves)
		}
		if i == 0 && r.Report.ZeroPages < 7 || r.Report.Pages < 8 || r.Report.FreezeUs <= 0 {
			t.Errorf("%+v", r.Report)
		}
		if now := w.Nodes[at].Leftovers(); now != sent || w.Nodes[to].Tab.Process(pid) != nil {
			t.Errorf("something was kept: %q, %q", now, w.Nodes[to].Leftovers())
		}
		m := w.Move(pid, to).Report
		agrees(t, fmt.Sprint("move ", i), r.Report, m)
		if i >= 2 && (r.Report.FreezeUs > 3*m.FreezeUs+1000 || m.FreezeUs > 3*r.Report.FreezeUs+1000) {
			t.Errorf("move %d: frozen for %d µs, where %d were said", i, m.FreezeUs, r.Report.FreezeUs)
		}
	}
}

func TestExplain_Tree(t *testing.T) {
	w := New(t, 3, 1)
	w.Host.Strategy = "copy" // what is predicted
	pids, _ := kinOn(t, w)
	at := w.together(pids)
	r := w.Explain(api.MigrateRequest{PID: pids[0], Target: at%3 + 1, Tree: true}, at)
	if len(r.Obstacles) > 0 || len(r.Processes) != len(pids) {
		t.Fatalf("%+v", r)
	}
	m := w.MoveTree(at%3+1, pids[0]).Report
	// They run meanwhile, and may write to a page or two that they have shared.
	if d := m.Pages - r.Report.Pages; d < -4 || d > 4 || r.Report.SharedPages < kinPages {
		t.Errorf("said %+v\ncame %+v", r.Report, m)
	}
	// One of them alone would be refused, and it is said by what: all of it, with a remedy.
	at = w.together(pids)
	r = w.Explain(api.MigrateRequest{PID: pids[0], Target: at%3 + 1}, at)
	if len(r.Obstacles) < 2 || !strings.Contains(fmt.Sprint(r.Obstacles), "migrate --tree") {
		t.Errorf("%+v", r.Obstacles)
	}
}

// All that is in the way is said, not only what is met first, and nothing happens.
func TestExplain_AllObstacles(t *testing.T) {
	w := New(t, 2, 1)
	p := w.Nodes[1].Start(hoarder)
	p.Leader().Frame.R13 = 3 // A
	p.Cwd = "/only-here"
	w.Run(500e6)
	r := w.Explain(api.MigrateRequest{PID: p.PID, Target: 2}, 1)
	here, there := 0, 0
	for _, o := range r.Obstacles {
		switch {
		case o.Node == 2 && strings.Contains(o.Why, "no directory /only-here"):
			there++
		case o.PID == p.PID && strings.HasPrefix(o.What, "fd ") && strings.Contains(o.Why, "writable file of this node"):
			here++
		default:
			t.Errorf("%+v", o)
		}
	}
	if here != 3 || there != 1 {
		t.Errorf("%+v", r.Obstacles)
	}
	if r := w.Explain(api.MigrateRequest{PID: p.PID, Target: 2, Residual: true}, 1); len(r.Obstacles) != 1 || r.Obstacles[0].Node != 2 {
		t.Errorf("%+v", r.Obstacles)
	}
	w.Kill(2)
	if r := w.Explain(api.MigrateRequest{PID: p.PID, Target: 2, Residual: true}, 1); len(r.Obstacles) != 1 || !strings.HasPrefix(r.Obstacles[0].Why, "node 2 ") {
		t.Errorf("%+v", r.Obstacles)
	}
	if w.On(p.PID) != 1 {
		t.Error("it has moved")
	}
	for target, says := range map[int]string{1: "on node 1 already", 9999: "no node 9999"} {
		if r := w.Explain(api.MigrateRequest{PID: p.PID, Target: target}, 1); !strings.Contains(r.Error, says) {
			t.Errorf("%+v", r)
		}
	}
	if r := w.Explain(api.MigrateRequest{PID: 77, Target: 2}, 1); !r.Elsewhere {
		t.Errorf("%+v", r)
	}
}

// What is said depends on the strategy: how long it takes while the process runs, what is
// left behind, and where.
func TestExplain_Strategies(t *testing.T) {
	w, pid := scribble(t, 1, 50)
	for how, want := range map[string]func(r api.MoveReport) bool{
		"copy":      func(r api.MoveReport) bool { return r.Left == 0 && r.TransferUs > 0 },
		"precopy":   func(r api.MoveReport) bool { return r.Left == 0 && r.TransferUs == 0 && r.PrecopyUs > 0 },
		"reference": func(r api.MoveReport) bool { return r.Left > 20 && r.LeftOn == "node 1" && r.Pages < r.Left },
		"flush": func(r api.MoveReport) bool {
			return r.Left > 20 && strings.HasPrefix(r.LeftOn, "the file server of node ") && r.Pages < r.Left && r.TransferUs > int64(r.Left)<<12/20
		},
	} {
		if r := w.Explain(api.MigrateRequest{PID: pid, Target: 2, Strategy: how}, 1).Report; r.Strategy != how || !want(r) {
			t.Errorf("%s: %+v", how, r)
		}
	}
	if r := w.Explain(api.MigrateRequest{PID: pid, Target: 2, Strategy: "magic"}, 1); r.Error == "" {
		t.Errorf("%+v", r)
	}
	w.Host.m.Close(w.Now, w.Bullet.ep)
	r := w.Explain(api.MigrateRequest{PID: pid, Target: 2, Strategy: "flush"}, 1)
	if len(r.Obstacles) != 1 || !strings.Contains(r.Obstacles[0].Why, "flush needs a file server on another node than 1") || r.Report.LeftOn != "" {
		t.Errorf("without a file server: %+v", r)
	}
}

// How fast a file server takes pages says nothing of how fast a target does.
func TestExplain_AfterAFlush(t *testing.T) {
	w, pid := scribble(t, 1, 50)
	copying := func(node int) int64 {
		return w.Explain(api.MigrateRequest{PID: pid, Target: 3, Strategy: "copy"}, node).Report.TransferUs
	}
	was := copying(1)
	w.Host.Strategy = "flush"
	w.Move(pid, 2)
	w.whole(pid)
	w.Move(pid, 1)
	w.whole(pid)
	if is := copying(1); is < was/2 || is > was*2 {
		t.Errorf("a copy is expected to take %d µs after a move by flush, and %d before", is, was)
	}
}
