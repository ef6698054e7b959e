package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/kernel/object"
	"motile/migrate/image"
	"motile/proc/api"
)

// Holding an object of another node. A node acquires it before a process that has
// it open arrives, and releases it when no process here has it open any more. Both
// say which boot of which node speaks, and are safe to repeat.

func (n *Node) holderCall(r *object.Remote, command uint32, done func(ok bool)) {
	data, err := image.Marshal(api.HolderRequest{Node: n.Number, Boot: n.ipc.boot})
	if err != nil {
		done(false)
		return
	}
	n.call(r.Addr, &std.Header{Command: command}, data, patience, func(c *rpc.Complete) {
		done(c.Status == std.OK && c.Header.Status() == std.OK)
	})
}

func (n *Node) acquire(r *object.Remote, done func(ok bool)) {
	n.holderCall(r, api.ObjectAcquire, done)
}

func (n *Node) release(r *object.Remote) {
	n.holderCall(r, api.ObjectRelease, func(bool) {})
}

// hold serves the two at the object.
func (x *export) hold(r *rpc.Incoming) {
	var q api.HolderRequest
	if !x.n.parse(r, &q) {
		return
	}
	x.n.reply(r, std.OK, nil)
	if r.Header.Command == api.ObjectAcquire {
		x.addHolder(q.Node, q.Boot)
	} else {
		x.dropHolder(q.Node, q.Boot)
	}
}
