package main

import (
	"context"
	"fmt"
	"slices"
)

type metricsCmd struct {
	facts
	Nodes []int `arg:"" optional:"" name:"node" help:"Numbers of nodes (default: all, also those that are off)."`
}

// Run prints the metrics of nodes.
func (cmd *metricsCmd) Run(ctx context.Context, c *common, t terminal) error {
	n, err := c.attach(ctx, t, cmd.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	all, err := n.all(ctx)
	if err != nil {
		return err
	}
	for _, number := range cmd.Nodes {
		if !slices.Contains(all, number) {
			return fmt.Errorf("node %d does not exist: motile nodes lists those that do", number)
		}
	}
	if len(cmd.Nodes) > 0 {
		all = cmd.Nodes
	}
	return n.Metrics(ctx, all)
}
