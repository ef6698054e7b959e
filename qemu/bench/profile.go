package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"motile/qemu/cluster"
	"motile/qemu/profile"
	"motile/qemu/testbed"
)

// profiling samples the nodes of a bed while things are measured on them.
type profiling struct {
	nodes []*profiled
	stop  func()
}

// profiled is one node. Its recorder is ours again when over has brought an error, or nil.
type profiled struct {
	node int
	r    *profile.Recorder
	over chan error
}

// startProfiles has all nodes sampled from now on.
func (b *bed) startProfiles(ctx context.Context, period time.Duration) error {
	ctx, stop := context.WithCancel(ctx)
	b.profiling = &profiling{stop: stop}
	for _, n := range b.Status.Nodes {
		r, err := profile.New(testbed.Kernel, period)
		if err != nil {
			stop()
			return err
		}
		p := &profiled{n.Number, r, make(chan error, 1)}
		b.profiling.nodes = append(b.profiling.nodes, p)
		go func() { p.over <- b.Client.Node(p.node).Profile(ctx, period, r.Take) }()
	}
	return nil
}

// shownFunctions is how many of a node are printed.
const shownFunctions = 40

// showProfiles prints where the kernels were, what they have counted, and what the bridge
// has carried.
func (b *bed) showProfiles(ctx context.Context) error {
	if b.profiling == nil {
		return nil
	}
	if err := b.showPorts(ctx); err != nil {
		return err
	}
	b.profiling.stop()
	for _, p := range b.profiling.nodes {
		if err := <-p.over; err != nil {
			return err
		}
		text, err := b.Client.Node(p.node).Stats(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "node %d\n%s", p.node, text)
		p.r.Top(os.Stderr, shownFunctions)
	}
	b.profiling = nil
	return nil
}

func (b *bed) showPorts(ctx context.Context) error {
	c, err := cluster.Connect(b.Dir)
	if err != nil {
		return err
	}
	s, err := c.Status(ctx)
	if err := errors.Join(err, c.Close()); err != nil {
		return err
	}
	for _, p := range s.Bridge.Ports {
		fmt.Fprintf(os.Stderr, "port %+v\n", p)
	}
	return nil
}
