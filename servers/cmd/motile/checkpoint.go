package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"motile/servers/cmd/operate"
)

// Commands about checkpoints.

func checkpoint(ctx context.Context, words []string) error {
	var o operate.KeepOptions
	var every, node string
	f := new(flags).withCap().withJSON()
	f.String(&o.File, "o", "output")
	f.String(&every, "every")
	f.String(&node, "node")
	f.Bool(&o.Restart, "restart")
	f.Bool(&o.NoFiles, "no-files")
	f.Bool(&o.Compress, "compress")
	f.Bool(&o.Residual, "residual")
	args, err := f.Parse(words)
	if err != nil {
		return usageError{err}
	}
	if every != "" {
		if o.Every, err = time.ParseDuration(every); err != nil {
			return usage("--every %s: want a time such as 5s", every)
		}
	}
	if node != "" {
		if o.Node, err = operate.ParseNode(node); err != nil {
			return usageError{err}
		}
	}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	if len(args) != 1 {
		return usage("%d arguments, where there should be 1", len(args))
	}
	e, err := connect()
	if err != nil {
		return err
	}
	e.JSON = f.json
	p, err := f.process(e, args[0])
	switch {
	case err != nil:
		return err
	case o.Every == 0:
		return e.Checkpoint(ctx, p, o.CheckpointOptions)
	}
	return e.Keep(ctx, p, o)
}

// restart makes a process of a file. Its output is a log, which we copy to ours until
// it ends, as with run.
func restart(ctx context.Context, words []string) error {
	var on string
	old, detach, node := false, false, 0
	f := new(flags).withJSON()
	f.String(&on, "node")
	f.Bool(&old, "old")
	f.Bool(&detach, "d", "detach")
	e, args, err := f.open(words, 1, 1)
	if err != nil {
		return err
	}
	if on != "" {
		if node, err = operate.ParseNode(on); err != nil {
			return err
		}
	}
	file, err := e.OpenCheckpoint(args[0], old)
	if err != nil {
		return err
	}
	defer file.Close()
	if detach {
		return e.RestartDetached(ctx, file, node)
	}
	r, err := e.Restart(ctx, file, node, operate.Detached())
	if err != nil {
		return err
	}
	return passOn(follow(ctx, e, e.Client.Process(r.PID)))
}

func clone(ctx context.Context, words []string) error {
	residual, node := false, 0
	f := new(flags).withCap().withJSON()
	f.Bool(&residual, "residual")
	e, args, err := f.open(words, 1, 2)
	if err != nil {
		return err
	}
	if len(args) == 2 {
		if node, err = operate.ParseNode(args[1]); err != nil {
			return err
		}
	}
	p, err := f.process(e, args[0])
	if err != nil {
		return err
	}
	return e.Clone(ctx, p, node, residual)
}

func stun(ctx context.Context, words []string) error {
	var o operate.StunOptions
	code, again := "0", false
	f := new(flags).withCap().withJSON()
	f.String(&code, "c", "code")
	f.Bool(&o.Emergency, "emergency")
	f.Bool(&o.Transparent, "transparent")
	f.Bool(&again, "resume", "r")
	e, args, err := f.open(words, 1, 1)
	if err != nil {
		return err
	}
	if o.Code, err = strconv.Atoi(code); err != nil {
		return fmt.Errorf("code %q: want a number", code)
	}
	processes, err := f.targets(ctx, e, args[0])
	switch {
	case err != nil:
		return err
	case again:
		return e.Resume(ctx, processes, false)
	}
	return e.Stun(ctx, processes, o)
}

func resume(ctx context.Context, words []string) error {
	anyway := false
	f := new(flags).withCap().withJSON()
	f.Bool(&anyway, "anyway")
	e, args, err := f.open(words, 1, 1)
	if err != nil {
		return err
	}
	processes, err := f.targets(ctx, e, args[0])
	if err != nil {
		return err
	}
	return e.Resume(ctx, processes, anyway)
}

func pdump(ctx context.Context, words []string) error {
	first := false
	f := new(flags).withCap().withJSON()
	f.Bool(&first, "s", "stun")
	e, args, err := f.open(words, 1, 1)
	if err != nil {
		return err
	}
	p, err := f.process(e, args[0])
	if err != nil {
		return err
	}
	return e.Pdump(ctx, p, first)
}
