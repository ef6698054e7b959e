package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"motile/qemu/cluster"
	"motile/qemu/machine"
	"motile/qemu/topology"
	"motile/servers/cmd/operate"
)

type upCmd struct {
	facts
	Count    int    `short:"n" name:"nodes" help:"How many nodes." default:"3"`
	Machine  string `help:"Machine types of the nodes, in turn: microvm, pc, q35 (default: microvm)." default:"microvm" placeholder:"M[,M...]"`
	Topology string `help:"Networks and the nodes on them, from a file, or one of line, parallel, ring, star; -n does not count." placeholder:"FILE"`
	nodeFlags
	bootFlags
	Keepers int    `name:"directories" help:"How many nodes keep the directories, with --servers: the first ones with disks (default: 3 if there are so many, else 1). A cluster keeps the number that it began with." placeholder:"N"`
	Share   string `help:"A folder of the host that programs see as /host, with --servers; :ro behind it: they cannot write there." placeholder:"DIR[:ro]"`
	Forward string `help:"Ports of the host, on its loopback address, that lead into the cluster: HOST:CLUSTER[,...]. Node 1 gets a network card to the outside; run ipd there." placeholder:"PORTS"`
	Outside bool   `help:"Give node 1 that card without forwarding a port."`
	Attach  bool   `help:"Work in a shell on a node; the cluster goes down when you leave."`
	Node    int    `arg:"" optional:"" help:"With --attach: number of the node." default:"1"`
}

// nodeFlags describe a node.
type nodeFlags struct {
	Mem       int            `short:"m" help:"Memory of a node in MB." default:"128"`
	MTU       int            `name:"mtu" help:"MTU that the network cards offer (default: their network's, which is 9000)." placeholder:"BYTES"`
	Cards     int            `help:"Network cards of a node." default:"1"`
	Virtio    machine.Virtio `help:"Virtio generation of the cards on pc and q35." enum:"transitional,modern,legacy" default:"transitional"`
	Disk      diskSize       `help:"Size of a node's disk (disk-N.img in the cluster's folder), when it is first made; it is kept. 0: no disk." default:"256M" placeholder:"SIZE"`
	RTCOffset time.Duration  `name:"rtc-offset" help:"Set the nodes' clocks wrong by so much." default:"0s"`
	GDB       bool           `name:"gdb" help:"Give each node a socket for gdb: target remote DIR/sock/nN.gdb."`
	Halt      bool           `help:"Hold nodes before their first instruction until gdb lets them go; implies --gdb."`
}

func (f nodeFlags) spec(t machine.Type) cluster.NodeSpec {
	return cluster.NodeSpec{Machine: t, MemMB: f.Mem, MTU: f.MTU, Cards: f.Cards, Virtio: f.Virtio, DiskMB: int(f.Disk), RTCOffset: f.RTCOffset, GDB: f.GDB || f.Halt, Halt: f.Halt}
}

// bootFlags say what nodes boot, and how long we wait for them.
type bootFlags struct {
	Kernel  string        `help:"Kernel (default: what make built)." placeholder:"FILE" type:"path" env:"MOTILE_KERNEL"`
	Initrd  string        `help:"Boot archive (default: what make built, with a kernel that it built)." placeholder:"FILE" type:"path" env:"MOTILE_INITRD"`
	Servers bool          `help:"Nodes run /etc/motile/rc when they have booted, which starts the servers that belong to them."`
	Append  string        `help:"More words for the kernel's command line." placeholder:"WORDS"`
	QEMU    string        `name:"qemu" help:"QEMU to use." env:"MOTILE_QEMU" placeholder:"FILE"`
	Timeout time.Duration `help:"How long a node may take to answer." default:"60s"`
	NoWait  bool          `help:"Do not wait until the nodes answer."`
}

// config completes the flags with what make built, which lies beside the
// folder that this program is in.
func (f bootFlags) config() (cluster.Config, error) {
	conf := cluster.Config{Kernel: f.Kernel, Initrd: f.Initrd, Append: f.Append, QEMU: f.QEMU, BootTimeout: f.Timeout}
	if f.Servers {
		conf.Append += " rc=1"
	}
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
	built := filepath.Join(filepath.Dir(filepath.Dir(self)), "build")
	conf.Kernel = filepath.Join(built, "kernel.elf")
	if conf.Initrd == "" {
		conf.Initrd = filepath.Join(built, "initrd.cpio")
	}
	if _, err := os.Stat(conf.Kernel); err != nil {
		return conf, fmt.Errorf("there is no kernel in %s: run make, or give --kernel", built)
	}
	if _, err := os.Stat(conf.Initrd); err != nil {
		return conf, fmt.Errorf("there is no boot archive: %w: run make, or give --initrd", err)
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
	specs, err := cmd.specs(&conf)
	if err != nil {
		return err
	}
	if conf.Directories, err = cmd.directories(specs); err != nil {
		return err
	}
	conf.Share = cmd.shared()
	if conf.Outside, err = cmd.outside(); err != nil {
		return err
	}
	if conf.Outside == nil && cmd.Servers {
		conf.Append = "ip=1 " + conf.Append // with the networks inside of the cluster only
	}
	if cmd.Attach && (cmd.Node < 1 || cmd.Node > len(specs)) {
		return fmt.Errorf("--attach: there is no node %d among %d", cmd.Node, len(specs))
	}
	p := operate.NewProgress(t.err, "starting the cluster")
	s, err := cluster.Up(ctx, cluster.UpOptions{Dir: c.dir(), Config: conf, Nodes: specs, Progress: p.Say})
	p.End()
	switch {
	case err != nil:
		return err
	case cmd.Attach:
		return c.attachUntilDown(ctx, t, s, cmd.Node)
	case cmd.JSON:
		return printJSON(t.out, s)
	}
	return printNodes(t.out, s.Nodes)
}

// specs lists the nodes; networks go into the configuration. What a topology says of
// a node counts more than the flags that are for all.
func (cmd *upCmd) specs(conf *cluster.Config) (specs []cluster.NodeSpec, err error) {
	types, err := machine.ParseTypes(cmd.Machine)
	if err != nil {
		return nil, err
	}
	top := &topology.Topology{Nodes: make([]cluster.NodeSpec, cmd.Count)}
	if cmd.Topology != "" {
		if top, err = topology.Load(cmd.Topology); err != nil {
			return nil, err
		}
		if cmd.Cards > 1 {
			return nil, errors.New("--cards: the topology says what cards nodes have")
		}
	}
	conf.Nets = top.Nets
	if len(conf.Nets) == 0 {
		conf.Nets = []cluster.NetSpec{{Name: cluster.DefaultNet}}
	}
	for i := range conf.Nets {
		conf.Nets[i].MTU = cmp.Or(conf.Nets[i].MTU, cmd.MTU) // so that nodes added later fit
	}
	for i, n := range top.Nodes {
		s := cmd.spec(types[i%len(types)])
		s.Nets = n.Nets
		s.Machine = cmp.Or(n.Machine, s.Machine)
		s.MemMB = cmp.Or(n.MemMB, s.MemMB)
		s.MTU = n.MTU
		specs = append(specs, s)
	}
	return specs, nil
}

// directories are the nodes that keep the name space.
func (cmd *upCmd) directories(specs []cluster.NodeSpec) (nodes []int, err error) {
	if !cmd.Servers {
		if cmd.Keepers != 0 {
			return nil, errors.New("--directories: it is for --servers")
		}
		return nil, nil
	}
	for i, s := range specs {
		if s.DiskMB > 0 {
			nodes = append(nodes, i+1)
		}
	}
	want := cmd.Keepers
	if want == 0 {
		if want = 3; len(nodes) < want {
			want = 1
		}
		want = min(want, len(nodes))
	}
	if want < 0 || want > len(nodes) || want > maxDirectories {
		return nil, fmt.Errorf("--directories %d: give 1 to %d; %d nodes have disks", want, maxDirectories, len(nodes))
	}
	return nodes[:want], nil
}

// maxDirectories is how many directory servers can agree (soap.MaxReplicas).
const maxDirectories = 7

// shared is what the flags say of a folder of the host.
func (cmd *upCmd) shared() *cluster.Share {
	folder, readOnly := strings.CutSuffix(cmd.Share, ":ro")
	if folder == "" {
		return nil
	}
	return &cluster.Share{Folder: folder, ReadOnly: readOnly}
}

// outside is what the flags say of a card to the outside, which node 1 has.
func (cmd *upCmd) outside() (*cluster.Outside, error) {
	if cmd.Forward == "" {
		if !cmd.Outside {
			return nil, nil
		}
		return &cluster.Outside{Node: 1}, nil
	}
	forwards, err := machine.ParseForwards(cmd.Forward)
	if err != nil {
		return nil, fmt.Errorf("--forward: %w", err)
	}
	return &cluster.Outside{Node: 1, Forwards: forwards}, nil
}

// attachUntilDown is a session at a terminal of a new cluster, which ends with it.
func (c *common) attachUntilDown(ctx context.Context, t terminal, s cluster.Status, node int) error {
	printNodes(t.err, s.Nodes)
	session := c.console(ctx, t, node, 0)
	fmt.Fprintln(t.err, "\nmotile: stopping the cluster")
	_, err := cluster.Down(context.WithoutCancel(ctx), c.dir())
	if session != nil && !errors.Is(session, errLeft) && ctx.Err() == nil {
		return session
	}
	return err
}

type downCmd struct{}

// Run stops the cluster.
func (*downCmd) Run(ctx context.Context, c *common, t terminal) error {
	p := operate.NewProgress(t.err, "stopping the cluster")
	defer p.End()
	ran, err := cluster.Down(ctx, c.dir())
	if err == nil && !ran {
		fmt.Fprintf(t.err, "motile: no cluster was running in %s\n", c.Dir)
	}
	return err
}

type daemonCmd struct{}

// Run is the daemon's life.
func (*daemonCmd) Run() error { return cluster.Daemon() }
