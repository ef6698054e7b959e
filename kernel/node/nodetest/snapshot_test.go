package nodetest

import (
	"fmt"
	"strings"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/hw"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/proc"
	"motile/proc/api"
)

// Checkpoints in core, and processes that go on from them.

// call is a transaction with whoever serves a capability, found by its port.
func (h *Host) call(c capability.Capability, hd std.Header, data []byte) rpc.Complete {
	h.w.T.Helper()
	hd.SetCapability(c)
	var out *rpc.Complete
	h.Ask(flip.Address{}, &hd, data, func(e rpc.Complete) { out = &e })
	h.w.RunUntil(60e9, "answered", func() bool { return out != nil })
	return *out
}

// Snapshot writes a process down. The test fails if that fails.
func (w *World) Snapshot(pid int32) (capability.Capability, api.SnapshotReply) {
	w.T.Helper()
	c, r := w.trySnapshot(pid)
	if r.Refused != "" {
		w.T.Fatal(r.Refused)
	}
	return c, r
}

func (w *World) trySnapshot(pid int32) (capability.Capability, api.SnapshotReply) {
	w.T.Helper()
	e := w.Host.call(w.Key.ProcessCap(pid), std.Header{Command: api.Snapshot}, nil)
	var r api.SnapshotReply
	if e.Status != std.OK || e.Header.Status() != std.OK {
		w.T.Fatal(e.Status, e.Header.Status())
	}
	if err := image.Unmarshal(e.Data, &r); err != nil {
		w.T.Fatal(err)
	}
	return e.Header.Capability(), r
}

// exec asks a node to make a process of an image.
func (w *World) exec(node int, q api.ExecRequest) (r api.ExecReply) {
	w.T.Helper()
	data, err := image.Marshal(q)
	if err != nil {
		w.T.Fatal(err)
	}
	e := w.Host.call(w.Key.NodeCap(node), std.Header{Command: api.Exec}, data)
	if e.Status != std.OK || e.Header.Status() != std.OK {
		w.T.Fatal(e.Status, e.Header.Status())
	}
	if err := image.Unmarshal(e.Data, &r); err != nil {
		w.T.Fatal(err)
	}
	return r
}

// Restart makes a process of an image. The test fails if that fails.
func (w *World) Restart(node int, b []byte, stdio ...api.FileRef) *proc.Process {
	w.T.Helper()
	r := w.exec(node, api.ExecRequest{Image: b, Stdio: stdio})
	if r.PID == 0 {
		w.T.Fatalf("refused: %s; missing %x", r.Refused, r.Missing)
	}
	return w.Nodes[node].Tab.Process(r.PID)
}

// stdio is an object as descriptors 0 and 1.
func stdio(o *Object) []api.FileRef {
	r := fileRef(o)
	r.Flags = object.ORdwr
	return []api.FileRef{r, r}
}

// Destroy destroys an object.
func (w *World) Destroy(c capability.Capability) {
	w.T.Helper()
	if e := w.Host.call(c, std.Header{Command: std.Destroy}, nil); e.Status != std.OK || e.Header.Status() != std.OK {
		w.T.Fatal(e.Status, e.Header.Status())
	}
}

// killAll ends all processes.
func (w *World) killAll() {
	for _, nd := range w.Nodes[1:] {
		if !nd.dead {
			for _, p := range append([]*proc.Process(nil), nd.Tab.Processes()...) {
				nd.Tab.Signal(p, proc.Info{Signo: abi.SIGKILL})
			}
		}
	}
	w.Run(200e6)
}

// frames checks that a test gives back all the memory it takes.
func (w *World) leaks() (check func()) {
	free := hw.UserFree()
	return func() {
		w.T.Helper()
		if now := hw.UserFree(); now != free {
			w.T.Errorf("%d frames are free, %d were before", now, free)
		}
		w.CheckEmpty()
	}
}

// A clone goes on where the original was, on the same node and on another, with its own
// output; the original does not notice.
func TestSnapshot_Clone(t *testing.T) {
	w := New(t, 3, 1)
	check := w.leaks()
	out, outs := w.Host.NewObject(), []*Object{nil, w.Host.NewObject(), w.Host.NewObject(), w.Host.NewObject()}
	p := w.Nodes[2].Start(counter, nil, w.Nodes[2].Remote(out))
	w.Run(450e6)
	c, r := w.Snapshot(p.PID)
	if r.Node != 2 || r.Pages == 0 || len(r.Image) == 0 {
		t.Fatalf("%+v", r)
	}
	had := strings.Count(string(out.Out), "\n")
	w.Run(500e6)
	pids := map[int32]bool{p.PID: true}
	for node := 1; node <= 3; node++ {
		q := w.Restart(node, r.Image, stdio(outs[node])...)
		if q == nil || pids[q.PID] || q.PGID != q.PID || q.SID != q.PID || q.Parent != w.Nodes[node].Tab.Init() {
			t.Fatalf("on node %d: %+v", node, q)
		}
		pids[q.PID] = true
	}
	w.Destroy(c)
	w.Run(1000e6)
	checkCounter(t, out.Out, 15)
	for node := 1; node <= 3; node++ {
		first, _, _ := strings.Cut(string(outs[node].Out), " ")
		if first != fmt.Sprint(had+1) {
			t.Errorf("on node %d: begins with %q, the original was at %d", node, first, had)
		}
		if n := strings.Count(string(outs[node].Out), "\n"); n < 9 {
			t.Errorf("on node %d: %d lines", node, n)
		}
	}
	w.killAll()
	check()
}
