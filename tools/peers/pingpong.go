package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"

	"motile/ipc/capability"
	"motile/tools/peers/orders"
	"motile/tools/peers/result"
)

// Targets, as ratios to Linux's.
const (
	remoteLimit = 0.8 // a null transaction between nodes, to a UDP ping-pong
	localLimit  = 0.3 // on one node, to a ping-pong through pipes
	shortBulk   = 0.8 // the rate of bulk messages, to TCP's, at MTU 1500
	longBulk    = 1.0 // from longMTU on
	longMTU     = 9000
)

// pingBytes is what is sent there and back: as much as a null transaction's header.
const pingBytes = 64

const (
	bulkBytes   = 1e6
	streamBytes = 16e6 // so long that neither beginning nor end of a message counts
)

const calls = "calls" // qemu/guest/calls

// messages holds transactions against what Linux has for messages, on networks of
// several MTUs.
func messages(ctx context.Context, p *peers) error {
	for _, mtu := range []int{1500, longMTU, 65535} {
		if err := p.messagesOn(ctx, mtu); err != nil {
			return fmt.Errorf("MTU %d: %w", mtu, err)
		}
	}
	return nil
}

func (p *peers) messagesOn(ctx context.Context, mtu int) error {
	if haveLinux() != nil {
		return nil // the report says so already
	}
	b, err := up(ctx, mtu)
	if err != nil {
		return err
	}
	defer b.Down()
	near, far, bulk := port("near"), port("far"), port("bulk")
	for _, s := range []struct {
		node      int
		what, get string
	}{{1, "serve", hexadecimal(near)}, {2, "serve", hexadecimal(far)}, {2, "sink", hexadecimal(bulk)}} {
		if _, err := b.Start(ctx, s.node, calls, s.what, s.get); err != nil {
			return err
		}
	}
	g, err := startGuests(ctx, b.Dir, b.Status.Hosts, mtu, "")
	if err != nil {
		return err
	}
	defer g.stop()

	ours := func(to *result.Sample, args ...string) func() error {
		return func() error {
			got, err := b.Numbers(ctx, calls, args...)
			return more(to)(result.Sample(got), err)
		}
	}
	theirs := func(to *result.Sample, o orders.Order) func() error {
		o.Peer = g.b.addr
		return func() error {
			return g.awake(ctx, func() error {
				a, err := g.a.order(ctx, o)
				return more(to)(times(a.Ns), err)
			})
		}
	}
	n, few := p.some(200), p.some(10)
	var remote, local, sent, udp, tcp, pipe, message, stream result.Sample
	turns := []func() error{
		theirs(&udp, orders.Order{Do: orders.Ping, Kind: "udp", Bytes: pingBytes, N: n}),
		ours(&remote, "trans", hexadecimal(far.Put()), "1", strconv.Itoa(n)),
		theirs(&tcp, orders.Order{Do: orders.Ping, Kind: "tcp", Bytes: pingBytes, N: n}),
		theirs(&pipe, orders.Order{Do: orders.Ping, Kind: "pipe", Bytes: pingBytes, N: n}),
		ours(&local, "trans", hexadecimal(near.Put()), "10", strconv.Itoa(n/2+1)),
		theirs(&message, orders.Order{Do: orders.Bulk, Bytes: bulkBytes, N: few}),
		ours(&sent, "bulk", hexadecimal(bulk.Put()), strconv.Itoa(bulkBytes), strconv.Itoa(few)),
		theirs(&stream, orders.Order{Do: orders.Bulk, Bytes: streamBytes, N: 1}),
	}
	for i := range p.runs {
		say("messages, MTU %d, run %d of %d", mtu, i+1, p.runs)
		for _, turn := range turns {
			if err := turn(); err != nil {
				return err
			}
		}
	}
	r, name := &p.result, fmt.Sprintf("Messages, MTU %d", mtu)
	r.Add(name, "null trans between nodes", "UDP ping-pong of 64 bytes", result.Ns, remote, udp)
	r.Target(remoteLimit)
	r.Add(name, "null trans between nodes", "TCP ping-pong of 64 bytes", result.Ns, remote, tcp)
	r.Add(name, "null trans on one node", "pipe ping-pong of 64 bytes", result.Ns, local, pipe)
	r.Target(localLimit)
	limit := shortBulk
	if mtu >= longMTU {
		limit = longBulk
	}
	r.Add(name, "1 MB as a request", "1 MB over TCP, and its answer", result.MBs, rates(sent, bulkBytes), rates(message, bulkBytes))
	r.Target(limit)
	r.Add(name, "1 MB as a request", "a TCP stream of 16 MB", result.MBs, rates(sent, bulkBytes), rates(stream, streamBytes))
	r.Target(limit)
	return nil
}

// more adds to a sample what was measured, if it was.
func more(to *result.Sample) func(result.Sample, error) error {
	return func(s result.Sample, err error) error {
		*to = append(*to, s...)
		return err
	}
}

func times(ns []int64) (s result.Sample) {
	for _, v := range ns {
		s = append(s, float64(v))
	}
	return s
}

// rates are MB/s, of messages of a size that took so many nanoseconds.
func rates(ns result.Sample, bytes float64) result.Sample {
	return ns.Each(func(v float64) float64 { return bytes / v * 1e3 })
}

func hexadecimal(p capability.Port) string { return hex.EncodeToString(p[:]) }
