package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/cluster"
)

type captureCmd struct {
	facts
	Output string        `short:"o" help:"File to record into; what it contained is lost." placeholder:"F.pcapng" xor:"what" required:""`
	Stop   bool          `help:"End a recording that was started with --detach." xor:"what" required:""`
	Detach bool          `short:"d" help:"Return at once; the recording goes on until capture --stop."`
	For    time.Duration `help:"Record for so long (default: until interrupted)." placeholder:"D"`
}

// Run records the bridge.
func (cmd *captureCmd) Run(ctx context.Context, c *common, t terminal) error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	if cmd.Stop {
		return cmd.finish(ctx, cl, t)
	}
	file, err := filepath.Abs(cmd.Output)
	if err != nil {
		return err
	}
	// Interrupted in the middle of this, nobody would know whether there is a recording
	// to be ended.
	if err := cl.StartCapture(context.WithoutCancel(ctx), file); err != nil {
		return err
	}
	if cmd.Detach {
		return nil
	}
	fmt.Fprintf(t.err, "motile: recording into %s; ^C ends it\n", file)
	if err := cmd.wait(ctx, cl, t); err != nil {
		return err
	}
	return cmd.finish(context.WithoutCancel(ctx), cl, t)
}

// wait returns when the recording is to end. If the cluster goes down first,
// it has completed the file.
func (cmd *captureCmd) wait(ctx context.Context, cl *cluster.Client, t terminal) error {
	var over <-chan time.Time
	if cmd.For > 0 {
		over = time.After(cmd.For)
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-over:
			return nil
		case <-look.C:
			s, err := cl.Status(context.WithoutCancel(ctx))
			switch {
			case err != nil:
				return fmt.Errorf("the cluster went down; %s is complete", cmd.Output)
			case s.Bridge.Capture == nil:
				return errors.New("the recording was ended by somebody else")
			case s.Bridge.Capture.Error != "":
				return nil // finish reports it
			}
		}
	}
}

func (cmd *captureCmd) finish(ctx context.Context, cl *cluster.Client, t terminal) error {
	s, err := cl.StopCapture(ctx)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(t.out, s)
	}
	printCapture(t, s)
	return nil
}

func printCapture(t terminal, s bridge.CaptureStats) {
	fmt.Fprintf(t.out, "%s: %d frames, %d bytes\n", s.File, s.Frames, s.Bytes)
	if s.Missed > 0 {
		fmt.Fprintf(t.err, "motile: %d frames were missed, the disk was too slow\n", s.Missed)
	}
}
