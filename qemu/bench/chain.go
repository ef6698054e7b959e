package main

import (
	"context"
	"fmt"

	"motile/proc/api/client"
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
)

func chain(ctx context.Context, b *bench) error {
	bed, err := b.up(ctx, chainNodes, testArchive)
	if err != nil {
		return err
	}
	defer bed.down()
	p, err := bed.start(ctx, 1, "idle", "256")
	if err != nil {
		return err
	}
	if err := await(ctx, p); err != nil {
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
	w.Note = fmt.Sprintf("of a 256 kB process about %d nodes; since hop %d the nodes have %+d kB less free, and %+d kB more kernel heap",
		chainNodes, chainPart+1, before.free-after.free, after.heap-before.heap)
	r.target(w, chainSlack*first.median(), "≤ %.2f of those", chainSlack)
	return nil
}

// memory is that of all nodes, in KB.
type memory struct{ free, heap int }

func (b *bed) memory(ctx context.Context) (m memory, err error) {
	for _, n := range b.status.Nodes {
		l, err := b.client.Node(n.Number).Load(ctx)
		if err != nil {
			return m, err
		}
		m.free += l.FreeKB
		m.heap += l.HeapKB
	}
	return m, nil
}
