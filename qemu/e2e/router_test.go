package e2e

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api/client"
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
		net a
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

	caller.in.Close()
	m := caller.await(`^calls (\d+) failed (\d+)$`)
	calls, err := strconv.ParseUint(m[1], 10, 64)
	w.must(err)
	if m[2] != "0" || calls == 0 {
		t.Errorf("%s calls, %s of them failed", m[1], m[2])
	}
	const get = std.PrivateFirst + 1 // of qemu/guest/adder
	var port capability.Port
	copy(port[:], "routed")
	h, _, err := w.flip.Call(w.ctx, &std.Header{Port: port.Put(), Command: get}, nil)
	w.must(err)
	if h.Offset != calls {
		t.Errorf("the counter says %d, %d calls were made", h.Offset, calls)
	}
	w.Node(router).Restart()
	w.acquainted()
	p.move(router)
	p.intact()
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
