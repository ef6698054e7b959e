package main

import (
	"context"
	"fmt"
	"sync"

	"motile/qemu/cluster"
	"motile/servers/checkpoints"
	"motile/servers/cmd/operate"
	"motile/tools/attach"
)

// network is this command's place on the cluster's network.
type network struct {
	operate.Env
	at *attach.Attachment

	mu sync.Mutex // the daemon's client takes one request at a time
}

// attach joins the network of the cluster.
func (c *common) attach(ctx context.Context, t terminal, json bool) (*network, error) {
	a, err := attach.Open(ctx, c.dir())
	if err != nil {
		return nil, err
	}
	n := &network{at: a}
	n.Env = operate.Env{Client: a.Client, Nodes: n.running, Out: t.out, Err: t.err, JSON: json, Lineages: checkpoints.Ledger(c.dir().Lineages())}
	return n, nil
}

// running lists the nodes that run, as far as their machines can tell.
func (n *network) running(ctx context.Context) (nodes []int, err error) {
	n.mu.Lock()
	s, err := n.at.Cluster.Status(ctx)
	n.mu.Unlock()
	for _, i := range s.Nodes {
		if i.State == cluster.Running {
			nodes = append(nodes, i.Number)
		}
	}
	return nodes, err
}

// all lists the nodes, also those that are off.
func (n *network) all(ctx context.Context) (nodes []int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := n.at.Cluster.Status(ctx)
	for _, i := range s.Nodes {
		nodes = append(nodes, i.Number)
	}
	return nodes, err
}

// checkNode fails at once for a node of which its machine can tell that it will not
// answer: asking it would tell the same after seconds.
func (n *network) checkNode(ctx context.Context, number int) error {
	n.mu.Lock()
	s, err := n.at.Cluster.Status(ctx)
	n.mu.Unlock()
	if err != nil {
		return err
	}
	for _, i := range s.Nodes {
		switch {
		case i.Number != number:
		case i.PID == 0:
			return fmt.Errorf("node %d is %s: boot it by “motile node restart %d”", number, stateText(i), number)
		default:
			return nil
		}
	}
	return fmt.Errorf("node %d does not exist: the last one is node %d", number, last(s.Nodes))
}

// kernel is the file that the nodes boot.
func (n *network) kernel(ctx context.Context) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := n.at.Cluster.Status(ctx)
	return s.Kernel, err
}

// lastNode is the highest number of a node.
func (n *network) lastNode(ctx context.Context) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, _ := n.at.Cluster.Status(ctx) // without it, numbers of one digit will do
	return last(s.Nodes)
}

// borrow lends the network to an attachment.
func (n *network) borrow(context.Context) (*network, func(), error) { return n, func() {}, nil }

// signalGroup sends a signal to a process group, wherever its members are.
func (n *network) signalGroup(ctx context.Context, pgid int32, signo int) {
	if nodes, err := n.running(ctx); err == nil {
		n.Client.SignalGroup(ctx, nodes, pgid, signo)
	}
}

func (n *network) close() {
	n.at.Close()
}
