package main

import (
	"context"
	"time"

	"golang.org/x/term"

	"motile/proc/api"
	"motile/proc/api/client"
	"motile/servers/checkpoints"
	"motile/servers/cmd/operate"
)

// Commands about checkpoints. What they do is in package operate.

type checkpointCmd struct {
	facts
	Output   string        `short:"o" help:"The file (default: PID.ckpt)." placeholder:"FILE" type:"path"`
	Every    time.Duration `help:"Take one each so often, until the process ends." placeholder:"5s"`
	Restart  bool          `help:"With --every: restart the last one on another node when the process is lost with its node."`
	Node     int           `help:"With --restart: where (default: where there is most memory)." placeholder:"N"`
	NoFiles  bool          `help:"Leave out the files that other nodes may lack."`
	Compress bool          `help:"Compress the pages."`
	Residual bool          `help:"Even if something that is a node's own stays behind, and is needed."`
	target
}

// Run takes a checkpoint, or keeps a process.
func (cmd *checkpointCmd) Run(ctx context.Context, c *common, t terminal) error {
	o := operate.KeepOptions{Every: cmd.Every, Restart: cmd.Restart, Node: cmd.Node, CheckpointOptions: operate.CheckpointOptions{
		File: cmd.Output, NoFiles: cmd.NoFiles, Compress: cmd.Compress, Residual: cmd.Residual}}
	if err := o.Check(); err != nil {
		return err
	}
	return cmd.on(ctx, c, t, cmd.facts, func(n *network, p *client.Process) error {
		if cmd.Every == 0 {
			return n.Checkpoint(ctx, p, o.CheckpointOptions)
		}
		return n.Keep(ctx, p, o)
	})
}

type restartCmd struct {
	facts
	Node   int    `help:"Number of the node (default: one that is idle)." placeholder:"N"`
	Detach bool   `short:"d" help:"Print the process's pid and return; its output is kept for motile logs."`
	Old    bool   `help:"Even if there is a newer checkpoint of the process."`
	File   string `arg:"" help:"The checkpoint." type:"path"`
}

// Run makes a process of a file. As with run, the process gets a terminal if we have
// one, and else our streams, in place of those it had. The log of one that was detached
// is shown until it ends.
func (cmd *restartCmd) Run(ctx context.Context, c *common, t terminal) error {
	n, err := c.attach(ctx, t, cmd.JSON)
	if err != nil {
		return err
	}
	defer n.close()
	if cmd.Node != 0 {
		if err := n.checkNode(ctx, cmd.Node); err != nil {
			return err
		}
	}
	f, err := n.OpenCheckpoint(cmd.File, cmd.Old)
	if err != nil {
		return err
	}
	defer f.Close()
	if cmd.Detach {
		return n.RestartDetached(ctx, f, cmd.Node)
	}
	if f.Process.Log >= 0 { // it was detached: what it writes goes to its log, which came along
		r, err := n.Restart(ctx, f, cmd.Node, operate.Detached())
		if err != nil {
			return err
		}
		p := n.Client.Process(r.PID)
		if err := n.Logs(ctx, p, true); err != nil {
			return err
		}
		return passOn(n.Wait(ctx, p))
	}
	start := cmd.start(n, f)
	if term.IsTerminal(int(t.in.Fd())) && term.IsTerminal(int(t.out.Fd())) {
		return passOn(n.runTerminal(ctx, start, t))
	}
	return passOn(n.runStreams(ctx, start, t))
}

// start makes the process with descriptors of ours.
func (cmd *restartCmd) start(n *network, f *checkpoints.File) starter {
	return func(ctx context.Context, files []api.FileRef, terminal bool) (pid int32, err error) {
		r, err := n.Restart(ctx, f, cmd.Node, api.ExecRequest{Stdio: files, Terminal: terminal, Detached: true})
		if err != nil {
			return 0, err
		}
		return r.PID, nil
	}
}

type cloneCmd struct {
	facts
	Residual bool `help:"Even if something that is a node's own stays behind, and is needed."`
	target
	Node int `arg:"" optional:"" help:"Number of the node (default: the one that the process is on)."`
}

// Run copies a process.
func (cmd *cloneCmd) Run(ctx context.Context, c *common, t terminal) error {
	return cmd.on(ctx, c, t, cmd.facts, func(n *network, p *client.Process) error {
		if cmd.Node != 0 {
			if err := n.checkNode(ctx, cmd.Node); err != nil {
				return err
			}
		}
		return n.Clone(ctx, p, cmd.Node, cmd.Residual)
	})
}

type stunCmd struct {
	facts
	Code        int  `short:"c" help:"Code for the owner to see." placeholder:"N"`
	Emergency   bool `help:"At once, whatever the process does, and even if it is stunned already."`
	Transparent bool `help:"The owner is not told."`
	Resume      bool `short:"r" help:"Let it go on, as resume does."`
	targets
}

// Run stops a process.
func (cmd *stunCmd) Run(ctx context.Context, c *common, t terminal) error {
	return cmd.on(ctx, c, t, cmd.facts, func(n *network, all []*client.Process) error {
		if cmd.Resume {
			return n.Resume(ctx, all, false)
		}
		return n.Stun(ctx, all, operate.StunOptions{Code: cmd.Code, Emergency: cmd.Emergency, Transparent: cmd.Transparent})
	})
}

type resumeCmd struct {
	facts
	Anyway bool `help:"Although its lease has run out: you vouch that no copy of it was restarted."`
	targets
}

// Run lets a process go on.
func (cmd *resumeCmd) Run(ctx context.Context, c *common, t terminal) error {
	return cmd.on(ctx, c, t, cmd.facts, func(n *network, all []*client.Process) error { return n.Resume(ctx, all, cmd.Anyway) })
}

type pdumpCmd struct {
	facts
	Stun bool `short:"s" help:"Stun it first; it stays so."`
	target
}

// Run shows a process descriptor.
func (cmd *pdumpCmd) Run(ctx context.Context, c *common, t terminal) error {
	return cmd.on(ctx, c, t, cmd.facts, func(n *network, p *client.Process) error { return n.Pdump(ctx, p, cmd.Stun) })
}
