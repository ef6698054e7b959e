package main

import (
	"context"

	"motile/proc/api/client"
	"motile/servers/cmd/operate"
	"motile/servers/lib"
)

// Commands about nodes.

func nodes(ctx context.Context, words []string) error {
	e, _, err := new(flags).withJSON().open(words, 0, 0)
	if err != nil {
		return err
	}
	here, err := lib.Node()
	if err != nil {
		return err
	}
	return e.NodesSeen(ctx, here)
}

func ps(ctx context.Context, words []string) error {
	var o operate.PsOptions
	f := new(flags).withJSON()
	f.Bool(&o.Ended, "a", "all")
	f.Bool(&o.Verbose, "v", "verbose")
	e, _, err := f.open(words, 0, 0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return e.Ps(ctx, o)
}

// moveFlags are the options of a move.
func (f *flags) moveFlags(m *client.Move) {
	f.withJSON()
	f.String(&m.Strategy, "strategy")
	f.Bool(&m.Residual, "residual")
}

func migrate(ctx context.Context, words []string) error {
	var m client.Move
	f := new(flags).withCap()
	f.moveFlags(&m)
	f.Bool(&m.Tree, "tree")
	explain := false
	f.Bool(&explain, "explain")
	e, args, err := f.open(words, 2, 2)
	if err != nil {
		return err
	}
	if m.Target, err = operate.ParseNode(args[1]); err != nil {
		return err
	}
	processes, err := f.targets(ctx, e, args[0])
	if err != nil {
		return err
	}
	if explain {
		return e.Explain(ctx, processes, m)
	}
	if args[0][0] != '-' {
		return e.Migrate(ctx, processes[0], m)
	}
	return e.MigrateAll(ctx, processes, m)
}

func drain(ctx context.Context, words []string) error {
	var m client.Move
	f := new(flags)
	f.moveFlags(&m)
	e, args, err := f.open(words, 1, 1)
	if err != nil {
		return err
	}
	node, err := operate.ParseNode(args[0])
	if err != nil {
		return err
	}
	return e.Drain(ctx, node, m)
}

func resolve(ctx context.Context, words []string) error {
	e, args, err := new(flags).withJSON().open(words, 2, 2)
	if err != nil {
		return err
	}
	pid, err := operate.ParsePID(args[0])
	if err != nil {
		return err
	}
	if args[1] != "discard" && args[1] != "resume" {
		return usage("%q: want discard or resume", args[1])
	}
	return e.Resolve(ctx, pid, args[1] == "resume")
}
