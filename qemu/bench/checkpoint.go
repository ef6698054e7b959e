package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strconv"
	"time"

	"motile/migrate/checkpoint"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/testbed"
)

const (
	stunThreads = 64
	stunLimit   = 2e6 // ns

	// A snapshot and a process made of one may take so many times what one CPU of the
	// same node needs to copy the pages that are not zero once.
	checkpointCopies = 1.5

	pageBytes = 4096
)

// checkpointMB are the sizes of processes that are written down: what does not depend on
// the size weighs more in the first.
var checkpointMB = []int{1, 8}

// checkpoints stops processes, writes them down, seals them, and makes processes of that.
func checkpoints(ctx context.Context, b *bench) error {
	on, err := b.up(ctx, 1, testbed.Archive)
	if err != nil {
		return err
	}
	defer on.Down()
	if err := stuns(ctx, b, on); err != nil {
		return err
	}
	if err := firstSnapshot(ctx, b, on); err != nil {
		return err
	}
	for _, mb := range checkpointMB {
		if err := snapshots(ctx, b, on, mb); err != nil {
			return err
		}
	}
	return on.showProfiles(ctx)
}

// stuns has processes of many threads stopped: one whose threads sleep, as those of most
// do, and one whose threads all want to run.
func stuns(ctx context.Context, b *bench, bed *bed) error {
	for _, life := range []string{"sleep", "compute"} {
		p, err := bed.Start(ctx, 1, "calls", life, strconv.Itoa(stunThreads))
		if err != nil {
			return err
		}
		if err := testbed.Await(ctx, p); err != nil {
			return err
		}
		var took, null sample
		for range b.some(10 * b.runs) {
			for _, step := range []struct {
				to *sample
				do func() error
			}{
				{&null, func() error { _, err := p.Comment(ctx); return err }},
				{&took, func() error { return p.Stun(ctx, 1, true) }},
			} {
				start := time.Now()
				if err := step.do(); err != nil {
					return err
				}
				*step.to = append(*step.to, float64(time.Since(start)))
			}
			if err := parked(ctx, p); err != nil {
				return err
			}
			if err := p.Resume(ctx, false); err != nil {
				return err
			}
		}
		if err := p.Destroy(ctx); err != nil {
			return err
		}
		w := b.report.add(fmt.Sprintf("stun to parked, %d threads that %s", stunThreads, life), "ns", took)
		w.Note = fmt.Sprintf("as the host sees it; a request that does nothing takes %s", testbed.Duration(null.Median()))
		b.report.target(w, stunLimit, "≤ 2 ms")
	}
	return nil
}

// parked is nil if a process has all its threads and none of them runs.
func parked(ctx context.Context, p *client.Process) error {
	before, err := p.Info(ctx)
	if err != nil {
		return err
	}
	after, err := p.Info(ctx)
	if err == nil && (before.State != "stunned" || before.Threads < stunThreads || after.CPUms != before.CPUms) {
		err = fmt.Errorf("process %d is %s with %d threads, and has run for %d ms, then %d", p.PID, before.State, before.Threads, before.CPUms, after.CPUms)
	}
	return err
}

// freezes are what snapshots cost the process.
type freezes struct{ freeze, capture, fork, encode sample }

func (f *freezes) note(r *api.SnapshotReply) {
	for _, v := range []struct {
		to *sample
		us int64
	}{{&f.freeze, r.FreezeUs}, {&f.capture, r.CaptureUs}, {&f.fork, r.ForkUs}, {&f.encode, r.EncodeUs}} {
		*v.to = append(*v.to, float64(v.us)*1e3)
	}
}

// calm is how long a node must have been up for what it does at boot to be over.
const calm = 2 * time.Second

// firstSnapshot is that of a Go program, when the node has not made any: the emulator has
// not seen all of the code yet.
func firstSnapshot(ctx context.Context, b *bench, bed *bed) error {
	load, err := bed.Client.Node(1).Load(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, calm-time.Duration(load.UptimeMs)*time.Millisecond); err != nil {
		return err
	}
	p, err := bed.Start(ctx, 1, "counter")
	if err != nil {
		return err
	}
	if err := testbed.Await(ctx, p); err != nil {
		return err
	}
	var f [2]freezes
	for i := range 1 + b.some(2*b.runs) {
		s, err := p.Snapshot(ctx, false)
		if err != nil {
			return err
		}
		f[min(i, 1)].note(&s.SnapshotReply)
		s.Drop(ctx)
	}
	for i, what := range []string{"freeze of the first snapshot, of a Go program", "  of further ones"} {
		w := b.report.add(what, "ns", f[i].freeze)
		w.Note = fmt.Sprintf("capture %s, fork %s, encode %s", testbed.Duration(f[i].capture.Median()), testbed.Duration(f[i].fork.Median()), testbed.Duration(f[i].encode.Median()))
	}
	return p.Destroy(ctx)
}

// snapshots takes checkpoints of a process with some memory that is not zero, which is
// copied in turns with that, and makes processes of them on the same node.
func snapshots(ctx context.Context, b *bench, bed *bed, mb int) error {
	p, err := bed.Start(ctx, 1, "idle", strconv.Itoa(mb<<10))
	if err != nil {
		return err
	}
	if err := testbed.Await(ctx, p); err != nil {
		return err
	}
	var f freezes
	var memcpy, clone, restart, read, sealing sample
	var last *client.Snapshot
	for range b.some(2 * b.runs) {
		s, err := p.Snapshot(ctx, false)
		if err != nil {
			return err
		}
		last = s
		f.note(&s.SnapshotReply)
		got, err := bed.Numbers(ctx, "calls", "copy", strconv.Itoa(s.Pages*pageBytes), strconv.Itoa(b.some(5)))
		if err != nil {
			return err
		}
		memcpy = append(memcpy, got...)
		r, err := s.Clone(ctx, bed.Client.Node(1), api.ExecRequest{Stdio: client.LogFiles(), Detached: true})
		if err != nil {
			return err
		}
		clone = append(clone, float64(r.Restart.TotalUs)*1e3)
		if err := bed.Client.Process(r.PID).Destroy(ctx); err != nil {
			return err
		}
		file, reading, seals, err := bed.sealed(ctx, s)
		if err != nil {
			return err
		}
		read, sealing = append(read, reading), append(sealing, seals)
		s.Drop(ctx)
		if r, err = bed.restart(ctx, file); err != nil {
			return err
		}
		restart = append(restart, float64(r.Restart.TotalUs)*1e3)
		if err := bed.Client.Process(r.PID).Destroy(ctx); err != nil {
			return err
		}
	}
	r := &b.report
	limit := checkpointCopies * memcpy.Median()
	held := func(w *row, note string) {
		w.Note = fmt.Sprintf("%s%.2f memcpy", note, w.Median/memcpy.Median())
		r.target(w, limit, "≤ %.1f memcpy", checkpointCopies)
	}
	w := r.add(fmt.Sprintf("memcpy of %d pages, those of a %d MB process", last.Pages, mb), "ns", memcpy)
	w.Note = "once, by a program on the same node, in turns with them"
	w = r.add(fmt.Sprintf("freeze of a snapshot of a %d MB process", mb), "ns", f.freeze)
	held(w, fmt.Sprintf("an image of %d bytes; ", last.Bytes))
	r.add("  capture", "ns", f.capture)
	r.add("  fork", "ns", f.fork)
	r.add("  encode", "ns", f.encode)
	w = r.add("restart of it where its segments are", "ns", clone)
	held(w, "")
	w = r.add("  from a file, its segments written before", "ns", restart)
	held(w, "")
	w = r.add("sealing of it for a file", "ns", sealing)
	w.Note = fmt.Sprintf("on the host, after the freeze (in which only the state of endpoints is sealed) and after its pages were read, in %s", testbed.Duration(read.Median()))
	return p.Destroy(ctx)
}

// sealed writes a snapshot as a file, and says how long its pages took to read and how
// long all of it to seal, in nanoseconds.
func (b *bed) sealed(ctx context.Context, s *client.Snapshot) (file []byte, reading, sealing float64, err error) {
	type piece struct {
		segment int
		first   uint64
		data    []byte
	}
	var pieces []piece
	start := time.Now()
	err = s.EachPage(ctx, func(segment int, first uint64, data []byte) error {
		pieces = append(pieces, piece{segment, first, data})
		return nil
	})
	if err != nil {
		return nil, 0, 0, err
	}
	reading = float64(time.Since(start))
	var salt [32]byte
	_, _ = rand.Read(salt[:]) // never fails
	out := new(bytes.Buffer)
	out.Grow(len(pieces) << 20)
	start = time.Now()
	w, err := checkpoint.NewWriter(out, b.Client.Key(), salt, s.Descriptor, checkpoint.Options{})
	if err != nil {
		return nil, 0, 0, err
	}
	for _, p := range pieces {
		if err := w.Pages(p.segment, p.first, p.data); err != nil {
			return nil, 0, 0, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, 0, 0, err
	}
	return out.Bytes(), reading, float64(time.Since(start)), nil
}

// restart makes a process of a file.
func (b *bed) restart(ctx context.Context, file []byte) (r api.ExecReply, err error) {
	c, err := checkpoint.Open(io.NewSectionReader(bytes.NewReader(file), 0, int64(len(file))), b.Client.Key())
	if err != nil {
		return r, err
	}
	return b.Client.Node(1).Restart(ctx, c, api.ExecRequest{Stdio: client.LogFiles(), Detached: true}, nil)
}
