package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"motile/proc/api"
	"motile/qemu/profile"
)

type profileCmd struct {
	Seconds float64       `help:"How long (default: ${default})." default:"10" placeholder:"S"`
	Period  time.Duration `help:"Time between two samples, as the node's timer counts it (default: ${default})." default:"2ms" placeholder:"D"`
	Output  string        `short:"o" help:"File to write (default: nodeN.pprof)." placeholder:"FILE"`
	Kernel  string        `help:"File of the kernel that the node runs (default: the cluster's)." placeholder:"FILE"`
	Node    int           `arg:"" help:"Number of the node."`
}

// Run profiles a node.
func (cmd *profileCmd) Run(ctx context.Context, c *common, t terminal) (err error) {
	switch {
	case cmd.Seconds <= 0:
		return fmt.Errorf("--seconds %v: want more than 0", cmd.Seconds)
	case cmd.Period < api.ProfileShortest || cmd.Period > api.ProfileLongest:
		return fmt.Errorf("--period %v: want %v to %v", cmd.Period, time.Duration(api.ProfileShortest), time.Duration(api.ProfileLongest))
	}
	n, err := c.attach(ctx, t, false)
	if err != nil {
		return err
	}
	defer n.close()
	if err := n.checkNode(ctx, cmd.Node); err != nil {
		return err
	}
	kernel, err := n.kernel(ctx)
	if err != nil {
		return err
	}
	r, err := profile.New(cmp.Or(cmd.Kernel, kernel), cmd.Period)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.err, "motile: sampling node %d for %v s; ^C ends it earlier\n", cmd.Node, cmd.Seconds)
	during, cancel := context.WithTimeout(ctx, time.Duration(cmd.Seconds*float64(time.Second)))
	defer cancel()
	// What was sampled before the node was lost, or somebody lost patience, is written too.
	err = n.Client.Node(cmd.Node).Profile(during, cmd.Period, r.Take)
	return errors.Join(err, cmd.write(r, t))
}

func (cmd *profileCmd) write(r *profile.Recorder, t terminal) error {
	if r.Samples+r.Idle == 0 {
		return nil
	}
	name := cmp.Or(cmd.Output, fmt.Sprintf("node%d.pprof", cmd.Node))
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(r.Write(f), f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s: %d samples, %d more found the node idle", name, r.Samples, r.Idle)
	if r.Dropped > 0 {
		fmt.Fprintf(t.out, ", %d were dropped: take them less often", r.Dropped)
	}
	fmt.Fprintf(t.out, "\nlook at it: go tool pprof -top %s\n", name)
	return nil
}
