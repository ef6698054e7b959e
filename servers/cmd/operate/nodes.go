package operate

import (
	"context"
	"fmt"

	"motile/proc/api"
)

// NodeHead is the heading of the columns that NodeRow fills.
var NodeHead = []any{"NODE", "STATE", "MACHINE", "UPTIME", "LOAD", "PROCESSES", "MEMORY", "FREE"}

// NodeRow describes a node in a table; load is nil if it is not known.
func NodeRow(node int, state, machine string, load *api.Load) []any {
	if load == nil {
		return []any{node, state, machine, "-", "-", "-", "-", "-"}
	}
	return []any{node, state, machine, Duration(load.UptimeMs), fmt.Sprintf("%.2f", float64(load.LoadMilli)/1000),
		load.Processes, kilobytes(load.TotalKB), kilobytes(load.FreeKB)}
}

// SilentMs is how long a node may not have been heard of before it counts as down.
const SilentMs = 7000

// NodesSeen lists the cluster as a node sees it.
func (e *Env) NodesSeen(ctx context.Context, from int) error {
	loads, err := e.Client.Node(from).Nodes(ctx)
	if err != nil {
		return err
	}
	if e.JSON {
		return PrintJSON(e.Out, loads)
	}
	rows := [][]any{NodeHead}
	for i := range loads {
		l := &loads[i]
		state := "running"
		if l.HeardMs > SilentMs {
			state = "silent for " + Duration(l.HeardMs)
		}
		rows = append(rows, NodeRow(l.Node, state, l.Machine, l))
	}
	return PrintTable(e.Out, rows)
}
