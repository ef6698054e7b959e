package topology

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"motile/qemu/cluster"
	"motile/qemu/machine"
)

// Topology is what nodes there are, and how they hang together.
type Topology struct {
	Nets  []cluster.NetSpec
	Nodes []cluster.NodeSpec // node 1 first
}

// A topology that comes with the program is called by its name alone.
//
//go:embed shipped/*.topo
var shipped embed.FS

const suffix = ".topo"

// Shipped lists the names of the topologies that come with the program.
func Shipped() (names []string) {
	entries, err := shipped.ReadDir("shipped")
	if err != nil {
		panic(err) // it is part of the program
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), suffix))
	}
	return names
}

// Load reads a topology from a file, or one that is shipped, by its name. A file of
// the name of a shipped one is meant by ./NAME.
func Load(name string) (*Topology, error) {
	text, err := shipped.ReadFile(path.Join("shipped", name+suffix))
	if err != nil {
		text, err = os.ReadFile(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("topology %s: there is no such file; those that need none are %s", name, strings.Join(Shipped(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("topology: %w", err)
	}
	t, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("topology %s: %w", name, err)
	}
	return t, nil
}

// Parse reads a topology. An error names the line, and what to write instead.
func Parse(text string) (*Topology, error) {
	p := &parser{nets: map[string]bool{}, nodes: map[int]node{}}
	at := 0
	for line := range strings.Lines(text) {
		at++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := p.line(at, words); err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
	}
	return p.finish()
}

// parser is a topology, half read.
type parser struct {
	top   Topology
	nets  map[string]bool
	nodes map[int]node
}

type node struct {
	cluster.NodeSpec
	line int
}

func (p *parser) line(at int, words []string) error {
	switch words[0] {
	case "net":
		return p.net(words[1:])
	case "node":
		return p.node(at, words[1:])
	}
	return fmt.Errorf("%q: a line begins with net or node", words[0])
}

func (p *parser) net(words []string) error {
	names, options := split(words)
	if len(names) != 1 {
		return errors.New("write net NAME [mtu=BYTES] [weight=COST]")
	}
	s := cluster.NetSpec{Name: names[0]}
	err := set(options, map[string]func(string) error{
		"mtu":    number(&s.MTU),
		"weight": number(&s.Weight),
	})
	if err == nil {
		err = s.Validate()
	}
	if err != nil {
		return err
	}
	if p.nets[s.Name] {
		return fmt.Errorf("network %s was there before: give each a name of its own", s.Name)
	}
	p.nets[s.Name] = true
	p.top.Nets = append(p.top.Nets, s)
	return nil
}

func (p *parser) node(at int, words []string) error {
	names, options := split(words)
	if len(names) < 2 {
		return errors.New("write node NUMBER NET... [mem=MB] [machine=TYPE] [mtu=BYTES]")
	}
	nr, err := strconv.Atoi(names[0])
	if err != nil || nr < 1 {
		return fmt.Errorf("node %q: number nodes from 1", names[0])
	}
	if was, ok := p.nodes[nr]; ok {
		return fmt.Errorf("node %d was in line %d before: give each a number of its own", nr, was.line)
	}
	n := node{line: at}
	for _, net := range names[1:] {
		if !p.nets[net] {
			return fmt.Errorf("node %d: there is no network %s: write net %s in a line above", nr, net, net)
		}
		if slices.Contains(n.Nets, net) {
			return fmt.Errorf("node %d is on network %s twice: once is enough", nr, net)
		}
		n.Nets = append(n.Nets, net)
	}
	err = set(options, map[string]func(string) error{
		"mem":     number(&n.MemMB),
		"mtu":     number(&n.MTU),
		"machine": func(v string) error { return machineType(&n.Machine, v) },
	})
	if err != nil {
		return fmt.Errorf("node %d: %w", nr, err)
	}
	if err := n.Validate(); err != nil {
		return fmt.Errorf("node %d: %w", nr, err)
	}
	p.nodes[nr] = n
	return nil
}

// finish puts the nodes in order.
func (p *parser) finish() (*Topology, error) {
	if len(p.nodes) == 0 {
		return nil, errors.New("there are no nodes: write lines like node 1 NET")
	}
	for nr := 1; nr <= len(p.nodes); nr++ {
		n, ok := p.nodes[nr]
		if !ok {
			return nil, fmt.Errorf("%d nodes, and none is node %d: number them from 1, without gaps", len(p.nodes), nr)
		}
		p.top.Nodes = append(p.top.Nodes, n.NodeSpec)
	}
	return &p.top, nil
}

// split tells names from options, which have a = in them.
func split(words []string) (names, options []string) {
	for _, w := range words {
		if strings.Contains(w, "=") {
			options = append(options, w)
		} else {
			names = append(names, w)
		}
	}
	return names, options
}

// set obeys options.
func set(options []string, known map[string]func(string) error) error {
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		f := known[key]
		if f == nil {
			return fmt.Errorf("there is no option %s= here", key)
		}
		if err := f(value); err != nil {
			return fmt.Errorf("%s: %w", o, err)
		}
	}
	return nil
}

// number is an option that is a positive number.
func number(to *int) func(string) error {
	return func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return errors.New("write a positive number")
		}
		*to = n
		return nil
	}
}

func machineType(to *machine.Type, v string) error {
	types, err := machine.ParseTypes(v)
	if err != nil {
		return err
	}
	if len(types) != 1 {
		return errors.New("a node has one machine type")
	}
	*to = types[0]
	return nil
}
