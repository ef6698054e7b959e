package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"motile/proc/api/client"
	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// A client sends 64 MB to a server and fetches as much, in messages of 16 MB, on a bad
// wire, while both of them move about. Nothing is damaged.
func TestFerry_BothSidesMove(t *testing.T) {
	t.Parallel()
	const size, times = 16 << 20, 4
	w := boot(t, harness.Options{Nodes: 3, Deadline: 6 * time.Minute})
	server := w.run(1, "/test/ferry", "serve", "ferry", strconv.Itoa(size))
	server.await("^serving$")
	_, err := w.Bridge().SetFaults(bridge.Faults{Loss: 0.005, Dup: 0.005, Seed: 4})
	w.must(err)
	caller := w.run(2, "/test/ferry", "call", "ferry", strconv.Itoa(size), strconv.Itoa(times))
	caller.await("^crossing 0$")
	ended := make(chan string, 1)
	go func() {
		found, err := caller.out.find(w.ctx, `^calls \d+ failed \d+$`)
		if err != nil {
			ended <- err.Error()
			return
		}
		ended <- found[0]
	}()
	moves := 0
	for i := 0; ; i++ {
		select {
		case line := <-ended:
			if line != fmt.Sprintf("calls %d failed 0", times) {
				t.Errorf("%s\n%s", line, w.ps())
			}
			t.Logf("%d moves", moves)
			if moves < 4 {
				t.Errorf("only %d moves", moves)
			}
			return
		default:
		}
		who := []*program{server, caller}[i%2]
		if _, err := who.Migrate(w.ctx, client.Move{Target: i/2%3 + 1}); err == nil {
			moves++
		}
		time.Sleep(50 * time.Millisecond) // let some of it cross
	}
}
