package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"motile/qemu/cluster"
	"motile/qemu/machine"
)

type upCmd struct {
	facts
	Count   int    `short:"n" name:"nodes" help:"How many nodes." default:"3"`
	Machine string `help:"Machine types of the nodes, in turn: microvm, pc, q35 (default: microvm)." default:"microvm" placeholder:"M[,M...]"`
	nodeFlags
	bootFlags
}

// nodeFlags describe a node.
type nodeFlags struct {
	Mem       int            `short:"m" help:"Memory of a node in MB." default:"128"`
	MTU       int            `name:"mtu" help:"MTU that the network cards offer." default:"9000"`
	Cards     int            `help:"Network cards of a node." default:"1"`
	Virtio    machine.Virtio `help:"Virtio generation of the cards on pc and q35." enum:"transitional,modern,legacy" default:"transitional"`
	RTCOffset time.Duration  `name:"rtc-offset" help:"Set the nodes' clocks wrong by so much." default:"0s"`
	GDB       bool           `name:"gdb" help:"Give each node a socket for gdb: target remote DIR/sock/nN.gdb."`
	Halt      bool           `help:"Hold nodes before their first instruction until gdb lets them go; implies --gdb."`
}

func (f nodeFlags) spec(t machine.Type) cluster.NodeSpec {
	return cluster.NodeSpec{Machine: t, MemMB: f.Mem, MTU: f.MTU, Cards: f.Cards, Virtio: f.Virtio, RTCOffset: f.RTCOffset, GDB: f.GDB || f.Halt, Halt: f.Halt}
}

// bootFlags say what nodes boot, and how long we wait for them.
type bootFlags struct {
	Kernel  string        `help:"Kernel (default: what make built)." placeholder:"FILE" type:"path"`
	Initrd  string        `help:"Boot archive (default: what make built)." placeholder:"FILE" type:"path"`
	Append  string        `help:"More words for the kernel's command line." placeholder:"WORDS"`
	QEMU    string        `name:"qemu" help:"QEMU to use." env:"MOTILE_QEMU" placeholder:"FILE"`
	Timeout time.Duration `help:"How long a node may take to answer." default:"60s"`
	NoWait  bool          `help:"Do not wait until the nodes answer."`
}

// config completes the flags with what make built, which lies beside the
// folder that this program is in.
func (f bootFlags) config() (cluster.Config, error) {
	conf := cluster.Config{Kernel: f.Kernel, Initrd: f.Initrd, Append: f.Append, QEMU: f.QEMU, BootTimeout: f.Timeout}
	if f.NoWait {
		conf.BootTimeout = -1
	}
	if conf.Kernel != "" {
		return conf, nil
	}
	self, err := os.Executable()
	if err != nil {
		return conf, err
	}
	out := filepath.Join(filepath.Dir(filepath.Dir(self)), "out")
	conf.Kernel = filepath.Join(out, "kernel.elf")
	if _, err := os.Stat(conf.Kernel); err != nil {
		return conf, fmt.Errorf("there is no kernel in %s: run make, or give --kernel", out)
	}
	if archive := filepath.Join(out, "initrd.cpio"); conf.Initrd == "" {
		if _, err := os.Stat(archive); err == nil {
			conf.Initrd = archive
		}
	}
	return conf, nil
}

// Run starts the cluster.
func (cmd *upCmd) Run(ctx context.Context, c *common, t terminal) error {
	if cmd.Count < 0 || cmd.Count > 64 {
		return fmt.Errorf("%d nodes: start with 0 to 64, more can be added", cmd.Count)
	}
	conf, err := cmd.config()
	if err != nil {
		return err
	}
	types, err := machine.ParseTypes(cmd.Machine)
	if err != nil {
		return err
	}
	var specs []cluster.NodeSpec
	for i := range cmd.Count {
		specs = append(specs, cmd.spec(types[i%len(types)]))
	}
	p := newProgress(t.err, "starting the cluster")
	defer p.end()
	s, err := cluster.Up(ctx, cluster.UpOptions{Dir: c.dir(), Config: conf, Nodes: specs, Progress: p.say})
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(t.out, s)
	}
	return printNodes(t.out, s.Nodes)
}

type downCmd struct{}

// Run stops the cluster.
func (*downCmd) Run(ctx context.Context, c *common, t terminal) error {
	p := newProgress(t.err, "stopping the cluster")
	defer p.end()
	ran, err := cluster.Down(ctx, c.dir())
	if err == nil && !ran {
		fmt.Fprintf(t.err, "motile: no cluster was running in %s\n", c.Dir)
	}
	return err
}

type daemonCmd struct{}

// Run is the daemon's life.
func (*daemonCmd) Run() error { return cluster.Daemon() }
