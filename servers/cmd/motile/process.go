package main

import (
	"context"
	"os"

	"motile/ipc/capability"
	"motile/proc/api/client"
	"motile/servers/cmd/operate"
)

// Commands about processes.

// kill takes what kill(1) takes: a signal by option, or as -KILL and -9.
func kill(ctx context.Context, words []string) error {
	f := new(flags).withCap()
	signal, list := "TERM", false
	f.String(&signal, "s", "signal")
	f.Bool(&list, "l", "list")
	if len(words) > 0 && len(words[0]) > 1 && words[0][0] == '-' {
		if _, err := client.ParseSignal(words[0][1:]); err == nil {
			signal, words = words[0][1:], words[1:]
		}
	}
	args, err := f.Parse(words)
	switch {
	case err != nil:
		return usageError{err}
	case list:
		operate.SignalList(os.Stdout)
		return nil
	case len(args) == 0:
		return usage("whom?")
	}
	e, err := connect()
	if err != nil {
		return err
	}
	var ids []int32
	for _, arg := range args {
		id, err := operate.ParseTarget(arg)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	return e.Kill(ctx, signal, ids, f.cap)
}

func wait(ctx context.Context, words []string) error {
	f := new(flags).withCap().withJSON()
	e, args, err := f.open(words, 1, 1)
	if err != nil {
		return err
	}
	p, err := f.process(e, args[0])
	if err != nil {
		return err
	}
	return passOn(e.Wait(ctx, p))
}

// passOn makes another program's exit status ours.
func passOn(status int, err error) error {
	if err == nil && status != 0 {
		return exit(status)
	}
	return err
}

func logs(ctx context.Context, words []string) error {
	follow := false
	f := new(flags).withCap()
	f.Bool(&follow, "f", "follow")
	e, args, err := f.open(words, 1, 1)
	if err != nil {
		return err
	}
	p, err := f.process(e, args[0])
	if err != nil {
		return err
	}
	return e.Logs(ctx, p, follow)
}

func restricted(ctx context.Context, words []string) error {
	rights := "ALL"
	f := new(flags).withJSON()
	f.String(&rights, "rights")
	e, args, err := f.open(words, 1, 1)
	if err != nil {
		return err
	}
	pid, err := operate.ParsePID(args[0])
	if err != nil {
		return err
	}
	r, err := capability.ParseRights(rights)
	if err != nil {
		return err
	}
	return e.Cap(pid, r)
}
