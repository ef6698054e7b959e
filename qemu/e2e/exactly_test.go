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
	const clients, each, seed = 8, 2500, 11
	const between = "4ms" // or nearly all calls would be of a client beside the server
	w := boot(t, harness.Options{Nodes: 3, Deadline: 8 * time.Minute})
	server := w.run(1, "/test/adder", "serve", "exactly")
	server.await("^serving$")
	_, err := w.Bridge().SetFaults(bridge.Faults{
		Loss: 0.02, Dup: 0.02, Reorder: 0.02, Delay: time.Millisecond, Jitter: 19 * time.Millisecond, Seed: seed,
	})
	w.must(err)
	var callers []*program
	for i := range clients {
		c := w.run(1+i%3, "/test/adder", "call", "exactly", strconv.Itoa(each), between)
		c.await("^calling$")
		callers = append(callers, c)
	}
	began := time.Now()
	enough := func() bool { return w.count("exactly") >= clients*each*9/10 }
	w.wander(append([]*program{server}, callers...), seed, enough)
	for i, c := range callers {
		if m := c.await(`^calls (\d+) failed (\d+)$`); m[1] != strconv.Itoa(each) || m[2] != "0" {
			t.Errorf("client %d: %s of %s calls failed", i+1, m[2], m[1])
		}
	}
	if got := w.count("exactly"); got != clients*each {
		t.Errorf("the counter says %d, %d calls were made", got, clients*each)
	}
	var lost, doubled, held uint64
	for _, p := range w.Bridge().Stats().Ports {
		lost, doubled, held = lost+p.Lost, doubled+p.Duplicated, held+p.Reordered
	}
	t.Logf("%d calls in %v; frames: %d lost, %d doubled, %d held back", clients*each,
		time.Since(began).Round(time.Second), lost, doubled, held)
}

// wander moves programs to random nodes, each at its own pace, until it is over. A
// move may be given up, if the target is silent for over a second: then the program
// goes on where it is.
func (w *world) wander(programs []*program, seed uint64, over func() bool) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.ctx)
	var movers sync.WaitGroup
	moves, errs := make([]int, len(programs)), make([][]error, len(programs))
	for i, p := range programs {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		movers.Go(func() {
			at, nodes := 0, len(w.Nodes())
			for pause(ctx, time.Duration(rng.IntN(1000))*time.Millisecond) {
				to := 1 + (at+rng.IntN(nodes-1))%nodes // another one than at
				if _, err := p.Migrate(w.ctx, client.Move{Target: to}); err != nil {
					errs[i] = append(errs[i], fmt.Errorf("process %d to node %d: %w", p.PID, to, err))
					continue
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
	w.t.Logf("moves of the server and the clients: %v", moves)
	for i, failed := range errs {
		if len(failed) > moves[i] {
			w.t.Error(errors.Join(failed...))
		} else if len(failed) > 0 {
			w.t.Log(errors.Join(failed...))
		}
	}
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
