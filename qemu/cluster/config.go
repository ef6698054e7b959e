package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
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

	// BootTimeout is what a node has to answer; default 60 s. Negative: do not
	// wait, as is also done for nodes that a debugger holds (NodeSpec.Halt).
	BootTimeout time.Duration `json:"boot_timeout,omitempty"`

	// Ready says when a node has booted; default: ConsoleReady. With a boot archive
	// the node must then also answer a request.
	Ready Ready        `json:"-"`
	Log   *slog.Logger `json:"-"` // default: none
}

const defaultBootTimeout = 60 * time.Second

// NodeSpec is one node's own. Zero fields mean the default.
type NodeSpec struct {
	Machine   machine.Type   `json:"machine,omitempty"`
	MemMB     int            `json:"mem_mb,omitempty"`
	MTU       int            `json:"mtu,omitempty"`
	Cards     int            `json:"cards,omitempty"`      // network cards; default 1
	Virtio    machine.Virtio `json:"virtio,omitempty"`     // of the cards, on pc and q35
	RTCOffset time.Duration  `json:"rtc_offset,omitempty"` // a clock that is wrong on purpose
	GDB       bool           `json:"gdb,omitempty"`        // with a socket for a debugger
	Halt      bool           `json:"halt,omitempty"`       // held at the first instruction, until a debugger lets it go
	Append    string         `json:"append,omitempty"`     // to the kernel command line, last
}

// withDefaults makes all that a report should show explicit.
func (s NodeSpec) withDefaults() NodeSpec {
	if s.Machine == "" {
		s.Machine = machine.MicroVM
	}
	if s.MemMB == 0 {
		s.MemMB = machine.DefaultMemMB
	}
	if s.MTU == 0 {
		s.MTU = machine.DefaultMTU
	}
	if s.Cards == 0 {
		s.Cards = 1
	}
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
	cmdline := fmt.Sprintf("node=%d boot=%d machine=%s", n.Number, n.Boots-1, n.Spec.Machine)
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
	}
	for i := range n.Spec.Cards {
		s.NICs = append(s.NICs, machine.NIC{Socket: socks.port(n.Number, i), MTU: n.Spec.MTU, Virtio: n.Spec.Virtio})
	}
	return s
}
