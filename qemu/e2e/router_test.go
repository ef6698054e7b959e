package e2e

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"motile/proc/api/client"
	"motile/qemu/bridge"
	"motile/qemu/harness"
)

// acquainted waits until every node has heard of every other.
func (w *world) acquainted() {
	w.t.Helper()
	nodes := w.Nodes()
	for _, n := range nodes {
		for {
			list, err := w.client.Node(n.Number).Nodes(w.ctx)
			w.must(err)
			if len(list) == len(nodes) {
				break
			}
			select {
			case <-w.ctx.Done():
				w.t.Fatalf("node %d knows %d nodes of %d: %+v", n.Number, len(list), len(nodes), list)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// A process goes to a network that its node is not on, and comes back, and its
// standard output, on the host, misses nothing. Frames on the way are as long as the
// shorter network's.
func TestTopology_MoveThroughARouter(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Topology: `
		net a mtu=65535
		net b mtu=1500
		node 1 a
		node 2 a b
		node 3 b
	`})
	w.acquainted()
	p := w.tick(1, "20", "8192")
	for _, node := range []int{3, 1, 2, 3} {
		p.move(node)
		p.intact()
	}
	began, here := time.Now(), w.run(3, "/bin/date", "+%s")
	at, err := strconv.ParseInt(here.await(`^(\d+)$`)[1], 10, 64)
	w.must(err)
	here.end()
	if d := time.Unix(at, 0).Sub(began.Truncate(time.Second)); d < 0 || d > 5*time.Second {
		t.Errorf("node 3's clock is %v ahead", d)
	}
	for _, n := range w.Networks() {
		for _, p := range n.Ports {
			if p.BadSize > 0 {
				t.Errorf("%+v", p)
			}
		}
	}
}

// One of two routers dies while a big process moves through it, and while a client
// calls a server on the other side. The move ends well, no call is lost or done
// twice, and all goes on through the other router.
func TestTopology_OneOfTwoRoutersDies(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Topology: "parallel", Deadline: 2 * time.Minute})
	w.acquainted()
	server := w.run(1, "/test/adder", "serve", "routed")
	server.await("^serving$")
	caller := w.run(4, "/test/adder", "call", "routed")
	caller.await("^calling$")
	p := w.tick(1, "50", "24576")

	carrier := w.carrier(2<<20, []int{2, 3})
	moved := make(chan error, 1)
	go func() {
		_, err := p.Migrate(w.ctx, client.Move{Target: 4})
		moved <- err
	}()
	router := <-carrier
	w.Node(router).Kill()
	select {
	case err := <-moved:
		t.Fatalf("the move was over before its router died: %v", err)
	default:
	}
	w.must(<-moved)
	t.Logf("router %d died under the move", router)
	p.intact()
	p.move(1)
	p.intact()

	w.counted(caller, "routed")
	w.Node(router).Restart()
	w.acquainted()
	p.move(router)
	p.intact()
}

// Processes that talk through two routers change places, at the same time, on networks that lose, double,
// reorder and delay frames, while now one router is dead and now the other. Every
// call is made once.
func TestTopology_BadNetworks(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Topology: "parallel", Deadline: 3 * time.Minute})
	w.acquainted()
	server := w.run(1, "/test/adder", "serve", "bad")
	server.await("^serving$")
	caller := w.run(4, "/test/adder", "call", "bad")
	caller.await("^calling$")
	for i, b := range w.Bridges() {
		_, err := b.SetFaults(bridge.Faults{Loss: 0.02, Dup: 0.02, Reorder: 0.02,
			Delay: time.Millisecond, Jitter: 19 * time.Millisecond, Seed: uint64(i + 1)})
		w.must(err)
	}
	for i := range 4 {
		dead := 2 + i%2
		w.Node(dead).Kill()
		done := make(chan error, 2)
		swap := func(p *program, node int) {
			_, err := p.Migrate(w.ctx, client.Move{Target: node})
			done <- err
		}
		go swap(server, []int{4, 1}[i%2])
		go swap(caller, []int{1, 4}[i%2])
		w.must(errors.Join(<-done, <-done))
		w.Node(dead).Restart()
	}
	w.counted(caller, "bad")
}

// counted ends the one caller of an adder, none of whose calls may have failed or been
// made twice.
func (w *world) counted(caller *program, name string) {
	w.t.Helper()
	caller.in.Close()
	m := caller.await(`^calls (\d+) failed (\d+)$`)
	calls, err := strconv.ParseUint(m[1], 10, 64)
	w.must(err)
	if m[2] != "0" || calls == 0 {
		w.t.Errorf("%s calls, %s of them failed", m[1], m[2])
	}
	if got := w.count(name); got != calls {
		w.t.Errorf("the counter says %d, %d calls were made", got, calls)
	}
	w.t.Logf("%d calls", calls)
}

// carrier tells which router has put so many bytes on network b first.
func (w *world) carrier(bytes int, routers []int) <-chan int {
	found := make(chan int, 1)
	var mu sync.Mutex
	carried := make(map[string]int)
	w.BridgeOf("b").Watch(func(port string, frame []byte) {
		mu.Lock()
		defer mu.Unlock()
		if carried[port] += len(frame); carried[port] < bytes {
			return
		}
		for _, r := range routers {
			if port == fmt.Sprintf("n%d.1", r) {
				select {
				case found <- r:
				default: // that is known
				}
			}
		}
	})
	w.t.Cleanup(func() { w.BridgeOf("b").Watch(nil) })
	return found
}

// In a ring every node is a router, and any network may fail.
func TestTopology_Ring(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Topology: "ring"})
	w.acquainted()
	p := w.tick(1, "20", "1024")
	for _, node := range []int{2, 3, 1} {
		p.move(node)
	}
	p.intact()
	w.cut("a", "1/2") // what is left is the way through node 3
	for _, node := range []int{2, 3, 1} {
		p.move(node)
	}
	p.intact()
}

// In a star all goes through the node in the middle.
func TestTopology_Star(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Topology: "star"})
	w.acquainted()
	p := w.tick(2, "20", "1024")
	for _, node := range []int{3, 4, 1, 2} {
		p.move(node)
	}
	p.intact()
}

// Between the ends of a line there are two routers.
func TestTopology_Line(t *testing.T) {
	t.Parallel()
	w := boot(t, harness.Options{Topology: "line"})
	w.acquainted()
	p := w.tick(1, "20", "1024")
	for _, node := range []int{4, 2, 3, 1} {
		p.move(node)
	}
	p.intact()
}
