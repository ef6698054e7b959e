package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/testbed"
)

// A process that has moved a thousand times moves as fast as one that has not (CRIU's
// users report that their 45th restore takes ten times as long as the first), and what
// it has passed keeps nothing of it.
const (
	chainHops  = 1000
	chainNodes = 3
	chainSlack = 1.15
	chainFirst = 2 // the first hop pays for the emulator's first look at the code
	chainPart  = 50
	// chainKeeps: a node remembers how its last 65,536 moves ended, and forgets the rest.
	chainKeeps = 256
)

func chain(ctx context.Context, b *bench) error {
	bed, err := b.up(ctx, chainNodes, testbed.Archive)
	if err != nil {
		return err
	}
	defer bed.Down()
	p, err := bed.Start(ctx, 1, "idle", "256")
	if err != nil {
		return err
	}
	if err := testbed.Await(ctx, p); err != nil {
		return err
	}
	hops := chainHops
	if b.short {
		hops = 3 * chainPart
	}
	var all sample
	var before, after memory
	for i := range hops {
		m, err := p.Migrate(ctx, client.Move{Target: (i+1)%chainNodes + 1})
		if err != nil {
			return fmt.Errorf("hop %d: %w", i+1, err)
		}
		all = append(all, float64(m.Report.TotalUs)*1e3)
		if i == chainPart {
			if before, err = bed.memory(ctx); err != nil {
				return err
			}
		}
	}
	if after, err = bed.memory(ctx); err != nil {
		return err
	}
	first, last := all[chainFirst-1:chainFirst-1+chainPart], all[len(all)-chainPart:]
	r := &b.report
	r.add(fmt.Sprintf("hops %d to %d of a chain", chainFirst, chainFirst+chainPart-1), "ns", first)
	w := r.add(fmt.Sprintf("hops %d to %d", len(all)-chainPart+1, len(all)), "ns", last)
	w.Note = fmt.Sprintf("of a 256 kB process about %d nodes", chainNodes)
	r.target(w, chainSlack*first.Median(), "≤ %.2f of those", chainSlack)
	since := float64(len(all) - chainPart - 1)
	w = r.add("  what a node's kernel keeps of a hop", "bytes", sample{(after.live - before.live) / chainNodes / since})
	w.Note = fmt.Sprintf("since hop %d the nodes together have %+.0f kB more live heap after a collection, which takes %+d kB more pages, and %+d kB less free",
		chainPart+1, (after.live-before.live)/1024, after.heap-before.heap, before.free-after.free)
	r.target(w, chainKeeps, "≤ %d bytes", chainKeeps)
	return nil
}

// memory is that of all nodes, when their kernels have collected their garbage.
type memory struct {
	live       float64 // bytes of their heaps
	heap, free int     // KB
}

func (b *bed) memory(ctx context.Context) (m memory, err error) {
	for _, n := range b.Status.Nodes {
		node := b.Client.Node(n.Number)
		text, err := node.Stats(ctx) // this collects it
		if err != nil {
			return m, err
		}
		live, err := counter(text, api.LiveHeap)
		if err != nil {
			return m, err
		}
		l, err := node.Load(ctx)
		if err != nil {
			return m, err
		}
		m.live += live
		m.free += l.FreeKB
		m.heap += l.HeapKB
	}
	return m, nil
}

// counter is one of a node's counters.
func counter(stats, name string) (float64, error) {
	for line := range strings.Lines(stats) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("a node does not count %s", name)
}
