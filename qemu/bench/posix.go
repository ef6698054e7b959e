package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"motile/qemu/machine"
	"motile/qemu/testbed"
)

// cacheShare of the rate of a memcpy on the same node is a target.
const cacheShare = 0.50

// longFile is a file that is read from end to end, in bytes.
const longFile = 16 << 20

// posix measures files as Linux programs see them, by system calls: of a file server that
// keeps what it has on a disk, by programs on its own node and on another.
func posix(ctx context.Context, b *bench) error {
	twice, err := b.posixTwice(ctx)
	if err != nil {
		return err
	}
	bed, err := b.upFiles(ctx, 1)
	if err != nil {
		return err
	}
	defer bed.Down()
	var made, madeFar, first, cached, copied, driver sample
	for range b.runs {
		for _, m := range []struct {
			to   *sample
			node int
			args []string
		}{
			{&made, 1, []string{"posix", "/tmp", "make", strconv.Itoa(b.some(20))}},
			{&madeFar, 2, []string{"posix", "/tmp", "make", strconv.Itoa(b.some(10))}},
			{new(sample), 1, []string{"posix", "/tmp", "fill", strconv.Itoa(longFile)}},
			{&first, 2, []string{"posix", "/tmp", "read", "1"}},
			{&cached, 2, []string{"posix", "/tmp", "read", strconv.Itoa(b.some(3))}},
			{&copied, 2, []string{"memcpy", strconv.Itoa(longFile), strconv.Itoa(b.some(3))}},
		} {
			got, err := bed.NumbersOn(ctx, m.node, "bench", m.args...)
			if err != nil {
				return err
			}
			*m.to = append(*m.to, got...)
		}
		took, err := bed.Bare(ctx, 1, 2, machine.DefaultMTU, longFile)
		if err != nil {
			return err
		}
		driver = append(driver, took)
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	w := r.add("a program's file of 1 KB: create, write, close, stat, unlink", "ns", made)
	w.Note = perSecond(w.Median)
	r.target(w, madeLimit, "≥ 1,000/s")
	w = r.add("  a program on another node than the file server", "ns", madeFar)
	w.Note = perSecond(w.Median)
	w = r.add("  on the disks of two nodes", "ns", twice)
	w.Note = perSecond(w.Median)
	r.target(w, replicatedRate, "≥ 150/s")
	r.add("memcpy of 16 MB", "ns", copied)
	w = r.add("16 MB of a file read, in the node's page cache", "ns", cached)
	w.Note = fmt.Sprintf("%s, %.0f %% of memcpy", rateOf(longFile, w.Median), 100*copied.Median()/w.Median)
	r.target(w, copied.Median()/cacheShare, "≥ %.0f %% of memcpy", 100*cacheShare)
	w = r.add("  for the first time, from another node", "ns", first)
	w.Note = fmt.Sprintf("%s, %.0f %% of the frames' rate", rateOf(longFile, w.Median), 100*driver.Median()/w.Median)
	r.target(w, driver.Median()/readShare, "≥ %.0f %% of the frames' rate", 100*readShare)
	return nil
}

// upFiles starts two nodes that have mounted a file server with so many disks.
func (b *bench) upFiles(ctx context.Context, disks int) (*bed, error) {
	const nodes = 2
	bed, err := b.upDisks(ctx, nodes)
	if err != nil {
		return nil, err
	}
	file := []string{"file", "--keep"}
	if disks > 1 {
		file = append(file, "--disk", "1,2")
	}
	err = bed.Serve(ctx, testbed.First(disks), "bullet")
	for _, server := range [][]string{{"soap", "--keep", "--replicas", "1"}, file} {
		if err == nil {
			err = bed.Serve(ctx, testbed.First(1), server...)
		}
	}
	if err == nil {
		err = bed.Mount(ctx, "/tmp")
	}
	if err != nil {
		return nil, errors.Join(err, bed.Down())
	}
	return bed, nil
}

// posixTwice makes small files on a server that keeps all on two disks.
func (b *bench) posixTwice(ctx context.Context) (sample, error) {
	bed, err := b.upFiles(ctx, 2)
	if err != nil {
		return nil, err
	}
	defer bed.Down()
	return bed.Numbers(ctx, "bench", "posix", "/tmp", "make", strconv.Itoa(b.some(100)))
}
