package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"motile/proc/api/client"
	"motile/tools/experiments/record"
)

var strategies = &experiment{
	name:    "strategies",
	title:   "Every way to move memory, by working set, dirty rate and what is touched afterwards",
	runs:    3,
	measure: measureStrategies,
	explain: explainStrategies,
}

// beatMs is how often a worker says that it lives: what is seen of its output is no finer.
const beatMs = 5

func measureStrategies(ctx context.Context, l *lab) error {
	if err := l.warmUp(ctx); err != nil {
		return err
	}
	return l.each(ctx, []record.Axis{
		{Name: "kb", Values: pick(l, texts(100, 1024, 4096, 16384, 65536), texts(100, 1024, 16384), texts(1024))},
		{Name: "dirty", Values: pick(l, texts(0, 1, 10, 100), texts(0, 10), texts(10))},
		{Name: "touched", Values: pick(l, texts(0, 10, 100), texts(0, 100), texts(100))},
		{Name: "strategy", Values: client.Strategies},
	}, l.strategy)
}

// strategy moves a worker once, and has it work afterwards.
func (l *lab) strategy(ctx context.Context, p record.Params) (m record.Measurement, err error) {
	s, err := l.worker(ctx, p)
	if err != nil {
		return m, err
	}
	defer s.end(ctx)
	touches := p["touched"] != "0"
	var before, after float64
	if touches {
		// Twice: the first time translates the code and fills the caches.
		for range 2 {
			if before, err = s.touch(ctx); err != nil {
				return m, err
			}
		}
	}
	beat, err := s.await(ctx, isBeat) // one that is new
	if err != nil {
		return m, err
	}
	carried, err := l.Carried(ctx)
	if err != nil {
		return m, err
	}
	ordered, begin := time.Now(), len(s.seen)-1
	m, report, err := s.move(ctx, client.Move{Target: target, Strategy: p["strategy"]})
	if err != nil {
		return m, err
	}
	if touches {
		if after, err = s.touch(ctx); err != nil {
			return m, err
		}
		m.Values["touch_before_ms"], m.Values["touch_after_ms"] = before, after
	}
	if beat, err = s.firstBeatOn(ctx, target, begin); err != nil {
		return m, err
	}
	m.Values["first_output_ms"] = ms(beat.at.Sub(ordered))
	m.Values["gap_ms"] = s.longestGap(begin)
	if report.Left > 0 {
		if err := s.settled(ctx); err != nil {
			return m, err
		}
		m.Values["settled_ms"] = ms(time.Since(ordered))
	}
	now, err := l.Carried(ctx)
	m.Values["wire_bytes"] = float64(now - carried)
	return m, err
}

// worker starts one on the source, and waits until it is at its pace.
func (l *lab) worker(ctx context.Context, p record.Params) (*subject, error) {
	kb, percent := number(p["kb"]), number(p["dirty"])
	pages := float64(kb) / 4 * float64(percent) / 100
	s, err := l.start(ctx, source, "worker", "hold", "-size", p["kb"], "-dirty", strconv.FormatFloat(pages, 'f', -1, 64),
		"-touch", p["touched"], "-beat", strconv.Itoa(beatMs), "-seed", strconv.FormatUint(l.seed, 10))
	if err != nil {
		return nil, err
	}
	for range calm / (beatMs * time.Millisecond) {
		if _, err := s.await(ctx, isBeat); err != nil {
			return nil, errors.Join(err, s.end(ctx))
		}
	}
	return s, nil
}

func isBeat(text string) bool { return strings.HasPrefix(text, "beat ") }

// beatOf takes a worker's line apart.
func beatOf(text string) (node int, ns int64, ok bool) {
	n, err := fmt.Sscanf(text, "beat %d %d", &node, &ns)
	return node, ns, err == nil && n == 2
}

// firstBeatOn is the first from a node, of those seen since a line, or to come.
func (s *subject) firstBeatOn(ctx context.Context, node, since int) (line, error) {
	on := func(text string) bool { at, _, ok := beatOf(text); return ok && at == node }
	for _, l := range s.seen[since:] {
		if on(l.text) {
			return l, nil
		}
	}
	return s.await(ctx, on)
}

// longestGap is the longest time between two beats since a line, by the worker's own
// clock, ms.
func (s *subject) longestGap(since int) float64 {
	last, longest := int64(-1), int64(0)
	for _, l := range s.seen[since:] {
		if _, ns, ok := beatOf(l.text); ok {
			if last >= 0 {
				longest = max(longest, ns-last)
			}
			last = ns
		}
	}
	return ms(time.Duration(longest))
}

func explainStrategies(p *page, r *record.Record) {
	p.text(`A worker has a working set of random pages, writes one word of a share of its pages each second, at a steady pace, and prints a
line every %d ms. It is moved to another node, a process of its own for each measurement, once in each turn by every strategy there is. Freeze and total are
what the source reports; the first output is the time from the order, on the host, to the first line from the new node. Bytes are what the bridge took from all nodes, in
whole frames, from the order until nothing of the process was left behind, so other traffic of the nodes is among them. The slowdown is that of reading a share of the pages right
after the move, against the same before it.`, beatMs)
	names := r.Axis("strategy")
	base := r.All().Where("touched", r.Axis("touched")[0])
	for _, dirty := range r.Axis("dirty") {
		set := base.Where("dirty", dirty)
		p.text("**%s %% of the pages dirtied each second.** Frozen / in all, ms: median (p10–p90)", dirty)
		p.sizes("strategy", names, r.Axis("kb"), func(name, kb string) string {
			s := set.Where("strategy", name, "kb", kb)
			return spread(s.Sample("freeze_ms")) + " / " + spread(s.Sample("total_ms"))
		})
	}
	strategiesTraffic(p, r, base)
	p.text("**Slowdown of reading right after the move**, idle worker: times as long as before, medians:")
	idle := r.All().Where("dirty", r.Axis("dirty")[0])
	for _, touched := range r.Axis("touched") {
		if touched == "0" {
			continue
		}
		p.text("%s %% of the pages:", touched)
		p.sizes("strategy", names, r.Axis("kb"), func(name, kb string) string {
			return median(slowdown(idle.Where("touched", touched, "strategy", name, "kb", kb)))
		})
	}
	p.excuses(r, "strategy")
	strategyCharts(p, r, base)
}

// strategiesTraffic is about the largest working set: what was sent, and what was seen from outside.
func strategiesTraffic(p *page, r *record.Record, set record.Set) {
	largest := r.Axis("kb")[len(r.Axis("kb"))-1]
	p.text("**%s.** What was sent, medians, and what the host and the worker saw:", size(largest))
	var rows [][]string
	for _, dirty := range r.Axis("dirty") {
		for _, name := range r.Axis("strategy") {
			s := set.Where("strategy", name, "kb", largest, "dirty", dirty)
			row := []string{dirty + " %", "`" + name + "`", figure(s.Sample("wire_bytes").Median() / 1024)}
			for _, value := range []string{"rounds", "resent_pages", "left_pages", "settled_ms"} {
				row = append(row, median(s.Sample(value)))
			}
			rows = append(rows, append(row, spread(s.Sample("first_output_ms")), spread(s.Sample("gap_ms")), strconv.Itoa(len(s.Sample("total_ms")))))
		}
	}
	p.table([]string{"dirty a second", "strategy", "KB on the wire", "rounds", "pages sent again", "pages left", "nothing left after, ms",
		"first output after the order, ms: median (p10–p90)", "longest silence, ms", "n"}, rows)
}

// slowdown is how many times as long work took after the move.
func slowdown(s record.Set) (times []float64) {
	for _, m := range s {
		if before := m.Values["touch_before_ms"]; before > 0 {
			times = append(times, m.Values["touch_after_ms"]/before)
		}
	}
	return times
}

func strategyCharts(p *page, r *record.Record, set record.Set) {
	dirty := r.Axis("dirty")
	some := dirty[len(dirty)/2]
	for _, c := range []struct{ name, value, what string }{
		{"freeze", "freeze_ms", "frozen, ms"}, {"total", "total_ms", "in all, ms"},
		{"first-output", "first_output_ms", "first output after the order, ms"}, {"wire", "wire_bytes", "bytes on the wire"},
	} {
		chart := p.chart(fmt.Sprintf("%s: by working set, %s %% dirtied a second", c.what, some), "working set, KB", c.what)
		chart.X.Log, chart.Y.Log = true, true
		for _, name := range r.Axis("strategy") {
			p.draw(chart, curve(name, set.Where("strategy", name, "dirty", some), r.Axis("kb"), "kb", c.value))
		}
		p.figure(c.name, chart)
	}
}

// sizes is a grid whose columns are sizes.
func (p *page) sizes(corner string, rows, kbs []string, cell func(row, kb string) string) {
	of := make(map[string]string)
	var columns []string
	for _, kb := range kbs {
		of[size(kb)] = kb
		columns = append(columns, size(kb))
	}
	p.grid(corner, rows, columns, func(row, column string) string { return cell(row, of[column]) })
}
