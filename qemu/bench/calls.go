package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"

	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/qemu/testbed"
)

// Targets.
const (
	nullLimit   = 3e3 // ns
	localCalls  = 15  // null calls that a null trans on one node may take
	remoteEchos = 1.4 // echoes of a frame that one between nodes may take
	rawEchos    = 1.3 // the same, of messages of raw FLIP between programs
)

// calls measures what a system call, a transaction and a frame take.
func calls(ctx context.Context, b *bench) error {
	bed, err := b.up(ctx, 2, testbed.Archive)
	if err != nil {
		return err
	}
	defer bed.Down()
	// A server on each node for C programs, and one for Go programs.
	near, far, goNear, goFar := port("near"), port("far"), port("go near"), port("go far")
	for _, s := range []struct {
		node    int
		program string
		get     string
	}{
		{1, "calls", hexadecimal(near)}, {2, "calls", hexadecimal(far)},
		{1, "bench", goNear.String()}, {2, "bench", goFar.String()},
	} {
		if _, err := bed.Start(ctx, s.node, s.program, "serve", s.get); err != nil {
			return err
		}
	}
	echoer := flip.Address(port("raw"))
	if _, err := bed.Start(ctx, 2, "calls", "echo", hexadecimal(capability.Port(echoer))); err != nil {
		return err
	}
	peer, err := testbed.Station(2)
	if err != nil {
		return err
	}
	lin, err := startLinux(ctx, bed)
	if err != nil {
		return err
	}
	defer lin.stop()
	var linuxEcho, null, local, remote, goLocal, goRemote, raw, echo sample
	programs := []struct {
		to      *sample
		n       int
		program string
		args    []string
	}{
		{&null, 50, "calls", []string{"null", "200"}},
		{&local, 100, "calls", []string{"trans", hexadecimal(near.Put()), "10"}},
		{&remote, 200, "calls", []string{"trans", hexadecimal(far.Put()), "1"}},
		{&raw, 200, "calls", []string{"raw", hexadecimal(capability.Port(echoer.Public())), "1"}},
		{&goLocal, 50, "bench", []string{"trans", goNear.String(), "10"}},
		{&goRemote, 100, "bench", []string{"trans", goFar.String(), "1"}},
	}
	for range b.runs {
		for _, p := range programs {
			got, err := bed.Numbers(ctx, p.program, append(p.args, strconv.Itoa(b.some(p.n)))...)
			if err != nil {
				return err
			}
			*p.to = append(*p.to, got...)
		}
		got, err := bed.Pings(ctx, peer, b.some(200))
		if err != nil {
			return err
		}
		echo = append(echo, testbed.Times(got.RoundNs)...)
		if lin != nil {
			got, err := lin.exchange(ctx, b.some(200))
			if err != nil {
				return err
			}
			linuxEcho = append(linuxEcho, got...)
		}
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	r.target(r.add("null call", "ns", null), nullLimit, "≤ 3 µs")
	w := r.add("null trans, one node", "ns", local)
	w.Note = fmt.Sprintf("%.1f null calls", w.Median/null.Median())
	r.target(w, localCalls*null.Median(), "≤ %d null calls", localCalls)
	w = r.add("null trans, two nodes", "ns", remote)
	w.Note = fmt.Sprintf("%.2f echoes", w.Median/echo.Median())
	r.target(w, remoteEchos*echo.Median(), "≤ %.1f echoes", remoteEchos)
	w = r.add("  the same, held against raw FLIP", "ns", remote)
	w.Note = fmt.Sprintf("%.2f echoes through raw FLIP", w.Median/raw.Median())
	r.target(w, rawEchos*raw.Median(), "≤ %.1f of its echoes", rawEchos)
	r.add("echo of 64 bytes through raw FLIP", "ns", raw)
	r.add("  the same of Go programs, one node", "ns", goLocal)
	r.add("  the same of Go programs, two nodes", "ns", goRemote)
	w = r.add("echo of 64 bytes, our driver", "ns", echo)
	if lin == nil {
		w.Note = "nothing to compare with: there is no " + linuxKernel
		return nil
	}
	r.target(w, linuxEcho.Median(), "≤ Linux's")
	r.add("echo of 64 bytes, Linux's AF_PACKET", "ns", linuxEcho)
	return nil
}

func hexadecimal(p capability.Port) string { return hex.EncodeToString(p[:]) }
