package sim

import "motile/ipc/flip"

// Wire says what the network does to frames. The zero Wire delivers each frame
// once, after Delay.
type Wire struct {
	Delay   int64   // ns; 0 means 100 µs
	Jitter  int64   // up to so much more
	Loss    float64 // probability that a frame disappears
	Dup     float64 // probability that it arrives twice
	Reorder float64 // probability that it is held up by up to ReorderBy
}

// ReorderBy is long enough for many frames to overtake.
const ReorderBy = 5 * Millisecond

const (
	Microsecond = int64(1e3)
	Millisecond = int64(1e6)
	Second      = int64(1e9)
)

// A Fault decides about one frame before the wire does: how many copies arrive.
// It is what scripts use to lose, repeat or hold back a particular message.
type Fault func(from *Node, frame []byte, h *flip.Header, payload []byte) (copies int)

// transmit puts a frame on the wire.
func (c *Cluster) transmit(from *Node, f *flip.Frame) {
	frame := append(append([]byte(nil), f.Head()...), f.Body...)
	var h flip.Header
	payload, ok := flip.Decode(&h, frame)
	if !ok {
		c.violated("node %d sent a malformed frame", from.ID)
		return
	}
	c.Frames++
	copies := 1
	if c.Fault != nil {
		copies = c.Fault(from, frame, &h, payload)
	}
	c.traceFrame(from, frame, &h, payload, copies)
	for range copies {
		c.Inject(from, frame)
	}
}

// Inject puts a copy of a frame on the wire, as if it came from that node.
func (c *Cluster) Inject(from *Node, frame []byte) {
	to := flip.MAC(frame[:6])
	for _, n := range c.Nodes {
		if n != from && n.Up && (to == flip.Broadcast || to == n.mac) && n.group == from.group {
			c.carry(n, frame)
		}
	}
}

// carry delivers a frame to one node, if the wire lets it.
func (c *Cluster) carry(n *Node, frame []byte) {
	w := &c.Wire
	if w.Loss > 0 && c.rng.Float64() < w.Loss {
		return
	}
	copies := 1
	if w.Dup > 0 && c.rng.Float64() < w.Dup {
		copies = 2
	}
	boot := n.boot
	for range copies {
		at := c.Now + w.Delay
		if w.Delay == 0 {
			at += 100 * Microsecond
		}
		if w.Jitter > 0 {
			at += c.rng.Int64N(w.Jitter)
		}
		if w.Reorder > 0 && c.rng.Float64() < w.Reorder {
			at += c.rng.Int64N(ReorderBy)
		}
		c.at(at, func() {
			if n.Up && n.boot == boot {
				n.machine.Input(c.Now, 0, frame)
				c.perform(n)
			}
		})
	}
}
