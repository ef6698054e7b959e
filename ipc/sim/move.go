package sim

import (
	"bytes"
	"encoding/binary"

	"motile/ipc/rpc"
)

// The steps of a move, one by one, as a node does them to a process and its
// endpoint. Migrate takes them in the real protocol; scripts may take them by hand:
//
//	Freeze, Export     source: BUSY from here on
//	Import             target: has the state, answers nobody
//	Activate           target: the commit; announces the address
//	RemoveFrom         source: NOTHERE from here on
//	Thaw, Drop         the move is aborted

// Freeze stops the process.
func (p *Process) Freeze() {
	p.cluster.tracef("%s: freeze on %d", p.Name, p.node.ID)
	p.node.machine.Freeze(p.cluster.Now, p.ep)
	if mb := p.member(); mb != nil {
		p.node.groups.Freeze(p.cluster.Now, mb)
	}
	p.Frozen = true
	p.cluster.perform(p.node)
}

// Export returns the encoded state of the frozen process: the length of that of its
// endpoint, that, and that of its membership, if it has one.
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
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(encoded))), encoded...)
	return append(b, p.exportMember()...)
}

// Import gives the state to another node.
func (p *Process) Import(to *Node, state []byte) *rpc.Endpoint {
	return p.importAs(to, state, p.age)
}

// importAs does so with a state that was captured at an age.
func (p *Process) importAs(to *Node, state []byte, age int) *rpc.Endpoint {
	p.cluster.tracef("%s: import on %d", p.Name, to.ID)
	n := 4 + binary.BigEndian.Uint32(state)
	st, err := rpc.DecodeState(state[4:n])
	if err != nil {
		p.cluster.violated("%s: %v", p.Name, err)
		return nil
	}
	ep := to.machine.Import(p.cluster.Now, p, st)
	if ep == nil {
		p.cluster.violated("%s: not imported", p.Name)
		return nil
	}
	p.importMember(to, ep, state[n:])
	if p.Alive {
		p.copies = append(p.copies, &replica{node: to, boot: to.boot, ep: ep, age: age})
	}
	p.cluster.perform(to)
	return ep
}

// Activate commits: the process goes on at the target.
func (p *Process) Activate(to *Node, copied *rpc.Endpoint) {
	c := p.cluster
	c.tracef("%s: activate on %d", p.Name, to.ID)
	p.run(p.copyOf(copied))
	p.Moves++
	c.Moves++
	if !to.machine.Activate(c.Now, copied) {
		c.violated("%s: not activated", p.Name)
	}
	if mb := p.member(); mb != nil && !to.groups.Activate(c.Now, mb) {
		c.violated("%s: its membership was not activated", p.Name)
	}
	c.check()
	p.wake()
}

// Thaw lets the process go on where it is.
func (p *Process) Thaw() { p.thawAt(p.node, p.ep) }

func (p *Process) thawAt(n *Node, ep *rpc.Endpoint) {
	c := p.cluster
	c.tracef("%s: thaw on %d", p.Name, n.ID)
	p.run(p.copyOf(ep))
	n.machine.Thaw(c.Now, ep)
	if mb := p.member(); mb != nil {
		n.groups.Thaw(c.Now, mb)
	}
	c.check()
	p.wake()
}

// RemoveFrom discards the copy that stayed behind.
func (p *Process) RemoveFrom(from *Node, old *rpc.Endpoint) {
	p.cluster.tracef("%s: remove from %d", p.Name, from.ID)
	p.remove(from, old)
}

// Drop discards a copy that has come in vain.
func (p *Process) Drop(at *Node, copied *rpc.Endpoint) {
	p.cluster.tracef("%s: drop on %d", p.Name, at.ID)
	p.remove(at, copied)
}

func (p *Process) remove(n *Node, ep *rpc.Endpoint) {
	n.machine.Remove(p.cluster.Now, ep)
	if mb := n.members[ep]; mb != nil {
		n.groups.Remove(p.cluster.Now, mb)
		delete(n.members, ep)
	}
	p.forget(p.copyOf(ep))
	p.cluster.perform(n)
	p.cluster.check()
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
