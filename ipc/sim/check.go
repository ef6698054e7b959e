package sim

import (
	"motile/ipc/flip"
)

// CheckAddresses verifies that no address is active on two nodes: registered
// there and not frozen.
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

// CheckQuiet verifies that boxes have nothing left to do for messages, once all
// transactions have ended: no BUSY and no LOCATE goes on for ever.
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
}
