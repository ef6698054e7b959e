package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"motile/proc/api/client"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/testbed"
)

// Targets.
const (
	coldRequests = 2   // of an open, the first on a node
	warmRequests = 1   // of an open where the file is open already
	moreToMove   = 1e6 // ns, that a move may take longer with manyOpen files
)

const manyOpen = 100

// opened measures what files of a file server that are open cost other nodes: to open them,
// and to move a process that has them.
func opened(ctx context.Context, b *bench) error {
	const nodes = 3
	specs := make([]cluster.NodeSpec, nodes)
	for i := range specs {
		specs[i].MemMB = 2 * machine.DefaultMemMB
	}
	bed, err := b.upNodes(ctx, specs, testbed.Archive, machine.DefaultMTU)
	if err != nil {
		return err
	}
	defer bed.Down()
	const dir = "/tmp"
	if err := bed.Serve(ctx, testbed.First(1), "file"); err != nil {
		return err
	}
	if err := bed.Mount(ctx, dir); err != nil {
		return err
	}
	many := strconv.Itoa(manyOpen)
	if _, err := bed.Run(ctx, 1, "/test/bench", "make", dir, many); err != nil {
		return err
	}
	// Files are opened on the second and the third node; the first on the way finds out
	// where the server is.
	var counts [4]sample
	for node := 2; node <= nodes; node++ {
		got, err := bed.NumbersOn(ctx, node, "bench", "open", dir, many)
		if err != nil {
			return err
		}
		for i, v := range got {
			counts[i] = append(counts[i], v)
		}
	}
	r := &b.report
	for i, x := range []struct {
		what  string
		limit float64
	}{{"requests to open a file of another node", coldRequests}, {"  that is open there already", warmRequests}} {
		w := r.add(x.what, "requests", counts[2*i])
		w.Note = fmt.Sprintf("each with its reply; %.1f frames", counts[2*i+1].Median())
		r.target(w, x.limit, "≤ %.0f", x.limit)
	}
	return bed.moveOpen(ctx, b, dir)
}

// moveOpen moves a process with many open files, and one with none, in turns: to and fro
// between nodes that do not have the file server.
func (d *bed) moveOpen(ctx context.Context, b *bench, dir string) error {
	var who [2]struct {
		p                      *client.Process
		total, state, requests sample
	}
	for i, n := range []int{0, manyOpen} {
		p, err := d.Start(ctx, 2, "bench", "hold", dir, strconv.Itoa(n))
		if err != nil {
			return err
		}
		if err := testbed.Await(ctx, p); err != nil {
			return err
		}
		who[i].p = p
	}
	for turn := range 2 * b.runs {
		for k := range who {
			i := (turn/2 + k) % 2 // either comes first as often as the other
			before, err := d.quiet(ctx)
			if err != nil {
				return err
			}
			m, err := who[i].p.Migrate(ctx, client.Move{Target: 3 - turn%2})
			if err != nil {
				return err
			}
			after, err := d.quiet(ctx)
			if err != nil {
				return err
			}
			who[i].total = append(who[i].total, float64(m.Report.TotalUs)*1e3)
			who[i].state = append(who[i].state, float64(m.Report.StateBytes))
			who[i].requests = append(who[i].requests, after-before)
		}
	}
	if err := d.showProfiles(ctx); err != nil {
		return err
	}
	r, none, all := &b.report, &who[0], &who[1]
	w := r.add("move of a Go program without files", "ns", none.total)
	w.Note = fmt.Sprintf("%.0f bytes of state, %.0f requests of nodes", none.state.Median(), none.requests.Median())
	w = r.add(fmt.Sprintf("  with %d files open", manyOpen), "ns", all.total)
	w.Note = fmt.Sprintf("%.0f bytes of state, %.0f requests of nodes", all.state.Median(), all.requests.Median())
	r.target(w, none.total.Median()+moreToMove, "≤ 1 ms more")
	return nil
}

var (
	transCount = regexp.MustCompile(`\bTrans:(\d+)`)
	localCount = regexp.MustCompile(`\bTransLocal:(\d+)`)
)

// quiet waits until nodes send each other no requests any more, and returns how many they
// have sent: a move leaves them something to do.
func (d *bed) quiet(ctx context.Context) (float64, error) {
	for last := -1.0; ; {
		n, err := d.asked(ctx)
		if err != nil || n == last {
			return n, err
		}
		last = n
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// asked is how many requests nodes have sent to each other by now.
func (d *bed) asked(ctx context.Context) (n float64, err error) {
	for _, node := range d.Status.Nodes {
		text, err := d.Client.Node(node.Number).Stats(ctx)
		if err != nil {
			return 0, err
		}
		n += numberIn(transCount, text) - numberIn(localCount, text)
	}
	return n, nil
}
