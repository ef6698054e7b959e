package node

import (
	"fmt"

	"motile/kernel/fs"
	"motile/kernel/object"
	"motile/kernel/vm"
	"motile/proc"
)

// A set that shares with others what cannot be on two nodes is refused, and it is said
// who they are and how all of them could move.

// holdersOf lists the processes outside a set that have a description.
func (n *Node) holdersOf(s set, f *object.File) set {
	return n.others(s, func(c *census) bool { return c.files[f] > 0 })
}

// mappersOf lists the processes outside a set that have a store mapped or open.
func (n *Node) mappersOf(s set, st *vm.Store) set {
	return n.others(s, func(c *census) bool {
		for _, f := range c.open {
			if r, ok := f.Impl.(*fs.Regular); ok && r.Store() == st {
				return true
			}
		}
		return c.stores[st] > 0
	})
}

// others lists the processes outside a set of which something holds.
func (n *Node) others(s set, has func(*census) bool) (others set) {
	for _, p := range n.Tab.Processes() {
		if !s.has(p) && has(n.census(set{p})) {
			others = append(others, p)
		}
	}
	return others
}

// remedy says who shares something, and what to do about it.
func (c *census) remedy(others set, end string) string {
	s, n := c.set, c.n
	switch {
	case len(others) == 0:
		return "is shared with another node; " + end
	case c.copy:
		return fmt.Sprintf("is shared with %v; %s", others, end)
	}
	all := append(s[:len(s):len(s)], others...)
	text := fmt.Sprintf("is shared with %v; %s, or move them together: ", others, end)
	job := true
	for _, p := range all {
		job = job && p.PGID == s[0].PGID
	}
	root := n.ancestor(all)
	switch {
	case root != nil && all.has(root), root != nil && !job:
		return text + fmt.Sprintf("migrate --tree %d NODE", root.PID)
	case job:
		return text + fmt.Sprintf("migrate -- -%d NODE (their process group)", s[0].PGID)
	}
	return fmt.Sprintf("is shared with %v, which is no relative here; %s", others, end)
}

// ancestor is the process of this node that all of a set descend from, one of them if
// it can be; nil if there is none.
func (n *Node) ancestor(s set) *proc.Process {
	for p, steps := s[0], 0; p != nil && steps < proc.MaxProcesses; p, steps = n.Tab.Process(p.Parent), steps+1 {
		below := n.tree([]int32{p.PID})
		all := true
		for _, q := range s {
			all = all && below.has(q)
		}
		if all {
			return p
		}
	}
	return nil
}
