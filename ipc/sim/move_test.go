package sim

import (
	"fmt"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// world is a small cluster for tests in Go.
type world struct {
	*Cluster
	t      *testing.T
	ledger *Ledger
	get    capability.Port
}

func newWorld(t *testing.T, nodes int) *world {
	w := &world{Cluster: New(1, nodes), t: t}
	w.ledger = NewLedger(w.Cluster)
	w.get = capability.NewPort(w.Rand().Uint64)
	t.Cleanup(func() {
		for _, e := range w.Errors {
			t.Error(e)
		}
	})
	return w
}

func (w *world) counter(node int, threads uint32, work int64) *Process {
	s := &Counter{Get: w.get, Threads: threads, Ledger: w.ledger, Work: func() int64 { return work }}
	p := w.Spawn(fmt.Sprintf("counter@%d", node), w.Node(node), s, false)
	s.Start(p)
	return p
}

func (w *world) client(node int) (*Process, *Adder) {
	a := &Adder{Put: w.get.Put(), Ledger: w.ledger}
	return w.Spawn(fmt.Sprintf("client@%d", node), w.Node(node), a, false), a
}

func (w *world) ask(p *Process, slot uint32, send, want int) {
	p.Do(func() { p.program.(*Adder).Ask(p, slot, 1, send, want) })
}

// migrate moves a process in one instant.
func (w *world) migrate(p *Process, node int) {
	from, ep := p.node, p.ep
	p.Freeze()
	p.Activate(w.Node(node), p.Import(w.Node(node), p.Export()))
	p.RemoveFrom(from, ep)
}

func (w *world) expect(a *Adder, want ...std.Status) {
	w.t.Helper()
	if fmt.Sprint(a.Results) != fmt.Sprint(want) {
		w.t.Errorf("results %v, want %v", a.Results, want)
	}
}

// A freeze of any length makes nothing fail, whatever the client was doing when
// it began, and whether the client is on the server's node or not.
func TestFreeze_NoErrorHoweverLong(t *testing.T) {
	for _, node := range []int{1, 2} {
		for _, instant := range []string{"cold", "warm", "sent", "at work", "long request", "reply on its way"} {
			for _, end := range []string{"thawed", "moved to 3", "moved to 1"} {
				if end == "moved to 1" && node == 1 && instant == "cold" {
					continue // that is a search on an empty node
				}
				t.Run(fmt.Sprintf("node %d/%s/%s", node, instant, end), func(t *testing.T) {
					w := newWorld(t, 3)
					server := w.counter(2, 1, 30*Millisecond)
					client, a := w.client(node)
					if instant != "cold" {
						w.ask(client, 0, 0, 0)
						w.Run(100 * Millisecond)
						a.Results = nil
					}
					switch instant {
					case "sent":
						w.ask(client, 0, 0, 0)
						w.Run(50 * Microsecond)
					case "long request":
						w.ask(client, 0, 20_000, 0)
						w.Run(150 * Microsecond)
					case "at work":
						w.ask(client, 0, 0, 0)
						w.Run(2 * Second / 1000)
					case "reply on its way":
						w.ask(client, 0, 0, 20_000)
						w.Run(30*Millisecond + 250*Microsecond)
					}
					server.Freeze()
					if instant == "cold" || instant == "warm" {
						w.ask(client, 0, 0, 0)
					}
					w.Run(60 * Second)
					if len(a.Results) > 0 && instant != "reply on its way" {
						t.Fatalf("ended while the server was frozen: %v", a.Results)
					}
					if end == "thawed" {
						server.Thaw()
					} else {
						to, from, old := w.Node(int(end[9]-'0')), server.node, server.ep
						server.Activate(to, server.Import(to, server.Export()))
						server.RemoveFrom(from, old)
					}
					w.Run(500 * Millisecond)
					w.expect(a, std.OK)
					w.CheckQuiet()
				})
			}
		}
	}
}

// The same for a client that is frozen.
func TestFreeze_ClientAnswersLate(t *testing.T) {
	for _, node := range []int{1, 2} {
		for _, want := range []int{0, 20_000} {
			w := newWorld(t, 3)
			w.counter(2, 1, 30*Millisecond)
			client, a := w.client(node)
			w.ask(client, 0, 0, want)
			w.Run(10 * Millisecond)
			client.Freeze()
			w.Run(50 * Second) // the server keeps the reply for longer than a minute
			w.Run(50 * Second)
			to, from, old := w.Node(3), client.node, client.ep
			client.Activate(to, client.Import(to, client.Export()))
			client.RemoveFrom(from, old)
			w.Run(500 * Millisecond)
			w.expect(a, std.OK)
		}
	}
}

// A client on the server's own node has no timer while the server works. When the
// server leaves, it needs one, or it would wait for ever for a server that died.
func TestLocal_ServerLeavesAndDies(t *testing.T) {
	w := newWorld(t, 2)
	server := w.counter(1, 1, 3600*Second)
	client, a := w.client(1)
	w.ask(client, 0, 0, 0)
	if n := w.Node(1).Machine(); n.NextDeadline() < w.Now+100*Millisecond {
		t.Errorf("a local transaction set a timer for %d", n.NextDeadline()-w.Now)
	}
	w.Run(Second)
	w.migrate(server, 2)
	w.Run(60 * Second) // the server is asked for signs of life, and gives them
	w.expect(a)
	w.Node(2).Crash()
	w.Run(30 * Second)
	w.expect(a, std.RPCFailure)
}

// The same for a client that has left the node and come back meanwhile.
func TestLocal_ClientReturnsThenServerDies(t *testing.T) {
	w := newWorld(t, 3)
	server := w.counter(1, 1, 3600*Second)
	client, a := w.client(1)
	w.ask(client, 0, 0, 0)
	w.Run(Second)
	w.migrate(client, 2)
	w.Run(Second)
	w.migrate(client, 1)
	w.Run(Second)
	w.migrate(server, 3)
	w.Run(10 * Second)
	w.Node(3).Crash()
	w.Run(30 * Second)
	w.expect(a, std.RPCFailure)
}

// A server that exits right after its putrep lingers until the reply is there.
func TestClose_LingersForTheReply(t *testing.T) {
	w := newWorld(t, 2)
	server := w.counter(2, 1, 10*Millisecond)
	client, a := w.client(1)
	lost := 0
	w.Fault = func(_ *Node, _ []byte, h *flip.Header, payload []byte) int {
		if s, ok := rpc.Summarize(payload); ok && s.Type == rpc.Reply && lost < 3 {
			lost++
			return 0
		}
		return 1
	}
	w.ask(client, 0, 0, 0)
	w.Until(Second, func() bool { return lost == 1 })
	server.Exit()
	w.Run(2 * Second)
	w.expect(a, std.OK)
	gone := true
	w.Node(2).Machine().Box().Routes(func(r flip.Route) bool {
		gone = gone && !(r.Local && r.Addr == server.ep.Address())
		return true
	})
	if !gone {
		t.Error("the endpoint still lingers after the ACK")
	}
}

// Local clients that keep a server busy do not keep a remote one from it.
func TestBusyServer_RemoteClientIsNotStarved(t *testing.T) {
	w := newWorld(t, 2)
	w.counter(1, 1, 500*Microsecond)
	for range 3 {
		p, a := w.client(1)
		a.Next = func(uint32) (bool, int64, uint64, int, int) { return true, 0, 1, 0, 0 }
		a.Start(p, 2)
	}
	far, a := w.client(2)
	done := 0
	a.Next = func(uint32) (bool, int64, uint64, int, int) { done++; return true, 0, 1, 0, 0 }
	a.Start(far, 1)
	w.Run(Second)
	if done < 100 {
		t.Errorf("%d of about 2000 requests were the remote client's", done)
	}
}

// Remote clients that find the only thread at work get it soon after it is free:
// the server is at work most of the time, though nothing is queued.
func TestBusyServer_IsKeptBusy(t *testing.T) {
	w := newWorld(t, 5)
	w.counter(1, 1, Millisecond)
	for node := 2; node <= 5; node++ {
		p, a := w.client(node)
		a.Next = func(uint32) (bool, int64, uint64, int, int) { return true, 0, 1, 0, 0 }
		a.Start(p, 1)
	}
	w.Run(Second)
	if n := w.ledger.Ended; n < 650 {
		t.Errorf("%d requests of 1 ms in a second", n)
	}
	if w.ledger.By[std.OK] != w.ledger.Ended {
		t.Errorf("ends: %v", w.ledger.By)
	}
}

// An address that moved and came back, many times, is still found.
func TestMove_RoundTrips(t *testing.T) {
	w := newWorld(t, 3)
	server := w.counter(1, 2, 0)
	client, a := w.client(3)
	for i := range 100 {
		w.ask(client, 0, 0, 0)
		w.Run(Millisecond)
		w.migrate(server, 1+(i+1)%2)
		w.Run(20 * Millisecond)
	}
	if len(a.Results) != 100 || w.ledger.By[std.OK] != 100 {
		t.Errorf("%d ends: %v", len(a.Results), w.ledger.By)
	}
}

// A slow but living wire is not silence.
func TestWire_SlowIsNotDead(t *testing.T) {
	w := newWorld(t, 2)
	w.Wire.Delay = 400 * Millisecond
	w.counter(2, 1, 20*Second)
	client, a := w.client(1)
	w.ask(client, 0, 5000, 5000)
	w.Run(60 * Second)
	w.expect(a, std.OK)
}
