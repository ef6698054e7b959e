package client

import (
	"context"
	"errors"
	"sort"
	"sync"

	"motile/proc/api"
)

// Loads asks nodes how busy they are. Those that do not answer are not in the
// result.
func (c *Client) Loads(ctx context.Context, nodes []int) map[int]api.Load {
	var mu sync.Mutex
	loads := make(map[int]api.Load)
	c.each(nodes, func(n *Node) {
		if l, err := n.Load(ctx); err == nil {
			mu.Lock()
			loads[n.Number] = l
			mu.Unlock()
		}
	})
	return loads
}

// Processes lists the processes of nodes by pid. The error joins those of the nodes
// that did not answer.
func (c *Client) Processes(ctx context.Context, nodes []int) ([]api.ProcessInfo, error) {
	var mu sync.Mutex
	var all []api.ProcessInfo
	var errs []error
	c.each(nodes, func(n *Node) {
		list, err := n.List(ctx)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, list...)
		if err != nil {
			errs = append(errs, err)
		}
	})
	sort.Slice(all, func(i, j int) bool {
		if all[i].PID != all[j].PID {
			return all[i].PID < all[j].PID
		}
		return all[i].Node < all[j].Node
	})
	return all, errors.Join(errs...)
}
