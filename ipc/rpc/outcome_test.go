package rpc

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// outcomes has one history for each end that a call can come to, as in Amoeba's
// manual. Machine 0 has the client, machine 1 the server.
var outcomes = []struct {
	name string
	want std.Status
	run  func(r *rig, client, server *Endpoint) std.Status
}{
	{"nobody serves the port", std.RPCNotFound, func(r *rig, client, _ *Endpoint) std.Status {
		return r.trans(client, Transaction{Patience: second})
	}},
	{"all threads are busy", std.RPCNotFound, func(r *rig, client, server *Endpoint) std.Status {
		r.machines[1].GetReq(r.now, server, 0, testGet)
		r.machines[0].Trans(r.now, client, 1, flip.Address{}, testHeader(), nil, 0)
		r.take(KindGetReq)
		return r.trans(client, Transaction{Patience: second})
	}},
	{"nobody has the address", std.RPCNotFound, func(r *rig, client, _ *Endpoint) std.Status {
		return r.trans(client, Transaction{To: flip.Address{9}, Patience: second})
	}},
	{"the deadline comes before a server", std.RPCNotFound, func(r *rig, client, _ *Endpoint) std.Status {
		return r.trans(client, Transaction{Deadline: second})
	}},
	{"the deadline comes before the reply", std.RPCFailure, func(r *rig, client, server *Endpoint) std.Status {
		r.machines[1].GetReq(r.now, server, 0, testGet)
		return r.trans(client, Transaction{Deadline: second})
	}},
	{"the server's node dies at work", std.RPCFailure, func(r *rig, client, server *Endpoint) std.Status {
		r.machines[1].GetReq(r.now, server, 0, testGet)
		r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
		r.take(KindGetReq)
		r.machines[1] = benchMachines(3)[2]
		r.run(20 * second)
		return r.take(KindTrans).Status
	}},
	{"the server's process dies at work", std.RPCFailure, func(r *rig, client, server *Endpoint) std.Status {
		r.machines[1].GetReq(r.now, server, 0, testGet)
		r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
		r.take(KindGetReq)
		r.machines[1].Close(r.now, server)
		r.run(second)
		return r.take(KindTrans).Status
	}},
	{"the network is cut after the request has left", std.RPCFailure, func(r *rig, client, server *Endpoint) std.Status {
		r.machines[1].GetReq(r.now, server, 0, testGet)
		r.drop = func(from int, s Summary) bool { return from == 1 && s.Type != HereIs || s.Type == Request }
		return r.trans(client, Transaction{})
	}},
	{"a signal while a server is looked for", std.RPCAborted, func(r *rig, client, _ *Endpoint) std.Status {
		r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
		r.run(100 * millisecond)
		if !r.machines[0].AbortTrans(r.now, client, 0) {
			r.t.Error("not aborted")
		}
		return r.take(KindTrans).Status
	}},
	{"a signal in getreq", std.RPCAborted, func(r *rig, _, server *Endpoint) std.Status {
		r.machines[1].GetReq(r.now, server, 0, testGet)
		r.machines[1].AbortGetReq(r.now, server, 0)
		return r.take(KindGetReq).Status
	}},
	{"a signal once a server has it: nothing", std.OK, func(r *rig, client, server *Endpoint) std.Status {
		r.machines[1].GetReq(r.now, server, 0, testGet)
		r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
		r.take(KindGetReq)
		if m := r.machines[0]; m.AbortTrans(r.now, client, 0) || !m.Signal(r.now, client, 0) {
			r.t.Error("aborted, or not signalled")
		}
		r.run(100 * millisecond)
		if r.signals != 1 {
			r.t.Errorf("the server got %d signals", r.signals)
		}
		r.machines[1].PutRep(r.now, server, 0, testHeader(), nil)
		return r.take(KindTrans).Status
	}},
	{"a second trans in the slot", std.RPCTryAgain, func(r *rig, client, _ *Endpoint) std.Status {
		r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
		return r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
	}},
	{"a frozen endpoint", std.RPCTryAgain, func(r *rig, client, _ *Endpoint) std.Status {
		r.machines[0].Freeze(r.now, client)
		return r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), nil, 0)
	}},
	{"trans to the null port", std.RPCBadPort, func(r *rig, client, _ *Endpoint) std.Status {
		return r.machines[0].Trans(r.now, client, 0, flip.Address{}, &std.Header{}, nil, 0)
	}},
	{"getreq on the null port", std.RPCBadPort, func(r *rig, _, server *Endpoint) std.Status {
		return r.machines[1].GetReq(r.now, server, 0, capability.Port{})
	}},
	{"putrep without a request", std.RPCBadPort, func(r *rig, _, server *Endpoint) std.Status {
		return r.machines[1].PutRep(r.now, server, 0, testHeader(), nil)
	}},
	{"a request longer than a message, without Memory", std.Overflow, func(r *rig, client, _ *Endpoint) std.Status {
		return r.machines[0].Trans(r.now, client, 0, flip.Address{}, testHeader(), make([]byte, 1<<20), 0)
	}},
	{"only an unsafe way", std.RPCUnsafe, func(r *rig, _, _ *Endpoint) std.Status {
		r.distrust()
		client, server := r.machines[0].Open(r.now, Options{}), r.machines[1].Open(r.now, Options{})
		r.machines[1].GetReq(r.now, server, 0, testGet)
		return r.trans(client, Transaction{Secure: true, Patience: second})
	}},
	{"an unsafe way is good enough", std.RPCFailure, func(r *rig, _, _ *Endpoint) std.Status {
		r.distrust()
		client, server := r.machines[0].Open(r.now, Options{}), r.machines[1].Open(r.now, Options{})
		r.machines[1].GetReq(r.now, server, 0, testGet)
		return r.trans(client, Transaction{Deadline: second}) // it has arrived
	}},
}

// trans makes a transaction and returns what came of it within 30 s.
func (r *rig) trans(client *Endpoint, t Transaction) std.Status {
	t.Header = testHeader()
	if s := r.machines[0].Transact(r.now, client, 0, &t); s != Wait {
		return s
	}
	r.run(30 * second)
	return r.take(KindTrans).Status
}

// distrust starts the machines anew on a network that is not trusted.
func (r *rig) distrust() {
	for i := range r.machines {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		box := flip.NewBox(flip.Config{Rand: rng.Uint64, Links: []flip.Link{{MAC: flip.MAC{2, 0, 0, 0, 0, byte(i)}, MTU: 1500, Untrusted: true}}})
		r.machines[i] = New(r.now, Config{Box: box, Rand: rng.Uint64})
	}
}

func TestOutcomes(t *testing.T) {
	for _, o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			r := newRig(t, 2)
			client, server := r.machines[0].Open(r.now, Options{}), r.machines[1].Open(r.now, Options{})
			if got := o.run(r, client, server); got != o.want {
				t.Errorf("%v, want %v", got, o.want)
			}
		})
	}
}

// While a client waits for a port, no server of it stays idle; and nobody, near or
// far, waits for long. Clients and servers come and go as a seed says.
func TestSelection_NoServerIdlesWhileAClientWaits(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 7))
		r := newRig(t, 3)
		type thread struct {
			m    *Machine
			ep   *Endpoint
			slot uint32
			free int64 // when it has done its work; 0: it waits for some
		}
		var servers []*thread
		began, served := map[string]int64{}, map[string]int{}
		for i, m := range r.machines {
			if seed%3 != 0 || i == 0 { // also: one node serves all
				ep := m.Open(r.now, Options{})
				for slot := range uint32(1 + rng.IntN(2)) {
					servers = append(servers, &thread{m, ep, slot, 0})
					m.GetReq(r.now, ep, slot, testGet)
				}
			}
		}
		clients := map[*Endpoint]*Machine{}
		for _, m := range r.machines {
			ep := m.Open(r.now, Options{})
			clients[ep] = m
			for slot := range uint32(3) {
				began[fmt.Sprint(ep.addr, slot)] = r.now
				m.Trans(r.now, ep, slot, flip.Address{}, testHeader(), nil, 60*second)
			}
		}
		idleSince := r.now
		for end := r.now + 4*second; r.now < end; {
			r.run(500_000)
			ends := r.ends
			r.ends = nil
			for _, e := range ends {
				switch e.Kind {
				case KindGetReq:
					for _, s := range servers {
						if s.ep == e.Endpoint && s.slot == e.Slot {
							s.free = r.now + rng.Int64N(10*millisecond)
						}
					}
				case KindTrans:
					who := fmt.Sprint(e.Endpoint.addr, e.Slot)
					if waited := r.now - began[who]; e.Status != std.OK || waited > second {
						t.Fatalf("seed %d: %v after %d ms", seed, e.Status, waited/millisecond)
					}
					served[who]++
					began[who] = r.now
					clients[e.Endpoint].Trans(r.now, e.Endpoint, e.Slot, flip.Address{}, testHeader(), nil, 60*second)
				}
			}
			idle := false
			for _, s := range servers {
				if s.free != 0 && s.free <= r.now {
					s.free = 0
					s.m.PutRep(r.now, s.ep, s.slot, testHeader(), nil)
					s.m.GetReq(r.now, s.ep, s.slot, testGet)
				}
				idle = idle || s.free == 0
			}
			// There are always more clients than servers.
			if !idle {
				idleSince = r.now
			}
			if r.now-idleSince > 100*millisecond {
				t.Fatalf("seed %d: a server has been idle for 100 ms", seed)
			}
		}
		least, most := 1<<30, 0
		for _, n := range served {
			least, most = min(least, n), max(most, n)
		}
		if least*12 < most || len(served) != 9 {
			t.Errorf("seed %d: one of %d clients was served %d times, another %d times", seed, len(served), least, most)
		}
	}
}
