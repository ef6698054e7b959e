package client

import (
	"context"
	"fmt"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/proc/api"
)

// Node is a node's process server.
type Node struct {
	object
	Number int
}

// Node returns a node by number. Whether it exists shows when it is asked something.
func (c *Client) Node(number int) *Node {
	return &Node{Number: number, object: object{
		c: c, name: fmt.Sprintf("node %d", number), cap: c.key.NodeCap(number), right: api.NodeRight,
		gone: "does not answer (motile nodes shows who is up)",
	}}
}

// List returns the node's processes.
func (n *Node) List(ctx context.Context) ([]api.ProcessInfo, error) {
	var r api.ListReply
	err := n.ask(ctx, api.List, nil, &r)
	return r.Processes, err
}

// Load returns how busy the node is. It is also the cheapest sign of life.
func (n *Node) Load(ctx context.Context) (l api.Load, err error) {
	err = n.ask(ctx, api.GetLoad, nil, &l)
	return l, err
}

// Executor returns a capability to start processes on the node, valid for a while only,
// and how busy the node is.
func (n *Node) Executor(ctx context.Context) (l api.SLoad, err error) {
	err = n.ask(ctx, api.SGetLoad, nil, &l)
	return l, err
}

// NodeWith returns the node with the rights of a capability: an Executor's, say.
func (c *Client) NodeWith(number int, cap capability.Capability) *Node {
	n := c.Node(number)
	n.cap = cap
	return n
}

// Definition returns what memory a process may have on the node.
func (n *Node) Definition(ctx context.Context) (d api.Definition, err error) {
	err = n.ask(ctx, api.GetDef, nil, &d)
	return d, err
}

// Nodes returns the cluster as the node sees it.
func (n *Node) Nodes(ctx context.Context) ([]api.Load, error) {
	var r api.NodesReply
	err := n.ask(ctx, api.Nodes, nil, &r)
	return r.Nodes, err
}

// Stats returns the node's counters, a line each.
func (n *Node) Stats(ctx context.Context) (string, error) {
	_, text, err := n.call(ctx, &std.Header{Command: api.Stats}, nil)
	return string(text), err
}

// Group returns the members of a process group that are on the node, or have left
// it so recently that they may be on none.
func (n *Node) Group(ctx context.Context, pgid int32) ([]int32, error) {
	var r api.GroupReply
	err := n.askWith(ctx, &std.Header{Command: api.Group, Offset: uint64(pgid)}, nil, &r)
	return r.PIDs, err
}

// Exec starts a process.
func (n *Node) Exec(ctx context.Context, q *api.ExecRequest) (pid int32, err error) {
	var r api.ExecReply
	if err := n.ask(ctx, api.Exec, q, &r); err != nil {
		return 0, err
	}
	if r.Refused != "" {
		return 0, &Error{n.name, r.Refused, std.ArgBad}
	}
	if len(r.Missing) > 0 {
		return 0, &Error{n.name, fmt.Sprintf("lacks %d files that the image names by digest; put them there first", len(r.Missing)), std.NotFound}
	}
	if r.Errno != 0 {
		return 0, &ExecError{Node: n.Number, Path: q.Path, Errno: r.Errno}
	}
	return r.PID, nil
}

// Echo has the node exchange frames with another station.
func (n *Node) Echo(ctx context.Context, q *api.EchoRequest) (r api.EchoReply, err error) {
	err = n.ask(ctx, api.Echo, q, &r)
	return r, err
}

// Shut ends the node.
func (n *Node) Shut(ctx context.Context) error { return n.ask(ctx, api.Shut, nil, nil) }

// Resolve ends the doubt about a move: the node's copy of a process goes on, or
// is dropped.
func (n *Node) Resolve(ctx context.Context, pid int32, resume bool) error {
	return n.ask(ctx, api.Resolve, &api.ResolveRequest{PID: pid, Resume: resume}, nil)
}
