package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"motile/qemu/bridge"
	"motile/qemu/cluster"
	"motile/servers/cmd/operate"
)

type bridgeCmd struct {
	facts
	Net       string           `help:"Of this network (default: of all)." placeholder:"NAME"`
	Loss      *probability     `help:"Lose a share P of all deliveries (0.05 or 5%)." placeholder:"P"`
	Dup       *probability     `help:"Deliver a share P twice." placeholder:"P"`
	Reorder   *probability     `help:"Let a share P be overtaken by the next frame." placeholder:"P"`
	Delay     *delays          `help:"Delay every delivery, by so much (20ms), or by anything between (1ms-20ms)." placeholder:"D"`
	Rate      *operate.Bitrate `help:"Limit what a port receives, in bit/s (10M); 0: no limit." placeholder:"R"`
	Partition *string          `help:"Let sets of nodes not hear one another (1,2/3; host: the tools on this host); empty: all hear all." placeholder:"SETS"`
	Seed      *uint64          `help:"Seed of the random decisions." placeholder:"N"`
	Heal      bool             `help:"End all faults, before any that this command names."`
}

// Run changes the faults if any are named, or else shows all there is to know.
func (cmd *bridgeCmd) Run(ctx context.Context, c *common, t terminal) error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	change := cluster.FaultChange{
		Net: cmd.Net, Heal: cmd.Heal, Loss: (*float64)(cmd.Loss), Dup: (*float64)(cmd.Dup), Reorder: (*float64)(cmd.Reorder),
		Rate: (*int64)(cmd.Rate), Partition: cmd.Partition, Seed: cmd.Seed,
	}
	if d := cmd.Delay; d != nil {
		change.Delay, change.Jitter = &d.least, &d.more
	}
	if change != (cluster.FaultChange{Net: cmd.Net}) {
		f, err := cl.SetFaults(ctx, change)
		if err != nil {
			return err
		}
		return cmd.printFaults(t, f)
	}
	s, err := cl.Status(ctx)
	if err != nil {
		return err
	}
	nets := slices.DeleteFunc(s.Nets, func(n cluster.Network) bool { return cmd.Net != "" && n.Name != cmd.Net })
	if len(nets) == 0 {
		return fmt.Errorf("there is no network %s (motile bridge lists them)", cmd.Net)
	}
	if cmd.JSON {
		return printJSON(t.out, bridgeFacts{nets[0].Stats, nets})
	}
	for _, n := range nets {
		if err := printBridge(t, n, len(s.Nets) > 1); err != nil {
			return err
		}
	}
	return nil
}

// bridgeFacts is what there is to know of one network, and of all that were meant.
type bridgeFacts struct {
	bridge.Stats
	Nets []cluster.Network `json:"networks"`
}

// faultFacts is the same of faults.
type faultFacts struct {
	bridge.Faults
	Nets []cluster.NetFaults `json:"networks"`
}

// printFaults shows what networks do to frames; where all do the same, once.
func (cmd *bridgeCmd) printFaults(t terminal, f []cluster.NetFaults) error {
	if cmd.JSON {
		return printJSON(t.out, faultFacts{f[0].Faults, f})
	}
	if !slices.ContainsFunc(f, func(n cluster.NetFaults) bool { return n.Faults != f[0].Faults }) {
		fmt.Fprintln(t.out, faultLine(f[0].Faults))
		return nil
	}
	for _, n := range f {
		fmt.Fprintf(t.out, "%s: %s\n", n.Net, faultLine(n.Faults))
	}
	return nil
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
	add(f.Delay+f.Jitter > 0, "--delay %v", delays{f.Delay, f.Jitter})
	add(f.Rate > 0, "--rate %v", operate.Bitrate(f.Rate))
	add(f.Partition != "", "--partition %s", f.Partition)
	add(true, "--seed %d", f.Seed)
	return strings.Join(words, " ")
}

// printBridge shows a network, with its name if there are others.
func printBridge(t terminal, s cluster.Network, named bool) error {
	if named {
		fmt.Fprintf(t.out, "network %s, MTU %d: ", s.Name, s.MTU)
	}
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
