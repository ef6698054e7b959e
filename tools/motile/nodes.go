package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"motile/proc/api"
	"motile/qemu/cluster"
	"motile/servers/cmd/operate"
)

type nodesCmd struct{ facts }

// nodeFacts is a node as its machine and the node itself describe it.
type nodeFacts struct {
	cluster.NodeInfo
	Load *api.Load `json:"load,omitempty"` // nil if it does not answer
}

// loadPatience is how long a node has to say how busy it is.
const loadPatience = 2 * time.Second

// Run lists the nodes.
func (cmd *nodesCmd) Run(ctx context.Context, c *common, t terminal) error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	s, err := cl.Status(ctx)
	cl.Close()
	if err != nil {
		return err
	}
	var loads map[int]api.Load
	if s.Initrd != "" {
		if loads, err = c.loads(ctx, t); err != nil {
			return err
		}
	}
	list := make([]nodeFacts, len(s.Nodes))
	for i, n := range s.Nodes {
		list[i].NodeInfo = n
		if l, ok := loads[n.Number]; ok {
			list[i].Load = &l
		}
	}
	if cmd.JSON {
		return printJSON(t.out, list)
	}
	return printNodeFacts(t.out, list, len(s.Nets) > 1)
}

func (c *common) loads(ctx context.Context, t terminal) (map[int]api.Load, error) {
	n, err := c.attach(ctx, t, false)
	if err != nil {
		return nil, err
	}
	defer n.close()
	nodes, err := n.running(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	return n.Client.Loads(ctx, nodes), nil
}

// printNodeFacts shows the nodes' networks only where there are several.
func printNodeFacts(w io.Writer, list []nodeFacts, nets bool) error {
	columns := func(cells []any, net any, more ...any) []any {
		if nets {
			cells = append(cells, net)
		}
		return append(cells, more...)
	}
	rows := [][]any{columns(slices.Clone(operate.NodeHead), "NETS", "BOOTS", "QEMU", "CONSOLE")}
	for _, n := range list {
		cells := operate.NodeRow(n.Number, stateText(n.NodeInfo), string(n.Spec.Machine), n.Load)
		rows = append(rows, columns(cells, strings.Join(n.Spec.Nets, ","), n.Boots, qemuPID(n.NodeInfo), n.Log))
	}
	return printTable(w, rows)
}

func stateText(n cluster.NodeInfo) string {
	if n.Why != "" {
		return string(n.State) + " (" + n.Why + ")"
	}
	return string(n.State)
}

func qemuPID(n cluster.NodeInfo) any {
	if n.PID == 0 {
		return "-"
	}
	return n.PID
}

type psCmd struct {
	facts
	All     bool `short:"a" help:"Include processes that have ended and are remembered."`
	Verbose bool `short:"v" help:"Show all that is known."`
}

// psPatience is how long a node has to list its processes.
const psPatience = 5 * time.Second

// Run lists processes.
func (cmd *psCmd) Run(ctx context.Context, c *common, t terminal) error {
	n, err := c.attach(ctx, t, cmd.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	ctx, cancel := context.WithTimeout(ctx, psPatience)
	defer cancel()
	return n.Ps(ctx, operate.PsOptions{Ended: cmd.All, Verbose: cmd.Verbose})
}

// printNodes describes machines: what there is to say before a node answers.
func printNodes(w io.Writer, nodes []cluster.NodeInfo) error {
	rows := [][]any{{"NODE", "STATE", "MACHINE", "MEMORY", "BOOTS", "UPTIME", "QEMU", "CONSOLE"}}
	for _, n := range nodes {
		var uptime any = "-"
		if n.PID != 0 {
			uptime = n.Uptime()
		}
		rows = append(rows, []any{n.Number, stateText(n), n.Spec.Machine, megabytes(n.Spec.MemMB), n.Boots, uptime, qemuPID(n), n.Log})
	}
	return printTable(w, rows)
}
