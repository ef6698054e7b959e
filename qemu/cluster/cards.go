package cluster

import (
	"context"
	"fmt"
	"time"
)

// attachTimeout is what QEMU has to connect its network cards. It does so
// before it answers on its control socket, so they are there already.
const attachTimeout = 5 * time.Second

// awaitCards waits until a node's cards hang on the bridge. A QEMU whose
// connection failed would run on with a dead network, and say nothing.
func (c *Cluster) awaitCards(ctx context.Context, number, cards int) error {
	deadline := time.Now().Add(attachTimeout)
	for {
		attached := 0
		for _, p := range c.bridge.Stats().Ports {
			for i := range cards {
				if p.Name == portName(number, i) && p.Attached {
					attached++
				}
			}
		}
		if attached == cards {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("QEMU connected %d of its %d network cards to the bridge", attached, cards)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}
