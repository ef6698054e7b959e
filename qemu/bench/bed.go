package main

import (
	"context"
	"runtime"
	"time"

	"motile/ipc/capability"
	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/testbed"
)

// sample is measured values, of one thing and in one unit.
type sample = testbed.Sample

// bench is what all suites share.
type bench struct {
	short   bool
	runs    int // how often each measurement is taken
	profile int // µs between samples of where the kernels are, 0: none
	report  report
}

func newBench(short bool) (*bench, error) {
	if err := testbed.Built(); err != nil {
		return nil, err
	}
	b := &bench{short: short, runs: 10}
	if short {
		b.runs = 1
	}
	b.report = report{Began: time.Now(), CPUs: runtime.NumCPU(), Runs: b.runs, judges: !short}
	b.report.Load[0] = testbed.LoadAverage()
	return b, nil
}

// some is how many of n there are to be: few, if we only try whether it works.
func (b *bench) some(n int) int {
	if b.short {
		return min(n, 3)
	}
	return n
}

// bed is a cluster that a suite measures on.
type bed struct {
	*testbed.Bed
	profiling *profiling // of its nodes; nil: none
}

// up boots a cluster from a boot archive.
func (b *bench) up(ctx context.Context, nodes int, archive string) (*bed, error) {
	return b.upNodes(ctx, testbed.Nodes(nodes), archive, machine.DefaultMTU)
}

// upNodes is up of nodes that are not like all others, on a network of a given MTU.
func (b *bench) upNodes(ctx context.Context, nodes []cluster.NodeSpec, archive string, mtu int) (*bed, error) {
	return b.upWith(ctx, nodes, cluster.Config{Initrd: archive, Nets: []cluster.NetSpec{{Name: cluster.DefaultNet, MTU: mtu}}})
}

// upWith is upNodes of a cluster that is not like all others.
func (b *bench) upWith(ctx context.Context, nodes []cluster.NodeSpec, conf cluster.Config) (*bed, error) {
	on, err := testbed.Up(ctx, nodes, conf)
	if err != nil {
		return nil, err
	}
	c := &bed{Bed: on}
	if b.profile > 0 {
		err = c.startProfiles(ctx, time.Duration(b.profile)*time.Microsecond)
	}
	if err != nil {
		c.Down()
		return nil, err
	}
	return c, nil
}

// Down is the test bed's, after the end of the profiles.
func (b *bed) Down() error {
	if b.profiling != nil {
		b.profiling.stop()
	}
	return b.Bed.Down()
}

// lose has the bridge lose a share of all frames. How the lost ones are chosen is the
// same every time.
func (b *bed) lose(ctx context.Context, share float64) error {
	seed := uint64(1)
	return b.SetFaults(ctx, cluster.FaultChange{Heal: true, Loss: &share, Seed: &seed})
}

// port is a get-port for a server of ours.
func port(name string) capability.Port {
	return capability.Port(capability.OneWay("bench", []byte(name)))
}
