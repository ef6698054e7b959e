package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/tools/peers/orders"
	"motile/tools/peers/result"
)

// way is one way to move a process: a strategy of ours, or a mode of CRIU.
type way struct {
	strategy string // ours
	mode     string // CRIU's
	resident bool   // CRIU's service does it

	failed error // the first time: it is not tried again
}

func (w *way) String() string {
	switch {
	case w.mode == "":
		return "migrate --strategy " + w.strategy
	case w.resident:
		return "CRIU " + w.mode + ", resident"
	}
	return "CRIU " + w.mode + ", by command"
}

// moved is what was measured of moves.
type moved struct {
	total, freeze, bytes result.Sample
	gap                  result.Sample // that our process saw
	steps                map[string]result.Sample
	report               api.MoveReport // of our last move
}

// add moves a worker once.
func (m *moved) add(ctx context.Context, w *way, b *bed, path string, g *guests, size int) error {
	if w.strategy != "" {
		return m.ours(ctx, w.strategy, b, path, size, 0)
	}
	return g.awake(ctx, func() (err error) {
		a, err := g.a.order(ctx, orders.Order{Do: orders.Work, Bytes: size})
		if err != nil {
			return err
		}
		a, err = g.a.order(ctx, orders.Order{Do: orders.Move, Kind: w.mode, Resident: w.resident, Peer: g.b.addr, PID: a.PID})
		if err != nil {
			return err
		}
		m.total, m.freeze = append(m.total, float64(a.Total)), append(m.freeze, float64(a.Gap))
		m.bytes = append(m.bytes, float64(a.Bytes))
		for _, s := range a.Steps {
			m.steps[s.Name] = append(m.steps[s.Name], float64(s.Ns))
		}
		return nil
	})
}

// ours is a move from node 1 to node 2. Times are by the source's clock: the program's own is
// right at the target only as far as the nodes' clocks agree, which is some milliseconds.
func (m *moved) ours(ctx context.Context, strategy string, b *bed, path string, size, pages int) (err error) {
	worker, err := b.startWorker(ctx, path, size, pages)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.Destroy(ctx)) }()
	if _, err := worker.gap(ctx); err != nil { // it begins to look anew
		return err
	}
	r, err := worker.Migrate(ctx, client.Move{Target: 2, Strategy: strategy})
	if err != nil {
		return err
	}
	gap, err := worker.gap(ctx)
	if err != nil {
		return err
	}
	m.total, m.freeze = append(m.total, float64(r.Report.TotalUs)*1e3), append(m.freeze, float64(r.Report.FreezeUs)*1e3)
	m.gap, m.report = append(m.gap, gap), r.Report
	m.bytes = append(m.bytes, float64(r.Report.Bytes)+float64(r.Report.StateBytes))
	return nil
}

// ourNote says what the process saw, and what was sent; and which strategy it was, if not the
// one that was asked for, as of auto.
func (m *moved) ourNote(asked string) string {
	words := []string{
		bytesInWords(int(m.bytes.Stat().Median)) + " sent",
		"the program's own clock missed " + result.Duration(m.gap.Stat().Median),
	}
	if s := m.report.Strategy; s != "" && s != asked {
		words = append(words, "the last one was by "+s)
	}
	if m.report.Left > 0 {
		words = append(words, fmt.Sprintf("%d of its pages followed after it ran", m.report.Left))
	}
	return strings.Join(words, "; ")
}

// note says what CRIU's steps took.
func (m *moved) note() string {
	var names []string
	for name := range m.steps {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %s", name, result.Duration(m.steps[name].Stat().Median))
	}
	return fmt.Sprintf("images %s; %s", bytesInWords(int(m.bytes.Stat().Median)), strings.Join(names, ", "))
}

func bytesInWords(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%.3g MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.3g KB", float64(n)/(1<<10))
}
