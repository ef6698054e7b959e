package e2e

import (
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/harness"
)

// Copies of real programs go on: of a static C-like one and of a Go program with its
// threads, timers and garbage collector, on the same node and on another. The original
// does not notice.
func TestClone_GoesOn(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, Deadline: 3 * time.Minute})
	for _, args := range [][]string{{"/test/counter"}, {"/test/threads", "100000", "5"}, {"/test/ticker", "20", "512"}} {
		l := w.client.Process(w.start(1, args...))
		for node := 1; node <= 2; node++ {
			s, err := l.Snapshot(w.ctx, false)
			w.must(err)
			t.Logf("%s: frozen %d µs (capture %d, fork %d), encoded in %d µs, %d pages, %d bytes", args[0], s.FreezeUs, s.CaptureUs, s.ForkUs, s.EncodeUs, s.Pages, s.Bytes)
			r, err := s.Clone(w.ctx, w.client.Node(node), api.ExecRequest{Detached: true})
			w.must(err)
			t.Logf("%s on node %d: %+v", args[0], node, r.Restart)
			s.Drop(w.ctx)
			q := w.client.Process(r.PID)
			w.grows(q)
			w.grows(l)
			w.must(q.Signal(w.ctx, 9))
		}
		w.must(l.Signal(w.ctx, 9))
	}
}

// start starts a detached program and waits until it has said something.
func (w *world) start(node int, args ...string) int32 {
	w.t.Helper()
	pid, err := w.client.Node(node).Exec(w.ctx, &api.ExecRequest{Path: args[0], Args: args, Cwd: "/", Files: client.LogFiles(), Detached: true})
	w.must(err)
	w.grows(w.client.Process(pid))
	return pid
}

// grows waits until a process has said more than it had.
func (w *world) grows(p *client.Process) {
	w.t.Helper()
	_, end, err := p.Log(w.ctx, 1<<40, 1, false)
	w.must(err)
	for {
		text, first, err := p.Log(w.ctx, end, 1000, true)
		w.must(err)
		if len(text) > 0 {
			w.t.Logf("process %d says from %d: %.60q", p.PID, first, text)
			return
		}
		if status, err := p.Info(w.ctx); err != nil || status.State == "zombie" {
			w.t.Fatalf("process %d: %v %v", p.PID, status, err)
		}
	}
}
