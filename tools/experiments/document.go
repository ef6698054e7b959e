package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"motile/tools/experiments/record"
)

// documentFile is about the results of complete runs, at the top of the module; about
// others it is beside them.
const documentFile = "EXPERIMENTS.md"

// writeDocument writes the document about the records of a folder, their figures, and the
// records as CSV.
func writeDocument(dir string) error {
	path, links := filepath.Join(dir, documentFile), ""
	if filepath.Clean(dir) == resultsDir {
		path, links = documentFile, resultsDir
	}
	text, files, err := document(dir, links)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := record.WriteFile(filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "experiments: wrote %s\n", path)
	return record.WriteFile(path, text)
}

const preamble = `# Experiments

What it costs to move a process, measured as the papers measured it. ` + "`make experiments`" + ` and, for the last section, ` + "`make bench-peers`" + ` do all of it again and write this file,
its figures and the records behind them (JSON, and CSV with a row for each measurement) anew; each section says how to do just that one.
Everything here comes from those records. Times are QEMU's, without hardware virtualization: ratios within one experiment mean something, absolute times little,
and figures from other machines and other decades are there for their shape.

A figure is a median; in brackets are the 10th and the 90th percentile.

`

// document makes the document from the records of a folder, and the other files about
// them, by their names there.
func document(dir, links string) (text []byte, files map[string][]byte, err error) {
	files = make(map[string][]byte)
	var pages []*page
	for _, e := range experiments {
		p := &page{name: e.name, links: links, files: files}
		r, err := record.Load(dir, e.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			p.text("## %s\n\n%s.\n\nThere is no record of it yet. To make one:\n\n```sh\nmake experiments EXP=%s\n```", e.name, e.title, e.name)
		case err != nil:
			return nil, nil, err
		default:
			p.text("## %s\n\n%s.", e.name, e.title)
			e.explain(p, r)
			p.circumstances(r)
			files[e.name+".csv"] = r.CSV()
		}
		pages = append(pages, p)
	}
	if links == resultsDir {
		p, err := peersPage()
		if err != nil {
			return nil, nil, err
		}
		pages = append(pages, p)
	}
	var b strings.Builder
	b.WriteString(preamble)
	b.WriteString(summary(pages).String())
	for _, p := range pages {
		b.WriteString(p.String())
	}
	return []byte(strings.TrimRight(b.String(), "\n") + "\n"), files, nil
}

// summary lists the targets of all pages, and says why some are not met.
func summary(pages []*page) *page {
	s := &page{}
	s.text("## Targets")
	var rows [][]string
	var reasons []string
	for _, p := range pages {
		for _, v := range p.targets {
			rows = append(rows, []string{v.what, v.got, v.String(), fmt.Sprintf("[%s](#%s)", p.name, p.name)})
			if text, ok := why(v.what); ok && v.missed() && !slices.Contains(reasons, text) {
				reasons = append(reasons, text)
			}
		}
	}
	s.table([]string{"asked", "measured", "", "experiment"}, rows)
	if len(reasons) > 0 {
		s.text("Why some are not met, as far as profiles say:\n\n- %s", strings.Join(reasons, "\n- "))
	}
	return s
}

// circumstances is how a record came about, and how to make another.
func (p *page) circumstances(r *record.Record) {
	if len(p.targets) > 0 {
		var rows [][]string
		for _, v := range p.targets {
			rows = append(rows, []string{v.what, v.got, v.String()})
		}
		p.table([]string{"asked", "measured", ""}, rows)
	}
	if r.Scale != record.Full {
		p.text("**Short run, loaded host**: a part of the grid, few runs, and other work on the machine. A first look, not the figures of the project.")
	}
	p.text("%s, %s; %d CPUs (%s), %s of memory, %s, QEMU %s (TCG); load average before %s, after %s; %d runs, seed %d, %d measurements in %.0f s. Again:",
		r.Began.Format("2006-01-02"), r.Experiment, r.Host.CPUs, r.Host.CPU, r.Host.Memory, r.Host.Kernel, r.Host.QEMU,
		r.Host.Load[0], r.Host.Load[1], r.Runs, r.Seed, len(r.Measurements), r.Seconds)
	p.text("```sh\n%s\n```", again(r))
}

// again is the line that repeats an experiment.
func again(r *record.Record) string {
	var flags []string
	if r.Scale != record.Full {
		flags = append(flags, "-"+string(r.Scale))
	}
	flags = append(flags, fmt.Sprintf("-runs %d -seed %d", r.Runs, r.Seed))
	return fmt.Sprintf("make experiments EXP=%s EXPFLAGS='%s'", r.Experiment, strings.Join(flags, " "))
}
