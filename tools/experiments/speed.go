package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"motile/proc/api/client"
	"motile/tools/experiments/record"
)

var speed = &experiment{
	name:    "speed",
	title:   "The targets of speed that are about one move",
	runs:    10,
	measure: measureSpeed,
	explain: explainSpeed,
}

// steady is a worker that dirties one percent of its pages a second; the others are
// programs that do nothing.
const idle, steady = "idle", "1 %/s dirty"

func measureSpeed(ctx context.Context, l *lab) error {
	if err := l.warmUp(ctx); err != nil {
		return err
	}
	strategy := record.Axis{Name: "strategy", Values: client.Strategies}
	sizes := record.Axis{Name: "kb", Values: pick(l, texts(0, 100, 1024, 16384, 65536), texts(0, 1024, 65536), texts(0, 1024))}
	axes := []record.Axis{{Name: "life", Values: []string{idle}}, sizes, strategy}
	if err := l.each(ctx, axes, l.moveBesideBulk); err != nil {
		return err
	}
	axes[0].Values, axes[1].Values = []string{steady}, sizes.Values[len(sizes.Values)-1:]
	return l.each(ctx, axes, l.moveBesideBulk)
}

// moveBesideBulk moves a process, and has the drivers alone carry as much.
func (l *lab) moveBesideBulk(ctx context.Context, p record.Params) (m record.Measurement, err error) {
	program := []string{"idle", p["kb"]}
	if p["life"] == steady {
		program = []string{"worker", "hold", "-size", p["kb"], "-seed", strconv.FormatUint(l.seed, 10),
			"-dirty", strconv.FormatFloat(float64(number(p["kb"]))/4/100, 'f', -1, 64)}
	}
	s, err := l.start(ctx, source, program[0], program[1:]...)
	if err != nil {
		return m, err
	}
	defer s.end(ctx)
	if p["life"] == steady {
		if err := pause(ctx, calm); err != nil {
			return m, err
		}
	}
	m, report, err := s.move(ctx, client.Move{Target: target, Strategy: p["strategy"]})
	if err == nil && report.Left > 0 {
		err = s.settled(ctx)
	}
	if err != nil {
		return m, err
	}
	m.Values["bulk_ms"], err = l.bulk(ctx, &report)
	return m, err
}

// What is asked: milliseconds, and how many times what the bytes take alone.
const (
	copyBulks, copyMore = 1.25, 15
	precopyLimit        = 15
	referenceLimit      = 12
	nullLimit           = 15
)

func explainSpeed(p *page, r *record.Record) {
	p.text(`A process is moved, and right after it the drivers of the same two nodes carry as many bytes as it has sent, in frames of the largest size and without any protocol: what is
best on that network at that moment. Frozen / in all / those frames, ms, medians:`)
	names := r.Axis("strategy")
	for _, life := range r.Axis("life") {
		p.text("**%s**", life)
		sizes := slices.DeleteFunc(slices.Clone(r.Axis("kb")), func(kb string) bool { return len(r.All().Where("life", life, "kb", kb)) == 0 })
		p.sizes("strategy", names, sizes, func(name, kb string) string {
			s := r.All().Where("life", life, "strategy", name, "kb", kb)
			return strings.Join([]string{median(s.Sample("freeze_ms")), median(s.Sample("total_ms")), median(s.Sample("bulk_ms"))}, " / ")
		})
	}
	phases(p, r)
	p.excuses(r, "strategy")
	speedCharts(p, r)
	speedTargets(p, r)
}

// phases shows where the time of moves goes.
func phases(p *page, r *record.Record) {
	kb := r.Axis("kb")
	p.text("Where the time goes, %s and idle, ms, medians. Transfer and commit are parts of the freeze, or go on beside it; the first run is from the commit until a thread ran:", size(kb[len(kb)-1]))
	names := []string{"negotiate", "precopy", "freeze", "transfer", "commit", "first_run", "total"}
	p.grid("strategy", r.Axis("strategy"), names, func(strategy, phase string) string {
		return median(r.All().Where("life", idle, "strategy", strategy, "kb", kb[len(kb)-1]).Sample(phase + "_ms"))
	})
}

func speedCharts(p *page, r *record.Record) {
	chart := p.chart("Frozen, a process that does nothing", "random resident memory, KB", "ms")
	chart.Y.Log = true
	for _, name := range r.Axis("strategy") {
		p.draw(chart, curve(name, r.All().Where("life", idle, "strategy", name), r.Axis("kb"), "kb", "freeze_ms"))
	}
	p.figure("freeze", chart)
}

func speedTargets(p *page, r *record.Record) {
	names, sizes := r.Axis("strategy"), r.Axis("kb")
	for _, kb := range sizes[1:] {
		set := r.All().Where("life", idle, "strategy", "copy", "kb", kb)
		total, bulk := set.Sample("total_ms"), set.Sample("bulk_ms").Median()
		limit := copyBulks*bulk + copyMore
		p.target(fmt.Sprintf("`copy`, %s: total ≤ 1.25 × its bytes as bulk frames + 15 ms", size(kb)), total.Median() <= limit, total,
			"%s ms, of %s", spread(total), figure(limit))
	}
	largest := sizes[len(sizes)-1]
	what := fmt.Sprintf("`precopy`: freeze ≤ 15 ms, %s with 1 %% dirtied a second", size(largest))
	if slices.Contains(names, "precopy") {
		set := r.All().Where("life", steady, "strategy", "precopy", "kb", largest)
		freeze := set.Sample("freeze_ms")
		p.target(what, freeze.Median() <= precopyLimit, freeze, "%s ms", spread(freeze))
	} else {
		p.unmeasured(what, noStrategy("precopy"))
	}
	for _, kb := range sizes {
		what := fmt.Sprintf("`reference`: freeze ≤ 12 ms whatever the size; %s", size(kb))
		if !slices.Contains(names, "reference") {
			p.unmeasured(what, noStrategy("reference"))
			continue
		}
		freeze := r.All().Where("life", idle, "strategy", "reference", "kb", kb).Sample("freeze_ms")
		p.target(what, freeze.Median() <= referenceLimit, freeze, "%s ms", spread(freeze))
	}
	for _, name := range names {
		null := r.All().Where("life", idle, "strategy", name, "kb", "0").Sample("total_ms")
		p.target(fmt.Sprintf("null process by `%s`: total ≤ 15 ms", name), null.Median() <= nullLimit, null, "%s ms", spread(null))
	}
}
