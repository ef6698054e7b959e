package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/cluster"
)

type bridgeCmd struct {
	facts
	Loss      *probability   `help:"Lose a share P of all deliveries (0.05 or 5%)." placeholder:"P"`
	Dup       *probability   `help:"Deliver a share P twice." placeholder:"P"`
	Reorder   *probability   `help:"Let a share P be overtaken by the next frame." placeholder:"P"`
	Delay     *time.Duration `help:"Delay every delivery." placeholder:"D"`
	Rate      *bitrate       `help:"Limit what a port receives, in bit/s (10M); 0: no limit." placeholder:"R"`
	Partition *string        `help:"Let sets of nodes not hear one another (1,2/3; host: the tools on this host); empty: all hear all." placeholder:"SETS"`
	Seed      *uint64        `help:"Seed of the random decisions." placeholder:"N"`
	Heal      bool           `help:"End all faults, before any that this command names."`
}

// Run changes the faults if any are named, or else shows all there is to know.
func (cmd *bridgeCmd) Run(ctx context.Context, c *common, t terminal) error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	change := cluster.FaultChange{
		Heal: cmd.Heal, Loss: (*float64)(cmd.Loss), Dup: (*float64)(cmd.Dup), Reorder: (*float64)(cmd.Reorder),
		Delay: cmd.Delay, Rate: (*int64)(cmd.Rate), Partition: cmd.Partition, Seed: cmd.Seed,
	}
	if change != (cluster.FaultChange{}) {
		f, err := cl.SetFaults(ctx, change)
		if err != nil {
			return err
		}
		if cmd.JSON {
			return printJSON(t.out, f)
		}
		fmt.Fprintln(t.out, faultLine(f))
		return nil
	}
	s, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(t.out, s.Bridge)
	}
	return printBridge(t, s.Bridge)
}

// faultLine says what is done to frames, as the options that would do it.
func faultLine(f bridge.Faults) string {
	if f.Perfect() {
		return "no faults"
	}
	var words []string
	add := func(set bool, format string, v any) {
		if set {
			words = append(words, fmt.Sprintf(format, v))
		}
	}
	add(f.Loss > 0, "--loss %g", f.Loss)
	add(f.Dup > 0, "--dup %g", f.Dup)
	add(f.Reorder > 0, "--reorder %g", f.Reorder)
	add(f.Delay > 0, "--delay %v", f.Delay)
	add(f.Rate > 0, "--rate %v", bitrate(f.Rate))
	add(f.Partition != "", "--partition %s", f.Partition)
	add(true, "--seed %d", f.Seed)
	return strings.Join(words, " ")
}

func printBridge(t terminal, s bridge.Stats) error {
	fmt.Fprintln(t.out, faultLine(s.Faults))
	if s.Capture != nil {
		fmt.Fprintf(t.out, "recording into %s: %d frames, %d missed\n", s.Capture.File, s.Capture.Frames, s.Capture.Missed)
	}
	rows := [][]any{{"PORT", "LINK", "IN", "OUT", "WAITING", "FULL", "DOWN", "BAD", "LOST", "DUP", "REORDERED", "DELAYED", "PARTED", "SHAPED"}}
	for _, p := range s.Ports {
		link := "down"
		if p.Attached {
			link = "up"
		}
		rows = append(rows, []any{p.Name, link, p.InFrames, p.OutFrames, p.Waiting, p.QueueFull, p.Detached, p.BadSize,
			p.Lost, p.Duplicated, p.Reordered, p.Delayed, p.Partitioned, p.RateLimited})
	}
	return printTable(t.out, rows)
}
