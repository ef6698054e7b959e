package e2e

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// Two programs exchange messages through raw FLIP while both move, on a bad wire. Each
// message comes back whole; the endpoints and the queues are where the programs are.
func TestFlipEcho_BothEndsMove(t *testing.T) {
	t.Parallel()
	const moves = 16
	w := boot(t, harness.Options{Nodes: 2, Deadline: 2 * time.Minute})
	server := w.run(1, "/test/flipecho", "serve", "echo")
	server.await("^serving$")
	caller := w.run(2, "/test/flipecho", "call", "echo")
	caller.await("^calling$")
	_, err := w.Bridge().SetFaults(bridge.Faults{Loss: 0.01, Dup: 0.01, Seed: 5})
	w.must(err)
	for i := range moves {
		// The runtime of a Go program has a handler for it, with SA_RESTART.
		w.must(server.Signal(w.ctx, int(syscall.SIGURG)))
		if i%2 == 0 {
			server.move(2 - i/2%2)
		} else {
			caller.move(1 + i/2%2)
		}
	}
	caller.in.Close()
	m := caller.await(`^calls (\d+) again (\d+) notices (\d+)$`)
	n, err := strconv.Atoi(m[1])
	w.must(err)
	t.Logf("%s messages, %s sent again, %s notices", m[1], m[2], m[3])
	if n < moves {
		t.Errorf("only %d messages came back", n)
	}
	if status := caller.end(); status != 0 {
		t.Errorf("the caller ended with %d", status)
	}
	if info, err := server.Info(w.ctx); err != nil || info.Moves != moves/2 {
		t.Errorf("%+v, %v", info, err)
	}
}
