package node

import (
	"motile/ipc/rpc"
	"motile/ipc/std"
	"motile/proc/api"
)

// The wall clock is asked from the time service of the host when the link comes
// up, and looked after from then on (Cristian 1989): of a few questions, the one
// with the shortest round trip counts, and half of that is the error.

const (
	timeTries   = 4
	timeEvery   = 30e9 // between two looks
	timeStepFor = 5e9  // after boot the clock may be set; later it is only slewed
	timeStep    = 1e6  // how far one correction goes
)

type timeSync struct {
	left  int // questions of this round
	best  int64
	base  int64 // wall clock at monotonic zero, of the best
	next  int64
	asked bool
}

// tickTime starts a round when it is time for one.
func (n *Node) tickTime() {
	if len(n.ipc.links) == 0 || n.Tab.Now < n.clock.next || n.clock.asked {
		return
	}
	n.clock = timeSync{left: timeTries, best: 1 << 62, next: n.Tab.Now + timeEvery}
	if !n.wallSet {
		n.clock.next = n.Tab.Now + helloEvery
	}
	n.askTime()
}

func (n *Node) askTime() {
	n.clock.asked = true
	sent := n.Tab.Now
	h := &std.Header{Command: api.HostTime}
	n.call(n.ipc.key.HostAddress(), h, nil, helloEvery, func(c *rpc.Complete) {
		n.clock.asked = false
		if c.Status != std.OK || c.Header.Status() != std.OK {
			return // no time service: the machine's own clock has to do
		}
		now := n.Tab.Now
		if trip := now - sent; trip < n.clock.best {
			n.clock.best = trip
			n.clock.base = int64(c.Header.Offset) + trip/2 - now
		}
		if n.clock.left--; n.clock.left > 0 {
			n.askTime()
			return
		}
		n.setWall(n.clock.base)
	})
}

// setWall sets or corrects the clock.
func (n *Node) setWall(base int64) {
	d := base - n.Tab.WallBase
	if n.wallSet || n.Tab.Now-n.began > timeStepFor {
		d = min(max(d, -timeStep), timeStep)
		n.Tab.ShiftWall(d)
		n.wallSet = n.wallSet || d == base-n.Tab.WallBase
		return
	}
	n.Tab.WallBase = base
	n.wallSet = true
}
