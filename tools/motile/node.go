package main

import (
	"context"

	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/servers/cmd/operate"
)

type nodeCmd struct {
	Add     nodeAddCmd     `cmd:"" help:"Boot a further node and wait until it answers."`
	Kill    nodeKillCmd    `cmd:"" help:"Cut a node's power."`
	Restart nodeRestartCmd `cmd:"" help:"Boot a node again, after cutting its power if it runs."`
}

type nodeAddCmd struct {
	facts
	Count   int      `short:"n" name:"nodes" help:"How many nodes." default:"1"`
	Machine string   `help:"Machine types of the nodes, in turn: microvm, pc, q35 (default: microvm)." default:"microvm" placeholder:"M[,M...]"`
	Net     []string `help:"Networks that it has a card on each (default: the first)." placeholder:"NAME[,NAME...]"`
	nodeFlags
}

// Run boots nodes.
func (cmd *nodeAddCmd) Run(ctx context.Context, c *common, t terminal) error {
	types, err := machine.ParseTypes(cmd.Machine)
	if err != nil {
		return err
	}
	var specs []cluster.NodeSpec
	for i := range cmd.Count {
		s := cmd.spec(types[i%len(types)])
		s.Nets = cmd.Net
		specs = append(specs, s)
	}
	return c.change(t, cmd.facts, func(cl *cluster.Client) ([]cluster.NodeInfo, error) {
		return cl.Add(ctx, specs)
	})
}

type nodeKillCmd struct {
	facts
	Node int `arg:"" help:"Number of the node."`
}

// Run cuts a node's power.
func (cmd *nodeKillCmd) Run(ctx context.Context, c *common, t terminal) error {
	return c.change(t, cmd.facts, func(cl *cluster.Client) ([]cluster.NodeInfo, error) {
		n, err := cl.Kill(ctx, cmd.Node)
		return []cluster.NodeInfo{n}, err
	})
}

type nodeRestartCmd struct {
	facts
	Node int `arg:"" help:"Number of the node."`
}

// Run boots a node again.
func (cmd *nodeRestartCmd) Run(ctx context.Context, c *common, t terminal) error {
	return c.change(t, cmd.facts, func(cl *cluster.Client) ([]cluster.NodeInfo, error) {
		n, err := cl.Restart(ctx, cmd.Node)
		return []cluster.NodeInfo{n}, err
	})
}

// change asks the daemon to do something to nodes and prints what has become
// of them.
func (c *common) change(t terminal, f facts, do func(*cluster.Client) ([]cluster.NodeInfo, error)) error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	p := operate.NewProgress(t.err, "waiting for the daemon")
	defer p.End()
	cl.OnProgress(p.Say)
	nodes, err := do(cl)
	if err != nil {
		return err
	}
	if f.JSON {
		return printJSON(t.out, nodes)
	}
	return printNodes(t.out, nodes)
}
