package main

import (
	"context"

	"motile/servers/cmd/operate"
)

type stdCmd struct {
	facts
	Words []string `arg:"" name:"command" help:"info, status, touch, age, destroy, copy or getparams CAP; restrict RIGHTS CAP; setparams CAP NAME=VALUE... CAP is a pid, nodeN, a capability's text, a file with one, or a name of the directory server."`
}

// Run asks an object.
func (cmd *stdCmd) Run(ctx context.Context, c *common, t terminal) error {
	q, err := operate.ParseStd(cmd.Words)
	if err != nil {
		return err
	}
	n, err := c.attach(ctx, t, cmd.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	return n.Std(ctx, q)
}
