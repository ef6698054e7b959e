package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/tools/experiments/record"
)

var many = &experiment{
	name:    "many",
	title:   "Fifty processes leave a node, one after the other and as one job",
	runs:    3,
	measure: measureMany,
	explain: explainMany,
}

// Two ways to leave.
const oneByOne, asOneJob = "one after the other", "as one job"

// manyKB is the size of each.
const manyKB = "256"

// whole stands for all processes, where a measurement is not about one of them.
const whole = "all"

func measureMany(ctx context.Context, l *lab) error {
	if err := l.warmUp(ctx); err != nil {
		return err
	}
	axes := []record.Axis{
		{Name: "processes", Values: pick(l, texts(50), texts(50), texts(5))},
		{Name: "strategy", Values: client.Strategies},
		{Name: "way", Values: []string{oneByOne, asOneJob}},
	}
	return l.each(ctx, axes, l.leave)
}

// leave starts processes on the source and moves them all away. Each one's move is a
// measurement of its own beside that of all.
func (l *lab) leave(ctx context.Context, p record.Params) (m record.Measurement, err error) {
	var all []*subject
	defer func() {
		for _, s := range all {
			err = errors.Join(err, s.end(ctx))
		}
	}()
	for range number(p["processes"]) {
		s, err := l.start(ctx, source, "idle", manyKB)
		if err != nil {
			return m, err
		}
		all = append(all, s)
	}
	start := time.Now()
	reports, err := l.depart(ctx, all, p)
	if err != nil {
		return m, err
	}
	m.Values = record.Values{"total_ms": ms(time.Since(start)), "reports": float64(len(reports))}
	for i, r := range reports {
		params := maps.Clone(p)
		params["process"] = strconv.Itoa(i + 1)
		l.note(l.run, params, record.Measurement{Values: reported(&r), Used: used(p["strategy"], &r), Note: r.Note})
	}
	p["process"] = whole
	return m, nil
}

// depart moves processes, and returns the reports: of each, or of the job.
func (l *lab) depart(ctx context.Context, all []*subject, p record.Params) (reports []api.MoveReport, err error) {
	order := client.Move{Target: target, Strategy: p["strategy"]}
	if p["way"] == oneByOne {
		for _, s := range all {
			_, r, err := s.move(ctx, order)
			if err != nil {
				return nil, err
			}
			reports = append(reports, r)
		}
		return reports, nil
	}
	var processes []*client.Process
	for _, s := range all {
		processes = append(processes, s.Process)
	}
	l.Client.MigrateTogether(ctx, processes, order, func(_ []*client.Process, r api.MigrateReply, failed error) {
		if failed != nil {
			err = refused(failed)
		}
		reports = append(reports, r.Report)
	})
	return reports, err
}

func explainMany(p *page, r *record.Record) {
	n := r.Axis("processes")
	p.text(`%s processes of %s KB each leave a node for another: one after the other, as `+"`drain`"+` does it, or as one job, which moves none of them unless all do.
The time of all is the host's, from the first order to the last answer. Of a job there is one freeze, which is everybody's.`, n[len(n)-1], manyKB)
	var rows [][]string
	for _, name := range r.Axis("strategy") {
		for _, way := range r.Axis("way") {
			set := r.All().Where("strategy", name, "way", way)
			rows = append(rows, []string{"`" + name + "`", way, spread(set.Where("process", whole).Sample("total_ms")),
				spread(each(set).Sample("freeze_ms")), figure(each(set).Sample("freeze_ms").Quantile(1)), strconv.Itoa(len(set.Where("process", whole)))})
		}
	}
	p.table([]string{"strategy", "way", "all, ms: median (p10–p90)", "frozen, each, ms: median (p10–p90)", "longest", "n"}, rows)
	p.excuses(r, "strategy")
}

// each are the measurements of single processes or jobs.
func each(s record.Set) record.Set {
	return slices.DeleteFunc(slices.Clone(s), func(m record.Measurement) bool { return m.Params["process"] == whole })
}
