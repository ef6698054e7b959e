package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"motile/qemu/cluster"
	"motile/qemu/testbed"
)

// prompts measures how long it takes from the command to the shell's prompt.
func prompts(ctx context.Context, b *bench) error {
	sizes := []struct {
		nodes int
		limit float64
		took  sample
	}{{nodes: 1, limit: 1e9}, {nodes: 3, limit: 2.5e9}}
	for range max(b.runs/2, 1) {
		for i := range sizes {
			took, err := prompt(ctx, b, sizes[i].nodes)
			if err != nil {
				return err
			}
			sizes[i].took = append(sizes[i].took, float64(took))
		}
	}
	for _, s := range sizes {
		w := b.report.add(fmt.Sprintf("prompt, nodes: %d", s.nodes), "ns", s.took)
		b.report.target(w, s.limit, "≤ %v", time.Duration(s.limit))
	}
	return nil
}

// prompt boots a cluster, opens the terminal of node 1 and looks at it until the
// shell asks for a command.
func prompt(ctx context.Context, b *bench, nodes int) (took time.Duration, err error) {
	start := time.Now()
	bed, err := b.up(ctx, nodes, testbed.BootArchive)
	if err != nil {
		return 0, err
	}
	defer bed.Down()
	c, err := cluster.Connect(bed.Dir)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	t, err := c.Terminal(ctx, cluster.TerminalOptions{Node: 1})
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { t.Close() })
	defer stop()
	var screen []byte
	for {
		p, err := t.Next()
		if err != nil {
			return 0, fmt.Errorf("%w; the terminal shows %q", err, screen)
		}
		if screen = append(screen, p...); bytes.Contains(screen, []byte("node1# ")) {
			return time.Since(start), nil
		}
	}
}
