package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/servers/cmd/operate"
)

// stdObject asks any object what every service understands.
func stdObject(ctx context.Context, words []string) error {
	e, args, err := new(flags).open(words, 2, 3)
	if err != nil {
		return err
	}
	what, args := args[0], args[1:]
	var mask capability.Rights
	if what == "restrict" {
		if mask, err = capability.ParseRights(args[0]); err != nil {
			return err
		}
		args = args[1:]
	}
	if len(args) == 0 || len(args) > 1 && what != "params" {
		return usage("std %s wants a capability", what)
	}
	c, err := capOf(e, args[0])
	if err != nil {
		return err
	}
	o := e.Client.Object(c)
	switch what {
	case "info":
		return text(o.Text(ctx, std.Info))
	case "status":
		return text(o.Text(ctx, std.Stat))
	case "params":
		if len(args) > 1 {
			return o.SetParams(ctx, args[1])
		}
		return text(o.Text(ctx, std.GetParams))
	case "touch":
		return o.Do(ctx, std.Touch)
	case "age":
		return o.Do(ctx, std.Age)
	case "destroy":
		return o.Do(ctx, std.Destroy)
	case "copy":
		return printCap(o.Copy(ctx))
	case "restrict":
		return printCap(o.Restrict(ctx, mask))
	}
	return usage("std does not know %q", what)
}

// capOf is the capability that an argument stands for.
func capOf(e *operate.Env, arg string) (capability.Capability, error) {
	if strings.Count(arg, ":") == 3 {
		return capability.Parse(arg)
	}
	if pid, err := operate.ParsePID(arg); err == nil {
		return e.Client.Process(pid).Capability(), nil
	}
	return operate.ReadCap(arg)
}

func text(s string, err error) error {
	if err == nil {
		_, err = fmt.Fprintln(os.Stdout, strings.TrimSuffix(s, "\n"))
	}
	return err
}

func printCap(c capability.Capability, err error) error {
	if err == nil {
		_, err = fmt.Fprintln(os.Stdout, c)
	}
	return err
}
