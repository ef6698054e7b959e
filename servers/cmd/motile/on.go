package main

import (
	"context"
	"os"
	"os/exec"
	"syscall"

	"motile/proc/api/client"
	"motile/servers/cmd/operate"
	"motile/servers/lib"
	runserver "motile/servers/run"
)

// onNode runs a command on another node as Sprite does (Douglis and Ousterhout, 1991,
// "exec-time migration"): the process moves there while it is small, and then calls exec.
// So the command has its caller for a parent, its terminal, pipes and directory.
func onNode(ctx context.Context, words []string) error {
	f := new(flags)
	f.UntilArgument()
	e, args, err := f.open(words, 2, many)
	if err != nil {
		return err
	}
	name, err := exec.LookPath(args[1])
	if err != nil {
		return err
	}
	node := 0
	if args[0] == idlest {
		node, err = place(ctx, e)
	} else {
		node, err = operate.ParseNode(args[0])
	}
	if err != nil {
		return err
	}
	if _, err := e.Client.Process(int32(os.Getpid())).Migrate(ctx, client.Move{Target: node}); err != nil {
		return err
	}
	return &os.PathError{Op: "exec", Path: name, Err: syscall.Exec(name, args[1:], os.Environ())}
}

// idlest stands for a node's number: the one with the least to do.
const idlest = "any"

// place asks the run server of this node for a node, if it has one: that counts what it has
// sent where since it asked.
func place(ctx context.Context, e *operate.Env) (node int, err error) {
	if _, err := os.Stat(runserver.Mark); err != nil {
		return e.Idlest(ctx)
	}
	return runserver.Find(ctx, lib.Caller{}, e.Client.Service(runserver.Name, 0), runserver.FindRequest{MemoryKB: usualKB})
}

// usualKB is the memory that a program counts for of which nothing is known.
const usualKB = 4 << 10
