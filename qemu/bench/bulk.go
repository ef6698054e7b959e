package main

import (
	"context"
	"fmt"
	"strconv"

	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/testbed"
)

// Targets of a transfer, as shares of a rate.
const (
	transferShare = 0.80 // of the frames of the driver alone
	lossyShare    = 0.70 // of the transfer without loss
)

const (
	transferBytes = 1e6
	lossy         = 0.01
)

// bulks measures how fast many bytes get to another node, for the MTUs that there
// are: in frames of the driver alone, as a request, and that with loss.
func bulks(ctx context.Context, b *bench) error {
	for _, mtu := range []int{1500, 9000, 65535} {
		if err := bulkOn(ctx, b, mtu); err != nil {
			return fmt.Errorf("MTU %d: %w", mtu, err)
		}
	}
	return nil
}

func bulkOn(ctx context.Context, b *bench, mtu int) error {
	bed, err := b.upNodes(ctx, bulkNodes(mtu), testbed.Archive, mtu)
	if err != nil {
		return err
	}
	defer bed.Down()
	server := port("bulk")
	if _, err := bed.Start(ctx, 2, "calls", "sink", hexadecimal(server)); err != nil {
		return err
	}
	transfer := func() (sample, error) {
		return bed.Numbers(ctx, "calls", "bulk", hexadecimal(server.Put()), strconv.Itoa(transferBytes), strconv.Itoa(b.some(10)))
	}
	var driver, clean, losing sample
	for range b.runs {
		took, err := bed.Bare(ctx, 1, 2, mtu, transferBytes)
		if err != nil {
			return err
		}
		driver = append(driver, took)
		got, err := transfer()
		if err != nil {
			return err
		}
		clean = append(clean, got...)
		if err := bed.lose(ctx, lossy); err != nil {
			return err
		}
		got, err = transfer()
		if err != nil {
			return err
		}
		losing = append(losing, got...)
		if err := bed.lose(ctx, 0); err != nil {
			return err
		}
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	w := r.add(fmt.Sprintf("1 MB in frames of the driver, MTU %d", mtu), "ns", driver)
	w.Note = fmt.Sprintf("%s, %.0f frames/s", rate(w.Median), transferBytes/float64(mtu)/w.Median*1e9)
	w = r.add("  as a request", "ns", clean)
	w.Note = fmt.Sprintf("%s, %.0f %%", rate(w.Median), 100*driver.Median()/w.Median)
	r.target(w, driver.Median()/transferShare, "≥ %.0f %% of the frames' rate", 100*transferShare)
	w = r.add("  the same with 1 % loss", "ns", losing)
	w.Note = fmt.Sprintf("%s, %.0f %%", rate(w.Median), 100*clean.Median()/w.Median)
	r.target(w, clean.Median()/lossyShare, "≥ %.0f %% of that without", 100*lossyShare)
	return nil
}

// bulkNodes are two nodes. Rings are a share of what memory the boot archive leaves (netdev/virtio);
// with the tests' programs in it that is too little for a window of the longest frames.
func bulkNodes(mtu int) []cluster.NodeSpec {
	nodes := testbed.Nodes(2)
	if mtu > machine.DefaultMTU {
		for i := range nodes {
			nodes[i].MemMB = 2 * machine.DefaultMemMB
		}
	}
	return nodes
}

// rate is what 1 MB in so many nanoseconds makes.
func rate(ns float64) string { return fmt.Sprintf("%.1f MB/s", transferBytes/1e6/ns*1e9) }
