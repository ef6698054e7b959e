package main

import (
	"context"

	"motile/ipc/capability"
	"motile/proc/api/client"
)

// Commands about processes. What they do is in package operate.

// target is a process, and the capability to use for it.
type target struct {
	Cap string `help:"File with a capability for the process; - is standard input." placeholder:"FILE"`
	PID int32  `arg:"" name:"pid" help:"The process."`
}

// targets are a process or a process group.
type targets struct {
	Cap string `help:"File with a capability for the process; - is standard input." placeholder:"FILE"`
	PID int32  `arg:"" name:"pid" help:"The process; -- -PGID is a process group."`
}

// on attaches to the network and calls f with the processes.
func (g *targets) on(ctx context.Context, c *common, t terminal, f facts, do func(*network, []*client.Process) error) error {
	n, err := c.attach(ctx, t, f.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	processes, err := n.Targets(ctx, g.PID, g.Cap)
	if err != nil {
		return err
	}
	return do(n, processes)
}

// on attaches to the network and calls f with the process.
func (g *target) on(ctx context.Context, c *common, t terminal, f facts, do func(*network, *client.Process) error) error {
	n, err := c.attach(ctx, t, f.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	p, err := n.Process(g.PID, g.Cap)
	if err != nil {
		return err
	}
	return do(n, p)
}

type logsCmd struct {
	Follow bool `short:"f" help:"Go on until the process ends."`
	target
}

// Run shows output.
func (cmd *logsCmd) Run(ctx context.Context, c *common, t terminal) error {
	return cmd.on(ctx, c, t, facts{}, func(n *network, p *client.Process) error { return n.Logs(ctx, p, cmd.Follow) })
}

type waitCmd struct {
	facts
	target
}

// Run waits. The process's exit status becomes ours.
func (cmd *waitCmd) Run(ctx context.Context, c *common, t terminal) error {
	return cmd.on(ctx, c, t, cmd.facts, func(n *network, p *client.Process) error { return passOn(n.Wait(ctx, p)) })
}

type killCmd struct {
	Signal string  `short:"s" help:"Signal, by name or number." default:"TERM" placeholder:"SIG"`
	List   bool    `short:"l" help:"List the signals."`
	Cap    string  `help:"File with a capability for the process; - is standard input." placeholder:"FILE"`
	PIDs   []int32 `arg:"" name:"pid" optional:"" help:"The processes; behind --, -PGID is a process group."`
}

// Run sends a signal.
func (cmd *killCmd) Run(ctx context.Context, c *common, t terminal) error {
	if cmd.List {
		signalList(t)
		return nil
	}
	if _, err := client.ParseSignal(cmd.Signal); err != nil {
		return err
	}
	n, err := c.attach(ctx, t, false)
	if err != nil {
		return err
	}
	defer n.close()
	return n.Kill(ctx, cmd.Signal, cmd.PIDs, cmd.Cap)
}

type capCmd struct {
	facts
	Rights rights `help:"Rights to keep: ALL, or names such as READ,MIGRATE." default:"ALL" placeholder:"R"`
	PID    int32  `arg:"" name:"pid" help:"The process."`
}

// rights is a set of rights on a command line.
type rights capability.Rights

// UnmarshalText reads a set of rights.
func (r *rights) UnmarshalText(text []byte) error {
	v, err := capability.ParseRights(string(text))
	*r = rights(v)
	return err
}

// Run makes a capability. It takes the key, and no node: a capability is made, not
// asked for.
func (cmd *capCmd) Run(c *common, t terminal) error {
	key, err := c.dir().LoadKey()
	if err != nil {
		return err
	}
	e := environment(t, cmd.facts)
	e.Client = client.New(nil, key)
	return e.Cap(cmd.PID, capability.Rights(cmd.Rights))
}
