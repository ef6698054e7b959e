package sim

import (
	"motile/ipc/capability"
	"motile/ipc/flip"
	"motile/ipc/rpc"
	"motile/ipc/std"
)

// Process is an endpoint with a program. Its threads are slots: a thread's calls
// all use its number.
type Process struct {
	Name    string
	Alive   bool
	Frozen  bool
	Moves   int
	program Program
	cluster *Cluster
	node    *Node
	ep      *rpc.Endpoint
	upcall  bool
	held    []func() // what would have happened while frozen

	number  int // in Cluster.processes
	addr    flip.Address
	copies  []*replica
	age     int // how often a copy has begun to run
	crashed int // age of the latest copy that a node has taken with it; -1: none
	moving  *departure
}

// Program is what a process does. Its methods are called when one of its calls
// has ended, or when a request has come for a process served by its kernel.
type Program interface {
	Completed(p *Process, e *rpc.Complete)
	Incoming(p *Process, e *rpc.Incoming)
	Signalled(p *Process, e *rpc.Signal)
	Moved(p *Process) // the endpoint is another one now: handles must be found again
}

// Spawn starts a process on a node.
func (c *Cluster) Spawn(name string, n *Node, program Program, upcall bool) *Process {
	p := &Process{Name: name, Alive: true, program: program, cluster: c, node: n, upcall: upcall, crashed: -1}
	p.ep = n.machine.Open(c.Now, rpc.Options{Owner: p, Upcall: upcall})
	p.addr, p.number = p.ep.Address(), len(c.processes)
	p.copies = []*replica{{node: n, boot: n.boot, ep: p.ep}}
	c.addresses[p.addr] = name
	c.processes = append(c.processes, p)
	return p
}

// Exit ends the process in good order.
func (p *Process) Exit() {
	p.Abandon()
	p.node.machine.Close(p.cluster.Now, p.ep)
	p.die()
	p.cluster.perform(p.node)
}

func (p *Process) die() {
	p.Alive = false
	p.held, p.copies = nil, nil
}

// Node returns where the process is.
func (p *Process) Node() *Node { return p.node }

// Program returns what the process does.
func (p *Process) Program() Program { return p.program }

// Endpoint returns the process's endpoint on its present node.
func (p *Process) Endpoint() *rpc.Endpoint { return p.ep }

// Sleep calls f when the process has been running for d; while it is frozen, its
// time stands still.
func (p *Process) Sleep(d int64, f func()) {
	p.cluster.After(d, func() {
		switch {
		case !p.Alive:
		case p.Frozen:
			p.held = append(p.held, f)
		default:
			f()
			p.cluster.perform(p.node)
		}
	})
}

// Do runs f as the process, now or when it is thawed.
func (p *Process) Do(f func()) {
	if p.Frozen {
		p.held = append(p.held, f)
		return
	}
	if p.Alive {
		f()
		p.cluster.perform(p.node)
	}
}

// The calls of a thread.

func (p *Process) Trans(slot uint32, to flip.Address, h *std.Header, data []byte, patience int64) std.Status {
	p.cluster.tracef("%s: trans %d %s", p.Name, slot, p.cluster.portName(h.Port))
	return p.node.machine.Trans(p.cluster.Now, p.ep, slot, to, h, data, patience)
}

func (p *Process) GetReq(slot uint32, get capability.Port) std.Status {
	return p.node.machine.GetReq(p.cluster.Now, p.ep, slot, get)
}

func (p *Process) PutRep(slot uint32, h *std.Header, data []byte) std.Status {
	p.cluster.tracef("%s: putrep %d", p.Name, slot)
	return p.node.machine.PutRep(p.cluster.Now, p.ep, slot, h, data)
}

func (p *Process) Reply(h rpc.Handle, hdr *std.Header, data []byte) std.Status {
	p.cluster.tracef("%s: reply", p.Name)
	return p.node.machine.Reply(p.cluster.Now, h, hdr, data)
}

// Effects of the machine.

func (p *Process) completed(e *rpc.Complete) {
	p.cluster.traceComplete(p, e)
	if !p.runs(e.Endpoint) {
		return
	}
	p.program.Completed(p, e)
}

func (p *Process) incoming(e *rpc.Incoming) {
	p.cluster.tracef("%s: request from %s", p.Name, p.cluster.addressName(e.Client))
	if p.runs(e.Endpoint) {
		p.program.Incoming(p, e)
	}
}

func (p *Process) signalled(e *rpc.Signal) {
	p.cluster.tracef("%s: signal from %s", p.Name, p.cluster.addressName(e.Client))
	if p.runs(e.Endpoint) {
		p.program.Signalled(p, e)
	}
}

// runs checks that an effect is for a process that can take it: the machine must
// not complete calls of an endpoint that is frozen or has left.
func (p *Process) runs(ep *rpc.Endpoint) bool {
	if !p.Alive {
		return false
	}
	if p.Frozen || p.ep != ep {
		p.cluster.violated("%s: a call completed while it is frozen", p.Name)
		return false
	}
	return true
}
