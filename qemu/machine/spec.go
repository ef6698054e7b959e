package machine

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"motile/netdev"
)

// Type is a machine type of QEMU's.
type Type string

// The machine types that Motile boots on. All take the same kernel file; they
// differ in how devices are found.
const (
	MicroVM Type = "microvm" // virtio-mmio, no PCI, no firmware to speak of
	PC      Type = "pc"      // i440FX, PCI
	Q35     Type = "q35"     // PCI Express
)

// Types lists them, the default first.
var Types = []Type{MicroVM, PC, Q35}

// ParseTypes reads a list like "microvm,pc".
func ParseTypes(list string) ([]Type, error) {
	var types []Type
	for name := range strings.SplitSeq(list, ",") {
		t := Type(strings.TrimSpace(name))
		if !slices.Contains(Types, t) {
			return nil, fmt.Errorf("machine type %q: choose of microvm, pc, q35", name)
		}
		types = append(types, t)
	}
	return types, nil
}

// Virtio says which generations of the virtio interface a PCI network card
// offers. On microvm all devices are modern.
type Virtio string

// The generations. The zero value is Transitional.
const (
	Transitional Virtio = "transitional"
	Modern       Virtio = "modern"
	Legacy       Virtio = "legacy"
)

// Defaults of a Spec's fields.
const (
	DefaultMemMB = 128
	DefaultMTU   = 9000

	// DefaultTBSizeMB bounds the memory that TCG fills with translated code.
	// It is taken as it is used: a kernel that idles needs 4 MB, a type
	// checker, a formatter and an image encoder in turn 17 MB. Too little is
	// ruinous (those three ran 14 times slower in 8 MB), QEMU's own default of
	// 1 GB lets a few nodes use up a small host.
	DefaultTBSizeMB = 64
)

const (
	// MaxMTU is the longest payload of a frame on any network.
	MaxMTU = 65535
	// MaxCards is how many network cards a node can have.
	MaxCards = 4
)

const (
	minMTU        = 68
	maxNode       = 500 // process ids have room for so many
	maxSocketPath = 107 // struct sockaddr_un, and its final zero
)

// Spec is what a node's machine is made of. Zero fields mean the default,
// except those that Validate asks for.
type Spec struct {
	Node   int  // 1 … 500; required
	Type   Type // default MicroVM
	MemMB  int
	CPU    string // default DefaultCPU
	Kernel string // ELF file with a PVH note; required
	Initrd string // boot archive
	Append string // kernel command line
	NICs   []NIC
	Disk   string // image file, raw; default: no disk
	// Outside is a card on QEMU's own network, which leads to the host's; default: none.
	Outside *Outside

	RTCOffset time.Duration // the machine's clock against the host's
	TBSizeMB  int

	QEMU string // the program; default as Find says

	// Sockets that QEMU listens on, and the file that the console goes to.
	ConsoleSocket string // required
	ConsoleLog    string // required; appended to
	QMPSocket     string // required
	GDBSocket     string // a debugger may attach; default: none
	Halt          bool   // do not let the guest run: a debugger, or QMP.Cont, will

	// Incoming is a socket that QEMU listens on for another QEMU's machine, which then goes
	// on here; default: the machine boots.
	Incoming string
}

// NIC is a network card.
type NIC struct {
	Socket string // a port of the bridge; it must exist when the machine starts
	MTU    int    // offered to the guest as host_mtu
	Virtio Virtio // on pc and q35
}

// Outside is a card that leads out of the cluster, behind an address translation that
// QEMU does: the machine is 10.0.2.15, and what it connects to sees the host.
type Outside struct {
	Forwards []Forward `json:"forwards,omitempty"`
}

// Forward is a port of the host, on its loopback address, that leads to one of the
// machine's.
type Forward struct {
	Host  int `json:"host"`
	Guest int `json:"guest"`
}

// ParseForwards reads a list like "8080:80,2222:22".
func ParseForwards(list string) (out []Forward, err error) {
	for word := range strings.SplitSeq(list, ",") {
		host, guest, ok := strings.Cut(strings.TrimSpace(word), ":")
		var f Forward
		if ok {
			f.Host, err = strconv.Atoi(host)
			if err == nil {
				f.Guest, err = strconv.Atoi(guest)
			}
		}
		if !ok || err != nil || !f.valid() {
			return nil, fmt.Errorf("port forward %q: give the host's port and the cluster's, as in 8080:80", word)
		}
		out = append(out, f)
	}
	return out, nil
}

func (f Forward) valid() bool { return f.Host > 0 && f.Host < 1<<16 && f.Guest > 0 && f.Guest < 1<<16 }

// outsideMAC is the hardware address of a node's card to the outside.
func outsideMAC(node int) string {
	p := netdev.OutsidePrefix
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", p[0], p[1], p[2], p[3], node>>8, node&0xff)
}

// MAC is the hardware address of a node's card, counted from 0.
func MAC(node, card int) string {
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", 0x4d+card, node>>8, node&0xff)
}

// withDefaults fills in the fields that were left out.
func (s Spec) withDefaults() Spec {
	orInt := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	orInt(&s.MemMB, DefaultMemMB)
	orInt(&s.TBSizeMB, DefaultTBSizeMB)
	if s.Type == "" {
		s.Type = MicroVM
	}
	if s.CPU == "" {
		s.CPU = DefaultCPU
	}
	s.NICs = slices.Clone(s.NICs)
	for i := range s.NICs {
		orInt(&s.NICs[i].MTU, DefaultMTU)
		if s.NICs[i].Virtio == "" {
			s.NICs[i].Virtio = Transitional
		}
	}
	return s
}

// Validate names the first field that QEMU would not take, or would take and
// not do what was meant.
func (s Spec) Validate() error {
	s = s.withDefaults()
	if s.Node < 1 || s.Node > maxNode {
		return fmt.Errorf("node %d: number nodes from 1 to %d", s.Node, maxNode)
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("node %d: "+format, append([]any{s.Node}, args...)...)
	}
	if !slices.Contains(Types, s.Type) {
		return fail("machine type %q: choose of microvm, pc, q35", s.Type)
	}
	if s.MemMB < 16 || s.MemMB > 3072 {
		return fail("%d MB of memory: give 16 to 3072", s.MemMB)
	}
	if len(s.NICs) > MaxCards {
		return fail("%d network cards: give at most %d", len(s.NICs), MaxCards)
	}
	for _, f := range []struct{ what, path string }{{"kernel", s.Kernel}, {"boot archive", s.Initrd}, {"disk", s.Disk}} {
		if f.path == "" && f.what != "kernel" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			if f.what == "disk" {
				return fail("disk: %w", err)
			}
			return fail("%s: %w (build it with make)", f.what, err)
		}
	}
	if s.Outside != nil {
		for _, f := range s.Outside.Forwards {
			if !f.valid() {
				return fail("port forward %d:%d: ports are 1 to 65535", f.Host, f.Guest)
			}
		}
	}
	sockets := []string{s.ConsoleSocket, s.QMPSocket, s.GDBSocket, s.Incoming}
	for i, n := range s.NICs {
		if n.MTU < minMTU || n.MTU > MaxMTU {
			return fail("MTU %d of card %d: give %d to %d", n.MTU, i, minMTU, MaxMTU)
		}
		sockets = append(sockets, n.Socket)
	}
	for _, path := range sockets {
		if len(path) > maxSocketPath {
			return fail("socket path %s has %d bytes, %d are possible: use a folder with a shorter name", path, len(path), maxSocketPath)
		}
	}
	return nil
}
