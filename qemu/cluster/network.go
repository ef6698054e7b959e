package cluster

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/machine"
	"motile/tools/flipnode"
)

// NetSpec describes a network of a cluster: a bridge of its own. What joins
// networks is nodes with a card on each.
type NetSpec struct {
	Name   string `json:"name"`
	MTU    int    `json:"mtu,omitempty"`    // of the cards on it; default machine.DefaultMTU
	Weight int    `json:"weight,omitempty"` // FLIP's cost of crossing it; 0: that of an Ethernet
}

// DefaultNet is the network of a cluster that names none.
const DefaultNet = "a"

// Bounds of NetSpec. FLIP's hop counts have eight bits.
const (
	maxNets   = 64
	maxWeight = 100
)

var netName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,15}$`)

// Validate names the first field that makes no sense.
func (s NetSpec) Validate() error {
	if !netName.MatchString(s.Name) {
		return fmt.Errorf("network %q: names are a letter and up to 15 letters, digits, - and _", s.Name)
	}
	if err := checkMTU(s.MTU); s.MTU != 0 && err != nil {
		return fmt.Errorf("network %s: %w", s.Name, err)
	}
	if s.Weight < 0 || s.Weight > maxWeight {
		return fmt.Errorf("network %s: weight %d: give 1 to %d", s.Name, s.Weight, maxWeight)
	}
	return nil
}

// checkMTU refuses one that FLIP or a card cannot have.
func checkMTU(mtu int) error {
	if mtu < flipnode.MinMTU || mtu > machine.MaxMTU {
		return fmt.Errorf("MTU %d: give %d to %d", mtu, flipnode.MinMTU, machine.MaxMTU)
	}
	return nil
}

// prepareNets gives the networks their defaults, and refuses what makes no sense.
func (c *Config) prepareNets() error {
	c.Nets = slices.Clone(c.Nets)
	if len(c.Nets) == 0 {
		c.Nets = []NetSpec{{Name: DefaultNet}}
	}
	if len(c.Nets) > maxNets {
		return fmt.Errorf("%d networks: %d are possible", len(c.Nets), maxNets)
	}
	seen := map[string]bool{}
	for i := range c.Nets {
		s := &c.Nets[i]
		if err := s.Validate(); err != nil {
			return err
		}
		if s.MTU == 0 {
			s.MTU = machine.DefaultMTU
		}
		if seen[s.Name] {
			return fmt.Errorf("network %s is there twice: give each a name of its own", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

// network is one that runs.
type network struct {
	NetSpec
	bridge *bridge.Bridge
	hosts  string // socket
}

// Network is one at one moment.
type Network struct {
	NetSpec
	Hosts string `json:"hosts_socket"` // where tools attach to it
	bridge.Stats
}

// openNets starts the bridges.
func (c *Cluster) openNets() error {
	for i, s := range c.conf.Nets {
		n := &network{s, bridge.New(bridge.Options{Name: s.Name, Log: c.conf.Log.With("net", s.Name)}), c.socks.hosts(i)}
		c.nets = append(c.nets, n)
		if err := n.bridge.ListenHosts(n.hosts); err != nil {
			return err
		}
	}
	return nil
}

// net finds a network by its name.
func (c *Cluster) net(name string) (*network, error) {
	var names []string
	for _, n := range c.nets {
		if n.Name == name {
			return n, nil
		}
		names = append(names, n.Name)
	}
	return nil, fmt.Errorf("there is no network %q: there are %v", name, names)
}

// chosen are the networks that a name stands for: all of them, if it is empty.
func (c *Cluster) chosen(name string) ([]*network, error) {
	if name == "" {
		return c.nets, nil
	}
	n, err := c.net(name)
	return []*network{n}, err
}

// Networks describes the networks, in the order they were given.
func (c *Cluster) Networks() (list []Network) {
	for _, n := range c.nets {
		list = append(list, Network{n.NetSpec, n.hosts, n.bridge.Stats()})
	}
	return list
}

// Bridge is the first network's.
func (c *Cluster) Bridge() *bridge.Bridge { return c.nets[0].bridge }

// Bridges are all networks', in their order.
func (c *Cluster) Bridges() (list []*bridge.Bridge) {
	for _, n := range c.nets {
		list = append(list, n.bridge)
	}
	return list
}

// BridgeOf is that of a network, nil if there is none of that name.
func (c *Cluster) BridgeOf(net string) *bridge.Bridge {
	if n, err := c.net(net); err == nil {
		return n.bridge
	}
	return nil
}

// HostSocket is where tools attach to the first network (bridge.Dial). A tool there
// reaches the others as any station does: through routers.
func (c *Cluster) HostSocket() string { return c.socks.hosts(0) }

// Card is one of a node's network cards.
type Card struct {
	Net    string `json:"net"`
	Port   string `json:"port"` // of that network's bridge
	MAC    string `json:"mac"`
	MTU    int    `json:"mtu"`
	Weight int    `json:"weight,omitempty"`
}

// cards puts together a node's cards, and refuses networks that are not there.
func (c *Cluster) cards(number int, spec NodeSpec) (list []Card, err error) {
	if err := spec.Validate(); err != nil {
		return nil, fmt.Errorf("node %d: %w", number, err)
	}
	for i, name := range spec.Nets {
		n, err := c.net(name)
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", number, err)
		}
		mtu := n.MTU
		if spec.MTU != 0 {
			mtu = spec.MTU
		}
		list = append(list, Card{Net: name, Port: portName(number, i), MAC: machine.MAC(number, i), MTU: mtu, Weight: n.Weight})
	}
	return list, nil
}

// plug makes the ports that a node's cards attach to.
func (c *Cluster) plug(number int, cards []Card) error {
	for i, card := range cards {
		n, err := c.net(card.Net)
		if err != nil {
			return err
		}
		if err := n.bridge.AddPort(card.Port, c.socks.port(number, i)); err != nil {
			return err
		}
	}
	return nil
}

// unplug takes them away.
func (c *Cluster) unplug(cards []Card) {
	for _, card := range cards {
		if n, err := c.net(card.Net); err == nil {
			n.bridge.RemovePort(card.Port)
		}
	}
}

// attached reports whether a card hangs on its bridge.
func (c *Cluster) attached(card Card) bool {
	n, err := c.net(card.Net)
	return err == nil && slices.ContainsFunc(n.bridge.Stats().Ports, func(p bridge.PortStats) bool {
		return p.Name == card.Port && p.Attached
	})
}

// attachTimeout is what QEMU has to connect its network cards. It does so
// before it answers on its control socket, so they are there already.
const attachTimeout = 5 * time.Second

// awaitCards waits until a node's cards hang on their bridges. A QEMU whose
// connection failed would run on with a dead network, and say nothing.
func (c *Cluster) awaitCards(ctx context.Context, cards []Card) error {
	deadline := time.Now().Add(attachTimeout)
	for {
		attached := 0
		for _, card := range cards {
			if c.attached(card) {
				attached++
			}
		}
		if attached == len(cards) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("QEMU connected %d of its %d network cards to the bridge", attached, len(cards))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}
