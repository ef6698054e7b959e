package main

import (
	"context"

	"motile/servers/cmd/operate"
)

type dirCmd struct {
	facts
	Long  bool     `short:"l" help:"With masks, times, and what the objects say of themselves."`
	Force bool     `short:"f" help:"put: in the place of what is there."`
	Dirs  bool     `short:"d" help:"del: empty directories too, and not only their names."`
	Words []string `arg:"" optional:"" name:"what" help:"PATH; or mkd PATH..., get PATH, put PATH CAP, del PATH..., chm MASK:MASK... PATH, ren PATH PATH. CAP is as for std."`
}

// Run asks the directory server.
func (cmd *dirCmd) Run(ctx context.Context, c *common, t terminal) error {
	command, args := operate.DirCommand(cmd.Words)
	if err := operate.CheckDirectory(command, args); err != nil {
		return err
	}
	n, err := c.attach(ctx, t, cmd.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	return n.Directory(ctx, command, operate.DirOptions{Long: cmd.Long, Force: cmd.Force, Dirs: cmd.Dirs}, args)
}
