package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"motile/qemu/testbed"
)

// row is one thing that was measured.
type row struct {
	Name   string   `json:"name"`
	Unit   string   `json:"unit"` // ns, %, bytes or requests
	Median float64  `json:"median"`
	P99    float64  `json:"p99"`
	N      int      `json:"n"`
	Target string   `json:"target,omitempty"` // in words
	Limit  *float64 `json:"limit,omitempty"`  // of the median, in Unit
	Met    *bool    `json:"met,omitempty"`
	Note   string   `json:"note,omitempty"`
}

// report is all that was measured, and under what circumstances.
type report struct {
	Began  time.Time `json:"began"`
	Took   string    `json:"took"`
	Load   [2]string `json:"load_average"` // before and after
	CPUs   int       `json:"host_cpus"`
	Runs   int       `json:"runs"`
	Rows   []row     `json:"rows"`
	judges bool
}

// add notes a row without a target.
func (r *report) add(name, unit string, s sample) *row {
	r.Rows = append(r.Rows, row{Name: name, Unit: unit, Median: s.Median(), P99: s.P99(), N: len(s)})
	return &r.Rows[len(r.Rows)-1]
}

// target holds a row's median against a limit.
func (r *report) target(w *row, limit float64, format string, args ...any) {
	w.Target, w.Limit = fmt.Sprintf(format, args...), &limit
	if r.judges {
		met := w.Median <= limit
		w.Met = &met
	}
}

func (r *report) finish() {
	r.Took = time.Since(r.Began).Round(time.Second).String()
	r.Load[1] = testbed.LoadAverage()
}

func (w *row) value(v float64) string {
	switch w.Unit {
	case "%":
		return fmt.Sprintf("%.1f %%", v)
	case "bytes":
		return fmt.Sprintf("%.0f bytes", v)
	case "requests":
		return fmt.Sprintf("%.2f", v)
	}
	return testbed.Duration(v)
}

func (w *row) verdict() string {
	switch {
	case w.Met == nil:
		return ""
	case *w.Met:
		return "yes"
	}
	return "NO"
}

// cells are what a table shows of a row.
func (w *row) cells() []string {
	target := w.Target
	if w.Limit != nil && w.Unit == "ns" {
		target += " = " + testbed.Duration(*w.Limit)
	}
	return []string{w.Name, w.value(w.Median), w.value(w.P99), fmt.Sprint(w.N), target, w.verdict(), w.Note}
}

var heads = []string{"what", "median", "p99", "n", "target", "met?", ""}

// conditions is a line about the circumstances.
func (r *report) conditions() string {
	return fmt.Sprintf("%s, %d host CPUs, QEMU's TCG; load average before %s, after %s; %d runs taken in turns, %s in all",
		r.Began.Format("2006-01-02"), r.CPUs, r.Load[0], r.Load[1], r.Runs, r.Took)
}

func (r *report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(heads, "\t"))
	for i := range r.Rows {
		fmt.Fprintln(t, strings.Join(r.Rows[i].cells(), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, r.conditions())
	return err
}

func (r *report) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *report) markdown() string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(heads)
	b.WriteString("|---|---:|---:|---:|---|---|---|\n")
	for i := range r.Rows {
		line(r.Rows[i].cells())
	}
	fmt.Fprintf(&b, "\n%s.\n", r.conditions())
	return b.String()
}

// intoFile puts the table into a document, between its marks.
func (r *report) intoFile(path string) error {
	begin, end := []byte("<!-- bench -->"), []byte("<!-- /bench -->")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok1 := bytes.Cut(text, begin)
	_, tail, ok2 := bytes.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: there is no %s … %s in it", path, begin, end)
	}
	var b bytes.Buffer
	b.Write(head)
	fmt.Fprintf(&b, "%s\n%s%s", begin, r.markdown(), end)
	b.Write(tail)
	return os.WriteFile(path, b.Bytes(), 0o644)
}
