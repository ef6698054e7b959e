package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/servers/cmd/operate"
)

// runProgram runs a program of this node's files on another. Its output is a log,
// which we copy to ours until it ends; it cannot read our input, for a program does
// not know what its own descriptors are open on, and so cannot pass them on.
func runProgram(ctx context.Context, words []string) error {
	var on string
	detach := false
	f := new(flags).withJSON()
	f.String(&on, "node")
	f.Bool(&detach, "d", "detach")
	var shake operate.ShakeOptions
	f.String(&shake.Every, "shake")
	f.String(&shake.By, "shake-by")
	f.String(&shake.Seed, "shake-seed")
	f.UntilArgument()
	e, args, err := f.open(words, 1, many)
	if err != nil {
		return err
	}
	node := 0
	if on == "" {
		node, err = place(ctx, e)
	} else {
		node, err = operate.ParseNode(on)
	}
	if err != nil {
		return err
	}
	setting, err := shake.Setting()
	if err != nil {
		return usageError{err}
	}
	pid, err := start(ctx, e.Client.Node(node), args, setting)
	if err != nil {
		return err
	}
	switch {
	case detach && f.json:
		return operate.PrintJSON(e.Out, operate.Started{PID: pid, Node: node})
	case detach:
		_, err = fmt.Fprintln(e.Out, pid)
		return err
	}
	return passOn(follow(ctx, e, e.Client.Process(pid)))
}

// start sends a program to a node, unless it is there, and starts it.
func start(ctx context.Context, n *client.Node, args []string, shake *api.Shake) (pid int32, err error) {
	name, err := exec.LookPath(args[0])
	if err != nil {
		return 0, err
	}
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	content, err := client.NewFile(file)
	if err != nil {
		return 0, err
	}
	path := content.Place(filepath.Base(name))
	if err := n.PutFile(ctx, content, path); err != nil {
		return 0, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	return n.Exec(ctx, &api.ExecRequest{Path: path, Args: args, Env: os.Environ(), Cwd: cwd,
		Files: client.LogFiles(), Detached: true, Shake: shake})
}

// follow shows a process's output until it ends, and returns its exit status.
func follow(ctx context.Context, e *operate.Env, p *client.Process) (status int, err error) {
	if err := e.Logs(ctx, p, true); err != nil {
		return 0, err
	}
	if i, err := p.Info(ctx); err == nil && i.Shaken != nil {
		fmt.Fprintf(e.Err, "run: process %d: %s\n", p.PID, operate.ShakenText(i.Shaken))
	}
	status, err = e.Wait(ctx, p)
	if err == nil {
		_ = p.Destroy(ctx) // nobody else asks for its log
	}
	return status, err
}
