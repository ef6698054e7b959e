package main

import (
	"context"
	"fmt"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/qemu/testbed"
)

// A move may take so long, and so many times what its bytes take alone.
const (
	moveBase  = 15e6 // ns
	moveBulks = 1.3
)

// moves moves an idle process to and fro, and has the drivers alone carry as much.
func moves(ctx context.Context, b *bench) error {
	bed, err := b.up(ctx, 2, testbed.Archive)
	if err != nil {
		return err
	}
	defer bed.Down()
	p, err := bed.Start(ctx, 1, "idle", "1024")
	if err != nil {
		return err
	}
	if err := testbed.Await(ctx, p); err != nil {
		return err
	}
	var total, bulk sample
	phases := make(map[string]sample)
	var bytes, pages, state sample
	for i := range 2 * b.runs {
		from, to := 1+i%2, 2-i%2
		m, err := p.Migrate(ctx, client.Move{Target: to})
		if err != nil {
			return err
		}
		r := m.Report
		total = append(total, float64(r.TotalUs)*1e3)
		for _, ph := range phasesOf(&r) {
			phases[ph.name] = append(phases[ph.name], float64(ph.us)*1e3)
		}
		bytes, pages = append(bytes, float64(r.Bytes)), append(pages, float64(r.Pages))
		state = append(state, float64(r.StateBytes))
		took, err := bed.Carry(ctx, from, to, int(r.Bytes)+r.StateBytes)
		if err != nil {
			return err
		}
		bulk = append(bulk, took)
	}
	if err := bed.showProfiles(ctx); err != nil {
		return err
	}
	r := &b.report
	w := r.add("move of an idle 1 MB process", "ns", total)
	w.Note = fmt.Sprintf("%.0f pages, %.0f bytes and %.0f of state", pages.Median(), bytes.Median(), state.Median())
	r.target(w, moveBase+moveBulks*bulk.Median(), "≤ 15 ms + %.1f bulk", moveBulks)
	for _, ph := range phasesOf(new(api.MoveReport)) {
		r.add("  "+ph.name, "ns", phases[ph.name])
	}
	r.add("as many bytes in bulk frames", "ns", bulk)
	return nil
}

type phase struct {
	name string
	us   int64
}

func phasesOf(r *api.MoveReport) []phase {
	return []phase{
		{"negotiate", r.NegotiateUs}, {"precopy", r.PrecopyUs}, {"freeze", r.FreezeUs},
		{"transfer", r.TransferUs}, {"commit", r.CommitUs}, {"first run", r.FirstRunUs},
	}
}
