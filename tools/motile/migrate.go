package main

import (
	"context"
	"time"

	"motile/proc/api/client"
	"motile/servers/cmd/operate"
)

// moveFlags say how processes are to move.
type moveFlags struct {
	Strategy  string          `help:"How pages travel: ${strategies}. After reference, hybrid and dirty the process needs the node that it left until all have come, after flush a file server; lost with that, it ends." placeholder:"S" default:"auto"`
	MaxFreeze time.Duration   `help:"How long it should stand still at most (default 15ms): auto chooses by it, precopy and hybrid work towards it." placeholder:"TIME"`
	Rate      operate.Bitrate `help:"What rounds of precopying send at most, in bit/s, as 10M (default: no limit)." placeholder:"R"`
	Server    string          `help:"Who carries it to the target: kernel, or user, a migration server of its node (motiled mover)." enum:"kernel,user" default:"kernel"`
	Residual  bool            `help:"Move even if something that is a node's own stays behind, and is needed."`
}

func (f moveFlags) move(node int) client.Move {
	return client.Move{Target: node, Strategy: f.Strategy, Server: f.Server, Residual: f.Residual,
		MaxFreeze: f.MaxFreeze, Rate: int64(f.Rate) / 8}
}

type migrateCmd struct {
	facts
	moveFlags
	Tree    bool `help:"All its descendants on the same node go along, as one."`
	Explain bool `help:"Do not move: say what would refuse the move, and what it would cost."`
	targets
	Node int `arg:"" help:"Number of the node it goes to."`
}

// Run moves a process, or all of a process group as one.
func (cmd *migrateCmd) Run(ctx context.Context, c *common, t terminal) error {
	return cmd.on(ctx, c, t, cmd.facts, func(n *network, all []*client.Process) error {
		if err := n.checkNode(ctx, cmd.Node); err != nil {
			return err
		}
		m := cmd.move(cmd.Node)
		m.Tree = cmd.Tree
		if cmd.Explain {
			return n.Env.Explain(ctx, all, m)
		}
		if cmd.PID > 0 {
			return n.Migrate(ctx, all[0], m)
		}
		return n.MigrateAll(ctx, all, m)
	})
}

type drainCmd struct {
	facts
	moveFlags
	Node int `arg:"" help:"Number of the node."`
}

// Run empties a node.
func (cmd *drainCmd) Run(ctx context.Context, c *common, t terminal) error {
	n, err := c.attach(ctx, t, cmd.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	if err := n.checkNode(ctx, cmd.Node); err != nil {
		return err
	}
	return n.Drain(ctx, cmd.Node, cmd.move(0))
}

type resolveCmd struct {
	facts
	PID  int32  `arg:"" name:"pid" help:"The process."`
	What string `arg:"" help:"discard: this copy is dead; resume: it lives." enum:"discard,resume"`
}

// Run ends a doubt.
func (cmd *resolveCmd) Run(ctx context.Context, c *common, t terminal) error {
	n, err := c.attach(ctx, t, cmd.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	return n.Resolve(ctx, cmd.PID, cmd.What == "resume")
}
