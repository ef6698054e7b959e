package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"motile/proc/api"
	"motile/servers/cmd/operate"
	"motile/tools/movetrace"
)

type traceCmd struct {
	facts
	List   bool   `help:"List the moves that nodes have recorded: each its last 64."`
	Output string `short:"o" help:"File to write (default: PID.trace.json)." placeholder:"FILE"`
	PID    int32  `arg:"" optional:"" name:"pid" help:"The process, wherever it is; it may have ended."`
}

// tracePatience is how long a node has to say what it has recorded.
const tracePatience = 10 * time.Second

// Run collects what nodes have recorded of moves.
func (cmd *traceCmd) Run(ctx context.Context, c *common, t terminal) error {
	switch {
	case cmd.PID == 0 && !cmd.List:
		return errors.New("of which process? give its pid; trace --list shows the moves there are records of")
	case cmd.List && cmd.Output != "":
		return errors.New("--list writes no file: leave -o out, or --list")
	}
	n, err := c.attach(ctx, t, cmd.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	replies, err := n.traces(ctx, cmd.PID, cmd.List)
	switch {
	case len(replies) == 0 && err != nil:
		return err
	case err != nil: // the others' records are worth something
		fmt.Fprintf(t.err, "motile: %v\n", err)
	}
	switch {
	case cmd.JSON:
		return printJSON(t.out, replies)
	case cmd.List:
		return printTraces(t, replies)
	}
	return cmd.write(replies, t)
}

// traces asks all nodes that run.
func (n *network) traces(ctx context.Context, pid int32, brief bool) ([]api.TraceReply, error) {
	nodes, err := n.running(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, tracePatience)
	defer cancel()
	var mu sync.Mutex
	var all []api.TraceReply
	var errs []error
	var wg sync.WaitGroup
	for _, number := range nodes {
		wg.Go(func() {
			r, err := n.Client.Node(number).Trace(ctx, pid, brief)
			mu.Lock()
			defer mu.Unlock()
			if errs = append(errs, err); err == nil {
				all = append(all, r)
			}
		})
	}
	wg.Wait()
	slices.SortFunc(all, func(a, b api.TraceReply) int { return cmp.Compare(a.Node, b.Node) })
	return all, errors.Join(errs...)
}

func printTraces(t terminal, replies []api.TraceReply) error {
	rows := [][]any{{"NODE", "MOVE", "PIDS", "AGO", "TOOK", "OUTCOME", "COMMAND"}}
	for _, r := range replies {
		for _, m := range r.Moves {
			way := fmt.Sprintf("%d→%d", m.Peer, r.Node)
			if m.Out {
				way = fmt.Sprintf("%d→%d", r.Node, m.Peer)
			}
			outcome := cmp.Or(m.Outcome, "under way")
			if m.Why != "" {
				outcome += ": " + m.Why
			}
			rows = append(rows, []any{r.Node, way, pidList(m.PIDs), operate.Duration((r.NowNs - m.EndedNs) / 1e6),
				fmt.Sprintf("%.2f ms", float64(m.EndedNs-m.BeganNs)/1e6), outcome, m.Command})
		}
	}
	return printTable(t.out, rows)
}

func pidList(pids []int32) string {
	if len(pids) > 1 {
		return fmt.Sprintf("%d and %d more", pids[0], len(pids)-1)
	}
	return fmt.Sprint(pids[0])
}

func (cmd *traceCmd) write(replies []api.TraceReply, t terminal) error {
	trace, err := movetrace.New(replies)
	if err != nil {
		return fmt.Errorf("process %d: %w (trace --list shows which there are)", cmd.PID, err)
	}
	name := cmp.Or(cmd.Output, fmt.Sprintf("%d.trace.json", cmd.PID))
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(trace.Write(f), f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s: %d ends of moves, clocks aligned within %.3f ms; open it in ui.perfetto.dev\n", name, trace.Ends(), float64(trace.UncertainNs())/1e6)
	return nil
}
