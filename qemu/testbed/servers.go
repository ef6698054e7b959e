package testbed

import (
	"context"
	"strings"

	"motile/qemu/cluster"
)

// Serve starts a server on each of the nodes, one after the other.
func (b *Bed) Serve(ctx context.Context, nodes []int, server ...string) error {
	for _, node := range nodes {
		p, err := b.StartPath(ctx, node, "/bbin/motiled", server...)
		if err != nil {
			return err
		}
		if err := Await(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// Mount has all nodes see the file server's files.
func (b *Bed) Mount(ctx context.Context, dir string) error {
	for _, n := range b.Status.Nodes {
		if _, err := b.Run(ctx, n.Number, "/bbin/mount", "file:/", dir); err != nil {
			return err
		}
	}
	return nil
}

// SetFaults changes what the bridge does to frames.
func (b *Bed) SetFaults(ctx context.Context, change cluster.FaultChange) error {
	c, err := cluster.Connect(b.Dir)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.SetFaults(ctx, change)
	return err
}

// Carried is how many bytes the bridge has taken from nodes by now, in whole frames.
func (b *Bed) Carried(ctx context.Context) (bytes uint64, err error) {
	c, err := cluster.Connect(b.Dir)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	s, err := c.Status(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range s.Bridge.Ports {
		if strings.HasPrefix(p.Name, "n") { // the host's own are called otherwise
			bytes += p.InBytes
		}
	}
	return bytes, nil
}
