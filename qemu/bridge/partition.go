package bridge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Partition is sets of ports that cannot hear one another.
type Partition [][]string

// ParsePartition reads sets separated by "/" of ports separated by ",":
// "1,2/3,host" cuts node 3 and all host ports off from nodes 1 and 2. A number
// stands for all ports of that node, "host" for all host ports, anything else
// is a port's name. A port that no set names hears everybody.
func ParsePartition(s string) (Partition, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var p Partition
	seen := map[string]bool{}
	for set := range strings.SplitSeq(s, "/") {
		var names []string
		for name := range strings.SplitSeq(set, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				return nil, fmt.Errorf("bridge: partition %q has an empty name or set: write sets like 1,2/3", s)
			}
			if _, err := strconv.Atoi(name); err == nil {
				name = "n" + name
			}
			if seen[name] {
				return nil, fmt.Errorf("bridge: partition %q names %s twice: a port lies in one set", s, name)
			}
			seen[name] = true
			names = append(names, name)
		}
		p = append(p, names)
	}
	if len(p) < 2 {
		return nil, fmt.Errorf("bridge: partition %q has one set and cuts nothing: write sets like 1,2/3", s)
	}
	return p, nil
}

// Cuts reports whether two ports lie in different sets.
func (p Partition) Cuts(a, b string) bool {
	if len(p) == 0 {
		return false
	}
	i, j := p.set(a), p.set(b)
	return i >= 0 && j >= 0 && i != j
}

// Missing returns the first name that covers none of the ports; "" if all cover some.
// "host" needs none: host ports come and go.
func (p Partition) Missing(ports []string) string {
	for _, names := range p {
		for _, name := range names {
			if name != "host" && !slices.ContainsFunc(ports, func(port string) bool { return covers(name, port) }) {
				return name
			}
		}
	}
	return ""
}

// set is the index of the set that names a port, or -1.
func (p Partition) set(port string) int {
	for i, names := range p {
		for _, name := range names {
			if covers(name, port) {
				return i
			}
		}
	}
	return -1
}

// covers: "n1" is the port n1 and node 1's further ports n1.1, n1.2, …; "host"
// is all of host-1, host-2, ….
func covers(name, port string) bool {
	return port == name ||
		strings.HasPrefix(port, name+".") ||
		name == "host" && strings.HasPrefix(port, "host-")
}
