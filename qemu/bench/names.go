package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"motile/ipc/std"
	"motile/qemu/cluster"
	"motile/qemu/testbed"
)

// names measures the directory servers: three that keep what they know on their nodes'
// disks. Beside the time there is what an update takes of the network and of each disk,
// which does not depend on the host.
func names(ctx context.Context, b *bench) error {
	const nodes = 3
	bed, err := b.upDisks(ctx, nodes)
	if err != nil {
		return err
	}
	defer bed.Down()
	for _, server := range [][]string{{"bullet"}, {"soap", "--keep", "--replicas", "1,2,3"}} {
		if err := bed.Serve(ctx, testbed.First(nodes), server...); err != nil {
			return err
		}
	}
	if err := bed.settled(ctx, nodes); err != nil {
		return err
	}
	var safe, one, many, looked sample
	n := b.some(10)
	first, err := bed.spent(ctx, nodes)
	if err != nil {
		return err
	}
	var cost spent
	for range b.runs {
		for _, p := range []struct {
			to   *sample
			args []string
		}{
			{&safe, []string{"create", "1", strconv.Itoa(smallFile), "safe", "1"}},
			{&looked, []string{"names", "look", "1"}},
			{&many, []string{"names", "enter", "8"}},
			{&one, []string{"names", "enter", "1"}},
		} {
			if first, err = bed.spent(ctx, nodes); err != nil {
				return err
			}
			got, err := bed.Numbers(ctx, "bench", append(p.args, strconv.Itoa(n))...)
			if err != nil {
				return err
			}
			*p.to = append(*p.to, got...)
		}
		last, err := bed.spent(ctx, nodes)
		if err != nil {
			return err
		}
		cost.frames += last.frames - first.frames
		cost.syncs += last.syncs - first.syncs
		cost.updates += last.updates - first.updates
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	note := func(w *row, more string, args ...any) {
		w.Note = perSecond(w.Median) + fmt.Sprintf(more, args...)
	}
	note(r.add("name looked up", "ns", looked), "")
	w := r.add("name entered or deleted, on three disks", "ns", one)
	note(w, ", %.1f × a file on one disk; %.1f frames, %.1f syncs of each disk", w.Median/safe.Median(),
		cost.frames/cost.updates, cost.syncs/cost.updates/float64(nodes))
	w = r.add("  eight clients at a time", "ns", many)
	note(w, ", %.1f × a file on one disk", w.Median/safe.Median())
	r.target(w, replicatedRate, "≥ 150/s")
	return nil
}

// spent is what was used of the cluster by now.
type spent struct{ frames, syncs, updates float64 }

var (
	syncsLine   = regexp.MustCompile(`(?m)^syncs (\d+),`)
	updatesLine = regexp.MustCompile(`(?m)^updates (\d+)$`)
	membersLine = regexp.MustCompile(`(?m)^group_members (\d+)$`)
)

func numberIn(re *regexp.Regexp, text string) float64 {
	if m := re.FindStringSubmatch(text); m != nil {
		n, _ := strconv.ParseFloat(m[1], 64)
		return n
	}
	return 0
}

// says is what a server says of itself.
func (b *bed) says(ctx context.Context, name string, n int) (string, error) {
	return b.Client.Object(b.Client.Service(name, n)).Text(ctx, std.Stat)
}

// settled waits until all directory servers are in one group.
func (b *bed) settled(ctx context.Context, replicas int) error {
	for {
		text, err := b.says(ctx, "soap", 0)
		if err != nil {
			return err
		}
		if int(numberIn(membersLine, text)) == replicas {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (b *bed) spent(ctx context.Context, nodes int) (s spent, err error) {
	text, err := b.says(ctx, "soap", 0)
	if err != nil {
		return s, err
	}
	s.updates = numberIn(updatesLine, text)
	for n := range nodes {
		text, err := b.says(ctx, "bullet", n+1)
		if err != nil {
			return s, err
		}
		s.syncs += numberIn(syncsLine, text)
	}
	c, err := cluster.Connect(b.Dir)
	if err != nil {
		return s, err
	}
	defer c.Close()
	status, err := c.Status(ctx)
	if err != nil {
		return s, err
	}
	for _, p := range status.Bridge.Ports {
		s.frames += float64(p.InFrames)
	}
	return s, nil
}
