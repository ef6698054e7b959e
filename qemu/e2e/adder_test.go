package e2e

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api/client"
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
	if sum := w.sum(); sum != calls {
		t.Errorf("the counter says %d, %d calls were made", sum, calls)
	}
	if info, err := server.Info(w.ctx); err != nil || info.Moves != moves {
		t.Errorf("%+v, %v", info, err)
	}
}

// Eight clients call the server on a wire that loses, repeats, overtakes and delays,
// while it and they move about. All twenty thousand calls are accounted for.
func TestAdder_BothSidesMove(t *testing.T) {
	t.Parallel()
	const clients, each = 8, 2500
	const pause = "4ms" // or nearly all calls would be of a client beside the server
	w := boot(t, harness.Options{Nodes: 3, Deadline: 8 * time.Minute})
	rng := rand.New(rand.NewPCG(7, 7))
	all := []*program{w.run(1, "/test/adder", "serve", "adder")}
	all[0].await("^serving$")
	_, err := w.Bridge().SetFaults(bridge.Faults{Loss: 0.02, Dup: 0.02, Reorder: 0.02,
		Delay: time.Millisecond, Jitter: 19 * time.Millisecond, Seed: 5})
	w.must(err)
	for i := range clients {
		c := w.run(i%3+1, "/test/adder", "call", "adder", strconv.Itoa(each), pause)
		c.await("^calling$")
		all = append(all, c)
	}
	ended := make(chan int, clients)
	for i, c := range all[1:] {
		go func() {
			found, err := c.out.find(w.ctx, `^calls \d+ failed \d+$`)
			if err != nil || found[0] != fmt.Sprintf("calls %d failed 0", each) {
				t.Errorf("client %d: %q, %v", i+1, found, err)
			}
			ended <- i + 1
		}()
	}
	moves, left := 0, clients
	gone := make(map[int]bool)
	for left > 0 {
		select {
		case i := <-ended:
			gone[i] = true
			left--
			continue
		case <-w.ctx.Done():
			t.Fatalf("%d clients are still calling; the counter says %d\n%s", left, w.sum(), w.ps())
		default:
		}
		// The server moves as often as a client.
		i := 0
		if rng.IntN(2) == 0 {
			i = 1 + rng.IntN(clients)
		}
		if gone[i] {
			continue
		}
		if _, err := all[i].Migrate(w.ctx, client.Move{Target: rng.IntN(3) + 1}); err == nil {
			moves++
		}
	}
	if sum := w.sum(); sum != clients*each {
		t.Errorf("the counter says %d, %d calls were made", sum, clients*each)
	}
	var lost, doubled, held uint64
	for _, p := range w.Bridge().Stats().Ports {
		lost, doubled, held = lost+p.Lost, doubled+p.Duplicated, held+p.Reordered
	}
	t.Logf("%d calls, %d moves; frames: %d lost, %d doubled, %d held back", clients*each, moves, lost, doubled, held)
	if moves < 20 {
		t.Errorf("only %d moves", moves)
	}
}

// sum asks the server of qemu/guest/adder for its counter.
func (w *world) sum() int {
	w.t.Helper()
	const get = std.PrivateFirst + 1
	port := capability.Port([]byte("adder\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	h, _, err := w.flip.Call(w.ctx, &std.Header{Port: port.Put(), Command: get}, nil)
	w.must(err)
	return int(h.Offset)
}
