package e2e

import (
	"strconv"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// A server whose operation must not be done twice moves a hundred times, on a bad
// wire, while clients on two nodes call it as fast as they can. Every call
// succeeds and is done once.
func TestAdder_MovesUnderLoad(t *testing.T) {
	t.Parallel()
	const moves = 100
	w := boot(t, harness.Options{Nodes: 3, Deadline: 3 * time.Minute})
	server := w.run(1, "/test/adder", "serve", "adder")
	server.await("^serving$")
	clients := []*program{w.run(1, "/test/adder", "call", "adder"), w.run(2, "/test/adder", "call", "adder")}
	for _, c := range clients {
		c.await("^calling$")
	}
	_, err := w.Bridge().SetFaults(bridge.Faults{Loss: 0.01, Dup: 0.01, Seed: 3})
	w.must(err)
	var frozen time.Duration
	for i := range moves {
		r := server.move((i+1)%3 + 1)
		frozen = max(frozen, time.Duration(r.Report.FreezeUs)*time.Microsecond)
	}
	calls := 0
	for i, c := range clients {
		c.in.Close()
		m := c.await(`^calls (\d+) failed (\d+)$`)
		n, err := strconv.Atoi(m[1])
		w.must(err)
		t.Logf("client %d made %d calls", i+1, n)
		if m[2] != "0" || n < moves {
			t.Errorf("client %d: %s of %d calls failed", i+1, m[2], n)
		}
		calls += n
	}
	var lost, doubled uint64
	for _, p := range w.Bridge().Stats().Ports {
		lost, doubled = lost+p.Lost, doubled+p.Duplicated
	}
	t.Logf("%d moves, frozen for %v at most; %d frames lost, %d doubled", moves, frozen, lost, doubled)
	if lost == 0 || doubled == 0 {
		t.Error("the wire was not bad")
	}
	if sum := w.count("adder"); sum != uint64(calls) {
		t.Errorf("the counter says %d, %d calls were made", sum, calls)
	}
	if info, err := server.Info(w.ctx); err != nil || info.Moves != moves {
		t.Errorf("%+v, %v", info, err)
	}
}
