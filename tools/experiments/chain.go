package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"motile/proc/api/client"
	"motile/qemu/testbed"
	"motile/tools/experiments/record"
)

var chain = &experiment{
	name:    "chain",
	title:   "The cost of hop N of a process that moves on and on",
	runs:    1,
	measure: measureChain,
	explain: explainChain,
}

// chainKB is the size of what moves about.
const chainKB = "256"

func measureChain(ctx context.Context, l *lab) error {
	hops := pick(l, 200, 60, 6)
	strategies := record.Axis{Name: "strategy", Values: client.Strategies}
	axis := record.Axis{Name: "hop"}
	for hop := range hops {
		axis.Values = append(axis.Values, strconv.Itoa(hop+1))
	}
	l.declare([]record.Axis{strategies, axis})
	for run := range l.rec.Runs {
		for i, k := range l.rng.Perm(len(strategies.Values)) {
			l.tell(run*len(strategies.Values)+i, l.rec.Runs*len(strategies.Values))
			if err := l.chain(ctx, run, strategies.Values[k], hops); err != nil {
				return err
			}
		}
	}
	return nil
}

// chain moves a process to and fro by one strategy, as far as that goes.
func (l *lab) chain(ctx context.Context, run int, strategy string, hops int) error {
	s, err := l.start(ctx, source, "idle", chainKB)
	if err != nil {
		return err
	}
	defer s.end(ctx)
	for hop := 1; hop <= hops; hop++ {
		m, err := s.hop(ctx, client.Move{Target: []int{source, target}[hop%2], Strategy: strategy})
		var why impossible
		switch {
		case errors.As(err, &why):
			m.Without = fmt.Sprintf("hop %d: %v", hop, why)
			l.note(run, record.Params{"strategy": strategy, "hop": strconv.Itoa(hop)}, m)
			return nil
		case err != nil:
			return fmt.Errorf("%s, hop %d: %w", strategy, hop, err)
		}
		l.note(run, record.Params{"strategy": strategy, "hop": strconv.Itoa(hop)}, m)
	}
	return nil
}

// hop moves the process, and waits until it can move on.
func (s *subject) hop(ctx context.Context, order client.Move) (record.Measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, report, err := s.move(ctx, order)
	if err == nil && report.Left > 0 {
		err = s.settled(ctx)
	}
	return m, err
}

// hopsPart is how many hops are held against as many others.
const hopsPart = 20

func explainChain(p *page, r *record.Record) {
	hops := r.Axis("hop")
	part := min(hopsPart, len(hops)/2)
	p.text(`A process of %s KB moves to and fro between two nodes, %d times, by each strategy. CRIU's users report that their 45th restore takes ten times as long as the first
(checkpoint-restore/criu#268, #1547); here the last %d hops are held against the %d that follow the first, which pays for the emulator's first look at the code. `+"`make bench`"+` does a thousand
hops about three nodes, and looks at what those keep of them.`, chainKB, len(hops), part, part)
	var rows [][]string
	chart := p.chart("Total time of hop N", "hop", "ms")
	for _, name := range r.Axis("strategy") {
		set := r.All().Where("strategy", name)
		var first, last testbed.Sample
		for i, hop := range hops {
			sample := set.Where("hop", hop).Sample("total_ms")
			if i > 0 && i <= part {
				first = append(first, sample...)
			}
			if i >= len(hops)-part {
				last = append(last, sample...)
			}
		}
		rows = append(rows, []string{"`" + name + "`", spread(first), spread(last), figure(last.Median() / first.Median()), spread(set.Sample("freeze_ms")), strconv.Itoa(len(set.Sample("total_ms")))})
		p.draw(chart, curve(name, set, hops, "hop", "total_ms"))
	}
	p.table([]string{"strategy", fmt.Sprintf("hops 2 to %d, ms: median (p10–p90)", part+1),
		fmt.Sprintf("last %d hops, ms", part), "ratio", "frozen, all hops, ms", "n"}, rows)
	p.excuses(r, "strategy")
	p.figure("hops", chart)
}
