package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"motile/tools/peers/result"
)

// peersDir has our figures against those of other systems, measured in one run: a
// section of the document, of which tools/peers keeps the record.
const peersDir = "tools/peers/results"

// peersPage is that section.
func peersPage() (*page, error) {
	p := &page{name: "peers"}
	r, err := result.Load(filepath.Join(peersDir, "peers.json"))
	if errors.Is(err, fs.ErrNotExist) {
		p.text("## peers\n\nThere is no record of it yet. To make one:\n\n```sh\nmake bench-peers\n```")
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.text("## peers\n\n%s\nAgain:\n\n```sh\nmake bench-peers PEERSFLAGS='-runs %d'\n```", r.Markdown(), r.Runs)
	for i := range r.Rows {
		w := &r.Rows[i]
		if w.Limit == nil {
			continue
		}
		asked := "≤"
		if w.Unit == result.MBs {
			asked = "≥"
		}
		p.targets = append(p.targets, verdict{
			what: fmt.Sprintf("%s %s %g × %s; %s", w.Name, asked, *w.Limit, w.Peer, w.Suite), got: fmt.Sprintf("%.3g ×", w.Ratio), met: w.Met,
		})
	}
	return p, nil
}
