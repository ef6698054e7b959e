package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/testbed"
	"motile/tools/experiments/record"
)

// Nodes of the bed. What is moved goes from the first to the second, unless an
// experiment says otherwise; servers and watchers are on the third.
const (
	source, target, bystander = 1, 2, 3

	bedNodes = 3
	bedMB    = 256 // for working sets of 64 MB on either node, beside the boot archive

	bedDiskMB = 512 // for the same in the file server
)

// filesAt is where nodes have the file server's files.
const filesAt = "/home"

// bedWith boots the cluster that experiments are done on.
func bedWith(ctx context.Context, files bool) (*testbed.Bed, error) {
	nodes := testbed.Nodes(bedNodes)
	for i := range nodes {
		nodes[i].MemMB = bedMB
	}
	nodes[bystander-1].DiskMB = bedDiskMB
	bed, err := testbed.Up(ctx, nodes, cluster.Config{Initrd: testbed.Archive})
	if err != nil {
		return nil, err
	}
	if wantBullet() {
		err = bed.Serve(ctx, []int{bystander}, "bullet")
	}
	if err == nil && files {
		if err = bed.Serve(ctx, []int{bystander}, "file"); err == nil {
			err = bed.Mount(ctx, filesAt)
		}
	}
	if err != nil {
		return nil, errors.Join(err, bed.Down())
	}
	return bed, nil
}

// wantBullet: one of the strategies brings pages to a file server (Sprite's does).
func wantBullet() bool { return slices.Contains(client.Strategies, "flush") }

// lab is what an experiment works with.
type lab struct {
	*testbed.Bed
	scale record.Scale
	seed  uint64
	rng   *rand.Rand // of the order
	run   int        // the one under way
	hung  int        // measurements that took too long
	rec   *record.Record

	progress io.Writer
	told     time.Time // when progress was last shown
}

func newLab(ctx context.Context, s *series, e *experiment, bed *testbed.Bed) *lab {
	runs := s.runs
	if runs == 0 {
		runs = map[record.Scale]int{record.Full: e.runs, record.Short: 2, record.Once: 1}[s.scale]
	}
	return &lab{
		Bed: bed, scale: s.scale, seed: s.seed, rng: rand.New(rand.NewPCG(s.seed, 0)), progress: s.progress,
		rec: &record.Record{
			Experiment: e.name, Scale: s.scale, Seed: s.seed, Runs: runs,
			Began: time.Now().UTC().Truncate(time.Second), Host: host(ctx),
		},
	}
}

// pick chooses by how much is to be done.
func pick[T any](l *lab, full, short, once T) T {
	switch l.scale {
	case record.Full:
		return full
	case record.Short:
		return short
	}
	return once
}

func (l *lab) finish() *record.Record {
	l.rec.Seconds = time.Since(l.rec.Began).Round(time.Second).Seconds()
	l.rec.Host.Load[1] = testbed.LoadAverage()
	return l.rec
}

// impossible is an error that says why something cannot be measured. It becomes part of
// the record, and the experiment goes on.
type impossible struct{ error }

// patience bounds one measurement, so that what hangs does not hang us. When so many have,
// the cluster is not fit for measuring.
const (
	patience = 3 * time.Minute
	mayHang  = 3
)

// each measures something for all combinations of values, as often as there are runs. The
// order within a run is random, but what the first axes stand for changes least often.
func (l *lab) each(ctx context.Context, axes []record.Axis, one func(ctx context.Context, p record.Params) (record.Measurement, error)) error {
	l.declare(axes)
	cells := 1
	for _, a := range axes {
		cells *= len(a.Values)
	}
	for run := range l.rec.Runs {
		l.run = run
		for i, p := range l.shuffled(axes) {
			l.tell(run*cells+i, l.rec.Runs*cells)
			within, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("took longer than %v", patience))
			m, err := one(within, p)
			if err != nil && within.Err() != nil && ctx.Err() == nil && l.hung < mayHang {
				l.hung++
				err = impossible{context.Cause(within)}
			}
			cancel()
			var why impossible
			switch {
			case ctx.Err() == nil && errors.As(err, &why):
				m.Without = why.Error()
			case err != nil:
				return fmt.Errorf("%v: %w", p, err)
			}
			l.note(run, p, m)
		}
	}
	return nil
}

// note adds a measurement to the record.
func (l *lab) note(run int, p record.Params, m record.Measurement) {
	m.Run, m.Params = run, p
	l.rec.Measurements = append(l.rec.Measurements, m)
}

// declare adds to the axes of the record.
func (l *lab) declare(axes []record.Axis) {
	for _, a := range axes {
		i := slices.IndexFunc(l.rec.Axes, func(b record.Axis) bool { return b.Name == a.Name })
		if i < 0 {
			l.rec.Axes = append(l.rec.Axes, record.Axis{Name: a.Name, Values: slices.Clone(a.Values)})
			continue
		}
		known := &l.rec.Axes[i].Values
		for _, v := range a.Values {
			if !slices.Contains(*known, v) {
				*known = append(*known, v)
			}
		}
	}
}

func (l *lab) shuffled(axes []record.Axis) (cells []record.Params) {
	if len(axes) == 0 {
		return []record.Params{{}}
	}
	for _, i := range l.rng.Perm(len(axes[0].Values)) {
		for _, p := range l.shuffled(axes[1:]) {
			p[axes[0].Name] = axes[0].Values[i]
			cells = append(cells, p)
		}
	}
	return cells
}

// often is how often progress is shown.
const often = 5 * time.Second

func (l *lab) tell(done, all int) {
	if time.Since(l.told) < often {
		return
	}
	l.told = time.Now()
	fmt.Fprintf(l.progress, "%s: %d of %d measured, %v\n", l.rec.Experiment, done, all, time.Since(l.rec.Began).Round(time.Second))
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
