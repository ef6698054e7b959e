package main

import (
	"context"
	"os"

	"motile/proc/api"
)

type shCmd struct {
	Node int    `arg:"" help:"Number of the node."`
	Line string `arg:"" help:"The line. Its output and exit status become ours."`
}

// Run runs a shell line. ^C interrupts it, and a second one kills it.
func (cmd *shCmd) Run(ctx context.Context, c *common, t terminal) error {
	n, err := c.attach(ctx, t, false)
	if err != nil {
		return err
	}
	defer n.close()
	if err := n.checkNode(ctx, cmd.Node); err != nil {
		return err
	}
	return passOn(n.runStreams(ctx, n.exec(cmd.Node, &api.ExecRequest{
		Path: "/bin/sh", Args: []string{"sh", "-c", asTyped, "sh", cmd.Line}, Env: guestEnv(), Cwd: "/root",
	}), t))
}

// asTyped runs its first argument as if it were typed in a node's shell: names mean
// there what /etc/shrc makes of them. Where there is none they mean what they do to
// any shell.
const asTyped = `[ -r /etc/shrc ] && . /etc/shrc; eval "$1"`

// guestEnv is the environment of programs that are started from here.
func guestEnv() []string {
	term := os.Getenv("TERM")
	if term == "" {
		term = "linux"
	}
	return []string{"HOME=/root", "USER=root", "SHELL=/bin/sh", "PATH=/bbin:/bin", "TERM=" + term}
}
