package sim

import (
	"bytes"

	"motile/ipc/rpc"
)

// Moving a process takes the steps of the real protocol, with time between them
// in which messages arrive everywhere:
//
//	freeze     source: BUSY from here on
//	import     target: has the state, answers nobody
//	activate   target: the commit; announces the address
//	remove     source: NOTHERE from here on
//
// Before the commit the move can be aborted: the target drops its copy and the
// source thaws.

// Steps are the times between the steps of a move.
type Steps struct {
	Transfer int64 // freeze to import
	Commit   int64 // import to activate, or to the abort
	Remove   int64 // activate to remove
	Abort    bool
}

// Move moves a process to another node and calls done, if not nil, at the end. It
// reports false if the process cannot move now.
func (p *Process) Move(to *Node, s Steps, done func()) bool {
	if !p.Alive || p.moving || p.Frozen || to == p.node || !to.Up {
		return false
	}
	c := p.cluster
	p.moving = true
	from, boot := p.node, to.boot
	p.Freeze()
	state := p.Export()
	c.After(s.Transfer, func() {
		if !p.Alive {
			return
		}
		var copied *rpc.Endpoint
		if to.Up && to.boot == boot {
			copied = p.Import(to, state)
		}
		c.After(s.Commit, func() {
			switch {
			case !p.Alive: // the source died first; the target drops its copy
				if copied != nil && to.Up && to.boot == boot {
					to.machine.Remove(c.Now, copied)
					c.perform(to)
				}
				return
			case copied == nil || s.Abort || !to.Up || to.boot != boot:
				if copied != nil && to.Up && to.boot == boot {
					to.machine.Remove(c.Now, copied)
					c.perform(to)
				}
				p.Thaw()
				p.finishMove(done)
				return
			}
			old := p.ep
			p.Activate(to, copied)
			c.After(s.Remove, func() {
				if from.Up {
					p.RemoveFrom(from, old)
				}
				p.finishMove(done)
			})
		})
	})
	return true
}

func (p *Process) finishMove(done func()) {
	p.moving = false
	if done != nil {
		done()
	}
}

// Freeze stops the process.
func (p *Process) Freeze() {
	p.cluster.tracef("%s: freeze on %d", p.Name, p.node.ID)
	p.node.machine.Freeze(p.cluster.Now, p.ep)
	p.Frozen = true
	p.cluster.perform(p.node)
}

// Export returns the encoded state of the frozen process's endpoint.
func (p *Process) Export() []byte {
	st, ok := p.node.machine.Export(p.ep)
	if !ok {
		p.cluster.violated("%s: not exported", p.Name)
		return nil
	}
	encoded := st.Append(nil)
	again, err := rpc.DecodeState(encoded)
	if err != nil || !bytes.Equal(again.Append(nil), encoded) {
		p.cluster.violated("%s: its state changes by decoding", p.Name)
	}
	return encoded
}

// Import gives the state to another node.
func (p *Process) Import(to *Node, state []byte) *rpc.Endpoint {
	p.cluster.tracef("%s: import on %d", p.Name, to.ID)
	st, err := rpc.DecodeState(state)
	if err != nil {
		p.cluster.violated("%s: %v", p.Name, err)
		return nil
	}
	ep := to.machine.Import(p.cluster.Now, p, st)
	if ep == nil {
		p.cluster.violated("%s: not imported", p.Name)
	}
	p.cluster.perform(to)
	return ep
}

// Activate commits: the process goes on at the target.
func (p *Process) Activate(to *Node, copied *rpc.Endpoint) {
	p.cluster.tracef("%s: activate on %d", p.Name, to.ID)
	p.node, p.ep = to, copied
	p.Frozen = false
	p.Moves++
	p.cluster.Moves++
	if !to.machine.Activate(p.cluster.Now, copied) {
		p.cluster.violated("%s: not activated", p.Name)
	}
	p.cluster.CheckAddresses()
	p.wake()
}

// Thaw lets the process go on where it is.
func (p *Process) Thaw() {
	p.cluster.tracef("%s: thaw on %d", p.Name, p.node.ID)
	p.Frozen = false
	p.node.machine.Thaw(p.cluster.Now, p.ep)
	p.cluster.CheckAddresses()
	p.wake()
}

// RemoveFrom discards the copy that stayed behind.
func (p *Process) RemoveFrom(from *Node, old *rpc.Endpoint) {
	p.cluster.tracef("%s: remove from %d", p.Name, from.ID)
	from.machine.Remove(p.cluster.Now, old)
	p.cluster.perform(from)
	p.cluster.CheckAddresses()
}

// wake runs the program again, with what was held back first.
func (p *Process) wake() {
	p.program.Moved(p)
	held := p.held
	p.held = nil
	for _, f := range held {
		f()
	}
	p.cluster.perform(p.node)
}
