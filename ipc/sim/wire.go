package sim

import "motile/ipc/flip"

// Wire says what the networks do to frames. The zero Wire delivers each frame
// once, after Delay.
type Wire struct {
	Delay   int64   // ns; 0 means 100 µs
	Jitter  int64   // up to so much more
	Loss    float64 // probability that a frame disappears
	Dup     float64 // probability that it arrives twice
	Reorder float64 // probability that it is held up by up to ReorderBy
	Damage  float64 // probability that a bit of it changes
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

// A Carry takes over from the wire what happens to the copy of a frame that is
// meant for one node. See Deliver.
type Carry func(d Delivery)

// Delivery is a frame on its way to one node, in that node's present life.
type Delivery struct {
	To    *Node
	Link  int
	Frame []byte
	Nr    int // counts all copies of all frames, from 1
	boot  int
}

// transmit puts a frame on its network.
func (c *Cluster) transmit(from *Node, f *flip.Frame) {
	frame := append(append([]byte(nil), f.Head()...), f.Body...)
	var h flip.Header
	payload, ok := flip.Decode(&h, frame)
	if !ok {
		c.violated("node %d sent a malformed frame", from.ID)
		return
	}
	c.Frames++
	if h.Proto == flip.ProtoGroup {
		c.checkNumber(from, &h, payload)
	}
	copies := 1
	if c.Fault != nil {
		copies = c.Fault(from, frame, &h, payload)
	}
	c.traceFrame(from, f.Link, frame, &h, payload, copies)
	for range copies {
		c.Inject(from, f.Link, frame)
	}
}

// Inject puts a copy of a frame on a network, as if it came from that node's link.
func (c *Cluster) Inject(from *Node, link int, frame []byte) {
	to, at := flip.MAC(frame[:6]), from.links[link]
	for _, n := range c.Nodes {
		if n == from || !n.Up {
			continue
		}
		for k, there := range n.links {
			if there.net == at.net && there.group == at.group && (to == flip.Broadcast || to == there.mac) {
				c.Copies++
				d := Delivery{To: n, Link: k, Frame: frame, Nr: c.Copies, boot: n.boot}
				if c.Carry != nil {
					c.Carry(d)
				} else {
					c.carry(d)
				}
			}
		}
	}
}

// carry brings a frame to one node, if the wire lets it.
func (c *Cluster) carry(d Delivery) {
	w := &c.Wire
	if w.Loss > 0 && c.rng.Float64() < w.Loss {
		return
	}
	copies := 1
	if w.Dup > 0 && c.rng.Float64() < w.Dup {
		copies = 2
	}
	for range copies {
		at := w.delay()
		if w.Jitter > 0 {
			at += c.rng.Int64N(w.Jitter)
		}
		if w.Reorder > 0 && c.rng.Float64() < w.Reorder {
			at += c.rng.Int64N(ReorderBy)
		}
		copied := d
		if w.Damage > 0 && c.rng.Float64() < w.Damage {
			copied = d.Damaged(c.rng.Uint64())
		}
		c.After(at, func() { c.Deliver(copied) })
	}
}

func (w *Wire) delay() int64 {
	if w.Delay == 0 {
		return 100 * Microsecond
	}
	return w.Delay
}

// Deliver lets a frame arrive, if its node has not been restarted meanwhile.
func (c *Cluster) Deliver(d Delivery) {
	n := d.To
	if !n.Up || n.boot != d.boot {
		return
	}
	var h flip.Header
	_, ok := flip.Decode(&h, d.Frame)
	before := n.route(h.Src)
	n.machine.Input(c.Now, d.Link, d.Frame)
	if ok {
		c.checkRoute(n, before, n.route(h.Src))
	}
	c.perform(n)
}

// checkedBytes is how much of a message FLIP's check covers; beyond it, data are
// for their owners to check.
const checkedBytes = 128

// Damaged is the delivery with one bit of it changed, of those that FLIP checks.
func (d Delivery) Damaged(which uint64) Delivery {
	n := min(len(d.Frame), flip.EtherLen+flip.HeaderLen+checkedBytes)
	bit := int(which % uint64(8*n))
	d.Frame = append([]byte(nil), d.Frame...)
	d.Frame[bit/8] ^= 1 << (bit % 8)
	return d
}
