package sim

import "motile/ipc/rpc"

// A process is in one place, but while it moves there are copies of it: the frozen
// one at the source, and one at the target that does not run yet. The program is
// one value, which all of them share: that is no cheating, since it stands still
// from the freeze until one of the copies runs on. That no second one ever does is
// what is checked here.

// replica is a copy: what one node has of a process.
type replica struct {
	node *Node
	boot int
	ep   *rpc.Endpoint
	age  int // of the state in it: Process.age when it was captured
}

// copyOf returns the copy with an endpoint, nil if there is none (any more).
func (p *Process) copyOf(ep *rpc.Endpoint) *replica {
	for _, r := range p.copies {
		if r.ep == ep {
			return r
		}
	}
	return nil
}

// hasCopyAt reports whether a node has a copy, of whatever age.
func (p *Process) hasCopyAt(n *Node) bool {
	for _, r := range p.copies {
		if r.node == n {
			return true
		}
	}
	return false
}

// run lets a copy run. It must be the only one, and nobody must have run since its
// state was captured: otherwise what that one did will be done again.
func (p *Process) run(r *replica) {
	switch {
	case r == nil:
		p.cluster.violated("%s: a copy runs that was dropped", p.Name)
		return
	case !p.Frozen:
		p.cluster.violated("%s runs on nodes %d and %d", p.Name, p.node.ID, r.node.ID)
	case r.age != p.age:
		p.cluster.violated("%s runs on node %d in a state that it has left", p.Name, r.node.ID)
	}
	p.age++
	r.age = p.age
	p.node, p.ep = r.node, r.ep
	p.Frozen = false
}

// forget drops a copy from the list. The last one takes the process with it; that
// is right only if a node took a copy of the same state with it, for otherwise
// somebody has dropped a process that could have run.
func (p *Process) forget(r *replica) {
	for i, x := range p.copies {
		if x == r {
			p.copies = append(p.copies[:i:i], p.copies[i+1:]...)
		}
	}
	if len(p.copies) > 0 || !p.Alive {
		return
	}
	if p.Frozen && p.crashed != p.age {
		p.cluster.violated("%s is lost, and no node that had it has died", p.Name)
	}
	p.cluster.tracef("%s is lost", p.Name)
	p.lost()
}

func (p *Process) lost() {
	p.die()
	if p.cluster.Lost != nil {
		p.cluster.Lost(p)
	}
}

// lose follows the death of a node.
func (p *Process) lose(n *Node) {
	if p.Alive && !p.Frozen && p.node == n {
		p.lost()
		return
	}
	for _, r := range append([]*replica(nil), p.copies...) {
		if r.node == n {
			if r.age == p.age {
				p.crashed = p.age
			}
			p.forget(r)
		}
	}
}
