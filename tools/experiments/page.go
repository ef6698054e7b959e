package main

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"motile/qemu/testbed"
	"motile/tools/experiments/plot"
	"motile/tools/experiments/record"
)

// page is the part of the document about one experiment.
type page struct {
	strings.Builder
	name    string
	links   string            // from the document to the results
	files   map[string][]byte // beside the document, by name
	targets []verdict
}

// verdict is a target of the project, and whether it is met.
type verdict struct {
	what, got string
	met       *bool // nil: it was not measured
}

func (v verdict) String() string {
	switch {
	case v.met == nil:
		return "not measured"
	case *v.met:
		return "met"
	}
	return "**NOT met**"
}

func (v verdict) missed() bool { return v.met != nil && !*v.met }

// target holds a figure against what is asked. Without a sample it was not measured.
func (p *page) target(what string, met bool, of testbed.Sample, format string, args ...any) {
	if len(of) == 0 {
		p.targets = append(p.targets, verdict{what: what, got: "–"})
		return
	}
	p.targets = append(p.targets, verdict{what, fmt.Sprintf(format, args...), &met})
}

// unmeasured notes a target of which a record says nothing, and why.
func (p *page) unmeasured(what string, why ...string) {
	p.targets = append(p.targets, verdict{what: what, got: strings.Join(why, "; ")})
}

func (p *page) text(format string, args ...any) {
	fmt.Fprintf(p, format+"\n\n", args...)
}

func (p *page) table(heads []string, rows [][]string) {
	line := func(cells []string) {
		for len(cells) < len(heads) {
			cells = append(cells, "")
		}
		fmt.Fprintf(p, "| %s |\n", strings.Join(cells, " | "))
	}
	line(heads)
	p.WriteString("|" + strings.Repeat("---|", len(heads)) + "\n")
	for _, r := range rows {
		line(r)
	}
	p.WriteString("\n")
}

// grid is a table of one axis by another.
func (p *page) grid(corner string, rows, columns []string, cell func(row, column string) string) {
	var lines [][]string
	for _, r := range rows {
		line := []string{r}
		for _, c := range columns {
			line = append(line, cell(r, c))
		}
		lines = append(lines, line)
	}
	p.table(append([]string{corner}, columns...), lines)
}

func (p *page) chart(title, x, y string) *plot.Chart {
	return &plot.Chart{Title: title, X: plot.Axis{Label: x}, Y: plot.Axis{Label: y}}
}

// figure puts a chart into the document, in a file of its own.
func (p *page) figure(name string, c *plot.Chart) {
	file := p.name + "-" + name + ".svg"
	p.files[file] = c.SVG()
	p.text("![%s](%s)", c.Title, path.Join(p.links, file))
}

// draw adds a series to a chart, if there is anything in it.
func (p *page) draw(c *plot.Chart, s plot.Series) {
	if len(s.Points) > 0 {
		c.Series = append(c.Series, s)
	}
}

// curve is a value over an axis: medians, and from the 10th to the 90th percentile.
func curve(name string, s record.Set, axis []string, param, value string) plot.Series {
	c := plot.Series{Name: name}
	for _, v := range axis {
		x, err := strconv.ParseFloat(v, 64)
		sample := s.Where(param, v).Sample(value)
		if err == nil && len(sample) > 0 {
			c.Points = append(c.Points, plot.Point{X: x, Y: sample.Median(), Low: sample.Quantile(0.1), High: sample.Quantile(0.9)})
		}
	}
	return c
}

// straight is a model's line from 0 to x.
func straight(name string, l record.Line, x float64) plot.Series {
	s := plot.Series{Name: name, Dashed: true}
	for _, at := range []float64{0, x} {
		y := l.A + l.B*at
		s.Points = append(s.Points, plot.Point{X: at, Y: y, Low: y, High: y})
	}
	return s
}

// figure shows a number with three digits that matter, or as a whole one if it is that.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.Abs(v) >= 100, v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case math.Abs(v) >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// spread is a sample's median, with its 10th and 90th percentile.
func spread(s testbed.Sample) string {
	switch len(s) {
	case 0:
		return "–"
	case 1:
		return figure(s[0])
	}
	return fmt.Sprintf("%s (%s–%s)", figure(s.Median()), figure(s.Quantile(0.1)), figure(s.Quantile(0.9)))
}

// median is a sample's median, or a dash.
func median(s testbed.Sample) string { return figure(s.Median()) }

// size shows KB.
func size(kb string) string {
	n, err := strconv.Atoi(kb)
	switch {
	case err != nil:
		return kb
	case n >= 1024 && n%1024 == 0:
		return fmt.Sprintf("%d MB", n/1024)
	}
	return fmt.Sprintf("%d KB", n)
}

// excuses says of which values of an axis there is nothing, and why.
func (p *page) excuses(r *record.Record, axis string) {
	for _, v := range r.Axis(axis) {
		set := r.All().Where(axis, v)
		if why := set.Without(); len(why) > 0 {
			p.text("`%s`: not measured %d times of %d: %s.", v, withoutCount(set), len(set), strings.Join(why, "; "))
		}
		if used := set.Used(); len(used) > 0 {
			var chosen []string
			for _, name := range slices.Sorted(maps.Keys(used)) {
				chosen = append(chosen, fmt.Sprintf("`%s` %d times", name, used[name]))
			}
			p.text("`%s` chose %s.", v, strings.Join(chosen, ", "))
		}
		if notes := set.Notes(); len(notes) > 0 {
			p.text("`%s` reported in %d of %d moves that not all went as asked, for example: %s.", v, notesCount(set), len(set), strings.Join(notes[:min(len(notes), examples)], "; "))
		}
	}
}

// examples are so many of what strategies report.
const examples = 3

func notesCount(s record.Set) (n int) {
	for _, m := range s {
		if m.Note != "" {
			n++
		}
	}
	return n
}

func withoutCount(s record.Set) (n int) {
	for _, m := range s {
		if m.Without != "" {
			n++
		}
	}
	return n
}
