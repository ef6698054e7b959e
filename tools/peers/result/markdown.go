package result

import (
	"fmt"
	"math"
	"strings"
	"time"
)

var heads = []string{"ours", "peer", "ours: median", "p10–p90", "n", "peer: median", "p10–p90", "n", "ratio", "target", "met?", ""}

// Markdown is the record as a section of a document, without a heading of its own: a
// table for each suite, what is missing, and the circumstances.
func (r *Result) Markdown() string {
	var b strings.Builder
	for _, suite := range r.suites() {
		fmt.Fprintf(&b, "**%s**\n\n", suite)
		line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
		line(heads)
		b.WriteString("|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|---|\n")
		for i := range r.Rows {
			if w := &r.Rows[i]; w.Suite == suite {
				line(w.cells())
			}
		}
		b.WriteString("\n")
	}
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "Not measured: %s, because %s.\n\n", m.Peer, strings.TrimSuffix(m.Why, "."))
	}
	b.WriteString(r.Conditions() + "\n")
	return b.String()
}

func (r *Result) suites() (names []string) {
	for _, w := range r.Rows {
		if len(names) == 0 || names[len(names)-1] != w.Suite {
			names = append(names, w.Suite)
		}
	}
	return names
}

func (w *Row) cells() []string {
	return []string{
		w.Name, w.Peer,
		w.value(w.Ours.Median), w.spread(w.Ours), fmt.Sprint(w.Ours.N),
		w.value(w.Their.Median), w.spread(w.Their), fmt.Sprint(w.Their.N),
		fmt.Sprintf("%.3g", w.Ratio), w.target(), w.verdict(), w.note(),
	}
}

func (w *Row) spread(s Stat) string { return w.value(s.P10) + " – " + w.value(s.P90) }

func (w *Row) value(v float64) string {
	if w.Unit == MBs {
		return fmt.Sprintf("%.1f MB/s", v)
	}
	return Duration(v)
}

func (w *Row) target() string {
	switch {
	case w.Limit == nil:
		return "–"
	case w.Unit == MBs:
		return fmt.Sprintf("≥ %g", *w.Limit)
	}
	return fmt.Sprintf("≤ %g", *w.Limit)
}

func (w *Row) verdict() string {
	switch {
	case w.Met == nil:
		return ""
	case *w.Met:
		return "yes"
	}
	return "**NO**"
}

// note says first where we lose.
func (w *Row) note() string {
	lost := ""
	if w.Lost() {
		lost = fmt.Sprintf("**we lose**, %.2f ×", math.Max(w.Ratio, 1/w.Ratio))
		if w.Note != "" {
			lost += "; "
		}
	}
	return lost + w.Note
}

// Conditions is a paragraph about the circumstances of the run.
func (r *Result) Conditions() string {
	against := "without peers"
	if len(r.Peers) > 0 {
		against = "against " + strings.Join(r.Peers, ", ")
	}
	words := []string{
		r.Began.UTC().Format("2006-01-02"),
		fmt.Sprintf("%d host CPUs", r.CPUs),
		r.QEMU,
		against,
		fmt.Sprintf("load average before %s, after %s", r.Load[0], r.Load[1]),
		fmt.Sprintf("%d runs taken in turns, %s in all", r.Runs, r.Took),
	}
	text := strings.Join(words, "; ") + "."
	if r.busy() {
		text += " The host had other things to do: what this says of targets is provisional."
	}
	if r.Short {
		text = "Short run, to see that everything works: nothing is held against its target. " + text
	}
	return text
}

// busy says that more wanted to run than there are CPUs, before we began.
func (r *Result) busy() bool {
	var load float64
	_, err := fmt.Sscan(r.Load[0], &load)
	return err == nil && load > float64(r.CPUs)
}

// Duration shows nanoseconds with three digits that matter.
func Duration(ns float64) string {
	d := time.Duration(ns)
	for unit := time.Second; unit > 1; unit /= 10 {
		if d >= unit {
			return d.Round(max(unit/100, 1)).String()
		}
	}
	return d.String()
}
