package main

import (
	"context"
	"fmt"
	"strconv"

	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/testbed"
)

// Targets.
const (
	madeLimit      = 1e9 / 1000 // ns: a file made and removed, by a server of the same node
	replicatedRate = 1e9 / 150  // ns: the same on the disks of two nodes
	readShare      = 0.70       // of the frames of the driver alone
)

const (
	smallFile = 1000
	largeFile = 4_000_000
	diskMB    = 64
)

// upDisks starts nodes with a disk each.
func (b *bench) upDisks(ctx context.Context, nodes int) (*bed, error) {
	specs := make([]cluster.NodeSpec, nodes)
	for i := range specs {
		specs[i] = cluster.NodeSpec{DiskMB: diskMB, MemMB: 2 * machine.DefaultMemMB}
	}
	return b.upNodes(ctx, specs, testbed.Archive, machine.DefaultMTU)
}

// files measures disks and the file servers on them.
func files(ctx context.Context, b *bench) error {
	const nodes = 2
	bed, err := b.upDisks(ctx, nodes)
	if err != nil {
		return err
	}
	defer bed.Down()
	if err := bed.Serve(ctx, testbed.First(nodes), "bullet"); err != nil {
		return err
	}
	large := strconv.Itoa(largeFile)
	var loose, safe, many, both, disk, cold, warm, far, driver sample
	programs := []struct {
		to   *sample
		args []string
		n    int
	}{
		{&loose, []string{"create", "1", strconv.Itoa(smallFile), "unsafe", "1"}, 20},
		{&safe, []string{"create", "1", strconv.Itoa(smallFile), "safe", "1"}, 10},
		{&many, []string{"create", "1", strconv.Itoa(smallFile), "safe", "8"}, 10},
		{&both, []string{"create", "1,2", strconv.Itoa(smallFile), "safe", "1"}, 10},
		{&disk, []string{"disk", "1", large}, 3},
		{&cold, []string{"read", "1", large, "cold"}, 3},
		{&warm, []string{"read", "1", large, "warm"}, 3},
		{&far, []string{"read", "2", large, "warm"}, 3},
	}
	for range b.runs {
		for _, p := range programs {
			got, err := bed.Numbers(ctx, "bench", append(p.args, strconv.Itoa(b.some(p.n)))...)
			if err != nil {
				return err
			}
			*p.to = append(*p.to, got...)
		}
		took, err := bed.Bare(ctx, 2, 1, machine.DefaultMTU, largeFile)
		if err != nil {
			return err
		}
		driver = append(driver, took)
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	w := r.add("file of 1 KB made and removed, one node", "ns", loose)
	w.Note = perSecond(w.Median)
	r.target(w, madeLimit, "≥ 1,000/s")
	for _, x := range []struct {
		what string
		s    sample
	}{{"  safe on its disk", safe}, {"  safe, eight clients at a time", many}} {
		w = r.add(x.what, "ns", x.s)
		w.Note = perSecond(w.Median)
	}
	w = r.add("  safe on the disks of two nodes", "ns", both)
	w.Note = perSecond(w.Median)
	r.target(w, replicatedRate, "≥ 150/s")
	for _, x := range []struct {
		what string
		s    sample
	}{{"4 MB of a disk, one node", disk}, {"4 MB of a file, from its disk", cold}, {"  from the server's memory", warm}} {
		w = r.add(x.what, "ns", x.s)
		w.Note = rateOf(largeFile, w.Median)
	}
	w = r.add("  from the memory of a server elsewhere", "ns", far)
	w.Note = fmt.Sprintf("%s, %.0f %% of the frames' rate", rateOf(largeFile, w.Median), 100*driver.Median()/w.Median)
	r.target(w, driver.Median()/readShare, "≥ %.0f %% of the frames' rate", 100*readShare)
	return nil
}

func perSecond(ns float64) string { return fmt.Sprintf("%.0f/s", 1e9/ns) }

// rateOf is what so many bytes in so many nanoseconds make.
func rateOf(bytes, ns float64) string { return fmt.Sprintf("%.1f MB/s", bytes/1e6/ns*1e9) }
