package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"motile/ipc/std"
	"motile/proc/api/client"
	"motile/qemu/harness"
)

// The same program is moved by the kernel and by a user-level server, and the latter waits for
// its turn beside a process that computes, unless who is woken goes first.
func TestMover(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Nodes: 2, Deadline: 2 * time.Minute})
	p := w.run(1, "/test/ticker", "50", "1024") // it checks its memory as it goes
	p.await(`^1$`)
	by := func(server string) time.Duration {
		t.Helper()
		r, err := p.Migrate(w.ctx, client.Move{Target: 2, Strategy: "copy", Server: server})
		w.must(err)
		if r.Node != 2 || r.Report.Server != server {
			t.Fatalf("by %s: %+v", server, r)
		}
		p.move(1) // a move back, by the kernel
		p.await(`^\d+$`)
		return time.Duration(r.Report.TotalUs) * time.Microsecond
	}
	refused := func() {
		t.Helper()
		if _, err := p.Migrate(w.ctx, client.Move{Target: 2, Server: "user"}); err == nil || !strings.Contains(err.Error(), "motiled mover &") {
			t.Errorf("without a server: %v", err)
		}
	}
	refused()
	by("kernel")
	mover := w.run(1, "/bbin/motiled", "mover")
	mover.await(`^mover: serving$`)
	by("user")
	sh := w.run(1, "/bin/sh", "-c", fmt.Sprintf("migrate --server user %d 2; migrate --server kernel %[1]d 1; migrate --server mine %[1]d 2", p.PID))
	sh.await(`is on node 2:`)
	sh.await(`carried by the user-level migration server$`)
	sh.await(`is on node 1:`)
	sh.await(`there is no migration server "mine": there are \[kernel user\]`)
	p.await(`^\d+$`)
	w.run(1, "/bin/sh", "-c", "while :; do :; done")
	node := w.client.Object(w.client.Node(1).Capability())
	set := func(wakeup string) {
		t.Helper()
		w.must(node.SetParams(w.ctx, []std.Setting{{Name: "slice_us", Value: "100000"}, {Name: "wakeup", Value: wakeup}}))
	}
	set("back")
	back, kernel := by("user"), by("kernel")
	set("front")
	front := min(by("user"), by("user"), by("user"))
	t.Logf("beside a process that computes: by a server %v, or %v if it goes first when it is woken; by the kernel %v", back, front, kernel)
	// It is woken at least for the offer, its answer, pages, their answers, and the order to
	// prepare, each time for the rest of a slice.
	if back < 200*time.Millisecond || back < front || back < kernel {
		t.Errorf("a server that is woken last moved it in %v, first in %v, the kernel in %v", back, front, kernel)
	}
	w.must(mover.Signal(w.ctx, 9))
	mover.end()
	refused()
}
