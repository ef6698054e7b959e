package node

import (
	"fmt"

	"motile/kernel/abi"
	"motile/proc"
)

// restore writes a process down as for a move, and makes it anew out of what was
// written, here, with the pages it had. It reports false if the process is as before.
func (x *process) restore() bool {
	n, p := x.node, x.p
	if n.moving(p) != "" || p.Space.Shared() {
		return false
	}
	x.settled()
	x.askAgain()
	x.freeze()
	x.shake.Restores++
	c, a, why := n.writeDown(p)
	if why != "" {
		if r := x.shake.Refused; r&(r-1) == 0 {
			n.Log("motile: process %d is not restored: %s", p.PID, why)
		}
		x.shake.Restores--
		n.undo(c, n.Number, n.ipc.boot)
		x.thaw()
		return false
	}
	// What it has open stays open until the new copy has opened it, so that nobody
	// is told of an end, and no other node that this one holds nothing any more.
	for _, f := range c.files {
		f.Retain()
	}
	moves, trail := p.Moves, p.Trail
	p.Space.Retain()
	for _, st := range c.stores {
		st.Retain()
	}
	exported := c.holding // so that it finds them under the addresses written down
	c.holding = nil
	x.remove()
	n.leave(c)
	n.Tab.Discard(p)
	if why := a.assemble(); why != "" {
		n.lost(p, a, why)
		return true
	}
	a.p.Moves, a.p.Trail = moves, trail
	a.register()
	of(a.p).shake = a.im.Shake
	of(a.p).activateLease(a.im.Lease, 0)
	a.run()
	for _, f := range c.files {
		f.Release()
	}
	c.holding = exported
	c.unreserve()
	n.perform()
	return true
}

// inPlaceBound is what the sealed part of such an image is bound to.
var inPlaceBound = []byte("in place")

// writeDown captures a frozen process, and reads what came of it as a node would that
// has never seen the process.
func (n *Node) writeDown(p *proc.Process) (c *captured, a *assembly, why string) {
	c, err := n.capture(set{p}, forWhom{target: n.Number, boot: n.ipc.boot, residual: true})
	if err != nil {
		return c, nil, err.Error()
	}
	img, err := n.encode(c, inPlaceBound)
	if err != nil {
		return c, nil, fmt.Sprintf("encoding the image: %v", err)
	}
	a = &assembly{n: n, space: p.Space, tables: &tables{stores: c.stores}, inPlace: true}
	return c, a, a.decode(img, inPlaceBound)
}

// lost: the process is gone, by a fault of the kernel's. Its parent is told that it was
// killed.
func (n *Node) lost(p *proc.Process, a *assembly, why string) {
	n.Log("motile: process %d is lost: it was written down, and cannot be made anew: %s", p.PID, why)
	a.release()
	ev := proc.Child{PID: p.PID, PGID: p.PGID, State: proc.ChildExited, Status: abi.SIGKILL, ExitSig: p.ExitSig}
	if parent := n.Tab.Process(p.Parent); parent != nil {
		n.Tab.ChildChanged(parent, ev)
	} else {
		n.ChildChanged(p.Parent, ev)
	}
}
