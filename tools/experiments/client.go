package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"motile/proc/api/client"
	"motile/qemu/testbed"
	"motile/tools/experiments/record"
)

var clientView = &experiment{
	name:    "client",
	title:   "What a client sees that polls a server every millisecond while that moves",
	runs:    5,
	measure: measureClient,
	explain: explainClient,
}

// Phases of a client's life; what it does in the first is not looked at.
const (
	warming, unmoved, moved = "0", "1", "2"
)

// watched is how long the client polls a server that stays; and it polls on for so long
// after a move.
const (
	watched   = 2 * time.Second
	afterward = 500 * time.Millisecond
)

func measureClient(ctx context.Context, l *lab) error {
	if err := l.warmUp(ctx); err != nil {
		return err
	}
	return l.each(ctx, []record.Axis{
		{Name: "kb", Values: pick(l, texts(1024, 16384, 65536), texts(1024, 16384), texts(1024))},
		{Name: "dirty", Values: pick(l, texts(0, 1), texts(1), texts(1))},
		{Name: "strategy", Values: client.Strategies},
	}, l.poll)
}

// poll moves a server from the source to the target, and has a client on a third node
// send it an empty request every millisecond.
func (l *lab) poll(ctx context.Context, p record.Params) (m record.Measurement, err error) {
	get := port("client")
	pages := float64(number(p["kb"])) / 4 * float64(number(p["dirty"])) / 100
	s, err := l.start(ctx, source, "worker", "hold", "-size", p["kb"], "-port", get.String(),
		"-dirty", strconv.FormatFloat(pages, 'f', -1, 64), "-seed", strconv.FormatUint(l.seed, 10))
	if err != nil {
		return m, err
	}
	defer s.end(ctx)
	c, err := l.start(ctx, bystander, "worker", "poll", "-port", get.Put().String())
	if err != nil {
		return m, err
	}
	defer c.end(ctx)
	mark := func(wait time.Duration) error {
		return errors.Join(pause(ctx, wait), c.Signal(ctx, int(syscall.SIGUSR1)))
	}
	if err := errors.Join(mark(calm), mark(watched)); err != nil {
		return m, err
	}
	if m, _, err = s.move(ctx, client.Move{Target: target, Strategy: p["strategy"]}); err != nil {
		return m, err
	}
	if err := errors.Join(pause(ctx, afterward), c.Signal(ctx, int(syscall.SIGTERM))); err != nil {
		return m, err
	}
	requests, failed, err := c.exchanges(ctx)
	if err != nil {
		return m, err
	}
	m.Values["failed"] = failed
	for phase, name := range map[string]string{unmoved: "unmoved", moved: "moved"} {
		took, gap := requests[phase].seen()
		m.Values[name+"_p50_ms"], m.Values[name+"_p90_ms"] = took.Quantile(0.5), took.Quantile(0.9)
		m.Values[name+"_p99_ms"], m.Values[name+"_p999_ms"] = took.Quantile(0.99), took.Quantile(0.999)
		m.Values[name+"_max_ms"], m.Values[name+"_gap_ms"] = took.Quantile(1), gap
		m.Values[name+"_n"] = float64(len(took))
	}
	return m, nil
}

// exchanges are requests with their replies: begin and end of each, ns.
type exchanges [][2]int64

// seen is how long each took, and the longest time between two replies, ms.
func (e exchanges) seen() (took testbed.Sample, gap float64) {
	for i, x := range e {
		took = append(took, float64(x[1]-x[0])/1e6)
		if i > 0 {
			gap = max(gap, float64(x[1]-e[i-1][1])/1e6)
		}
	}
	return took, gap
}

// exchanges reads what a client prints at its end, by phases. The last reply of a phase
// is the first of the next one's: the gap that begins with it is that one's.
func (s *subject) exchanges(ctx context.Context) (by map[string]exchanges, failed float64, err error) {
	by = make(map[string]exchanges)
	last, lastPhase := [2]int64{}, warming
	for {
		l, err := s.await(ctx, func(string) bool { return true })
		switch {
		case err != nil && ctx.Err() == nil && s.err == nil: // it has said all
			return by, failed, enough(by, failed)
		case err != nil:
			return nil, 0, err
		}
		words := strings.Fields(l.text)
		if len(words) == 2 && words[0] == "failed" {
			failed, _ = strconv.ParseFloat(words[1], 64)
			continue
		}
		var x [2]int64
		if len(words) != 3 {
			return nil, 0, fmt.Errorf("the client printed %q", l.text)
		}
		for i := range x {
			if x[i], err = strconv.ParseInt(words[1+i], 10, 64); err != nil {
				return nil, 0, err
			}
		}
		phase := words[0]
		if phase != lastPhase && lastPhase != warming {
			by[phase] = append(by[phase], last)
		}
		by[phase], last, lastPhase = append(by[phase], x), x, phase
	}
}

// enough is nil if there is something to be said about either phase.
func enough(by map[string]exchanges, failed float64) error {
	for _, phase := range []string{unmoved, moved} {
		if len(by[phase]) < 2 {
			return impossible{fmt.Errorf("the client had %d replies in phase %s, and %v requests failed", len(by[phase]), phase, failed)}
		}
	}
	return nil
}

// gapSlack is how much longer a gap a client may see when its server moves by precopying, ms.
const gapSlack = 15

func explainClient(p *page, r *record.Record) {
	p.text(`A server has a working set of random pages, of which it dirties some. A client on a third node sends it an empty request each millisecond, or when the reply to
the last one comes if that is later; first for %v to a server that stays, then through a move and for %v after it. A gap is the time between two replies; no request failed unless the
table says so. Latencies are percentiles of a run; medians over the runs.`, watched, afterward)
	names := r.Axis("strategy")
	for _, kb := range r.Axis("kb") {
		for _, dirty := range r.Axis("dirty") {
			set := r.All().Where("kb", kb, "dirty", dirty)
			p.text("**%s, %s %% dirtied a second**, ms:", size(kb), dirty)
			heads := []string{"strategy", "p50", "p90", "p99", "p99.9", "longest gap unmoved", "longest gap in the move: median (p10–p90)", "more", "failed", "n"}
			var rows [][]string
			all := slices.Concat([]string{""}, names)
			for _, name := range all {
				s, prefix := set, "unmoved"
				if name != "" {
					s, prefix = set.Where("strategy", name), "moved"
				}
				row := []string{name}
				if name == "" {
					row[0] = "(unmoved)"
				}
				for _, q := range []string{"p50", "p90", "p99", "p999"} {
					row = append(row, median(s.Sample(prefix+"_"+q+"_ms")))
				}
				row = append(row, spread(s.Sample("unmoved_gap_ms")))
				if name != "" {
					failed := s.Sample("failed")
					row = append(row, spread(s.Sample("moved_gap_ms")), median(longer(s)), figure(failed.Quantile(1)), strconv.Itoa(len(failed)))
				}
				rows = append(rows, row)
			}
			p.table(heads, rows)
		}
	}
	p.excuses(r, "strategy")
	chart := p.chart("Longest gap that a client sees in a move", "working set, KB", "ms")
	chart.X.Log, chart.Y.Log = true, true
	some := r.Axis("dirty")[len(r.Axis("dirty"))-1]
	for _, name := range names {
		p.draw(chart, curve(name, r.All().Where("strategy", name, "dirty", some), r.Axis("kb"), "kb", "moved_gap_ms"))
	}
	p.figure("gap", chart)
	const what = "`precopy`: a client polling every millisecond sees no gap longer than its longest unmoved gap + 15 ms"
	if !slices.Contains(names, "precopy") {
		p.unmeasured(what, noStrategy("precopy"))
		return
	}
	more := longer(r.All().Where("strategy", "precopy"))
	p.target(what, more.Quantile(1) <= gapSlack, more, "at worst %s ms more (median %s)", figure(more.Quantile(1)), median(more))
}

// longer is by how much the longest gap of a move exceeds that before it, ms, run by run.
func longer(s record.Set) (more testbed.Sample) {
	for _, m := range s {
		if gap, ok := m.Values["moved_gap_ms"]; ok {
			more = append(more, gap-m.Values["unmoved_gap_ms"])
		}
	}
	return more
}

func noStrategy(name string) string { return fmt.Sprintf("there was no strategy `%s`", name) }
