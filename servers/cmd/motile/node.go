package main

import (
	"context"
	"fmt"
	"time"

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

func metrics(ctx context.Context, words []string) error {
	e, args, err := new(flags).withJSON().open(words, 0, many)
	if err != nil {
		return err
	}
	var nodes []int
	for _, arg := range args {
		number, err := operate.ParseNode(arg)
		if err != nil {
			return err
		}
		nodes = append(nodes, number)
	}
	if len(nodes) == 0 {
		if nodes, err = e.Nodes(ctx); err != nil {
			return err
		}
	}
	return e.Metrics(ctx, nodes)
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
	f.String(&m.Server, "server")
	f.String(&f.maxFreeze, "max-freeze")
	f.String(&f.rate, "rate")
	f.Bool(&m.Residual, "residual")
}

// pace reads how long a process should stand still, and how fast it is sent.
func (f *flags) pace(m *client.Move) (err error) {
	if f.maxFreeze != "" {
		if m.MaxFreeze, err = time.ParseDuration(f.maxFreeze); err != nil || m.MaxFreeze <= 0 {
			return fmt.Errorf("%q is not a time to stand still: write 20ms, or 1s", f.maxFreeze)
		}
	}
	var r operate.Bitrate
	if f.rate != "" {
		err = r.UnmarshalText([]byte(f.rate))
	}
	m.Rate = int64(r) / 8
	return err
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
	if err := f.pace(&m); err != nil {
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
	if err := f.pace(&m); err != nil {
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
