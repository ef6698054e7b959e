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

// peersAbout says what the tables are of.
const peersAbout = `Motile beside Linux, CRIU and QEMU's own live migration: in one run, on one bridge, in QEMUs alike, measured in turns. Linux is Debian's kernel in guests that
run nothing else; they are halted while nodes are measured, and nodes are idle while guests are.

What is moved is one static Go program, on all of them: with "100 KB" that is so much random memory, and some 600 KB of its runtime's besides. It looks at the clock every millisecond.
Total is from the order until the program runs at the target. CRIU's freeze is the longest time between two of the program's looks at the clock, for
which the guests set their clocks by each other before every move; ours is by the source's clock, and what the program itself missed is in the last column.
CRIU dumps and restores by command, or by its service, which is resident; "full" stops the program for all of it, "iterative" sends rounds
before (pre-dump), "page-server" sends pages without files in between, "lazy-pages" fetches them after the restore. Its guests have all connections open before the order comes, and copy
images in memory and without encryption. Every strategy of ours is held against the best of CRIU's modes, for total and freeze each by itself, and ours by "auto" against every mode.
QEMU moves a whole guest of the same memory, from one QEMU to another by a socket of the host, not through the bridge. Moves are measured in half as many turns as messages.
The strategy flush is missing: it needs a file server, and these nodes have no disks.
`

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
	p.text("## peers\n\n%s", peersAbout)
	p.text("%s\nAgain:\n\n```sh\nmake bench-peers PEERSFLAGS='-runs %d'\n```", r.Markdown(), r.Runs)
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
