package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"motile/qemu/machine"
)

// Config is what all nodes of a cluster share.
type Config struct {
	Kernel string `json:"kernel"`           // required
	Initrd string `json:"initrd,omitempty"` // boot archive
	Append string `json:"append,omitempty"` // to the kernel command line, behind "node=N boot=B machine=M"
	QEMU   string `json:"qemu,omitempty"`   // default: as machine.Find says
	CPU    string `json:"cpu,omitempty"`    // default: machine.DefaultCPU

	Nets []NetSpec `json:"nets,omitempty"` // default: one

	// Outside gives one node a card to the host's network; default: none has one.
	Outside *Outside `json:"outside,omitempty"`

	// Share is a folder of the host for the programs of the cluster; default: none.
	Share *Share `json:"share,omitempty"`

	// Directories are the nodes that keep the name space, by a directory server each;
	// default: node 1. Nodes read it in their boot archive.
	Directories []int `json:"directories,omitempty"`

	// BootTimeout is what a node has to answer; default 60 s. Negative: do not
	// wait, as is also done for nodes that a debugger holds (NodeSpec.Halt).
	BootTimeout time.Duration `json:"boot_timeout,omitempty"`

	// Ready says when a node has booted; default: ConsoleReady. With a boot archive
	// the node must then also answer a request.
	Ready Ready        `json:"-"`
	Log   *slog.Logger `json:"-"` // default: none
}

// Outside says which node has a card to the host's network, and which of the host's
// ports lead to it.
type Outside struct {
	Node     int               `json:"node"`
	Forwards []machine.Forward `json:"forwards,omitempty"`
}

// Share is a folder of the host that is a file server: ServiceCap(share.Name, 0).
type Share struct {
	Folder   string `json:"folder"`
	ReadOnly bool   `json:"read_only,omitempty"`
}

const (
	defaultBootTimeout = 60 * time.Second

	maxDiskMB = 1 << 20
)

// NodeSpec is one node's own. Zero fields mean the default.
type NodeSpec struct {
	Machine   machine.Type   `json:"machine,omitempty"`
	MemMB     int            `json:"mem_mb,omitempty"`
	MTU       int            `json:"mtu,omitempty"`        // of its cards; default: their networks'
	Nets      []string       `json:"nets,omitempty"`       // where it has a card each; default: the first, Cards times
	Cards     int            `json:"cards,omitempty"`      // network cards; default 1, or as many as Nets
	Virtio    machine.Virtio `json:"virtio,omitempty"`     // of the cards, on pc and q35
	RTCOffset time.Duration  `json:"rtc_offset,omitempty"` // a clock that is wrong on purpose
	DiskMB    int            `json:"disk_mb,omitempty"`    // of its disk, if that is not there yet; 0: none
	GDB       bool           `json:"gdb,omitempty"`        // with a socket for a debugger
	Halt      bool           `json:"halt,omitempty"`       // held at the first instruction, until a debugger lets it go
	Append    string         `json:"append,omitempty"`     // to the kernel command line, last
}

// Validate names the first field that makes no sense, of those that are about
// networks. The machine knows about the others.
func (s NodeSpec) Validate() error {
	if n := max(s.Cards, len(s.Nets)); n > machine.MaxCards {
		return fmt.Errorf("%d network cards: %d are possible", n, machine.MaxCards)
	}
	if s.DiskMB < 0 || s.DiskMB > maxDiskMB {
		return fmt.Errorf("a disk of %d MB: give 1 to %d, or 0 for none", s.DiskMB, maxDiskMB)
	}
	if s.MTU == 0 {
		return nil
	}
	return checkMTU(s.MTU)
}

// withDefaults makes all that a report should show explicit. first is the name of
// the first network.
func (s NodeSpec) withDefaults(first string) NodeSpec {
	if s.Machine == "" {
		s.Machine = machine.MicroVM
	}
	if s.MemMB == 0 {
		s.MemMB = machine.DefaultMemMB
	}
	if len(s.Nets) == 0 {
		s.Nets = slices.Repeat([]string{first}, max(s.Cards, 1))
	}
	s.Cards = len(s.Nets)
	return s
}

// prepare checks what every node needs and makes paths absolute.
func (c *Config) prepare() error {
	if c.Kernel == "" {
		return errors.New("no kernel given")
	}
	for _, p := range []*string{&c.Kernel, &c.Initrd} {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	if err := c.prepareNets(); err != nil {
		return err
	}
	if c.Share != nil {
		abs, err := filepath.Abs(c.Share.Folder)
		if err != nil {
			return err
		}
		c.Share = &Share{abs, c.Share.ReadOnly}
	}
	program, err := machine.Find(c.QEMU)
	if err != nil {
		return err
	}
	c.QEMU = program
	if c.BootTimeout == 0 {
		c.BootTimeout = defaultBootTimeout
	}
	if c.Ready == nil {
		c.Ready = ConsoleReady
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// machineSpec puts together the machine of a node's next boot.
func (c *Config) machineSpec(socks sockets, n NodeInfo) machine.Spec {
	// boot is how often it was started before.
	cmdline := fmt.Sprintf("node=%d boot=%d machine=%s%s", n.Number, n.Boots-1, n.Spec.Machine, weights(n.Cards))
	if c.Outside != nil {
		cmdline += fmt.Sprintf(" ip=%d", c.Outside.Node)
	}
	if c.Share != nil {
		cmdline += " share=1"
	}
	if n.DiskNew && n.Boots == 1 {
		cmdline += " disk=new"
	}
	s := machine.Spec{
		Node:          n.Number,
		Type:          n.Spec.Machine,
		MemMB:         n.Spec.MemMB,
		CPU:           c.CPU,
		Kernel:        c.Kernel,
		Initrd:        c.Initrd,
		Append:        strings.Join(strings.Fields(cmdline+" "+c.Append+" "+n.Spec.Append), " "),
		RTCOffset:     n.Spec.RTCOffset,
		QEMU:          c.QEMU,
		ConsoleSocket: n.Console,
		ConsoleLog:    n.Log,
		QMPSocket:     n.QMP,
		GDBSocket:     n.GDB,
		Halt:          n.Spec.Halt,
		Disk:          n.Disk,
	}
	if c.Outside != nil && c.Outside.Node == n.Number {
		s.Outside = &machine.Outside{Forwards: c.Outside.Forwards}
	}
	for i, card := range n.Cards {
		s.NICs = append(s.NICs, machine.NIC{Socket: socks.port(n.Number, i), MTU: card.MTU, Virtio: n.Spec.Virtio})
	}
	return s
}

// weights is the word that tells a kernel what its cards' networks cost, if there
// is anything to tell: nothing else about a card says so.
func weights(cards []Card) string {
	var list []string
	told := false
	for _, card := range cards {
		list = append(list, strconv.Itoa(card.Weight))
		told = told || card.Weight != 0
	}
	if !told {
		return ""
	}
	return " weights=" + strings.Join(list, ",")
}
