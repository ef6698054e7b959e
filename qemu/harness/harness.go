package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/topology"
)

// Options of Start. Zero fields mean the default.
type Options struct {
	Nodes      int             // default 1
	Machines   []machine.Type  // of nodes 1, 2, …, and again from the first; default microvm
	MemMB      int             // default machine.DefaultMemMB
	MTU        int             // of networks that do not say; default machine.DefaultMTU
	Topology   string          // lines for package topology to read, or a shipped one's name; instead of Nodes
	Cards      int             // network cards; default 1
	DiskMB     int             // size of each node's disk; default: none
	Virtio     machine.Virtio  // of the cards, on pc and q35
	RTCOffsets []time.Duration // of nodes 1, 2, …
	Append     string          // to the kernel command line
	Appends    []string        // … of nodes 1, 2, …, behind that

	Outside *cluster.Outside // a card to the host's network; default: no node has one

	Kernel string // default: what make built
	Initrd string // default: what make built, if Kernel is not set either

	// Alone: no other test's cluster runs meanwhile, for what is to be timed.
	Alone bool

	Ready    cluster.Ready // default cluster.ConsoleReady
	Deadline time.Duration // for the whole test, from when the cluster may boot; default 90 s
}

const defaultDeadline = 90 * time.Second

// everySlot is more QEMUs than there are slots: who wants them gets them all.
const everySlot = 1 << 16

// Where make puts what nodes boot, from the top of the module, and what names
// other files instead.
const (
	builtKernel = "build/kernel.elf"
	builtInitrd = "build/test.cpio" // by make guests: the boot archive, with programs for tests

	KernelEnv = "MOTILE_KERNEL"
	InitrdEnv = "MOTILE_INITRD"
)

// Cluster is a test's cluster.
type Cluster struct {
	*cluster.Cluster
	t     testing.TB
	ctx   context.Context // ends at the deadline
	nodes map[int]*Node
}

// Start boots a cluster and waits until all nodes answer. The test is skipped
// where there is no QEMU, and fails if a node does not come up.
func Start(t testing.TB, opt Options) *Cluster {
	t.Helper()
	if _, err := machine.Find(""); errors.Is(err, machine.ErrNoQEMU) {
		t.Skip(err)
	}
	if opt.Kernel == "" {
		opt.Kernel, opt.Initrd = Built(t)
	}
	if opt.Deadline == 0 {
		opt.Deadline = defaultDeadline
	}
	top := opt.topology(t)
	opt.Nodes = len(top.Nodes)

	qemus := opt.Nodes
	if opt.Alone {
		qemus = everySlot
	}
	Claim(t, qemus)
	dir, err := os.MkdirTemp("", "mt") // t.TempDir's names are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	inner, err := cluster.Open(cluster.Dir(dir), cluster.Config{
		Kernel: opt.Kernel, Initrd: opt.Initrd, Append: opt.Append, Ready: opt.Ready, BootTimeout: opt.Deadline,
		Nets: top.Nets, Outside: opt.Outside,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{Cluster: inner, t: t, nodes: map[int]*Node{}}
	c.bound(opt.Deadline)
	if _, err := c.Add(c.ctx, opt.specs(top.Nodes), nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// bound gives the cluster its deadline, and its end with the test.
func (c *Cluster) bound(limit time.Duration) {
	var cancel context.CancelFunc
	late := fmt.Errorf("the test's deadline, %v, has passed", limit)
	c.ctx, cancel = context.WithTimeoutCause(c.t.Context(), limit, late)
	// Whatever the test waits for, it does not get it once the nodes are gone.
	unhook := context.AfterFunc(c.ctx, func() {
		if context.Cause(c.ctx) == late {
			c.Cluster.Close()
		}
	})
	c.t.Cleanup(func() {
		expired := !unhook() && context.Cause(c.ctx) == late
		cancel()
		if expired {
			c.t.Error(late)
		}
		if c.t.Failed() {
			c.report()
		}
		if err := c.Cluster.Close(); err != nil {
			c.t.Error(err)
		}
	})
}

// topology is what the options say of networks and nodes on them.
func (opt Options) topology(t testing.TB) *topology.Topology {
	t.Helper()
	top := &topology.Topology{
		Nets:  []cluster.NetSpec{{Name: cluster.DefaultNet}},
		Nodes: make([]cluster.NodeSpec, max(opt.Nodes, 1)),
	}
	read := topology.Parse
	if !strings.Contains(opt.Topology, "\n") {
		read = topology.Load
	}
	if opt.Topology != "" {
		var err error
		if top, err = read(opt.Topology); err != nil {
			t.Fatal(err)
		}
	}
	for i := range top.Nets {
		top.Nets[i].MTU = cmp.Or(top.Nets[i].MTU, opt.MTU)
	}
	return top
}

// specs completes the nodes of a topology.
func (opt Options) specs(specs []cluster.NodeSpec) []cluster.NodeSpec {
	for i := range specs {
		specs[i].MemMB = cmp.Or(specs[i].MemMB, opt.MemMB)
		specs[i].Cards, specs[i].Virtio, specs[i].DiskMB = opt.Cards, opt.Virtio, opt.DiskMB
		if len(opt.Machines) > 0 && specs[i].Machine == "" {
			specs[i].Machine = opt.Machines[i%len(opt.Machines)]
		}
		if i < len(opt.RTCOffsets) {
			specs[i].RTCOffset = opt.RTCOffsets[i]
		}
		if i < len(opt.Appends) {
			specs[i].Append = opt.Appends[i]
		}
	}
	return specs
}

// Claim waits until the test may run so many QEMUs, and gives the right to that
// back at its end.
func Claim(t testing.TB, qemus int) {
	t.Helper()
	c, err := acquire(t.Context(), qemus)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.release)
}

// Built finds kernel and boot archive.
func Built(t testing.TB) (kernel, initrd string) {
	t.Helper()
	top := Top(t)
	kernel, initrd = os.Getenv(KernelEnv), os.Getenv(InitrdEnv)
	if kernel == "" {
		kernel = filepath.Join(top, builtKernel)
	}
	if initrd == "" {
		initrd = filepath.Join(top, builtInitrd)
	}
	for _, path := range []string{kernel, initrd} {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%v: run make all guests first", err)
		}
	}
	return kernel, initrd
}

// Top is the folder of the module that the test is in.
func Top(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above this test")
		}
	}
}

// Context ends at the test's deadline.
func (c *Cluster) Context() context.Context { return c.ctx }

// report prints what somebody who looks for the failure wants to see.
func (c *Cluster) report() {
	const lines = 40
	for _, info := range c.Nodes() {
		console, err := c.Console(info.Number)
		if err != nil {
			continue
		}
		c.t.Logf("node %d: %s %s; its console's last lines:\n  %s",
			info.Number, info.State, info.Why, strings.Join(console.Tail(lines), "\n  "))
	}
	for _, n := range c.Networks() {
		for _, p := range n.Ports {
			c.t.Logf("network %s, port %+v", n.Name, p)
		}
	}
}
