package e2e

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/harness"
)

// Several processes move as one, on real nodes.
func TestTree(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, Deadline: 4 * time.Minute})
	w.sharers()
	w.pipeline()
}

// tree moves a program with all its descendants.
func (p *program) tree(node int) api.MigrateReply {
	p.w.t.Helper()
	r, err := p.Migrate(p.w.ctx, client.Move{Target: node, Tree: true})
	p.w.must(err)
	for _, pid := range append([]int32{p.PID}, r.Processes...) {
		info, err := p.w.client.Process(pid).Info(p.w.ctx)
		p.w.must(err)
		if info.Node != node {
			p.w.t.Fatalf("process %d is on node %d after a move of %v to %d", pid, info.Node, r.Processes, node)
		}
	}
	return r
}

// sharers: a pair that takes turns in memory both may write, by a futex in it.
func (w *world) sharers() {
	w.t.Helper()
	p := w.run(1, "/test/feature", "shared-memory")
	p.await("^ready$")
	_, err := p.Migrate(w.ctx, client.Move{Target: 2})
	if want := fmt.Sprintf("migrate --tree %d NODE", p.PID); err == nil || !strings.Contains(err.Error(), want) {
		w.t.Fatalf("alone: %v; it does not say %q", err, want)
	}
	for i := range 10 {
		r := p.tree(2 - i%2)
		if len(r.Processes) != 2 || r.Report.SharedPages == 0 {
			w.t.Fatalf("%+v", r)
		}
		w.t.Logf("pair: frozen for %d us, %d pages sent, %d shared, %d bytes of state", r.Report.FreezeUs, r.Report.Pages, r.Report.SharedPages, r.Report.StateBytes)
	}
	p.send("go\n")
	p.await("^pass$")
	if s := p.end(); s != 0 {
		w.t.Fatalf("exit status %d", s)
	}
}

// pipeline: a shell and the three members of its pipeline, through which bytes go all
// the time. What comes out is what went in.
func (w *world) pipeline() {
	w.t.Helper()
	p := w.run(1, "/bin/sh", "-c", "cat | tr a-y b-z | wc -c")
	const line = "the quick brown fox jumps over the lazy dog, again and again and again\n"
	written, stop, fed := 0, make(chan bool), make(chan error, 1)
	go func() {
		defer p.in.Close()
		for {
			select {
			case <-stop:
				fed <- nil
				return
			default:
			}
			n, err := io.WriteString(p.in, strings.Repeat(line, 50))
			written += n
			if err != nil {
				fed <- err
				return
			}
		}
	}()
	deadline := time.Now().Add(20 * time.Second)
	for len(w.below(p.PID)) != 3 {
		if time.Now().After(deadline) {
			w.t.Fatalf("no pipeline:\n%s", w.ps())
		}
		time.Sleep(50 * time.Millisecond)
	}
	for i := range 10 {
		r := p.tree(2 - i%2)
		if len(r.Processes) != 4 {
			w.t.Fatalf("%+v", r)
		}
		w.t.Logf("pipeline: frozen for %d us, %d pages sent, %d shared, %d bytes of state", r.Report.FreezeUs, r.Report.Pages, r.Report.SharedPages, r.Report.StateBytes)
		time.Sleep(100 * time.Millisecond)
	}
	close(stop)
	w.must(<-fed)
	if got := p.await(`^\s*(\d+)$`)[1]; got != strconv.Itoa(written) || written < 100*len(line) {
		w.t.Errorf("%s bytes came out, %d went in", got, written)
	}
	if s := p.end(); s != 0 {
		w.t.Errorf("exit status %d", s)
	}
}

// below lists the children of a process, wherever they are.
func (w *world) below(pid int32) (children []int32) {
	list, err := w.client.Processes(w.ctx, []int{1, 2})
	w.must(err)
	for _, i := range list {
		if i.Parent == pid && i.State != "zombie" {
			children = append(children, i.PID)
		}
	}
	return children
}
