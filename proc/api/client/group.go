package client

import (
	"context"
	"sync"
	"time"
)

// groupPatience is how long a node has to say who of a process group is there.
const groupPatience = 2 * time.Second

// GroupMembers calls found for each member of a process group, once, wherever it
// is. A node lists those who have just left it too, so nobody who is on the way is
// missed, and whoever is listed twice is found once. Nodes that do not answer in
// time are left out: their processes are not to be reached anyway.
func (c *Client) GroupMembers(ctx context.Context, nodes []int, pgid int32, found func(*Process)) {
	ctx, cancel := context.WithTimeout(ctx, groupPatience)
	defer cancel()
	var mu sync.Mutex
	known := make(map[int32]bool)
	c.each(nodes, func(n *Node) {
		pids, _ := n.Group(ctx, pgid)
		for _, pid := range pids {
			mu.Lock()
			again := known[pid]
			known[pid] = true
			mu.Unlock()
			if !again {
				found(c.Process(pid))
			}
		}
	})
}

// SignalGroup sends a signal to each member of a process group.
func (c *Client) SignalGroup(ctx context.Context, nodes []int, pgid int32, signo int) {
	c.GroupMembers(ctx, nodes, pgid, func(p *Process) {
		_ = p.Signal(ctx, signo) // one that has ended meanwhile needs none
	})
}

// each calls f for all nodes at once, and returns when all have.
func (c *Client) each(nodes []int, f func(*Node)) {
	var work sync.WaitGroup
	for _, number := range nodes {
		work.Go(func() { f(c.Node(number)) })
	}
	work.Wait()
}
