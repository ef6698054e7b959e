package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api/client"
	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// Eight clients on three nodes call a server whose operation must not be done twice,
// 20,000 times in all, while server and clients move at random, several at a time, on
// a wire that loses, doubles, reorders and delays frames. Every call succeeds and is
// done once.
func TestAdder_ExactlyOnce(t *testing.T) {
	t.Parallel()
	const clients, enough, seed = 8, 20_000, 11
	w := boot(t, harness.Options{Nodes: 3, Deadline: 6 * time.Minute})
	server := w.run(1, "/test/adder", "serve", "exactly")
	server.await("^serving$")
	var callers []*program
	for i := range clients {
		c := w.run(1+i%3, "/test/adder", "call", "exactly")
		c.await("^calling$")
		callers = append(callers, c)
	}
	_, err := w.Bridge().SetFaults(bridge.Faults{
		Loss: 0.02, Dup: 0.02, Reorder: 0.02, Delay: time.Millisecond, Jitter: 19 * time.Millisecond, Seed: seed,
	})
	w.must(err)

	began := time.Now()
	w.wander(append([]*program{server}, callers...), seed, func() bool { return w.count("exactly") >= enough })
	calls := uint64(0)
	for i, c := range callers {
		c.in.Close()
		m := c.await(`^calls (\d+) failed (\d+)$`)
		n, err := strconv.ParseUint(m[1], 10, 64)
		w.must(err)
		if m[2] != "0" || n == 0 {
			t.Errorf("client %d: %s of %d calls failed", i+1, m[2], n)
		}
		calls += n
	}
	if got := w.count("exactly"); got != calls {
		t.Errorf("the counter says %d, %d calls were made", got, calls)
	}
	t.Logf("%d calls in %v", calls, time.Since(began).Round(time.Second))
}

// wander moves programs to random nodes, each at its own pace, until it is over.
func (w *world) wander(programs []*program, seed uint64, over func() bool) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.ctx)
	var movers sync.WaitGroup
	errs, moves := make([]error, len(programs)), make([]int, len(programs))
	for i, p := range programs {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		movers.Go(func() {
			at, nodes := 0, len(w.Nodes())
			for errs[i] == nil && pause(ctx, time.Duration(rng.IntN(1000))*time.Millisecond) {
				to := 1 + (at+rng.IntN(nodes-1))%nodes // another one than at
				if _, err := p.Migrate(w.ctx, client.Move{Target: to}); err != nil {
					errs[i] = fmt.Errorf("process %d to node %d: %w", p.PID, to, err)
				}
				at = to
				moves[i]++
			}
		})
	}
	for !over() && pause(ctx, 500*time.Millisecond) {
	}
	stop()
	movers.Wait()
	w.must(errors.Join(errs...))
	w.t.Logf("moves of the server and the clients: %v", moves)
}

// pause waits, and reports false if ctx ends meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// count asks an adder for its counter.
func (w *world) count(name string) uint64 {
	w.t.Helper()
	const get = std.PrivateFirst + 1 // of qemu/guest/adder
	var port capability.Port
	copy(port[:], name)
	h, _, err := w.flip.Call(w.ctx, &std.Header{Port: port.Put(), Command: get}, nil)
	w.must(err)
	return h.Offset
}
