package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"motile/qemu/testbed"
)

const idleLimit = 6 // % of a core

// idle measures what a cluster of three takes of the host while nothing happens.
func idle(ctx context.Context, b *bench) error {
	bed, err := b.up(ctx, 3, testbed.BootArchive)
	if err != nil {
		return err
	}
	defer bed.Down()
	pids := []int{bed.Status.PID}
	for _, n := range bed.Status.Nodes {
		pids = append(pids, n.PID)
	}
	length := 10 * time.Second
	if b.short {
		length = time.Second
	}
	// Our own attachment to the bridge is not part of an idle cluster.
	bed.Detach()
	var share sample
	// What a node does because it has just booted is not idleness either: it is over
	// when the others know it, a hello or two later.
	if err := pause(ctx, length/2); err != nil {
		return err
	}
	for range max(b.runs/2, 1) {
		before, err := cpuTime(pids)
		if err != nil {
			return err
		}
		start := time.Now()
		if err := pause(ctx, length); err != nil {
			return err
		}
		after, err := cpuTime(pids)
		if err != nil {
			return err
		}
		share = append(share, 100*float64(after-before)/float64(time.Since(start)))
	}
	w := b.report.add("idle cluster of three, of a core", "%", share)
	b.report.target(w, idleLimit, "≤ %d %%", idleLimit)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// cpuTime is what processes have had of CPUs so far.
func cpuTime(pids []int) (sum time.Duration, err error) {
	const tick = time.Second / 100 // USER_HZ, the same on all of Linux
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		// proc(5): the name, field 2, is in parentheses and may contain anything.
		// utime and stime are fields 14 and 15.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		for _, f := range fields[14-3 : 16-3] {
			ticks, err := strconv.ParseInt(string(f), 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ticks) * tick
		}
	}
	return sum, nil
}
