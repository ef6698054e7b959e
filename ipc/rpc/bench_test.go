package rpc

import (
	"testing"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/std"
)

// benchMachines returns machines on one link.
func benchMachines(n int) (machines []*Machine) {
	for i := range n {
		x := uint64(i)
		random := func() uint64 { x += 2; return x * 0x9e3779b97f4a7c15 }
		box := flip.NewBox(flip.Config{Rand: random, Links: []flip.Link{{MAC: flip.MAC{2, 0, 0, 0, 0, byte(i)}, MTU: 1500}}})
		machines = append(machines, New(0, Config{Box: box, Rand: random}))
	}
	return machines
}

// BenchmarkTransLocal is a null transaction between two processes of a node: the
// calls trans, putrep, getreq and their effects.
func BenchmarkTransLocal(b *testing.B) {
	m := benchMachines(1)[0]
	client, server := m.Open(0, Options{}), m.Open(0, Options{})
	get := capability.Port{1}
	h := std.Header{Port: get.Put()}
	m.GetReq(0, server, 0, get)
	now := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		now += 1000
		m.Trans(now, client, 0, flip.Address{}, &h, nil, 0)
		m.PutRep(now, server, 0, &h, nil)
		m.GetReq(now, server, 0, get)
		if len(m.Out.Completes) != 2 || len(m.Frames()) != 0 {
			b.Fatal("not completed")
		}
		m.Reset()
	}
}

// BenchmarkTransUpcall is the same with an object that the kernel serves.
func BenchmarkTransUpcall(b *testing.B) {
	m := benchMachines(1)[0]
	client, server := m.Open(0, Options{}), m.Open(0, Options{Upcall: true})
	h := std.Header{}
	now := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		now += 1000
		m.Trans(now, client, 0, server.Address(), &h, nil, 0)
		m.Reply(now, m.Out.Requests[0].Handle, &h, nil)
		if len(m.Out.Completes) != 1 || len(m.Frames()) != 0 {
			b.Fatal("not completed")
		}
		m.Reset()
	}
}

// BenchmarkTransRemote is a null transaction between two nodes, without the
// time on the wire.
func BenchmarkTransRemote(b *testing.B) { benchRemote(b, 0) }

// BenchmarkTransRemote64K sends 64 KB along.
func BenchmarkTransRemote64K(b *testing.B) { benchRemote(b, 64<<10) }

func benchRemote(b *testing.B, size int) {
	machines := benchMachines(2)
	client, server := machines[0].Open(0, Options{}), machines[1].Open(0, Options{})
	get := capability.Port{1}
	h := std.Header{Port: get.Put()}
	machines[1].GetReq(0, server, 0, get)
	data := make([]byte, size)
	now := int64(0)
	done := 0
	var ring [2048]byte
	exchange := func() {
		for moved := true; moved; {
			moved = false
			for i, m := range machines {
				frames := m.Frames()
				for k := range frames {
					n := copy(ring[:], frames[k].Head())
					n += copy(ring[n:], frames[k].Body)
					machines[1-i].Input(now, 0, ring[:n])
					moved = true
				}
				for range m.Out.Completes {
					if i == 0 {
						done++
					} else {
						moved = true
					}
				}
				requests := len(m.Out.Completes)
				m.Reset()
				if i == 1 && requests > 0 {
					m.PutRep(now, server, 0, &h, nil)
					m.GetReq(now, server, 0, get)
				}
			}
		}
	}
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		now += 100_000
		machines[0].Trans(now, client, 0, flip.Address{}, &h, data, 0)
		exchange()
	}
	if done != b.N {
		b.Fatalf("%d of %d done", done, b.N)
	}
}
