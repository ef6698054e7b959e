package sim

import (
	"fmt"

	"motile/ipc/flip"
	"motile/ipc/group"
)

// Invariants. Those that a program can see are checked where it happens: a request
// runs at most once (Ledger), one copy of a process runs at a time (Process). Those
// below are about what the boxes know, and are checked after every step.

// violated notes a broken invariant. The format names it.
func (c *Cluster) violated(format string, args ...any) {
	if c.Broken == "" {
		c.Broken = format
	}
	c.Errors = append(c.Errors, fmt.Sprintf("%v: ", clock(c.Now))+fmt.Sprintf(format, args...))
	c.tracef("VIOLATED: "+format, args...)
}

// Violated is for checks that are made from outside.
func (c *Cluster) Violated(format string, args ...any) { c.violated(format, args...) }

// check verifies that no process's address is active on two nodes, nor that of its
// membership of a group.
func (c *Cluster) check() {
	if c.Broken != "" {
		return
	}
	for _, p := range c.processes {
		if !p.Alive {
			continue
		}
		c.checkActive(p, p.addr)
		if mb := p.member(); mb != nil {
			c.checkActive(p, mb.Address())
		}
	}
}

func (c *Cluster) checkActive(p *Process, a flip.Address) {
	at := 0
	for _, n := range c.Nodes {
		if !n.Up || !n.active(a) {
			continue
		}
		if at != 0 {
			c.violated("%s is active on nodes %d and %d", p.Name, at, n.ID)
		}
		at = n.ID
	}
}

// active reports whether an address is registered on a node and not frozen.
func (n *Node) active(a flip.Address) bool {
	box := n.machine.Box()
	_, here := box.Export(a)
	return here && !box.Frozen(a)
}

// CheckAddresses verifies that no address at all is active on two nodes.
func (c *Cluster) CheckAddresses() {
	active := make(map[flip.Address]int)
	for _, n := range c.Nodes {
		if !n.Up {
			continue
		}
		n.machine.Box().Routes(func(r flip.Route) bool {
			if r.Local && !r.Frozen {
				if other := active[r.Addr]; other != 0 {
					c.violated("%s is active on nodes %d and %d", c.addressName(r.Addr), other, n.ID)
				}
				active[r.Addr] = n.ID
			}
			return true
		})
	}
}

// A number that a sequencer has handed out, and which message has it.
type (
	numbered struct{ view, seqno uint64 }
	numberOf struct {
		kind   string
		origin int
		messid uint64
	}
)

// checkNumber verifies that a number belongs to one message, in each view: the next one
// may hand out again what was not safe.
func (c *Cluster) checkNumber(n *Node, h *flip.Header, payload []byte) {
	s, ok := group.Summarize(payload)
	if !ok || h.Offset != 0 || s.Type != group.Bcast || h.Type != flip.UniData && h.Type != flip.MultiData {
		return
	}
	number, of := numbered{s.View, s.Seqno}, numberOf{s.Kind, s.Origin, s.MessID}
	if before, ok := c.numbers[number]; ok && before != of {
		c.violated("node %d: the sequencer %s hands out number %d twice: for %v, and now for %v", n.ID, c.addressName(h.Src), s.Seqno, before, of)
	}
	c.numbers[number] = of
}

// route is what a node knows of an address.
func (n *Node) route(a flip.Address) (route flip.Route) {
	n.machine.Box().Routes(func(r flip.Route) bool {
		if r.Addr == a {
			route = r
		}
		return r.Addr != a
	})
	return route
}

// checkRoute verifies that a frame has not led a node back to a place that an
// address had left before. That is allowed only while nobody answers at the place
// where the address was last.
func (c *Cluster) checkRoute(n *Node, before, after flip.Route) {
	if after.Epoch < before.Epoch && !before.Locating {
		c.violated("node %d: an old frame of %s leads from epoch %d back to %d", n.ID,
			c.addressName(after.Addr), before.Epoch, after.Epoch)
	}
}

// CheckQuiet verifies that everything has come to rest, once all transactions have
// ended: boxes have nothing left to do for messages, so that no BUSY and no LOCATE
// goes on for ever, and of each process there is one copy, which runs.
func (c *Cluster) CheckQuiet() {
	for _, n := range c.Nodes {
		if !n.Up {
			continue
		}
		n.machine.Box().Routes(func(r flip.Route) bool {
			if r.Waiting > 0 || r.Busy || r.Locating {
				c.violated("node %d: %d messages wait for %s (busy: %v)", n.ID, r.Waiting, c.addressName(r.Addr), r.Busy)
			}
			return true
		})
	}
	for _, p := range c.processes {
		if p.Alive && (len(p.copies) != 1 || p.Frozen) {
			c.violated("%s has not come to rest: %d copies, frozen: %v", p.Name, len(p.copies), p.Frozen)
		}
	}
}
